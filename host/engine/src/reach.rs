use std::sync::Arc;

use crate::{CronAccess, ItemAccess, Network};

/// What runs can reach of the host, as far as their grants go.
#[derive(Clone, Default)]
pub(crate) struct Reach {
    pub(crate) items: Option<Arc<dyn ItemAccess>>,
    pub(crate) crons: Option<Arc<dyn CronAccess>>,
    pub(crate) network: Option<Network>,
}
