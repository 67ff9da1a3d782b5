//! Takes secrets out of what comes from the network.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue};
use memchr::memmem::Finder;
use zeroize::Zeroizing;

/// What stands where a secret was; as many as it had bytes, so that lengths stay true.
const MARK: u8 = b'*';

/// Takes secrets out of what others say, in all their spellings.
#[derive(Clone, Default)]
pub struct Redactor(Arc<[Zeroizing<Vec<u8>>]>);

impl Redactor {
    /// Looks for these secrets, as they are and as URLs and JSON spell them.
    pub fn new<'a>(secrets: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut spellings = Vec::new();
        for secret in secrets {
            for spelling in [secret.to_vec(), in_url(secret), in_json(secret)] {
                let spelling = Zeroizing::new(spelling);
                if !spellings.contains(&spelling) {
                    spellings.push(spelling);
                }
            }
        }
        // A spelling may contain another one.
        spellings.sort_by_key(|spelling| std::cmp::Reverse(spelling.len()));
        Self(spellings.into())
    }

    /// Takes the secrets out of headers or trailers.
    pub(super) fn headers(&self, headers: &mut HeaderMap) {
        if self.0.is_empty() {
            return;
        }
        for value in headers.values_mut() {
            let mut bytes = BytesMut::from(value.as_bytes());
            if self.mark(&mut bytes)
                && let Ok(marked) = HeaderValue::from_maybe_shared(bytes.freeze())
            {
                *value = marked;
            }
        }
        // Names are in small letters and cannot be changed.
        let named: Vec<_> =
            headers.keys().filter(|name| self.is_named(name.as_str())).cloned().collect();
        for name in named {
            headers.remove(name);
        }
    }

    fn is_named(&self, name: &str) -> bool {
        self.0.iter().any(|secret| {
            let small = Zeroizing::new(secret.to_ascii_lowercase());
            Finder::new(small.as_slice()).find(name.as_bytes()).is_some()
        })
    }

    /// Writes marks over the secrets, and says whether there were any.
    fn mark(&self, bytes: &mut BytesMut) -> bool {
        let mut found = false;
        for secret in self.0.iter() {
            let finder = Finder::new(secret.as_slice());
            let mut from = 0;
            while let Some(at) = bytes.get(from..).and_then(|rest| finder.find(rest)) {
                let end = from + at + secret.len();
                if let Some(place) = bytes.get_mut(from + at..end) {
                    place.fill(MARK);
                }
                (from, found) = (end, true);
            }
        }
        found
    }

    /// How many bytes at the end may be the beginning of a secret.
    fn unfinished(&self, bytes: &[u8]) -> usize {
        let begun = |secret: &Zeroizing<Vec<u8>>| {
            let most = secret.len().saturating_sub(1).min(bytes.len());
            (1..=most).rev().find(|count| {
                secret.get(..*count).is_some_and(|beginning| bytes.ends_with(beginning))
            })
        };
        self.0.iter().filter_map(begun).max().unwrap_or(0)
    }
}

/// Takes secrets out of a body that comes in pieces, however they are cut. Holds back no more than
/// what may be the beginning of a secret.
pub struct Stream {
    redactor: Redactor,
    held: BytesMut,
}

impl Stream {
    /// A body that begins.
    pub fn new(redactor: Redactor) -> Self {
        Self { redactor, held: BytesMut::new() }
    }

    /// What can be passed on after this piece.
    pub fn piece(&mut self, piece: Bytes) -> Bytes {
        if self.redactor.0.is_empty() {
            return piece;
        }
        self.held.extend_from_slice(&piece);
        self.redactor.mark(&mut self.held);
        let ready = self.held.len() - self.redactor.unfinished(&self.held);
        self.held.split_to(ready).freeze()
    }

    /// What is left at the end.
    pub fn rest(&mut self) -> Bytes {
        self.held.split().freeze()
    }
}

/// As a URL spells it.
fn in_url(secret: &[u8]) -> Vec<u8> {
    let mut spelled = Vec::with_capacity(secret.len());
    for byte in secret {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            spelled.push(*byte);
        } else {
            spelled.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
    spelled
}

/// As a string of JSON spells it.
fn in_json(secret: &[u8]) -> Vec<u8> {
    let mut spelled = Vec::with_capacity(secret.len());
    for byte in secret {
        if matches!(byte, b'"' | b'\\') {
            spelled.push(b'\\');
        }
        spelled.push(*byte);
    }
    spelled
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"s3cr/t\"s3cr";

    fn redactor() -> Redactor {
        Redactor::new([SECRET, b"another-one"].into_iter())
    }

    #[test]
    fn a_secret_is_found_however_the_body_is_cut() {
        let body = [
            b"x s3cr ".as_slice(),
            SECRET,
            b" s3cr%2Ft%22s3cr s3cr/t\\\"s3cr ",
            b"another-one",
            b" s3cr/t",
        ]
        .concat();
        let expected = format!(
            "x s3cr {} {} {} {} s3cr/t",
            "*".repeat(11),
            "*".repeat(15),
            "*".repeat(12),
            "*".repeat(11)
        );
        for size in 1..=body.len() {
            let mut stream = Stream::new(redactor());
            let mut out = Vec::new();
            for piece in body.chunks(size) {
                out.extend_from_slice(&stream.piece(Bytes::copy_from_slice(piece)));
            }
            out.extend_from_slice(&stream.rest());
            assert_eq!(String::from_utf8(out).unwrap(), expected, "in pieces of {size}");
        }
    }

    #[test]
    fn nothing_is_held_back_that_cannot_be_a_secret() {
        let mut stream = Stream::new(redactor());
        assert_eq!(stream.piece(Bytes::from_static(b"data: x\n\n")), "data: x\n\n");
        assert_eq!(stream.piece(Bytes::from_static(b"data: s3cr")), "data: ");
        assert_eq!(stream.piece(Bytes::from_static(b"ets")), "s3crets".get(..6).unwrap());
    }

    #[test]
    fn headers_lose_secrets_in_values_and_names() {
        let mut headers = HeaderMap::new();
        headers.insert("x-echo", HeaderValue::from_static("Bearer another-one!"));
        headers.insert("x-another-one", HeaderValue::from_static("1"));
        headers.insert("x-plain", HeaderValue::from_static("1"));
        redactor().headers(&mut headers);
        assert_eq!(headers.get("x-echo").unwrap(), "Bearer ***********!");
        assert_eq!(headers.len(), 2);
    }
}
