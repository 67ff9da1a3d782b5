use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use http::header::ACCEPT_ENCODING;
use http::uri::Scheme;
use http::{HeaderValue, Method};
use tokio::sync::Semaphore;
use wakeful_core::{Grants, HttpLimits, Permitted, WebUrl};
use wasmtime_wasi_http::{Error, Result, WasiBody};

use super::connect::Network;
use super::secrets::Secrets;
use crate::outcome::shortened;
use crate::refusal::Refusals;

/// Bytes of the part of a URL that is sent.
const LONGEST_PATH: usize = 8 << 10;

/// What decides on the requests of one run.
pub(crate) struct Gate {
    pub(super) grants: Grants,
    pub(super) limits: HttpLimits,
    pub(super) secrets: Secrets,
    pub(super) network: Network,
    pub(super) at_once: Arc<Semaphore>,
    refusals: Refusals,
    /// How many requests were admitted.
    admitted: AtomicU32,
}

/// A request that may be sent.
pub(super) struct Admitted {
    pub(super) request: http::Request<WasiBody>,
    pub(super) target: Target,
}

/// Where it goes, and what is known of it.
pub(super) struct Target {
    pub(super) url: WebUrl,
    pub(super) method: Method,
    pub(super) permitted: Permitted,
    /// Whether a secret is in it.
    pub(super) is_secret: bool,
}

impl Gate {
    pub(crate) fn new(
        grants: Grants,
        limits: HttpLimits,
        secrets: Secrets,
        network: Network,
        refusals: Refusals,
    ) -> Self {
        let at_once = Arc::new(Semaphore::new(limits.at_once.max(1) as usize));
        Self { grants, limits, secrets, network, at_once, refusals, admitted: AtomicU32::new(0) }
    }

    /// Lets nothing more go, neither what comes nor what waits for its turn.
    pub(crate) fn close(&self) {
        self.at_once.close();
    }

    /// Holds a request against the grants and the limits, and puts the secrets into it.
    pub(super) fn admit(&self, request: http::Request<WasiBody>) -> Result<Admitted> {
        let (mut parts, body) = request.into_parts();
        let url = url_of(&parts.uri)?;
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        if path.len() > LONGEST_PATH {
            return Err(Error::HttpRequestUriTooLong);
        }
        if parts.method == Method::CONNECT {
            return Err(self.refuse(
                "the assistant may not open tunnels with CONNECT; nobody can be granted that",
            ));
        }
        let method = parts.method.as_str();
        let permitted =
            self.grants.permit(method, &url).map_err(|message| self.refuse(&message))?;
        if self.secrets.are_in(path.as_bytes()) {
            return Err(self.refuse(&format!(
                "a request to {} has a secret in its URL, where it would be written into logs; send it in the header that its grant names",
                url.authority()
            )));
        }
        let is_secret = self
            .secrets
            .put_into(&mut parts.headers, &url)
            .map_err(|message| self.refuse(&message))?;
        if is_secret {
            // What is compressed could not be searched for the secret.
            parts.headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        if self.admitted.fetch_add(1, Ordering::Relaxed) >= self.limits.requests {
            self.exceeded("requests", &self.limits.requests.to_string());
            return Err(Error::ConnectionLimitReached);
        }
        let target = Target { url, method: parts.method.clone(), permitted, is_secret };
        Ok(Admitted { request: http::Request::from_parts(parts, body), target })
    }

    /// Logs a refusal, and returns what the guest is told of it.
    pub(super) fn refuse(&self, message: &str) -> Error {
        self.tell(message);
        Error::HttpRequestDenied
    }

    /// Logs which limit was exceeded.
    pub(super) fn exceeded(&self, key: &str, value: &str) {
        self.tell(&format!(
            "a request of the assistant exceeded a limit: {key} = {value} under [limits.http] in its .toml or in wakeful.toml"
        ));
    }

    pub(super) fn tell(&self, message: &str) {
        // Names of hosts come from the guest.
        self.refusals.tell(&shortened(message, 2_000));
    }
}

/// The URL as the grants see it: strictly read, without a user and without a path.
fn url_of(uri: &http::Uri) -> Result<WebUrl> {
    let scheme = match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => "https",
        Some(scheme) if *scheme == Scheme::HTTP => "http",
        _ => return Err(Error::HttpProtocolError),
    };
    let authority = uri.authority().ok_or(Error::HttpRequestUriInvalid)?;
    format!("{scheme}://{authority}").parse().map_err(|_| Error::HttpRequestUriInvalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_could_be_read_in_two_ways_is_refused() {
        for (uri, authority) in [
            ("https://a.example/x", Some("a.example:443")),
            ("http://a.example:8080", Some("a.example:8080")),
            ("http://[::1]:9/", Some("[::1]:9")),
            ("http://user@a.example/", None),
            ("http://a.example:b@c.example/", None),
            ("ftp://a.example/", None),
            ("/x", None),
        ] {
            let Ok(parsed) = uri.parse::<http::Uri>() else {
                assert_eq!(authority, None, "{uri}");
                continue;
            };
            let found = url_of(&parsed).ok().map(|url| url.authority());
            assert_eq!(found.as_deref(), authority, "{uri}");
        }
    }
}
