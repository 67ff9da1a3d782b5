//! Tells URLs of the end of runs: takes what is due from the host's outbox, and sends it, signed
//! as Standard Webhooks says.

mod backoff;
mod secret;
mod sender;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use wakeful::Host;

pub use self::secret::{InvalidSecret, WebhookSecret};

use self::backoff::Backoff;
use self::sender::Sender;
use self::worker::Worker;

/// How webhooks are sent. Which URLs may be told is the host's to say; see
/// [`wakeful::WebhookSettings`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendingSettings {
    /// What messages are signed with: one secret, or two while one takes the other's place. Without
    /// any, the one in the data folder is used, and made if there is none.
    pub secrets: Vec<WebhookSecret>,
    /// The waits between attempts; there is one attempt more than waits.
    pub waits: Vec<Duration>,
    /// How long one attempt may take.
    pub timeout: Duration,
}

impl Default for SendingSettings {
    /// Eight attempts over some nine hours.
    fn default() -> Self {
        let waits = [5, 30, 120, 600, 1_800, 7_200, 21_600];
        Self {
            secrets: Vec::new(),
            waits: waits.map(Duration::from_secs).to_vec(),
            timeout: Duration::from_secs(15),
        }
    }
}

/// Sends what is due until the host stops. [`crate::serve`] does this as well; call it only to
/// embed the routes alone.
///
/// # Errors
/// When the secret in the data folder can neither be read nor made.
pub fn send_webhooks(host: &Host, settings: &SendingSettings) -> std::io::Result<()> {
    let mut secrets = settings.secrets.clone();
    if secrets.is_empty() {
        secrets.push(WebhookSecret::of_folder(&host.settings().data)?);
    }
    let sender = Sender::new(host.settings().webhooks.clone(), secrets, settings.timeout);
    let worker = Worker {
        host: host.clone(),
        sender: Arc::new(sender),
        backoff: Backoff::new(settings.waits.clone()),
    };
    host.attach(worker.run());
    Ok(())
}
