use serde::{Deserialize, Serialize};
use wakeful_core::{Digest, Json, TokenUse};

use super::codec::text;
use super::report::StoredTokens;
use super::{Doc, Docs};
use crate::Error;
use crate::store::{JournalEntry, RecordCall};

/// A call of a language model. Its run and its number are its key in the table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredCall {
    #[serde(with = "text")]
    request: Digest,
    pub(crate) answer: Option<Doc>,
    tokens: StoredTokens,
}

impl StoredCall {
    pub(crate) fn new(call: &RecordCall, docs: &Docs) -> Result<Self, Error> {
        Ok(Self {
            request: call.request,
            answer: call.answer.as_ref().map(|answer| docs.put(answer)).transpose()?,
            tokens: StoredTokens::new(call.tokens),
        })
    }

    /// Counts what the call used whose place it takes.
    pub(crate) fn after(&mut self, earlier: &Self) {
        let mut tokens = self.tokens();
        tokens += earlier.tokens();
        self.tokens = StoredTokens::new(tokens);
    }

    fn tokens(&self) -> TokenUse {
        self.tokens.open()
    }

    pub(crate) fn entry(&self, number: u32) -> JournalEntry {
        let Self { request, answer, .. } = self;
        JournalEntry {
            number,
            request: *request,
            answered: answer.is_some(),
            tokens: self.tokens(),
        }
    }

    pub(crate) fn answer(&self, docs: &Docs) -> Result<Option<Json>, Error> {
        self.answer.as_ref().map(|answer| docs.get(answer, "answer of a model")).transpose()
    }

    pub(crate) fn docs(&self) -> impl Iterator<Item = &Doc> {
        self.answer.iter()
    }
}

/// Tokens of one day.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct StoredDay {
    pub(crate) tokens: u64,
}
