use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::address::is_name;

/// The most bytes that a URL may have.
const LONGEST: usize = 2_048;

/// An absolute URL of the web, of the plainest kind: no user, no fragment, nothing beyond ASCII.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebUrl {
    text: String,
    secure: bool,
    host: String,
    port: u16,
}

/// Why a text is not a [`WebUrl`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum InvalidWebUrl {
    #[error("a URL may have {LONGEST} bytes at most")]
    TooLong,
    #[error("the URL must be absolute and begin with `http://` or `https://`")]
    Scheme,
    #[error(
        "the URL must not contain a user or a password; put a token into the path or the query"
    )]
    User,
    #[error(
        "the URL must name a host in ASCII (an international name as `xn--…`), and a port from 1 to 65535 if it names one"
    )]
    Host,
    #[error(
        "the URL must be ASCII without spaces, backslashes and fragments; write other characters as %XX"
    )]
    Character,
}

impl WebUrl {
    /// The URL as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is an `https` URL.
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host: a name in lower case, or an address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, the scheme's own if the URL names none.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The host and the port, as a URL writes them.
    pub fn authority(&self) -> String {
        let (host, port) = (&self.host, self.port);
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    /// The URL without its query, where secrets are.
    pub fn without_query(&self) -> &str {
        self.text.split('?').next().unwrap_or_default()
    }
}

impl FromStr for WebUrl {
    type Err = InvalidWebUrl;

    fn from_str(text: &str) -> Result<Self, InvalidWebUrl> {
        if text.len() > LONGEST {
            return Err(InvalidWebUrl::TooLong);
        }
        let (scheme, rest) = text.split_once("://").ok_or(InvalidWebUrl::Scheme)?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return Err(InvalidWebUrl::Scheme),
        };
        let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '\\' | '#' | '<' | '>' | '"');
        if !rest.chars().all(plain) {
            return Err(InvalidWebUrl::Character);
        }
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(InvalidWebUrl::User);
        }
        let (host, port) = match authority.strip_prefix('[') {
            Some(bracketed) => {
                let (host, port) = bracketed.split_once(']').ok_or(InvalidWebUrl::Host)?;
                host.parse::<std::net::Ipv6Addr>().map_err(|_| InvalidWebUrl::Host)?;
                (host, port)
            }
            None => {
                let end = authority.find(':').unwrap_or(authority.len());
                let (host, port) = authority.split_at(end);
                if !is_name(host) {
                    return Err(InvalidWebUrl::Host);
                }
                (host, port)
            }
        };
        let port = match port.strip_prefix(':') {
            Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or(InvalidWebUrl::Host)?,
            None if port.is_empty() => {
                if secure {
                    443
                } else {
                    80
                }
            }
            None => return Err(InvalidWebUrl::Host),
        };
        Ok(Self { text: text.to_owned(), secure, host: host.to_ascii_lowercase(), port })
    }
}

impl fmt::Display for WebUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        for (text, secure, authority, without_query) in [
            (
                "https://Hooks.Example.com/a?b=c",
                true,
                "hooks.example.com:443",
                "https://Hooks.Example.com/a",
            ),
            ("http://x", false, "x:80", "http://x"),
            ("HTTP://x:8080?q", false, "x:8080", "HTTP://x:8080"),
            ("http://[::1]:9/@", false, "[::1]:9", "http://[::1]:9/@"),
            ("http://127.1/", false, "127.1:80", "http://127.1/"),
        ] {
            let url: WebUrl = text.parse().unwrap();
            assert_eq!(url.is_secure(), secure, "{text}");
            assert_eq!(url.authority(), authority, "{text}");
            assert_eq!(url.without_query(), without_query, "{text}");
            assert_eq!(url.as_str(), text);
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        let long = format!("http://x/{}", "y".repeat(LONGEST));
        for (text, error) in [
            ("/threads", InvalidWebUrl::Scheme),
            ("example.com/x", InvalidWebUrl::Scheme),
            ("ftp://example.com", InvalidWebUrl::Scheme),
            ("file:///etc/passwd", InvalidWebUrl::Scheme),
            ("http://", InvalidWebUrl::Host),
            ("http:///x", InvalidWebUrl::Host),
            ("http://u:p@x/", InvalidWebUrl::User),
            ("http://x@y", InvalidWebUrl::User),
            ("http://x:0/", InvalidWebUrl::Host),
            ("http://x:65536/", InvalidWebUrl::Host),
            ("http://x:/", InvalidWebUrl::Host),
            ("http://[::1", InvalidWebUrl::Host),
            ("http://[::1]x", InvalidWebUrl::Host),
            ("http://[v1.x]/", InvalidWebUrl::Host),
            ("http://::1/", InvalidWebUrl::Host),
            ("http://x\\@y/", InvalidWebUrl::Character),
            ("http://x/ y", InvalidWebUrl::Character),
            ("http://x/\r\nHost: y", InvalidWebUrl::Character),
            ("http://x/#y", InvalidWebUrl::Character),
            ("http://exämple.com/", InvalidWebUrl::Character),
            ("http://%31/", InvalidWebUrl::Host),
            (&long, InvalidWebUrl::TooLong),
        ] {
            assert_eq!(text.parse::<WebUrl>(), Err(error), "{text}");
        }
    }
}
