//! The kinds of values that settings have. Each reads the same text wherever it stands.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use ureq::http::HeaderValue;
use wakeful::core::{Expiry, InvalidRate, Rate, parse_duration};

/// A number of bytes, such as `"128 MiB"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) u64);

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        wakeful::parse_bytes(text).map(Self).map_err(|error| error.to_string())
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (factor, unit) in [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")] {
            if self.0 > 0 && self.0.is_multiple_of(factor) {
                return write!(f, "{} {unit}", self.0 / factor);
            }
        }
        write!(f, "{} B", self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a number of bytes or a text such as \"128 MiB\"")]
        enum Size {
            Number(u64),
            Text(String),
        }
        match Size::deserialize(deserializer)? {
            Size::Number(number) => Ok(Self(number)),
            Size::Text(text) => text.parse().map_err(Error::custom),
        }
    }
}

/// A length of time, such as `"10s"` or `"1h 30m"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse_duration(text).map(Self).ok_or_else(|| {
            format!("`{text}` is not a time; write one such as \"10s\", \"5m\", \"24h\" or \"90d\"")
        })
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        for (factor, unit) in [(3_600_000, "h"), (60_000, "m"), (1_000, "s")] {
            if ms > 0 && ms.is_multiple_of(factor) {
                return write!(f, "{}{unit}", ms / factor);
            }
        }
        write!(f, "{ms}ms")
    }
}

/// The address to listen on, such as `"127.0.0.1:8123"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Address(pub(crate) SocketAddr);

impl Address {
    /// How a client on this machine reaches it.
    pub(crate) fn url(self) -> Url {
        let mut address = self.0;
        if address.ip().is_unspecified() {
            address.set_ip(match address {
                SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            });
        }
        Url(format!("http://{address}"))
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // The one name that means the same everywhere.
        let numeric = match text.strip_prefix("localhost:") {
            Some(port) => format!("127.0.0.1:{port}"),
            None => text.to_owned(),
        };
        numeric.parse().map(Self).map_err(|_| {
            format!("`{text}` is not an address with a port; write one such as 127.0.0.1:8123")
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a server answers, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Url(pub(crate) String);

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        match host {
            Some(host) if !host.is_empty() && !host.starts_with('/') => {
                Ok(Self(text.trim_end_matches('/').to_owned()))
            }
            _ => Err(format!("`{text}` is not a URL; write one such as http://127.0.0.1:8123")),
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What happens to a thread that was not used for long enough, such as `"delete"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ThreadExpiry(pub(crate) Expiry);

impl FromStr for ThreadExpiry {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expiry = Expiry::parse(text).map(Self);
        expiry.ok_or_else(|| format!("`{text}` is not \"delete\" or \"keep_latest\""))
    }
}

impl fmt::Display for ThreadExpiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

/// How often callers may come: `"50"`, `"50:200"` or `"off"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MaybeRate(pub(crate) Option<Rate>);

impl FromStr for MaybeRate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self(None));
        }
        let rate = text.parse().map_err(|error: InvalidRate| format!("{error}, or off"))?;
        Ok(Self(Some(rate)))
    }
}

impl fmt::Display for MaybeRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(rate) => rate.fmt(f),
            None => f.write_str("off"),
        }
    }
}

/// The API key that client commands send. It is shown nowhere.
#[derive(Clone)]
pub(crate) struct ClientKey(pub(crate) HeaderValue);

impl FromStr for ClientKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut value = HeaderValue::from_str(text.trim())
            .map_err(|_| "the API key has characters that no key has".to_owned())?;
        value.set_sensitive(true);
        Ok(Self(value))
    }
}

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientKey(…)")
    }
}

macro_rules! deserialize_from_text {
    ($($type:ident)*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(Error::custom)
            }
        }
    )*};
}

deserialize_from_text!(Span Address ThreadExpiry Url MaybeRate ClientKey);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_they_are_read() {
        for text in ["128 MiB", "3 GiB", "1 KiB", "1023 B", "0 B"] {
            assert_eq!(text.parse::<Bytes>().unwrap().to_string(), text);
        }
        for text in ["10s", "5m", "24h", "90s", "1500ms", "0ms"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
        assert_eq!("1h 30m".parse::<Span>().unwrap().to_string(), "90m");
        assert_eq!("90d".parse::<Span>().unwrap().to_string(), "2160h");
        for text in ["127.0.0.1:8123", "[::1]:80"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_value_that_cannot_be_read_says_what_to_write() {
        assert!("1 cow".parse::<Bytes>().unwrap_err().contains("256 MiB"));
        assert!("-1s".parse::<Span>().unwrap_err().contains("24h"));
        assert!("soon".parse::<Span>().unwrap_err().contains("24h"));
        assert!("8123".parse::<Address>().unwrap_err().contains("127.0.0.1:8123"));
        assert!("127.0.0.1:8123".parse::<Url>().unwrap_err().contains("http://"));
        assert!("http://".parse::<Url>().is_err());
    }

    #[test]
    fn a_client_reaches_an_open_address_over_loopback() {
        let url = |text: &str| text.parse::<Address>().unwrap().url().0;
        assert_eq!(url("0.0.0.0:80"), "http://127.0.0.1:80");
        assert_eq!(url("[::]:80"), "http://[::1]:80");
        assert_eq!(url("localhost:81"), "http://127.0.0.1:81");
        assert_eq!(url("192.0.2.1:80"), "http://192.0.2.1:80");
    }
}
