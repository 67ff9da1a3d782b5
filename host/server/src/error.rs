use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use thiserror::Error;
use tracing::error;
use wakeful::{Error as HostError, StoreError};

/// Why a request was not carried out; on the wire `{"detail": "…"}`.
#[derive(Debug, Error)]
pub(crate) enum Error {
    /// The request itself is at fault.
    #[error("{detail}")]
    Refused { status: StatusCode, detail: String },
    /// The host did not do it.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The code that was to do it did not come to an end.
    #[error("a task of the server failed: {0}")]
    Broken(#[from] tokio::task::JoinError),
}

impl Error {
    pub(crate) fn refused(status: StatusCode, detail: impl Into<String>) -> Self {
        Self::Refused { status, detail: detail.into() }
    }

    /// 422: the request can be read, but not carried out as it is.
    pub(crate) fn unprocessable(detail: impl Into<String>) -> Self {
        Self::refused(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// 400: the parts of the request contradict each other.
    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::refused(StatusCode::BAD_REQUEST, detail)
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::refused(StatusCode::NOT_FOUND, detail)
    }

    /// The same, about the part of a list at `index`.
    pub(crate) fn at(self, index: usize) -> Self {
        match self {
            Self::Refused { status, detail } => {
                Self::Refused { status, detail: format!("[{index}]: {detail}") }
            }
            other => other,
        }
    }

    /// The status and the text for the client. What is the host's own fault is not told in full.
    pub(crate) fn answer(&self) -> (StatusCode, String) {
        const INTERNAL: &str = "Internal Server Error; the server's log says why";
        match self {
            Self::Refused { status, detail } => (*status, detail.clone()),
            Self::Host(host) => {
                let status = match host {
                    HostError::NotFound { .. } | HostError::NoComponent { .. } => {
                        StatusCode::NOT_FOUND
                    }
                    HostError::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
                    HostError::Conflict(_) => StatusCode::CONFLICT,
                    HostError::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
                    HostError::Store(StoreError::Full(_)) => {
                        let detail = "the server's disk is full; nothing was stored";
                        return (StatusCode::INSUFFICIENT_STORAGE, detail.to_owned());
                    }
                    HostError::Store(StoreError::Stopped(_)) => {
                        let detail = "the server's store takes no more writes";
                        return (StatusCode::SERVICE_UNAVAILABLE, detail.to_owned());
                    }
                    HostError::Store(_) | HostError::Engine(_) | HostError::Unusable { .. } => {
                        return (StatusCode::INTERNAL_SERVER_ERROR, INTERNAL.to_owned());
                    }
                };
                (status, host.to_string())
            }
            Self::Broken(_) => (StatusCode::INTERNAL_SERVER_ERROR, INTERNAL.to_owned()),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let (status, detail) = self.answer();
        if status.is_server_error() {
            error!(status = status.as_u16(), problem = %self, "a request failed");
        }
        (status, Json(json!({ "detail": detail }))).into_response()
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn what_the_host_could_not_do_has_a_status_and_keeps_its_secrets() {
        let path = || "/srv/secret".into();
        let store = |error: StoreError| HostError::Store(error);
        let missing = HostError::NotFound { what: "run", id: "x".to_owned() };
        for (problem, status) in [
            (missing, 404),
            (HostError::NoComponent { id: "x".to_owned(), known: Vec::new() }, 404),
            (HostError::Invalid("say what".to_owned()), 422),
            (HostError::Conflict("busy".to_owned()), 409),
            (HostError::ShuttingDown, 503),
            (HostError::Unusable { path: path(), reason: "secret".to_owned() }, 500),
            (store(StoreError::Full(path())), 507),
            (store(StoreError::Stopped("secret".to_owned())), 503),
            (store(StoreError::Io(io::Error::other("secret"))), 500),
            (store(StoreError::Damaged { what: "run", reason: "secret".to_owned() }), 500),
        ] {
            let shown = problem.to_string();
            let (found, detail) = Error::from(problem).answer();
            assert_eq!(found.as_u16(), status, "{shown}");
            assert!(!detail.contains("secret"), "{detail}");
            assert_eq!(Error::refused(found, detail).into_response().status().as_u16(), status);
        }
    }
}
