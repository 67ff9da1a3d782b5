//! The secrets of a run, which stands with placeholders in their place.

use http::{HeaderMap, HeaderValue};
use memchr::memmem;
use wakeful_core::toml_text::list;
use wakeful_core::{HeldSecret, OriginPattern, WebUrl};

use super::redact::Redactor;

/// What every placeholder begins with.
const PREFIX: &str = "wakeful-secret-";

/// The secrets that a run may use.
#[derive(Default)]
pub(crate) struct Secrets {
    known: Vec<Secret>,
    pub(super) redactor: Redactor,
}

struct Secret {
    /// What the guest holds: random, and worth nothing elsewhere.
    placeholder: String,
    held: HeldSecret,
}

impl Secrets {
    pub(crate) fn new(held: Vec<HeldSecret>) -> wasmtime::Result<Self> {
        let redactor = Redactor::new(held.iter().map(|secret| secret.value.expose()));
        let known = held
            .into_iter()
            .map(|held| Ok(Secret { placeholder: placeholder()?, held }))
            .collect::<wasmtime::Result<_>>()?;
        Ok(Self { known, redactor })
    }

    /// Names and placeholders, for the guest's environment.
    pub(crate) fn placeholders(&self) -> impl Iterator<Item = (&str, &str)> {
        self.known
            .iter()
            .map(|secret| (secret.held.grant.name.as_str(), secret.placeholder.as_str()))
    }

    /// Whether a placeholder is in there.
    pub(super) fn are_in(&self, bytes: &[u8]) -> bool {
        self.known.iter().any(|secret| secret.is_in(bytes))
    }

    /// The longest placeholder.
    pub(super) fn longest(&self) -> usize {
        self.known.iter().map(|secret| secret.placeholder.len()).max().unwrap_or(0)
    }

    /// Puts the secrets where their placeholders are, and says whether there were any. Refuses what
    /// their grants do not name, and says how it would be granted.
    pub(super) fn put_into(&self, headers: &mut HeaderMap, url: &WebUrl) -> Result<bool, String> {
        let mut found = false;
        for secret in &self.known {
            if headers.keys().any(|name| secret.is_in(name.as_str().as_bytes())) {
                return Err(secret.refusal("in the name of a header", url));
            }
            for (name, value) in headers.iter_mut() {
                if !secret.is_in(value.as_bytes()) {
                    continue;
                }
                if name.as_str() != secret.held.grant.header {
                    return Err(secret.refusal(&format!("in header {name}"), url));
                }
                if !secret.held.grant.to.iter().any(|origin| origin.covers(url)) {
                    let origin = OriginPattern::of(url);
                    return Err(secret.refusal(&format!("to {origin}"), url));
                }
                *value = secret.put(value)?;
                found = true;
            }
        }
        Ok(found)
    }
}

impl Secret {
    fn is_in(&self, bytes: &[u8]) -> bool {
        memmem::find(bytes, self.placeholder.as_bytes()).is_some()
    }

    fn put(&self, value: &HeaderValue) -> Result<HeaderValue, String> {
        let mut sent = Vec::new();
        let mut rest = value.as_bytes();
        while let Some((before, after)) = split(rest, self.placeholder.as_bytes()) {
            sent.extend_from_slice(before);
            sent.extend_from_slice(self.held.value.expose());
            rest = after;
        }
        sent.extend_from_slice(rest);
        // Moved, not copied: the header is the only place where it is.
        let mut sent = HeaderValue::from_maybe_shared(bytes::Bytes::from(sent))
            .map_err(|_| format!("secret {} cannot be sent in a header", self.held.grant.name))?;
        sent.set_sensitive(true);
        Ok(sent)
    }

    fn refusal(&self, how: &str, url: &WebUrl) -> String {
        let grant = &self.held.grant;
        let mut to = grant.to.clone();
        if !to.iter().any(|origin| origin.covers(url)) {
            to.push(OriginPattern::of(url));
        }
        format!(
            "the assistant may not send secret {} {how}; it goes in header {} alone; what it may go to is, under [grants.secrets.{}] in its .toml: to = {}",
            grant.name,
            grant.header,
            grant.name,
            list(&to)
        )
    }
}

fn split<'a>(bytes: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let found = memmem::find(bytes, at)?;
    bytes.get(..found).zip(bytes.get(found + at.len()..))
}

fn placeholder() -> wasmtime::Result<String> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)
        .map_err(|error| wasmtime::format_err!("no random numbers: {error}"))?;
    Ok(format!("{PREFIX}{:032x}", u128::from_be_bytes(random)))
}

#[cfg(test)]
mod tests {
    use wakeful_core::{SecretGrant, SecretSource, SecretValue};

    use super::*;

    fn secrets() -> Secrets {
        let grant = SecretGrant {
            name: "TOKEN".to_owned(),
            source: SecretSource::Host("TOKEN".to_owned()),
            to: vec!["https://a.example".parse().unwrap()],
            header: "authorization".to_owned(),
        };
        let value = SecretValue::new(b"correct-horse".to_vec()).unwrap();
        Secrets::new(vec![HeldSecret { grant, value }]).unwrap()
    }

    fn put(header: &'static str, url: &str) -> Result<(bool, HeaderMap), String> {
        let secrets = secrets();
        let (name, placeholder) = secrets.placeholders().next().unwrap();
        assert_eq!(name, "TOKEN");
        let mut headers = HeaderMap::new();
        let value = format!("Bearer {placeholder},{placeholder}");
        headers.insert(header, value.parse().unwrap());
        let found = secrets.put_into(&mut headers, &url.parse().unwrap())?;
        Ok((found, headers))
    }

    #[test]
    fn a_secret_goes_where_its_grant_says_and_nowhere_else() {
        let (found, headers) = put("authorization", "https://a.example/x").unwrap();
        assert!(found);
        let sent = headers.get("authorization").unwrap();
        assert_eq!(sent, "Bearer correct-horse,correct-horse");
        assert!(sent.is_sensitive() && !format!("{headers:?}").contains("horse"));
        for (header, url, expected) in [
            ("authorization", "http://a.example/x", "to http://a.example;"),
            (
                "authorization",
                "https://b.example/x",
                r#"to = ["https://a.example", "https://b.example"]"#,
            ),
            ("x-key", "https://a.example/x", "in header x-key"),
        ] {
            let refusal = put(header, url).unwrap_err();
            assert!(refusal.contains(expected) && !refusal.contains("horse"), "{refusal}");
        }
    }

    #[test]
    fn placeholders_differ_from_run_to_run() {
        let one = secrets().placeholders().next().unwrap().1.to_owned();
        let other = secrets().placeholders().next().unwrap().1.to_owned();
        assert_ne!(one, other);
    }
}
