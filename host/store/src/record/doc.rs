use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use wakeful_core::Digest;

use super::codec::text;
use crate::Error;
use crate::blobs::Blobs;

/// The largest document that stands in its record. A record has up to four of them, and sled takes
/// no value beyond 4 KiB.
const INLINE: usize = 800;

/// A part of a record that may be large.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Doc {
    /// The JSON itself.
    #[serde(rename = "json")]
    Inline(Box<RawValue>),
    /// The blob that holds the JSON.
    #[serde(rename = "blob", with = "text")]
    Blob(Digest),
}

impl Doc {
    /// The blob that it needs.
    pub(crate) fn blob(&self) -> Option<Digest> {
        match self {
            Self::Inline(_) => None,
            Self::Blob(digest) => Some(*digest),
        }
    }
}

/// Writes and reads documents. Does input and output: never on an async thread.
#[derive(Debug)]
pub(crate) struct Docs {
    pub(crate) blobs: Blobs,
}

impl Docs {
    /// Keeps a document; durably, where it needs a blob.
    pub(crate) fn put<T: Serialize + ?Sized>(&self, value: &T) -> Result<Doc, Error> {
        let json = serde_json::to_string(value).map_err(std::io::Error::other)?;
        if json.len() > INLINE {
            return Ok(Doc::Blob(self.blobs.put(json.as_bytes())?));
        }
        Ok(Doc::Inline(RawValue::from_string(json).map_err(std::io::Error::other)?))
    }

    /// The document; `what` names its record if it cannot be read.
    pub(crate) fn get<T: DeserializeOwned>(
        &self,
        doc: &Doc,
        what: &'static str,
    ) -> Result<T, Error> {
        match doc {
            Doc::Inline(json) => parse(json.get().as_bytes(), what),
            Doc::Blob(digest) => parse(&self.blobs.get(*digest)?, what),
        }
    }
}

fn parse<T: DeserializeOwned>(json: &[u8], what: &'static str) -> Result<T, Error> {
    let mut from = serde_json::Deserializer::from_slice(json);
    // What went in had been parsed within the usual limit of depth; the record around it adds a
    // few levels, which must not make it unreadable.
    from.disable_recursion_limit();
    T::deserialize(&mut from)
        .and_then(|value| from.end().map(|()| value))
        .map_err(|error| Error::Damaged { what, reason: error.to_string() })
}
