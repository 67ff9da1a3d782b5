use wakeful_core::Timestamp;

/// A small generator (xorshift64*), so that failures repeat.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(crate) fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// An instant in `[from, to)`, to the nanosecond.
    pub(crate) fn between(&mut self, from: Timestamp, to: Timestamp) -> Timestamp {
        let span = (to.as_nanosecond() - from.as_nanosecond()) as u128;
        let step = (u128::from(self.next()) << 48 | u128::from(self.next())) % span;
        Timestamp::from_nanosecond(from.as_nanosecond() + step as i128).unwrap()
    }

    /// A text that is a schedule, of any kind.
    pub(crate) fn text(&mut self) -> String {
        match self.below(8) {
            0 => {
                let interval = 1 + self.below(3 * 86_400);
                format!("@every {interval}s/{}s", self.below(interval))
            }
            1 => {
                let interval = 1 + self.below(900);
                format!("@every {}h{interval}m", self.below(48))
            }
            2 => {
                let second = 1_300_000_000 + self.below(200_000_000);
                format!("@at {}", Timestamp::from_second(second as i64).unwrap())
            }
            _ => self.cron_text(),
        }
    }

    /// Cron text in which each field is likely to be rich.
    fn cron_text(&mut self) -> String {
        let minute = ["*", "*/20", "0", "30", "15,45", "0-59/7", "*/7,3", "59", "7/13,1,2"];
        let hour = ["*", "*/2", "2", "1,2,3", "0", "23", "1-5/2", "*/5,7", "0-23", "3/9"];
        let date = ["*", "*", "?", "1", "13", "L", "15W", "*/2", "1-31", "28-30", "31W,L", "*,L"];
        let month = ["*", "*", "*", "1-12", "3,10,11", "MAR-apr", "*/3", "1/5"];
        let weekday = ["*", "*", "?", "0", "MON-FRI", "5#2", "L6", "*/3", "0-6", "SUN#1,3", "7"];
        let second = ["", "", "", " 0", " */30", " 5,6", " *"];
        let fields = [self.of(&minute), self.of(&hour), self.of(&date), self.of(&month)];
        format!("{} {}{}", fields.join(" "), self.of(&weekday), self.of(&second))
    }
}
