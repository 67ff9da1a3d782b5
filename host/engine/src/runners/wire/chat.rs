use serde::{Deserialize, Serialize};

use super::report::WireOutcome;
use super::{Damaged, Opened, Text, WireFailure};
use crate::{ModelCall, ModelRefusal};

/// What a guest tells a language model.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::runners) enum ToModel {
    /// Asks it.
    Open(WireModelCall),
    /// A piece of the answer was taken; there is room for another one.
    Taken,
    /// Wants no more of it.
    Drop,
}

/// What a language model tells a guest.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::runners) enum FromModel {
    /// A piece of the answer.
    Piece(String),
    /// All of it.
    Answer(Text),
    /// There is none.
    Refused(WireRefusal),
}

#[derive(Debug, Serialize, Deserialize)]
pub(in crate::runners) struct WireModelCall {
    number: u32,
    model: String,
    request: Text,
    streamed: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(in crate::runners) enum WireRefusal {
    Told(WireFailure),
    Ends(WireOutcome),
}

impl WireModelCall {
    pub(in crate::runners) fn new(call: ModelCall) -> Self {
        let ModelCall { number, model, request, streamed } = call;
        Self { number, model: model.to_string(), request: Text::of_object(request), streamed }
    }

    pub(in crate::runners) fn open(self) -> Opened<ModelCall> {
        Ok(ModelCall {
            number: self.number,
            model: self.model.parse().map_err(|_| Damaged)?,
            request: self.request.object()?,
            streamed: self.streamed,
        })
    }
}

impl WireRefusal {
    pub(in crate::runners) fn new(refusal: ModelRefusal) -> Self {
        match refusal {
            ModelRefusal::Told(failure) => Self::Told(WireFailure::new(failure)),
            ModelRefusal::Ends(outcome) => Self::Ends(WireOutcome::new(outcome)),
        }
    }

    pub(in crate::runners) fn open(self) -> Opened<ModelRefusal> {
        Ok(match self {
            Self::Told(failure) => ModelRefusal::Told(failure.open()?),
            Self::Ends(outcome) => ModelRefusal::Ends(outcome.open()?),
        })
    }
}
