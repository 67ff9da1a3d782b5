use wakeful_core::{Access, ErrorCode, Failure, Grants, Namespace, RunId};

use super::watched::Violation;
use super::wire::{
    HostAnswer, HostCall, WireAssistantAnswer, WireCronAnswer, WireFailure, WireItemAnswer,
};
use crate::calls::MOST_CALLS;
use crate::items::{MOST_FOUND, MOST_ITEMS, MOST_NAMESPACES};
use crate::reach::Reach;
use crate::{CronCall, ItemCall, Job};

/// Does for one run what it asks of the host, within its grants. A runner that is what the host
/// started has held the call against them already, so one that they do not cover is a violation.
pub(super) struct Errands {
    run: RunId,
    grants: Grants,
    disk: u64,
    written: u64,
    /// What it can have left at most, whatever it says.
    fuel: u64,
    called: u32,
    reach: Reach,
}

impl Errands {
    pub(super) fn new(job: &Job, reach: Reach) -> Self {
        let Job { run_id: run, grants, limits, .. } = job;
        Self {
            run: *run,
            grants: grants.clone(),
            disk: limits.disk,
            written: 0,
            fuel: limits.fuel,
            called: 0,
            reach,
        }
    }

    /// Carries out a call.
    pub(super) async fn run(
        &mut self,
        call: HostCall,
    ) -> Result<Result<HostAnswer, WireFailure>, Violation> {
        let answer = match call {
            HostCall::Items(call) => {
                let call = call.open()?;
                self.check_items(&call)?;
                match &self.reach.items {
                    Some(items) => items.call(call).await,
                    None => Err(missing("this host keeps no items")),
                }
                .map(|answer| HostAnswer::Items(WireItemAnswer::new(answer)))
            }
            HostCall::Assistants(call) => {
                let call = call.open()?;
                if !self.grants.assistants.contains(&call.assistant) {
                    return Err(Violation("a run called an assistant that it may not"));
                }
                self.called = self.called.saturating_add(1);
                if self.called > MOST_CALLS || call.fuel > self.fuel {
                    return Err(Violation("a run called other assistants with more than it has"));
                }
                match &self.reach.assistants {
                    Some(assistants) => assistants.call(self.run, call).await,
                    None => Err(missing("this host lets no assistant call another")),
                }
                .map(|answer| {
                    self.fuel = self.fuel.saturating_sub(answer.fuel);
                    HostAnswer::Assistants(WireAssistantAnswer::new(answer))
                })
            }
            HostCall::Crons(call) => {
                let call = call.open()?;
                if self.grants.crons.is_none() {
                    return Err(Violation("a run asked for crons, which it may not"));
                }
                let call = match call {
                    CronCall::List { limit } => CronCall::List { limit: limit.min(MOST_CRONS) },
                    other => other,
                };
                match &self.reach.crons {
                    Some(crons) => crons.call(self.run, call).await,
                    None => Err(missing("this host keeps no crons")),
                }
                .map(|answer| HostAnswer::Crons(WireCronAnswer::new(answer)))
            }
        };
        Ok(answer.map_err(WireFailure::new))
    }

    fn check_items(&mut self, call: &ItemCall) -> Result<(), Violation> {
        let fixed;
        let (namespace, access): (&Namespace, _) = match call {
            ItemCall::Get(address) => (address.namespace(), Access::Read),
            ItemCall::Put { address, value, .. } => {
                let bytes = serde_json::to_string(value).map_or(0, |text| text.len() as u64);
                self.written = self.written.saturating_add(bytes);
                // The guest's own spelling counts there, which may be shorter.
                if self.written > self.disk.saturating_mul(6).saturating_add(1 << 20) {
                    return Err(Violation("a run put more items than it may"));
                }
                (address.namespace(), Access::Write)
            }
            ItemCall::Delete(address) => (address.namespace(), Access::Write),
            ItemCall::Search { prefix, limit, most_bytes, .. } => {
                if *limit > MOST_ITEMS as usize || *most_bytes > MOST_FOUND {
                    return Err(Violation("a run asked for more items than it may"));
                }
                (prefix, Access::Read)
            }
            ItemCall::Namespaces { prefix, limit, .. } => {
                if *limit > MOST_NAMESPACES as usize {
                    return Err(Violation("a run asked for more namespaces than it may"));
                }
                fixed = prefix.fixed();
                (&fixed, Access::Read)
            }
        };
        if self.grants.allow(namespace, access) {
            Ok(())
        } else {
            Err(Violation("a run asked for items that it may not have"))
        }
    }
}

/// Crons that one list has at most.
const MOST_CRONS: usize = 1_000;

fn missing(message: &str) -> Failure {
    Failure {
        code: ErrorCode::Unavailable,
        message: message.to_owned(),
        retryable: false,
        retry_after: None,
    }
}
