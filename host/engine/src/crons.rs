//! The crons of a run's own thread, as a guest sees them: within its grant, and in measured
//! portions.

use std::sync::Arc;

use wakeful_core::{CronGrant, CronId, ErrorCode, Object, RunId};

use crate::bindings::wakeful::assistant::crons::Host;
use crate::refusal::{Answer, error, exceeded, invalid, mismatched, object, told};
use crate::sandbox::Sandbox;
use crate::{CronAccess, CronAnswer, CronCall};

/// Fuel for a call beside its bytes, because it costs the host more than a copy.
const CALL: u64 = 100_000;
/// Fuel for a new cron, whose schedule is read and looked at for some milliseconds.
const CREATE: u64 = 10_000_000;
/// Bytes of JSON with which a guest may ask for a cron.
const MOST_REQUEST: usize = 64 << 10;
/// Crons that one list has at most.
const MOST_LISTED: usize = 1_000;
/// Characters of the id of a cron.
const MOST_ID: usize = 64;

/// What a run may do with crons.
pub(crate) struct Crons {
    pub(crate) run: RunId,
    pub(crate) grant: Option<CronGrant>,
    pub(crate) access: Option<Arc<dyn CronAccess>>,
}

impl Host for Sandbox {
    async fn create(&mut self, request: String) -> Answer<String> {
        self.pay_for_crons(request.len());
        self.meter.work(CREATE);
        self.allow_crons().await?;
        if request.len() > MOST_REQUEST {
            let most = MOST_REQUEST;
            return Err(exceeded(format!("a cron is asked for with at most {most} bytes of JSON")));
        }
        match self.ask_for_crons(CronCall::Create(object("the request", &request)?)).await? {
            CronAnswer::Created(cron) => Ok(self.shown_cron(cron)),
            _ => Err(mismatched()),
        }
    }

    async fn list(&mut self) -> Answer<Vec<String>> {
        self.pay_for_crons(0);
        self.allow_crons().await?;
        match self.ask_for_crons(CronCall::List { limit: MOST_LISTED }).await? {
            CronAnswer::Crons(crons) => {
                Ok(crons.into_iter().map(|cron| self.shown_cron(cron)).collect())
            }
            _ => Err(mismatched()),
        }
    }

    async fn delete(&mut self, id: String) -> Answer<bool> {
        self.pay_for_crons(id.len());
        self.allow_crons().await?;
        if id.len() > MOST_ID {
            return Err(invalid("`id` must be the id of a cron"));
        }
        let id: CronId = id.parse().map_err(|reason| invalid(format!("`id` {reason}")))?;
        match self.ask_for_crons(CronCall::Delete(id)).await? {
            CronAnswer::Deleted(deleted) => Ok(deleted),
            _ => Err(mismatched()),
        }
    }
}

impl Sandbox {
    /// Charges for a call and what it brings.
    fn pay_for_crons(&mut self, bytes: usize) {
        self.meter.work(CALL);
        self.meter.bytes(bytes);
    }

    async fn allow_crons(&mut self) -> Answer<()> {
        match self.crons.grant {
            Some(_) => Ok(()),
            None => Err(self.refuse(CronGrant::REFUSAL.to_owned()).await),
        }
    }

    async fn ask_for_crons(&mut self, call: CronCall) -> Answer<CronAnswer> {
        let Some(access) = self.crons.access.clone() else {
            return Err(error(ErrorCode::Unavailable, "this host keeps no crons"));
        };
        access.call(self.crons.run, call).await.map_err(|failure| told(&failure))
    }

    fn shown_cron(&mut self, cron: Object) -> String {
        let text = serde_json::Value::Object(cron).to_string();
        self.meter.bytes(text.len());
        text
    }
}
