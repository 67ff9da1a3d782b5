use std::sync::Arc;

use wakeful::Host;

use crate::ServerSettings;
use crate::observed::Observed;
use crate::throttle::Throttle;

/// What every handler has at hand.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) host: Host,
    pub(crate) settings: Arc<ServerSettings>,
    pub(crate) throttle: Arc<Throttle>,
    pub(crate) observed: Arc<Observed>,
}
