use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use super::faults::Hook;

/// How often the writer is looked at.
const TICK: Duration = Duration::from_secs(1);
/// For how many looks in a row it may stand still while somebody waits.
const PATIENCE: u32 = 30;

/// Signs of life of the writer.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    beats: AtomicU64,
    waiting: AtomicUsize,
    hook: Hook,
}

/// Somebody who waits for the writer.
#[derive(Debug)]
pub(super) struct Waiting(Arc<Pulse>);

impl Pulse {
    /// The pulse of a writer that has not begun.
    pub(super) fn new(hook: Hook) -> Self {
        Self { hook, ..Self::default() }
    }

    /// The writer got somewhere.
    pub(super) fn beat(&self) {
        self.beats.fetch_add(1, Ordering::Relaxed);
    }

    /// Somebody waits, until what this returns is dropped.
    pub(super) fn wait(self: &Arc<Self>) -> Waiting {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.hook.queued();
        Waiting(Arc::clone(self))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
        self.0.hook.answered();
    }
}

/// Ends the process when the writer hangs, as sled can on a disk that is full: whoever supervises
/// the process starts it again, and nothing that was acknowledged is lost.
pub(super) fn start(pulse: &Arc<Pulse>) -> Result<(), std::io::Error> {
    let pulse = Arc::downgrade(pulse);
    std::thread::Builder::new().name("wakeful-watchdog".to_owned()).spawn(move || {
        let mut watch = Watch::default();
        loop {
            std::thread::sleep(TICK);
            let Some(pulse) = pulse.upgrade() else { return };
            if watch.look(&pulse) {
                tracing::error!(
                    seconds = PATIENCE,
                    "the disk takes no writes; ending the process so that it can start anew"
                );
                std::process::abort();
            }
        }
    })?;
    Ok(())
}

/// Counts looks rather than time: a process that was stopped and goes on has missed the looks as
/// well.
#[derive(Debug, Default)]
struct Watch {
    beats: u64,
    still: u32,
}

impl Watch {
    /// Looks once; says whether the writer hangs.
    fn look(&mut self, pulse: &Pulse) -> bool {
        let beats = pulse.beats.load(Ordering::Relaxed);
        if beats != self.beats || pulse.waiting.load(Ordering::Relaxed) == 0 {
            *self = Self { beats, still: 0 };
        } else {
            self.still += 1;
        }
        self.still >= PATIENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_hangs_when_somebody_waits_and_nothing_moves() {
        let pulse = Arc::new(Pulse::default());
        let mut watch = Watch::default();
        for _ in 0..PATIENCE * 2 {
            assert!(!watch.look(&pulse), "nobody waits");
        }
        let waiting = pulse.wait();
        for _ in 0..PATIENCE * 2 {
            pulse.beat();
            assert!(!watch.look(&pulse), "it moves");
        }
        for _ in 1..PATIENCE {
            assert!(!watch.look(&pulse), "too early");
        }
        assert!(watch.look(&pulse));
        drop(waiting);
        assert!(!watch.look(&pulse));
    }
}
