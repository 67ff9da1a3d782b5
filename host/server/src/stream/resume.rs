use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use wakeful::core::EventId;

use crate::error::Error;

/// From where a client wants a stream that it has seen a part of: the header `Last-Event-ID`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resume {
    /// It did not say.
    Unsaid,
    /// From the beginning.
    Beginning,
    /// After this event.
    After(EventId),
}

impl Resume {
    fn parse(text: &str) -> Result<Self, Error> {
        match text.trim() {
            "" => Ok(Self::Unsaid),
            "-" | "0" => Ok(Self::Beginning),
            id => id.parse().map(Self::After).map_err(|error| {
                Error::unprocessable(format!("Invalid last-event-id: {error}, `0`, or `-`"))
            }),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Resume {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let Some(value) = parts.headers.get("last-event-id") else { return Ok(Self::Unsaid) };
        let text = value.to_str().map_err(|_| {
            Error::unprocessable("Invalid last-event-id: it has characters that no id has")
        })?;
        Self::parse(text)
    }
}
