use std::io::Read;
use std::time::Duration;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error};
use wakeful::WebhookSettings;
use wakeful::core::{Delivery, Timestamp, WebUrl};

use super::WebhookSecret;

/// How long a connection may take to stand.
const CONNECT: Duration = Duration::from_secs(5);
/// How much of an answer's body is kept.
const KEPT: u64 = 512;
/// How many bytes the headers of an answer may have.
const HEADERS: usize = 32 << 10;

/// Sends signed messages, to where they may go.
pub(super) struct Sender {
    agent: Agent,
    secrets: Vec<WebhookSecret>,
}

/// What a receiver said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<String>,
    /// The beginning of the body, as far as it is text.
    pub(super) body: String,
}

impl Sender {
    pub(super) fn new(
        reach: WebhookSettings,
        secrets: Vec<WebhookSecret>,
        timeout: Duration,
    ) -> Self {
        let config = Agent::config_builder()
            // A proxy would look the host up itself.
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_idle_connections(0)
            .max_response_header_size(HEADERS)
            .timeout_connect(Some(CONNECT.min(timeout)))
            .timeout_global(Some(timeout))
            .user_agent(concat!("wakeful/", env!("CARGO_PKG_VERSION")))
            .build();
        let agent = Agent::with_parts(config, DefaultConnector::default(), Checked(reach));
        Self { agent, secrets }
    }

    /// Sends one message, and waits for the answer; blocks. The error is for people.
    pub(super) fn send(
        &self,
        delivery: &Delivery,
        at: Timestamp,
        body: &[u8],
    ) -> Result<Answer, String> {
        let signatures: Vec<_> =
            self.secrets.iter().map(|secret| secret.sign(delivery.id, at, body)).collect();
        let request = self
            .agent
            .post(&delivery.url)
            .header("content-type", "application/json")
            .header("webhook-id", delivery.id.to_string())
            .header("webhook-timestamp", at.as_second().to_string())
            .header("webhook-signature", signatures.join(" "));
        let mut answer = request.send(body).map_err(|error| reason(&error))?;
        let header = answer.headers().get("retry-after");
        let retry_after = header.and_then(|text| text.to_str().ok()).map(str::to_owned);
        let mut begin = Vec::new();
        // The status is what counts, so a body that breaks off does no harm.
        let _ = answer.body_mut().as_reader().take(KEPT).read_to_end(&mut begin);
        let body = String::from_utf8_lossy(&begin).into_owned();
        Ok(Answer { status: answer.status().as_u16(), retry_after, body })
    }
}

fn reason(error: &Error) -> String {
    match error {
        Error::Timeout(_) => "no answer in time".to_owned(),
        Error::Other(inner) => inner.to_string(),
        other => other.to_string(),
    }
}

/// Finds the addresses of a host and checks them, at each connection anew: what a name meant when
/// the run was created is no longer of interest.
#[derive(Debug)]
struct Checked(WebhookSettings);

impl Resolver for Checked {
    fn resolve(&self, uri: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let url: WebUrl =
            uri.to_string().parse().map_err(|invalid| Error::Other(Box::new(invalid)))?;
        let found = self.0.addresses(&url).map_err(|refused| Error::Other(Box::new(refused)))?;
        let mut addresses = self.empty();
        for address in found.into_iter().take(MOST) {
            addresses.push(address);
        }
        Ok(addresses)
    }
}

/// How many addresses ureq takes.
const MOST: usize = 16;
