use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use wakeful_core::{Clock, Cron, CronId, RunId, ThreadId, Timestamp};

use super::asks::Ask;
use super::clock::SimClock;
use super::disk::{Disk, Mount};
use super::guests::Guests;
use super::oracle::Oracle;
use super::random::Random;
use super::rhythm::Rhythm;
use super::scene::Scene;
use super::trace::Trace;

/// Where folders are made, if it is there: a disk in memory.
const MEMORY: &str = "/dev/shm";

/// What stays when the host goes: the time, the disk, what clients know, and the judge.
pub(super) struct World {
    pub(super) trace: Trace,
    pub(super) scene: Scene,
    pub(super) random: Random,
    pub(super) clock: Arc<SimClock>,
    pub(super) disk: Arc<Disk>,
    pub(super) guests: Arc<Guests>,
    pub(super) oracle: Oracle,
    /// How many things are still to happen.
    pub(super) events: u64,
    /// Counts requests and changes, so that each has a number of its own.
    pub(super) number: u64,
    pub(super) threads: Vec<ThreadId>,
    /// The crons as clients last saw them.
    pub(super) crons: BTreeMap<CronId, Cron>,
    /// The runs that clients know.
    pub(super) runs: Vec<RunId>,
    pub(super) promised_threads: BTreeSet<ThreadId>,
    /// Requests that nobody answered, and the time in which each was carried out if it was.
    pub(super) unknown: Vec<(Ask, (Timestamp, Timestamp))>,
    pub(super) counts: Counts,
    pub(super) root: TempDir,
}

/// What happened in a history, or in many.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) fired: u64,
    pub(super) skipped: u64,
    pub(super) crashes: u64,
    pub(super) restarts: u64,
    pub(super) looks: u64,
    /// Runs that left their mark on a thread.
    pub(super) committed: u64,
}

impl Counts {
    pub(super) fn add(&mut self, other: &Self) {
        self.fired += other.fired;
        self.skipped += other.skipped;
        self.crashes += other.crashes;
        self.restarts += other.restarts;
        self.looks += other.looks;
        self.committed += other.committed;
    }
}

/// A history that was played.
#[derive(Debug, Default)]
pub(super) struct Story {
    /// Which promise was broken, if one was.
    pub(super) wrong: Option<String>,
    pub(super) lines: Vec<String>,
    pub(super) counts: Counts,
}

/// How one life of the host ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Crashed,
    Closed,
    /// Nothing more is to happen.
    Finished,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed, 0x51);
        let scene = Scene::new(&mut random);
        let clock = Arc::new(SimClock::new(scene.start));
        let trace = Trace::default();
        let mut folder = tempfile::Builder::new();
        folder.prefix("wakeful-sim-");
        let root = if Path::new(MEMORY).is_dir() {
            folder.tempdir_in(MEMORY).unwrap()
        } else {
            folder.tempdir().unwrap()
        };
        let disk = Disk::new(seed, Arc::clone(&clock), trace.clone(), root.path().to_owned());
        let guests = Arc::new(Guests::new(seed, Arc::clone(&clock), trace.clone()));
        trace.note(&clock, format_args!("seed {seed}: {scene:?}"));
        Self {
            events: random.between(8, 30),
            trace,
            scene,
            random,
            clock,
            disk: Arc::new(disk),
            guests,
            oracle: Oracle::default(),
            number: 0,
            threads: Vec::new(),
            crons: BTreeMap::new(),
            runs: Vec::new(),
            promised_threads: BTreeSet::new(),
            unknown: Vec::new(),
            counts: Counts::default(),
            root,
        }
    }

    /// Plays the history to its end, or to the first broken promise.
    pub(super) fn play(mut self) -> Story {
        let wrong = loop {
            match self.one_life() {
                Ok(End::Finished) => break None,
                Ok(End::Crashed) => {
                    self.counts.crashes += 1;
                    self.between_lives();
                }
                Ok(End::Closed) => {
                    self.counts.restarts += 1;
                    self.between_lives();
                }
                Err(wrong) => break Some(wrong),
            }
        };
        if let Some(wrong) = &wrong {
            self.note(format_args!("WRONG: {wrong}"));
        }
        self.counts.fired = self.oracle.fired;
        self.counts.skipped = self.oracle.skipped;
        Story { wrong, lines: self.trace.lines(), counts: self.counts }
    }

    /// From a start of the host to its end, whatever that is.
    fn one_life(&mut self) -> Result<End, String> {
        self.disk.revive();
        let rhythm = Arc::new(Rhythm::default());
        let runtime = rhythm.runtime();
        let mount = Arc::new(Mount::new(Arc::clone(&self.disk), Arc::clone(&rhythm)));
        let end = runtime.block_on(rhythm.keep(self.live(&rhythm, &mount)));
        mount.leave();
        drop(runtime);
        self.guests.clear();
        end
    }

    fn between_lives(&mut self) {
        let down = self.scene.downtime(&mut self.random);
        self.clock.advance(down);
        if self.random.chance(10) {
            self.set_clock();
        }
    }

    /// Somebody sets the clock.
    pub(super) fn set_clock(&mut self) {
        let by = self.scene.step(&mut self.random);
        self.clock.step(by);
        self.note(format_args!("the clock is set by {by} s"));
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A number that was not used before.
    pub(super) fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    pub(super) fn note(&self, what: std::fmt::Arguments<'_>) {
        self.trace.note(&self.clock, what);
    }
}
