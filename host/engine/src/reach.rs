use std::sync::Arc;

#[cfg(target_os = "linux")]
use crate::egress::Carrier;
use crate::{AssistantAccess, CronAccess, ItemAccess, ModelAccess, Network};

/// What runs can reach of the host, as far as their grants go.
#[derive(Clone, Default)]
pub(crate) struct Reach {
    pub(crate) items: Option<Arc<dyn ItemAccess>>,
    pub(crate) crons: Option<Arc<dyn CronAccess>>,
    pub(crate) assistants: Option<Arc<dyn AssistantAccess>>,
    pub(crate) models: Option<Arc<dyn ModelAccess>>,
    pub(crate) network: Option<Way>,
}

/// A way for HTTP requests.
#[derive(Clone)]
pub(crate) enum Way {
    /// From this process, which decides on them.
    Here(Network),
    /// By way of another process, which decides on them.
    #[cfg(target_os = "linux")]
    Elsewhere(Arc<dyn Carrier>),
}
