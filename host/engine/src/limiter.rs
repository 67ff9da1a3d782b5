use wasmtime::{ResourceLimiter, Result, bail};

use crate::machine::{MAX_CORE_INSTANCES, MAX_MEMORIES, MAX_TABLES};

/// What an element of a table takes up in the host.
const ELEMENT: u64 = 8;

/// Bounds what all memories and tables of one run take up together. wasmtime's own `StoreLimits`
/// bounds each of them by itself.
#[derive(Debug)]
pub(crate) struct MemoryLimiter {
    limit: u64,
    used: u64,
    denied: bool,
}

impl MemoryLimiter {
    pub(crate) fn new(limit: u64) -> Self {
        Self { limit, used: 0, denied: false }
    }

    /// The most bytes there were at once. Nothing shrinks, so it is what there is.
    pub(crate) fn peak(&self) -> u64 {
        self.used
    }

    /// Whether the guest asked for more than it may have.
    pub(crate) fn denied(&self) -> bool {
        self.denied
    }

    fn grow(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
        unit: u64,
    ) -> Result<bool> {
        // Beyond its own maximum it cannot grow anyway, and must not be charged for trying.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let more = (desired.saturating_sub(current) as u64).saturating_mul(unit);
        let used = self.used.saturating_add(more);
        if used > self.limit {
            self.denied = true;
            // An error ends the guest at once; a refusal would let it try again for ever.
            bail!("memory limit exceeded");
        }
        // Stays charged if the growth then fails for another reason: wasmtime also reports failures
        // that it never asked about, so giving back could be abused to grow without end.
        self.used = used;
        Ok(true)
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        self.grow(current, desired, maximum, 1)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        self.grow(current, desired, maximum, ELEMENT)
    }

    fn instances(&self) -> usize {
        MAX_CORE_INSTANCES as usize
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES as usize
    }

    fn tables(&self) -> usize {
        MAX_TABLES as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_and_tables_share_one_budget() {
        let mut limiter = MemoryLimiter::new(1_000);
        assert!(limiter.memory_growing(0, 600, None).unwrap());
        assert!(limiter.table_growing(0, 50, None).unwrap());
        assert!(!limiter.denied());
        assert!(limiter.memory_growing(600, 601, None).is_err());
        assert!(limiter.denied());
        assert_eq!(limiter.peak(), 1_000);
    }

    #[test]
    fn growth_beyond_the_declared_maximum_is_refused_and_not_charged() {
        let mut limiter = MemoryLimiter::new(1_000);
        assert!(!limiter.memory_growing(0, 900, Some(800)).unwrap());
        assert!(limiter.memory_growing(0, 800, Some(800)).unwrap());
        assert!(!limiter.denied());
    }
}
