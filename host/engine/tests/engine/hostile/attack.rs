//! What is tried, and how it must end.

use std::sync::Arc;
use std::time::Duration;

use wakeful_core::{GuestEvent, Limits, Outcome, Report};

use super::files::Scene;
use crate::support::limits;

/// What there is to look at once an attack is over.
pub(crate) struct Aftermath<'a> {
    pub(crate) report: &'a Report,
    pub(crate) events: &'a [GuestEvent],
    pub(crate) scene: Option<&'a Scene>,
}

type Check = Box<dyn Fn(&Aftermath<'_>) -> Result<(), String>>;

/// One guest that tries something, with the limits that it runs into.
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    pub(crate) guest: Arc<[u8]>,
    pub(crate) limits: Limits,
    /// When somebody cancels it.
    pub(crate) cancel_after: Option<Duration>,
    /// Whether it gets a directory.
    pub(crate) has_files: bool,
    kinds: &'static [&'static str],
    text: String,
    checks: Vec<Check>,
}

impl Attack {
    /// An attack that must end in this kind of outcome, with this in its message.
    pub(crate) fn new(
        name: &'static str,
        guest: Arc<[u8]>,
        kind: &'static [&'static str],
        text: impl Into<String>,
    ) -> Self {
        Self {
            name,
            guest,
            limits: limits(),
            cancel_after: None,
            has_files: false,
            kinds: kind,
            text: text.into(),
            checks: Vec::new(),
        }
    }

    /// An attack that only the clock ends.
    pub(crate) fn timed_out(name: &'static str, guest: Arc<[u8]>) -> Self {
        let limit = Duration::from_millis(200);
        Self::new(name, guest, &["timed_out"], "200 ms")
            .within(|limits| limits.timeout = limit)
            .checked(move |after| {
                let took = after.report.duration;
                if took < limit { Err(format!("ended too early, after {took:?}")) } else { Ok(()) }
            })
    }

    /// An attack that ends when its fuel does.
    pub(crate) fn out_of_fuel(name: &'static str, guest: Arc<[u8]>, fuel: u64) -> Self {
        Self::new(name, guest, &["out_of_fuel"], fuel.to_string())
            .within(|limits| limits.fuel = fuel)
            .checked(move |after| {
                let used = after.report.fuel_used;
                if used == fuel { Ok(()) } else { Err(format!("used {used} of {fuel}")) }
            })
    }

    /// An attack that the guest does not survive.
    pub(crate) fn trapped(name: &'static str, guest: Arc<[u8]>, text: &str) -> Self {
        Self::new(name, guest, &["trapped"], text)
    }

    /// With other limits.
    pub(crate) fn within(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    /// Cancelled after a while.
    pub(crate) fn cancelled_after(mut self, after: Duration) -> Self {
        self.cancel_after = Some(after);
        self
    }

    /// With a directory, beside that of another thread.
    pub(crate) fn with_files(mut self) -> Self {
        self.has_files = true;
        self
    }

    /// With something else that must hold in the end.
    pub(crate) fn checked(
        mut self,
        check: impl Fn(&Aftermath<'_>) -> Result<(), String> + 'static,
    ) -> Self {
        self.checks.push(Box::new(check));
        self
    }

    /// When something was bound to end it at the latest.
    pub(crate) fn deadline(&self) -> Duration {
        self.cancel_after.unwrap_or(if self.kinds.contains(&"timed_out") {
            self.limits.timeout
        } else {
            Duration::ZERO
        })
    }

    /// Whether it ended as it must.
    pub(crate) fn judge(&self, after: &Aftermath<'_>) -> Result<(), String> {
        let outcome = &after.report.outcome;
        let text = told(outcome);
        if !self.kinds.contains(&outcome.kind()) || !text.contains(&self.text) {
            let kinds = self.kinds.join(" or ");
            return Err(format!(
                "must end {kinds} with {:?}, ended {}: {text}",
                self.text,
                outcome.kind()
            ));
        }
        self.checks.iter().try_for_each(|check| check(after))
    }
}

/// The values of a run that went well, or what was told of it.
fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done(values) => serde_json::to_string(values).expect("values are JSON"),
        other => other.to_string(),
    }
}
