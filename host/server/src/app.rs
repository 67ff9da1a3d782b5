use std::sync::Arc;

use wakeful::Host;

use crate::ServerSettings;

/// What every handler has at hand.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) host: Host,
    pub(crate) settings: Arc<ServerSettings>,
}
