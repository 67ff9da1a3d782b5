use std::fmt::Arguments;
use std::sync::{Arc, Mutex};

use wakeful_core::Clock;

use super::clock::SimClock;

/// What happened, line by line, for whoever reads a seed that failed.
#[derive(Debug, Clone, Default)]
pub(super) struct Trace(Arc<Mutex<Vec<String>>>);

impl Trace {
    pub(super) fn note(&self, clock: &SimClock, what: Arguments<'_>) {
        let elapsed = clock.elapsed();
        let line = format!("{:>12.3}s {} {what}", elapsed.as_secs_f64(), clock.now());
        self.0.lock().unwrap().push(line);
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}
