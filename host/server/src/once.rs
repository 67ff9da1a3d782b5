use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use wakeful::core::{Digest, Json, RequestKey, ThreadId};

use crate::caller::Caller;
use crate::error::Error;

/// Says that an answer is about what an earlier request of the same key created.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The longest key.
const KEY_MAX: usize = 255;

/// The key with which a client makes sure that a request that creates something creates it once,
/// however often it is sent. Without the header nothing of this happens.
#[derive(Debug)]
pub(crate) struct Once {
    caller: Caller,
    key: Option<(String, Digest)>,
}

/// What the body of a request says, for requests with a key.
#[derive(Debug, Clone, Copy)]
struct BodyDigest(Digest);

impl Once {
    /// A request without a key.
    pub(crate) fn unkeyed() -> Self {
        Self { caller: Caller::default(), key: None }
    }

    /// The request, as one that says `document` and nothing else.
    pub(crate) fn about(self, document: &Json) -> Self {
        let about = |(key, _)| (key, digest(document.to_string().as_bytes()));
        Self { caller: self.caller, key: self.key.map(about) }
    }

    /// The request, as one that creates this `kind` of record, on this thread if on any.
    pub(crate) fn key(&self, kind: &str, thread: Option<ThreadId>) -> Option<RequestKey> {
        let (key, body) = self.key.as_ref()?;
        Some(RequestKey::new(&self.caller.0, kind, thread, key, *body))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Once {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let Ok(caller) = Caller::from_request_parts(parts, state).await;
        let key = key(&parts.headers)?.map(|key| {
            let body = parts.extensions.get().copied();
            let BodyDigest(digest) = body.unwrap_or_else(|| BodyDigest(Digest::of(b"")));
            (key, digest)
        });
        Ok(Self { caller, key })
    }
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Error> {
    let mut keys = headers.get_all(KEY).iter();
    let key = match (keys.next(), keys.next()) {
        (None, _) => return Ok(None),
        (Some(key), None) => key.as_bytes(),
        _ => return Err(Error::bad_request("Idempotency-Key: send one key, not several")),
    };
    let fits = (1..=KEY_MAX).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic);
    match std::str::from_utf8(key) {
        Ok(key) if fits => Ok(Some(key.to_owned())),
        _ => Err(Error::bad_request(format!(
            "Idempotency-Key: a key has 1 to {KEY_MAX} visible ASCII characters and no spaces; a UUID is a good one"
        ))),
    }
}

/// Notes what the body says, if the request has a key.
pub(crate) fn note_body(parts: &mut Parts, body: &[u8]) {
    if parts.headers.contains_key(KEY) {
        parts.extensions.insert(BodyDigest(digest(body)));
    }
}

/// The digest of a document, however its keys are ordered and spaced; or of what is no document.
fn digest(body: &[u8]) -> Digest {
    let sorted = serde_json::from_slice::<Json>(body).ok().and_then(|mut document| {
        document.sort_all_objects();
        serde_json::to_vec(&document).ok()
    });
    Digest::of(sorted.as_deref().unwrap_or(body))
}

/// An answer, marked if it is about what an earlier request created.
pub(crate) fn answer(replayed: bool, answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    if replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_document_has_the_same_digest() {
        let one = digest(br#"{"a": 1, "b": [{"c": 2, "d": 3}]}"#);
        assert_eq!(one, digest(br#"{"b":[{"d":3,"c":2}],"a":1}"#));
        for other in ["{}", r#"{"a": 1, "b": [{"c": 2}]}"#, "no document", ""] {
            assert_ne!(one, digest(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn a_key_is_short_and_visible() {
        let headers = |keys: &[&[u8]]| {
            let value = |key: &&[u8]| (KEY, HeaderValue::from_bytes(key).unwrap());
            keys.iter().map(value).collect::<HeaderMap>()
        };
        assert_eq!(key(&headers(&[])).unwrap(), None);
        let longest = [b'k'; KEY_MAX];
        for good in [&b"k"[..], b"4f1c-_~!", b"\"quoted\"", &longest] {
            let found = key(&headers(&[good])).unwrap();
            assert_eq!(found.as_deref().map(str::as_bytes), Some(good));
        }
        let longer = [b'k'; KEY_MAX + 1];
        for bad in [&b""[..], b"a b", b"\xc3\xa9", &longer] {
            assert!(key(&headers(&[bad])).is_err(), "{bad:?}");
        }
        assert!(key(&headers(&[b"a", b"b"])).is_err());
    }
}
