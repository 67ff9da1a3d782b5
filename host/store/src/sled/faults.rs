//! Where a test makes the disk fail, lose time or lose power. Without the feature `faults` none of
//! it is compiled in: a [`Hook`] has no size then, and asking it costs nothing.

use std::time::Duration;

use crate::Error;

/// How many requests share one flush at most, and how long a group gathers what is queued.
pub(super) type Gathering = (usize, Duration);

/// A place in the writer's work at which something can go wrong.
#[cfg_attr(not(feature = "faults"), expect(unreachable_pub, reason = "as with the feature"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Before a request reads anything.
    Applying,
    /// Before the transaction of a request.
    Committing,
    /// Before the database writes out what was committed.
    Flushing,
    /// Before what was written out is made durable.
    Syncing,
    /// Before whoever waits is answered.
    Answering,
}

/// A disk under the control of a test, and the order in which things happen.
///
/// A store with one reads on the thread that asks, and its database does nothing by itself, so
/// that the same requests in the same order make the same history.
#[cfg(feature = "faults")]
pub trait Faults: Send + Sync + 'static {
    /// A request is being queued.
    fn queued(&self);
    /// The writer has taken up a request. Blocks until everything is queued that may share its
    /// group, and returns how many requests at most do.
    fn gather(&self) -> usize;
    /// The writer has come to this step. An error stops the store, as one of the disk would.
    fn at(&self, step: Step) -> std::io::Result<()>;
    /// Whoever made a request has been answered.
    fn answered(&self);
}

/// The disk under the control of a test, if there is one.
#[derive(Clone, Default)]
pub(super) struct Hook {
    #[cfg(feature = "faults")]
    pub(super) faults: Option<std::sync::Arc<dyn Faults>>,
}

#[cfg(feature = "faults")]
impl Hook {
    /// Whether a test is in control.
    pub(super) fn is_on(&self) -> bool {
        self.faults.is_some()
    }

    pub(super) fn queued(&self) {
        if let Some(faults) = &self.faults {
            faults.queued();
        }
    }

    pub(super) fn gather(&self, usual: Gathering) -> Gathering {
        self.faults.as_ref().map_or(usual, |faults| (faults.gather(), Duration::MAX))
    }

    pub(super) fn at(&self, step: Step) -> Result<(), Error> {
        Ok(self.faults.as_ref().map_or(Ok(()), |faults| faults.at(step))?)
    }

    pub(super) fn answered(&self) {
        if let Some(faults) = &self.faults {
            faults.answered();
        }
    }
}

#[cfg(not(feature = "faults"))]
#[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as with the feature")]
impl Hook {
    pub(super) const fn is_on(&self) -> bool {
        false
    }

    pub(super) const fn queued(&self) {}

    pub(super) const fn gather(&self, usual: Gathering) -> Gathering {
        usual
    }

    pub(super) const fn at(&self, _: Step) -> Result<(), Error> {
        Ok(())
    }

    pub(super) const fn answered(&self) {}
}

impl std::fmt::Debug for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hook").field("on", &self.is_on()).finish()
    }
}
