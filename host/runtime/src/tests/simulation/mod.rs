//! The real scheduler, executor and store, on a simulated clock, with guests that take simulated
//! time and a disk that fails.
//!
//! One seed is one history: all that looks random comes from it, and the host's thread and the
//! store's writer take turns, so that a seed that failed fails again. `WAKEFUL_SEED=7 cargo test
//! --workspace --lib simulation -- --nocapture` plays seed 7 alone and tells what happened;
//! `WAKEFUL_SEEDS` says how many there are otherwise.

mod asks;
mod clients;
mod clock;
mod disk;
mod guests;
mod life;
mod look;
mod oracle;
mod random;
mod rhythm;
mod scene;
mod trace;
mod world;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use self::world::{Story, World};

/// How many seeds there are, unless somebody says otherwise.
const SEEDS: u64 = 2_000;
/// How many are played at once.
const THREADS: u64 = 3;
/// How many failures are told.
const TOLD: usize = 3;

#[test]
fn every_history_keeps_the_promise() {
    if let Some(seed) = number("WAKEFUL_SEED") {
        let story = play(seed);
        println!("{}\n{:?}", story.lines.join("\n"), story.counts);
        if let Some(wrong) = story.wrong {
            panic!("seed {seed}: {wrong}");
        }
        return;
    }
    let seeds = number("WAKEFUL_SEEDS").unwrap_or(SEEDS);
    let begun = Instant::now();
    let (next, failed) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    let total = Mutex::new(world::Counts::default());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while failed.lock().unwrap().len() < TOLD {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seeds <= seed {
                        return;
                    }
                    let story = play(seed);
                    total.lock().unwrap().add(&story.counts);
                    if story.wrong.is_some() {
                        failed.lock().unwrap().push((seed, story));
                    }
                }
            });
        }
    });
    let (failed, total) = (failed.into_inner().unwrap(), total.into_inner().unwrap());
    println!("{seeds} seeds in {:?}: {total:?}", begun.elapsed());
    for (seed, story) in &failed {
        let told = story.lines.len().saturating_sub(60);
        let wrong = story.wrong.as_deref().unwrap_or_default();
        println!("seed {seed}: {wrong}\n{}\n", story.lines[told..].join("\n"));
    }
    let failed: Vec<u64> = failed.iter().map(|(seed, _)| *seed).collect();
    assert!(failed.is_empty(), "to play one again: WAKEFUL_SEED={}", failed[0]);
    let told = [total.fired, total.skipped, total.crashes, total.restarts, total.committed];
    assert!(seeds < SEEDS || told.iter().all(|count| seeds / 10 < *count), "{total:?}");
}

#[test]
fn a_seed_tells_the_same_history_twice() {
    for seed in 5_000_000..5_000_010 {
        let (first, second) = (play(seed), play(seed));
        let differs = first.lines.iter().zip(&second.lines).find(|(first, second)| first != second);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(first.lines.len(), second.lines.len(), "seed {seed}");
    }
}

/// Plays one seed. A panic in it is a failure like any other.
fn play(seed: u64) -> Story {
    let world = World::new(seed);
    let trace = world.trace.clone();
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.play())).unwrap_or_else(|_| {
        Story { wrong: Some("it panicked".to_owned()), lines: trace.lines(), ..Story::default() }
    })
}

fn number(variable: &str) -> Option<u64> {
    Some(std::env::var(variable).ok()?.parse().unwrap())
}
