use std::fmt;

use crate::toml_text::{list, quoted};
use crate::{Grants, OriginPattern, WebUrl};

/// Hosts to which an assistant may send HTTP requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostGrant {
    /// Where the requests may go.
    pub origin: OriginPattern,
    /// With which methods, in capitals; all of them if there is none.
    pub methods: Vec<String>,
    /// Whether they may go there even if the host has an address that is not on the public
    /// internet.
    pub private: bool,
}

/// What no grant of hosts goes beyond, whatever an assistant's file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostBounds {
    /// Where requests may go at all; `None` means anywhere.
    pub hosts: Option<Vec<OriginPattern>>,
    /// Whether a grant may name what is not on the public internet.
    pub private: bool,
}

impl Default for HostBounds {
    /// Nothing beyond the grants themselves.
    fn default() -> Self {
        Self { hosts: None, private: true }
    }
}

/// A request that may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permitted {
    /// Whether to an address that is not on the public internet as well.
    pub private: bool,
}

impl HostGrant {
    fn covers(&self, method: &str, url: &WebUrl) -> bool {
        (self.methods.is_empty() || self.methods.iter().any(|known| known == method))
            && self.origin.covers(url)
    }
}

impl fmt::Display for HostGrant {
    /// As TOML.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = quoted(&self.origin.to_string());
        if self.methods.is_empty() && !self.private {
            return f.write_str(&url);
        }
        write!(f, "{{ url = {url}")?;
        if !self.methods.is_empty() {
            write!(f, ", methods = {}", list(&self.methods))?;
        }
        if self.private {
            f.write_str(", private = true")?;
        }
        f.write_str(" }")
    }
}

impl Grants {
    /// Whether a request may be sent; otherwise why not, with the line that would allow it.
    pub fn permit(&self, method: &str, url: &WebUrl) -> Result<Permitted, String> {
        let origin = OriginPattern::of(url);
        let covering: Vec<_> = self.hosts.iter().filter(|it| it.covers(method, url)).collect();
        if covering.is_empty() {
            let line = self.line_to_allow_request(method, url, false);
            return Err(format!(
                "the assistant may not send {method} requests to {origin}; to allow it, put this under [grants] in its .toml: {line}"
            ));
        }
        if let Some(hosts) = &self.bounds.hosts
            && !hosts.iter().any(|bound| bound.covers(url))
        {
            let hosts = list(hosts.iter().chain([&origin]));
            return Err(format!(
                "this host lets no assistant send requests to {origin}; to allow it, put this under [grants] in wakeful.toml: hosts = {hosts}"
            ));
        }
        let private = self.bounds.private && covering.iter().any(|grant| grant.private);
        Ok(Permitted { private })
    }

    /// Why a request may not go to an address that is not on the public internet, with the line
    /// that would allow it. `kind` are the words before `address`.
    pub fn refuse_address(&self, method: &str, url: &WebUrl, kind: &str) -> String {
        let origin = OriginPattern::of(url);
        if !self.bounds.private && self.hosts.iter().any(|it| it.private && it.covers(method, url))
        {
            return format!(
                "{origin} has {kind} address, and this host lets no assistant reach one; to allow it, put this under [grants] in wakeful.toml: private = true"
            );
        }
        let line = self.line_to_allow_request(method, url, true);
        format!(
            "{origin} has {kind} address; to allow it all the same, put this under [grants] in the assistant's .toml: {line}"
        )
    }

    /// The line for an assistant's `.toml` that allows a request as well as what is allowed
    /// already.
    fn line_to_allow_request(&self, method: &str, url: &WebUrl, private: bool) -> String {
        let origin = OriginPattern::of(url);
        let mut hosts = self.hosts.clone();
        match hosts.iter_mut().find(|grant| grant.origin == origin) {
            Some(grant) => {
                if !grant.methods.is_empty() && !grant.methods.iter().any(|known| known == method) {
                    grant.methods.push(method.to_owned());
                }
                grant.private |= private;
            }
            None => {
                hosts.push(HostGrant { origin, methods: vec![method.to_owned()], private });
            }
        }
        let texts: Vec<_> = hosts.iter().map(ToString::to_string).collect();
        format!("hosts = [{}]", texts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(origin: &str, methods: &[&str], private: bool) -> HostGrant {
        let methods = methods.iter().map(|method| (*method).to_owned()).collect();
        HostGrant { origin: origin.parse().unwrap(), methods, private }
    }

    fn grants() -> Grants {
        Grants {
            hosts: vec![
                grant("https://a.example", &["GET", "HEAD"], false),
                grant("https://*.b.example", &[], false),
                grant("http://127.0.0.1:9000", &[], true),
            ],
            ..Grants::default()
        }
    }

    #[test]
    fn a_request_is_permitted_by_method_and_origin() {
        for (method, url, permitted) in [
            ("GET", "https://a.example/x", Some(false)),
            ("POST", "https://a.example/x", None),
            ("get", "https://a.example/x", None),
            ("PURGE", "https://x.b.example/", Some(false)),
            ("GET", "https://b.example/", None),
            ("GET", "http://127.0.0.1:9000/", Some(true)),
            ("GET", "http://127.0.0.1:9001/", None),
        ] {
            let found = grants().permit(method, &url.parse().unwrap());
            assert_eq!(found.ok().map(|it| it.private), permitted, "{method} {url}");
        }
        assert!(Grants::default().permit("GET", &"https://a.example".parse().unwrap()).is_err());
    }

    #[test]
    fn a_refusal_has_the_line_that_allows_it_and_keeps_what_is_allowed() {
        let post = grants().permit("POST", &"https://a.example/x".parse().unwrap()).unwrap_err();
        assert!(
            post.ends_with(
                r#": hosts = [{ url = "https://a.example", methods = ["GET", "HEAD", "POST"] }, "https://*.b.example", { url = "http://127.0.0.1:9000", private = true }]"#
            ),
            "{post}"
        );
        let url = "http://10.0.0.7/x".parse().unwrap();
        let new = Grants::default().refuse_address("GET", &url, "a private");
        assert!(
            new.ends_with(
                r#"hosts = [{ url = "http://10.0.0.7", methods = ["GET"], private = true }]"#
            ),
            "{new}"
        );
    }

    #[test]
    fn nothing_goes_beyond_the_bounds() {
        let bounds = HostBounds {
            hosts: Some(vec!["https://*.b.example".parse().unwrap()]),
            private: false,
        };
        let bounded = Grants { bounds, ..grants() };
        assert!(bounded.permit("GET", &"https://x.b.example".parse().unwrap()).is_ok());
        let refused = bounded.permit("GET", &"https://a.example".parse().unwrap()).unwrap_err();
        assert!(
            refused.ends_with(
                r#"in wakeful.toml: hosts = ["https://*.b.example", "https://a.example"]"#
            ),
            "{refused}"
        );
        let bounds = HostBounds { hosts: None, private: false };
        let bounded = Grants { bounds, ..grants() };
        let url = "http://127.0.0.1:9000".parse().unwrap();
        assert_eq!(bounded.permit("GET", &url), Ok(Permitted { private: false }));
        let refused = bounded.refuse_address("GET", &url, "a loopback");
        assert!(refused.ends_with("in wakeful.toml: private = true"), "{refused}");
    }
}
