use std::sync::Arc;
use std::time::Duration;

use wakeful_core::Clock;
use wasmtime_wasi::HostWallClock;

/// Shows a guest the host's clock, the only one there is.
pub(crate) struct GuestClock(pub(crate) Arc<dyn Clock>);

impl HostWallClock for GuestClock {
    fn resolution(&self) -> Duration {
        Duration::from_micros(1)
    }

    fn now(&self) -> Duration {
        let micros = self.0.now().as_microsecond();
        Duration::from_micros(u64::try_from(micros).unwrap_or_default())
    }
}
