use std::convert::Infallible;

use rand_core::{Rng, TryRng};
use wasmtime_wasi::random::thread_rng;

use crate::toll::Tab;

/// Random numbers for a guest, which pays for them.
pub(crate) struct Entropy {
    source: Box<dyn Rng + Send>,
    tab: Tab,
}

impl Entropy {
    pub(crate) fn new(tab: Tab) -> Self {
        Self { source: thread_rng(), tab }
    }
}

impl TryRng for Entropy {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.tab.numbers(1);
        self.source.try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.tab.numbers(1);
        self.source.try_next_u64()
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.tab.numbers(bytes.len());
        self.source.try_fill_bytes(bytes)
    }
}
