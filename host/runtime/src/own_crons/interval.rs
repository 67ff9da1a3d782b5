use std::time::Duration;

use jiff::SignedDuration;
use wakeful_core::{Cron, CronGrant, Timestamp};

use crate::crons::schedule_of;

/// How many instants are looked at.
const LOOKED_AT: usize = 1_000;

/// Checks that a cron fires at all, and no more often than the grant allows.
///
/// The gaps are those on the clock on the wall: where it is set forward, one of them is shorter in
/// fact, and a daily cron is still one with a day between its instants.
///
/// What a fire makes has to wait for as long, too, or a chain of crons that each make the next
/// would know no bound.
pub(super) fn check(
    cron: &Cron,
    grant: CronGrant,
    fired: bool,
    now: Timestamp,
) -> Result<(), String> {
    let least = grant.min_interval;
    let first = cron.next_run_at.ok_or(
        "the cron would never fire: its instants have passed, or its end comes before the first",
    )?;
    let wait = Duration::try_from(first.duration_since(now)).unwrap_or_default();
    if fired && wait < least {
        return Err(format!(
            "a run that a cron started may only make crons that first fire {} later or more, and this one would fire at {first}; choose a later instant, or lower `min_interval` of its grant, which is now: crons = {{ {grant} }}",
            shown(least),
        ));
    }
    let mut wall = cron.clone();
    wall.timezone = None;
    let schedule = schedule_of(&wall).map_err(|error| error.to_string())?;
    let mut last = None;
    for next in schedule.upcoming(now).take(LOOKED_AT) {
        if let Some(last) = last.replace(next) {
            let gap = Duration::try_from(next.duration_since(last)).unwrap_or_default();
            if gap < least {
                return Err(format!(
                    "the schedule has instants {} apart, and the assistant may have them {} apart or more; write one with longer gaps, or lower `min_interval` of its grant, which is now: crons = {{ {grant} }}",
                    shown(gap),
                    shown(least),
                ));
            }
        }
    }
    Ok(())
}

fn shown(time: Duration) -> String {
    format!("{:#}", SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX))
}
