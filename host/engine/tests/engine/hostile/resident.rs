//! How much memory this process has.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::Duration;

/// Notes the most memory that this process has while it goes on.
pub(crate) struct Gauge {
    before: u64,
    most: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    looking: Option<JoinHandle<()>>,
}

impl Gauge {
    pub(crate) fn begin() -> Self {
        let before = resident();
        let (most, over) = (Arc::new(AtomicU64::new(before)), Arc::new(AtomicBool::new(false)));
        let looking = {
            let (most, over) = (Arc::clone(&most), Arc::clone(&over));
            spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    most.fetch_max(resident(), Ordering::Relaxed);
                    sleep(Duration::from_millis(2));
                }
            })
        };
        Self { before, most, over, looking: Some(looking) }
    }

    /// By how many bytes the process grew at most.
    pub(crate) fn growth(&self) -> u64 {
        self.most.fetch_max(resident(), Ordering::Relaxed);
        self.most.load(Ordering::Relaxed).saturating_sub(self.before)
    }
}

impl Drop for Gauge {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(looking) = self.looking.take() {
            // A gauge that failed has nothing to add to what is going wrong already.
            let _ = looking.join();
        }
    }
}

/// Bytes of memory that this process has; 0 where the system does not tell.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok().and_then(|statm| {
        statm.split_ascii_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok())
    });
    pages.unwrap_or_default() * PAGE
}

/// Bytes of a page on the machines that tests run on.
const PAGE: u64 = 4096;
