use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use wasmtime::{CallHook, CallHookHandler, Result, StoreContextMut, Trap};

use crate::sandbox::Sandbox;

/// After this much fuel a guest lets others run; one to two milliseconds.
pub(crate) const YIELD_INTERVAL: u64 = 10_000_000;

/// Fuel for every call from the guest into the host, whatever it does.
const CALL: u64 = 2_000;

/// Fuel for a byte that a host function copies, parses or keeps.
const BYTE: u64 = 20;

/// Fuel for a random number, of which WASI makes one for each byte.
const NUMBER: u64 = 100;

/// The longest that a guest with many host calls keeps its thread.
const TURN: Duration = Duration::from_millis(2);

/// What the host's work for one guest costs the guest.
#[derive(Debug)]
pub(crate) struct Meter {
    owed: u64,
    /// What the guest had when it made the call that is going on.
    had: u64,
    tab: Tab,
    turn: Instant,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self { owed: 0, had: 0, tab: Tab::default(), turn: Instant::now() }
    }

    /// For what works for the guest and cannot reach its meter.
    pub(crate) fn tab(&self) -> Tab {
        self.tab.clone()
    }

    /// Takes what is owed.
    fn collect(&mut self) -> u64 {
        std::mem::take(&mut self.owed).saturating_add(self.tab.collect())
    }

    /// What the guest has left, apart from what it owes already.
    pub(crate) fn left(&self) -> u64 {
        self.had.saturating_sub(self.owed)
    }

    /// Charges for work that is dearer than its bytes, when the host function returns.
    pub(crate) fn work(&mut self, fuel: u64) {
        self.owed = self.owed.saturating_add(fuel);
    }

    /// Charges for `count` bytes, when the host function returns.
    pub(crate) fn bytes(&mut self, count: usize) {
        self.owed = self.owed.saturating_add((count as u64).saturating_mul(BYTE));
    }
}

/// Fuel that a guest owes for what parts of WASI did for it; its meter collects it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tab(Arc<AtomicU64>);

impl Tab {
    /// Charges for bytes that were copied or looked at.
    pub(crate) fn bytes(&self, count: usize) {
        self.add((count as u64).saturating_mul(BYTE));
    }

    /// Charges for random numbers.
    pub(crate) fn numbers(&self, count: usize) {
        self.add((count as u64).saturating_mul(NUMBER));
    }

    fn add(&self, fuel: u64) {
        // It would take centuries to overflow between two calls.
        self.0.fetch_add(fuel, Ordering::Relaxed);
    }

    fn collect(&self) -> u64 {
        self.0.swap(0, Ordering::Relaxed)
    }
}

/// Collects fuel at the end of every host call, and ends a turn that was too long.
///
/// Without it a loop of dear host calls, a mebibyte of random bytes each, burns next to no fuel and
/// so neither ends nor yields; a timeout could not even fire.
pub(crate) struct Toll;

#[async_trait]
impl CallHookHandler<Sandbox> for Toll {
    async fn handle_call_event(
        &self,
        mut store: StoreContextMut<'_, Sandbox>,
        event: CallHook,
    ) -> Result<()> {
        match event {
            CallHook::ReturningFromHost => {}
            CallHook::CallingHost => {
                store.data_mut().meter.had = store.get_fuel()?;
                return Ok(());
            }
            _ => return Ok(()),
        }
        let meter = &mut store.data_mut().meter;
        let price = meter.collect().saturating_add(CALL);
        let must_yield = meter.turn.elapsed() >= TURN;
        let left = store.get_fuel()?.checked_sub(price);
        store.set_fuel(left.unwrap_or(0))?;
        if left.is_none() {
            return Err(Trap::OutOfFuel.into());
        }
        if must_yield {
            tokio::task::yield_now().await;
            store.data_mut().meter.turn = Instant::now();
        }
        Ok(())
    }
}
