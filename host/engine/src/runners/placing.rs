use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use wakeful_core::{Digest, Limits};

use super::link::Link;
use super::pool::Shared;
use super::watched::Watched;

/// How long a component that should be alone waits for a runner without others.
const LONELY: Duration = Duration::from_secs(5);

/// How often a run that waits looks around, though it is told of changes.
const LOOK: Duration = Duration::from_secs(1);

/// How long a run waits while no runner is alive.
pub(super) const FORLORN: Duration = Duration::from_secs(60);

impl Shared {
    /// Waits for a runner with room for a run, and puts it there. `None` if none is alive for long.
    pub(super) async fn place(&self, run: Watched, limits: &Limits) -> Option<(Arc<Link>, u64)> {
        let digest = run.digest;
        let mut run = Some(run);
        let begun = Instant::now();
        let mut forlorn = begun;
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            // Better in company than never.
            let alone = self.suspects().is_suspect(digest) && begun.elapsed() < LONELY;
            let keep_apart = alone || begun.elapsed() < LONELY;
            if let Some(link) = self.roomiest(digest, alone, keep_apart)
                && let Some(number) = link.expect(&mut run, limits)
            {
                return Some((link, number));
            }
            if !self.links().is_empty() {
                forlorn = Instant::now();
            } else if forlorn.elapsed() >= FORLORN {
                return None;
            }
            let _ = timeout(LOOK, changed).await;
        }
    }

    /// The runner with the fewest runs, if it has room for one more: one without others than this
    /// component if it is to be alone, and, if suspects are to be kept alone, without another one.
    fn roomiest(&self, digest: Digest, alone: bool, keep_apart: bool) -> Option<Arc<Link>> {
        let suspects = self.suspects();
        let is_fit = |present: &[Digest]| {
            let mut others = present.iter().filter(|other| **other != digest);
            if alone {
                others.next().is_none()
            } else {
                !keep_apart || !others.any(|other| suspects.is_suspect(*other))
            }
        };
        let mut best: Option<(usize, Arc<Link>)> = None;
        for link in self.links() {
            let (runs, present) = link.present();
            let is_better = best.as_ref().is_none_or(|(fewest, _)| runs < *fewest);
            if runs < self.setup.slots as usize && is_better && is_fit(&present) {
                best = Some((runs, link));
            }
        }
        best.map(|(_, link)| link)
    }

    /// The runner with the fewest runs; without those of others, if there is one, for a suspect.
    pub(super) async fn quietest(&self, digest: Digest) -> Arc<Link> {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            let alone = self.suspects().is_suspect(digest);
            let link = self.roomiest(digest, alone, true);
            let any = || self.links().into_iter().min_by_key(|link| link.present().0);
            if let Some(link) = link.or_else(any) {
                return link;
            }
            changed.await;
        }
    }
}
