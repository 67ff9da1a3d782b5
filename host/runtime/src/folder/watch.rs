//! Looks at the folder when something in it changes, and now and then in any case.

use std::time::Duration;

use tracing::error;

use super::changes::Changes;
use crate::Host;

/// How long files have to stay the same before they are read.
const SETTLE: Duration = Duration::from_millis(250);

/// How often the folder is looked at though the system has told of no change: it tells of none in
/// folders of other machines, or behind symbolic links.
const NET: Duration = Duration::from_secs(10);

/// Looks at the folder again and again until the host stops.
pub(crate) async fn watch(host: Host) {
    let poll = host.settings().folder_poll;
    let mut changes = Changes::default();
    let mut healthy = true;
    let mut settling = false;
    loop {
        let was_watched = changes.is_on();
        let watched = changes.begin(&host.settings().assistants);
        let pause = match (settling, watched) {
            (true, _) => SETTLE.min(poll),
            // What happened between the last look and the beginning of the watch is told by nobody.
            (false, true) if !was_watched => SETTLE.min(poll),
            (false, true) => NET.max(poll),
            (false, false) => poll,
        };
        tokio::select! {
            () = host.stop_token().cancelled() => return,
            () = tokio::time::sleep(pause) => {}
            // Files that are just being written bring one change after another; what counts then
            // is that they have come to rest.
            () = changes.next(), if watched && !settling => {}
        }
        let result = tokio::select! {
            // Nobody waits for a component to be compiled that will not run any more.
            () = host.stop_token().cancelled() => return,
            result = host.folder().scan(&host) => result,
        };
        if let Err(problem) = &result
            && healthy
        {
            error!(%problem, "cannot read the assistants folder; what is loaded goes on serving");
        }
        healthy = result.is_ok();
        settling = result.unwrap_or_default();
    }
}
