use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use thiserror::Error;

use crate::WebUrl;

/// Where requests may go: a scheme, a port, and one host or many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginPattern {
    secure: bool,
    host: HostPattern,
    port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum HostPattern {
    Any,
    /// Every host whose name ends in a period and this.
    Below(String),
    Name(String),
    Address(IpAddr),
}

/// Text that is no [`OriginPattern`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{0}` is not a scheme, a host and perhaps a port; write one such as \"https://api.example.com\", \"https://*.example.com\" or \"http://127.0.0.1:9000\", without a path"
)]
pub struct InvalidOrigin(String);

impl OriginPattern {
    /// The origin of this URL, and no other.
    pub fn of(url: &WebUrl) -> Self {
        Self { secure: url.is_secure(), host: HostPattern::one(url.host()), port: url.port() }
    }

    /// Whether a request to this URL goes there.
    pub fn covers(&self, url: &WebUrl) -> bool {
        self.secure == url.is_secure() && self.port == url.port() && self.host.covers(url.host())
    }

    /// Whether it means every host there is.
    pub fn is_any_host(&self) -> bool {
        self.host == HostPattern::Any
    }
}

impl HostPattern {
    fn one(host: &str) -> Self {
        match host.parse() {
            Ok(address) => Self::Address(address),
            Err(_) => Self::Name(host.trim_end_matches('.').to_ascii_lowercase()),
        }
    }

    fn covers(&self, host: &str) -> bool {
        let host = Self::one(host);
        match (self, &host) {
            (Self::Any, _) => true,
            // Part of an address is no domain.
            (Self::Below(domain), Self::Name(name)) => {
                name.strip_suffix(domain.as_str()).is_some_and(|rest| rest.ends_with('.'))
            }
            _ => *self == host,
        }
    }
}

impl FromStr for OriginPattern {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let invalid = || InvalidOrigin(text.to_owned());
        let (scheme, authority) = text.split_once("://").ok_or_else(invalid)?;
        if authority.contains(['/', '?']) {
            return Err(invalid());
        }
        let url = |authority: &str| -> Result<WebUrl, InvalidOrigin> {
            format!("{scheme}://{authority}").parse().map_err(|_| invalid())
        };
        let Some(rest) = authority.strip_prefix('*') else {
            return url(authority).map(|url| Self::of(&url));
        };
        let (url, host) = match rest.strip_prefix('.') {
            Some(domain) => {
                let url = url(domain)?;
                match HostPattern::one(url.host()) {
                    HostPattern::Name(name) => (url, HostPattern::Below(name)),
                    _ => return Err(invalid()),
                }
            }
            None if rest.is_empty() || rest.starts_with(':') => {
                (url(&format!("any{rest}"))?, HostPattern::Any)
            }
            None => return Err(invalid()),
        };
        Ok(Self { secure: url.is_secure(), host, port: url.port() })
    }
}

impl fmt::Display for OriginPattern {
    /// As it is read, without a port that the scheme has anyway.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.secure { "https://" } else { "http://" })?;
        match &self.host {
            HostPattern::Any => f.write_str("*")?,
            HostPattern::Below(domain) => write!(f, "*.{domain}")?,
            HostPattern::Name(name) => f.write_str(name)?,
            HostPattern::Address(IpAddr::V4(address)) => address.fmt(f)?,
            HostPattern::Address(IpAddr::V6(address)) => write!(f, "[{address}]")?,
        }
        match (self.secure, self.port) {
            (true, 443) | (false, 80) => Ok(()),
            (_, port) => write!(f, ":{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_covers_its_scheme_host_and_port_and_nothing_else() {
        for (pattern, url, covered) in [
            ("https://a.example", "https://a.example/x?y", true),
            ("https://a.example", "https://A.Example.:443/", true),
            ("https://a.example", "http://a.example/", false),
            ("https://a.example", "https://a.example:8443/", false),
            ("https://a.example", "https://b.a.example/", false),
            ("https://a.example", "https://a.example.evil/", false),
            ("https://*.a.example", "https://b.a.example/", true),
            ("https://*.a.example", "https://c.b.a.example/", true),
            ("https://*.a.example", "https://a.example/", false),
            ("https://*.a.example", "https://ba.example/", false),
            ("https://*.a.example", "https://evila.example/", false),
            ("https://*.a.example:8443", "https://b.a.example:8443/", true),
            ("https://*", "https://anything.example/", true),
            ("https://*", "https://1.1.1.1/", true),
            ("https://*", "http://anything.example/", false),
            ("http://127.0.0.1:9000", "http://127.0.0.1:9000/", true),
            ("http://127.0.0.1:9000", "http://127.0.0.1:9001/", false),
            ("http://127.0.0.1:9000", "http://localhost:9000/", false),
            ("http://[::1]:9000", "http://[0:0::1]:9000/", true),
        ] {
            let pattern: OriginPattern = pattern.parse().unwrap();
            assert_eq!(pattern.covers(&url.parse().unwrap()), covered, "{pattern} {url}");
            assert_eq!(pattern.to_string().parse(), Ok(pattern));
        }
    }

    #[test]
    fn a_pattern_without_meaning_is_refused() {
        for text in [
            "",
            "a.example",
            "https://",
            "https://a.example/",
            "https://a.example/path",
            "https://a.example?x",
            "ftp://a.example",
            "https://u@a.example",
            "https://a*.example",
            "https://*a.example",
            "https://*.1.2.3.4",
            "https://*.",
            "https://a.*.example",
            "https://a.example:0",
            "https://a.example:*",
        ] {
            assert!(text.parse::<OriginPattern>().is_err(), "{text}");
        }
    }
}
