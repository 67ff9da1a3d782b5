use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use wakeful_core::{Digest, GuestEvent, Limits, Report};

use super::oracle::Oracle;
use super::outlet::Outlet;
use super::wire::{Damaged, HostCall, WireEvent, WireReport};

/// Events of a run that are on their way at once.
pub(super) const EVENTS_AT_ONCE: usize = 16;

/// Something that no runner says which is what the host started.
#[derive(Debug)]
pub(super) struct Violation(pub(super) &'static str);

impl From<Damaged> for Violation {
    fn from(_: Damaged) -> Self {
        Self("it told something that stands for nothing")
    }
}

/// A run, as the host hears of it: what its runner tells is held against it.
pub(super) struct Watched {
    pub(super) digest: Digest,
    pub(super) outlet: Option<Outlet>,
    pub(super) oracle: Option<Oracle>,
    events: mpsc::Sender<GuestEvent>,
    calls: mpsc::Sender<HostCall>,
    ended: oneshot::Sender<Ending>,
    left: Left,
    /// Held until the run has ended, even if nobody waits for that.
    _slot: OwnedSemaphorePermit,
}

/// What is heard of a run.
pub(super) struct Heard {
    pub(super) events: mpsc::Receiver<GuestEvent>,
    pub(super) calls: mpsc::Receiver<HostCall>,
    pub(super) ended: oneshot::Receiver<Ending>,
}

/// How a run ended, and the events that were still to be told.
pub(super) struct Ending {
    pub(super) report: Report,
    pub(super) rest: Vec<GuestEvent>,
}

/// What a run may still tell.
struct Left {
    events: u64,
    lines: u64,
    bytes: u64,
}

impl Watched {
    pub(super) fn new(
        digest: Digest,
        limits: &Limits,
        outlet: Option<Outlet>,
        oracle: Option<Oracle>,
        slot: OwnedSemaphorePermit,
    ) -> (Self, Heard) {
        let (events, heard_events) = mpsc::channel(EVENTS_AT_ONCE);
        // A guest waits for the answer to each.
        let (calls, heard_calls) = mpsc::channel(1);
        let (ended, heard_end) = oneshot::channel();
        let left = Left::new(limits);
        let watched = Self { digest, outlet, oracle, events, calls, ended, left, _slot: slot };
        (watched, Heard { events: heard_events, calls: heard_calls, ended: heard_end })
    }

    pub(super) fn event(&mut self, event: WireEvent) -> Result<(), Violation> {
        self.left.take(&event)?;
        match self.events.try_send(event.open()?) {
            Err(mpsc::error::TrySendError::Full(_)) => {
                Err(Violation("it told more events at once than it may"))
            }
            // Whoever waited for the run is gone.
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
        }
    }

    pub(super) fn call(&mut self, call: HostCall) -> Result<(), Violation> {
        match self.calls.try_send(call) {
            Err(mpsc::error::TrySendError::Full(_)) => {
                Err(Violation("a run made a call before the one before it was answered"))
            }
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
        }
    }

    pub(super) fn report(
        mut self,
        report: WireReport,
        rest: Vec<WireEvent>,
    ) -> Result<(), Violation> {
        rest.iter().try_for_each(|event| self.left.take(event))?;
        let rest = rest.into_iter().map(WireEvent::open).collect::<Result<_, _>>()?;
        let ending = Ending { report: report.open()?, rest };
        // Whoever waited for the run may be gone.
        let _ = self.ended.send(ending);
        Ok(())
    }
}

impl Left {
    fn new(limits: &Limits) -> Self {
        Self {
            events: u64::from(limits.events),
            // A line counts at least that much.
            lines: limits.logs / 64 + 64,
            bytes: told(limits),
        }
    }

    fn take(&mut self, event: &WireEvent) -> Result<(), Violation> {
        let count = if event.is_line() { &mut self.lines } else { &mut self.events };
        let many = Violation("a run told more than its limits allow");
        let Some(left) = count.checked_sub(1) else { return Err(many) };
        *count = left;
        let Some(left) = self.bytes.checked_sub(event.size() as u64) else { return Err(many) };
        self.bytes = left;
        Ok(())
    }
}

/// Bytes of JSON that a run may tell in all: numbers may be longer than the guest wrote them.
fn told(limits: &Limits) -> u64 {
    let output = limits.output.saturating_mul(6);
    output.saturating_add(limits.logs.saturating_mul(2)).saturating_add(1 << 20)
}

/// Bytes of the longest message about a run: its report, with what it has not told yet.
pub(super) fn longest(limits: &Limits) -> usize {
    let bytes = told(limits).saturating_mul(2).saturating_add(8 << 20);
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
