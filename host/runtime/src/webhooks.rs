//! Which URLs may be told of the end of a run.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::Semaphore;
use wakeful_core::address::{Allowed, special};
use wakeful_core::{RunRequest, WebUrl};
use wakeful_engine::Lookup;

use crate::{Error, Host};

/// How long the addresses of a host may take to be found.
const LOOKUP: Duration = Duration::from_secs(5);

/// What webhooks may reach: the public internet, and what the operator names.
#[derive(Debug, Clone, Default)]
pub struct WebhookSettings {
    /// What may be reached although it is not on the public internet.
    pub allow: Vec<Allowed>,
    /// Whether only `https` URLs are taken.
    pub https_only: bool,
    /// How the addresses of a host are found.
    pub lookup: Lookup,
}

/// Why a webhook cannot go to a URL.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unreachable {
    /// Only `https` will do.
    #[error(
        "only `https` URLs may be told; to allow others, set `https_only = false` under [webhooks] in wakeful.toml"
    )]
    Insecure,
    /// No address is known.
    #[error("DNS resolution of `{host}` failed: {reason}")]
    Unknown {
        /// The host.
        host: String,
        /// Why, for people.
        reason: String,
    },
    /// One of its addresses is not on the public internet. Which one is not said to whoever asks,
    /// who may be a stranger to this network.
    #[error(
        "`{host}` has {kind} address; to allow it, write `allow = [\"{authority}\"]` under [webhooks] in wakeful.toml"
    )]
    Special {
        /// The host.
        host: String,
        /// What kind of address, with its article.
        kind: &'static str,
        /// What would have to be allowed.
        authority: String,
    },
}

impl WebhookSettings {
    /// The addresses of the URL's host, all of them ones that may be reached. Blocks for as long
    /// as the lookup takes, but no longer than some seconds.
    ///
    /// # Errors
    /// Every case of [`Unreachable`]. One address that may not be reached is enough: whoever
    /// connects may take any of them.
    pub fn addresses(&self, url: &WebUrl) -> Result<Vec<SocketAddr>, Unreachable> {
        if self.https_only && !url.is_secure() {
            return Err(Unreachable::Insecure);
        }
        let (host, port) = (url.host(), url.port());
        let found = match host.parse::<IpAddr>() {
            Ok(address) => Ok(vec![SocketAddr::new(address, port)]),
            Err(_) => self.look_up(host, port),
        };
        let unknown = |reason: String| Unreachable::Unknown { host: host.to_owned(), reason };
        let found = found.map_err(|error| unknown(error.to_string()))?;
        if found.is_empty() {
            return Err(unknown("it has no address".to_owned()));
        }
        let allowed = |address| self.allow.iter().any(|allowed| allowed.names(host, address));
        for address in &found {
            if let Some(kind) = special(address.ip())
                && !allowed(*address)
            {
                let (host, authority) = (host.to_owned(), url.authority());
                return Err(Unreachable::Special { host, kind, authority });
            }
        }
        Ok(found)
    }

    fn look_up(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let (sender, found) = mpsc::sync_channel(1);
        self.lookup.start(host, port, move |answer| {
            // Whoever asked may have gone.
            let _ = sender.send(answer);
        })?;
        found.recv_timeout(LOOKUP).unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl Host {
    /// Refuses a request whose webhook could never be told.
    pub(crate) async fn check_webhook(&self, request: &RunRequest) -> Result<(), Error> {
        let Some(url) = request.webhook() else { return Ok(()) };
        let invalid = |reason: String| Error::Invalid(format!("webhook: {reason}"));
        let url: WebUrl = url.parse().map_err(|error| invalid(format!("{error}")))?;
        let settings = self.settings().webhooks.clone();
        // Blocking threads are few, and the store needs them too.
        static LOOKUPS: Semaphore = Semaphore::const_new(32);
        let Ok(permit) = LOOKUPS.acquire().await else { return Ok(()) };
        let found = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            settings.addresses(&url).map(drop)
        });
        match found.await {
            Ok(found) => found.map_err(|error| invalid(error.to_string())),
            Err(failed) => Err(invalid(format!("its host could not be looked up: {failed}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(allow: &[&str], https_only: bool) -> WebhookSettings {
        let lookup = Lookup::new(|host, port| {
            let addresses: &[&str] = match host {
                "public.example" => &["93.184.216.34", "2606:2800:220:1::1"],
                "inside.example" => &["10.0.0.7"],
                "both.example" => &["93.184.216.34", "::1"],
                "empty.example" => &[],
                "2130706433" | "127.1" => &["127.0.0.1"],
                _ => return Err(io::Error::other("no such host")),
            };
            Ok(addresses.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), port)).collect())
        });
        let allow = allow.iter().map(|text| text.parse().unwrap()).collect();
        WebhookSettings { allow, https_only, lookup }
    }

    #[test]
    fn only_the_public_internet_and_what_is_allowed_is_reached() {
        let nothing: &[&str] = &[];
        for (url, allow, https_only, problem) in [
            ("https://public.example/", nothing, true, None),
            ("http://public.example/", nothing, false, None),
            ("http://public.example/", nothing, true, Some("https_only = false")),
            ("http://inside.example/", nothing, false, Some("a private address")),
            ("http://inside.example:81/", nothing, false, Some("allow = [\"inside.example:81\"]")),
            ("http://inside.example:81/", &["inside.example:81"], false, None),
            ("http://inside.example:81/", &["10.0.0.0/8"], false, None),
            ("http://inside.example:81/", &["10.0.0.7:80"], false, Some("a private address")),
            ("http://both.example/", nothing, false, Some("a loopback address")),
            ("http://both.example/", &["::1"], false, None),
            ("http://empty.example/", nothing, false, Some("no address")),
            ("http://nowhere.example/", nothing, false, Some("DNS resolution")),
            ("http://127.0.0.1:9/", nothing, false, Some("allow = [\"127.0.0.1:9\"]")),
            ("http://[::ffff:127.0.0.1]/", nothing, false, Some("a loopback address")),
            ("http://[::1]:9/", nothing, false, Some("allow = [\"[::1]:9\"]")),
            ("http://2130706433/", nothing, false, Some("a loopback address")),
            ("http://127.1/", nothing, false, Some("a loopback address")),
            ("http://169.254.169.254/latest", nothing, false, Some("a link-local address")),
        ] {
            let found = settings(allow, https_only).addresses(&url.parse().unwrap());
            let found = found.map(drop).map_err(|error| error.to_string());
            match problem {
                None => assert_eq!(found, Ok(()), "{url}"),
                Some(part) => {
                    assert!(found.as_ref().unwrap_err().contains(part), "{url}: {found:?}")
                }
            }
        }
    }
}
