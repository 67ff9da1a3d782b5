use std::sync::Mutex;
use std::time::Duration;

use wakeful_core::{Clock, Timestamp};

/// The time of a simulated machine: how long it has been on, and what its clock on the wall says.
#[derive(Debug)]
pub(super) struct SimClock(Mutex<Hands>);

#[derive(Debug)]
struct Hands {
    /// Microseconds since the simulation began.
    elapsed: i64,
    wall: i64,
    /// The earliest and the latest that the wall has said since somebody asked for it.
    span: (i64, i64),
}

impl SimClock {
    pub(super) fn new(start: Timestamp) -> Self {
        let wall = start.as_microsecond();
        Self(Mutex::new(Hands { elapsed: 0, wall, span: (wall, wall) }))
    }

    /// How long the machine has been on.
    pub(super) fn elapsed(&self) -> Duration {
        Duration::from_micros(self.0.lock().unwrap().elapsed.unsigned_abs())
    }

    /// Time passes.
    pub(super) fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_micros()).unwrap();
        let mut hands = self.0.lock().unwrap();
        hands.elapsed += by;
        let wall = hands.wall + by;
        hands.set(wall);
    }

    /// Somebody sets the clock, by so many seconds.
    pub(super) fn step(&self, seconds: i64) {
        let mut hands = self.0.lock().unwrap();
        let wall = hands.wall + seconds * 1_000_000;
        hands.set(wall);
    }

    /// The earliest and the latest that the clock has said since the last call.
    pub(super) fn take_span(&self) -> (Timestamp, Timestamp) {
        let mut hands = self.0.lock().unwrap();
        let span = hands.span;
        hands.span = (hands.wall, hands.wall);
        (at(span.0), at(span.1))
    }
}

impl Hands {
    fn set(&mut self, wall: i64) {
        self.wall = wall;
        self.span = (self.span.0.min(wall), self.span.1.max(wall));
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        at(self.0.lock().unwrap().wall)
    }
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap()
}
