use std::sync::Arc;

#[cfg(target_os = "linux")]
use crate::egress::Carrier;
use crate::{AssistantAccess, CronAccess, ItemAccess, ModelAccess, Network};

/// What runs can reach of the host, as far as their grants go; by default nothing.
#[derive(Clone, Default)]
pub struct Reach {
    pub(crate) items: Option<Arc<dyn ItemAccess>>,
    pub(crate) crons: Option<Arc<dyn CronAccess>>,
    pub(crate) assistants: Option<Arc<dyn AssistantAccess>>,
    pub(crate) models: Option<Arc<dyn ModelAccess>>,
    pub(crate) network: Option<Way>,
}

impl Reach {
    /// With the store of items.
    #[must_use]
    pub fn with_items(mut self, items: Arc<dyn ItemAccess>) -> Self {
        self.items = Some(items);
        self
    }

    /// With crons that runs make for themselves.
    #[must_use]
    pub fn with_crons(mut self, crons: Arc<dyn CronAccess>) -> Self {
        self.crons = Some(crons);
        self
    }

    /// With language models.
    #[must_use]
    pub fn with_models(mut self, models: Arc<dyn ModelAccess>) -> Self {
        self.models = Some(models);
        self
    }

    /// With other assistants.
    #[must_use]
    pub fn with_assistants(mut self, assistants: Arc<dyn AssistantAccess>) -> Self {
        self.assistants = Some(assistants);
        self
    }

    /// With HTTP requests.
    #[must_use]
    pub fn with_network(mut self, network: Network) -> Self {
        self.network = Some(Way::Here(network));
        self
    }
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
