use wakeful_core::{CronId, Fire, FireStatus, SkipReason, Timestamp};

use crate::{Error, Host};

/// How many records one call looks at to find those that are asked for.
const MOST_READ: usize = 10_000;
/// How many records are read at once where some are passed over.
const BATCH: usize = 1_000;
/// How many more are read than are wanted, so that those of one instant are read together.
const MORE: usize = 100;

/// Which fires of a cron.
#[derive(Debug, Clone, Default)]
pub struct FireQuery {
    /// Only those of instants before this one.
    pub before: Option<Timestamp>,
    /// Only those that started a run, or only those that did not.
    pub started: Option<bool>,
    /// Only those that did not for this reason.
    pub reason: Option<SkipReason>,
    /// How many, where no instant has several.
    pub limit: usize,
}

/// A part of the fires of a cron, newest first.
#[derive(Debug, Clone, Default)]
pub struct FirePage {
    /// The fires.
    pub fires: Vec<Fire>,
    /// Where the next part begins: the `before` that asks for it. `None` at the end.
    pub next: Option<Timestamp>,
}

impl FireQuery {
    fn wants(&self, fire: &Fire) -> bool {
        let reason = match fire.status {
            FireStatus::Started(_) => None,
            FireStatus::Skipped(reason) => Some(reason),
        };
        self.started.is_none_or(|started| started == reason.is_none())
            && (self.reason.is_none() || self.reason == reason)
    }

    fn passes_over(&self) -> bool {
        self.started.is_some() || self.reason.is_some()
    }
}

impl Host {
    /// What became of a cron's due instants, newest first. A page never ends between two fires of
    /// one instant. Where few fires are wanted among many, it may have fewer than asked for, or
    /// none, and still say where to go on.
    pub async fn find_fires(&self, id: CronId, query: &FireQuery) -> Result<FirePage, Error> {
        self.cron(id).await?;
        let at_once = if query.passes_over() { BATCH } else { query.limit.saturating_add(MORE) };
        let mut page = FirePage { fires: Vec::new(), next: query.before };
        let mut read = 0;
        loop {
            let mut batch = self.store().fires(id, page.next, at_once).await?;
            let is_last = batch.len() < at_once;
            read += batch.len();
            if !is_last {
                leave_whole_instants(&mut batch);
            }
            for fire in batch {
                let goes_on = page.next == Some(fire.scheduled_at);
                if query.limit <= page.fires.len() && !goes_on {
                    return Ok(page);
                }
                page.next = Some(fire.scheduled_at);
                if query.wants(&fire) {
                    page.fires.push(fire);
                }
            }
            if is_last {
                page.next = None;
                return Ok(page);
            }
            if MOST_READ <= read {
                return Ok(page);
            }
        }
    }
}

/// Leaves out the fires of the last instant, of which there may be more than were read, unless
/// there is no other.
fn leave_whole_instants(fires: &mut Vec<Fire>) {
    let last = fires.last().map(|fire| fire.scheduled_at);
    let whole = fires.iter().take_while(|fire| Some(fire.scheduled_at) != last).count();
    if 0 < whole {
        fires.truncate(whole);
    }
}
