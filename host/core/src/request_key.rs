use uuid::Uuid;

use crate::{Digest, ThreadId};

/// Names one request of one caller, so that what it creates is created once however often the
/// request is sent: the ids are derived from the key, and the digest tells another request that
/// uses the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestKey {
    id: Uuid,
    digest: Digest,
}

impl RequestKey {
    const NAMESPACE: Uuid = Uuid::from_u128(0x8f8d_6a5e_31c4_4b0e_9d7a_5f6d_1c2b_3a49);

    /// The request with this `body` that `caller` sent under `key`. The same key means another
    /// request for another `kind` of record or, where the records are on a thread, another thread.
    pub fn new(
        caller: &str,
        kind: &str,
        thread: Option<ThreadId>,
        key: &str,
        body: Digest,
    ) -> Self {
        let thread = thread.map(|thread| thread.to_string()).unwrap_or_default();
        let mut name = Vec::new();
        for part in [caller, kind, &thread, key] {
            // The length before each part keeps two parts from passing for one.
            name.extend_from_slice(&(part.len() as u64).to_be_bytes());
            name.extend_from_slice(part.as_bytes());
        }
        let id = Uuid::new_v5(&Self::NAMESPACE, &name);
        let digest = Digest::of(&[id.as_bytes().as_slice(), body.as_bytes()].concat());
        Self { id, digest }
    }

    /// The id of the record that the request creates.
    pub const fn id(&self) -> Uuid {
        self.id
    }

    /// The request for the part at `index` of what a request creates many of.
    pub fn part(&self, index: usize) -> Self {
        let id = Uuid::new_v5(&self.id, &(index as u64).to_be_bytes());
        Self { id, digest: self.digest }
    }

    /// Tells this request from another under the same key.
    pub const fn digest(&self) -> Digest {
        self.digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_of_one_caller_one_kind_and_one_thread() {
        let body = Digest::of(b"{}");
        let thread = ThreadId::generate();
        let key = RequestKey::new("a", "run", Some(thread), "k", body);
        assert_eq!(key, RequestKey::new("a", "run", Some(thread), "k", body));
        for other in [
            RequestKey::new("b", "run", Some(thread), "k", body),
            RequestKey::new("a", "cron", Some(thread), "k", body),
            RequestKey::new("a", "run", None, "k", body),
            RequestKey::new("a", "run", Some(thread), "l", body),
            RequestKey::new("ar", "un", Some(thread), "k", body),
            key.part(0),
        ] {
            assert_ne!(other.id(), key.id(), "{other:?}");
        }
        assert_ne!(key.part(0).id(), key.part(1).id());
    }

    #[test]
    fn another_request_under_the_same_key_is_told_from_it() {
        let key = |body: &[u8]| RequestKey::new("", "run", None, "k", Digest::of(body));
        assert_eq!(key(b"1").id(), key(b"2").id());
        assert_ne!(key(b"1").digest(), key(b"2").digest());
        assert_eq!(key(b"1").part(3).digest(), key(b"1").digest());
    }
}
