use axum::Json as JsonBody;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tracing::error;
use wakeful::core::Json;

use crate::error::Error;

/// The body is not JSON.
pub(crate) const PARSE_ERROR: i64 = -32700;
/// It is JSON, but not a JSON-RPC 2.0 request.
pub(crate) const INVALID_REQUEST: i64 = -32600;
/// There is no such method.
pub(crate) const METHOD_NOT_FOUND: i64 = -32601;
/// The method does not take these parameters.
pub(crate) const INVALID_PARAMS: i64 = -32602;
/// The host could not do it.
pub(crate) const INTERNAL_ERROR: i64 = -32603;

/// Why a method was not carried out: the `error` of a JSON-RPC 2.0 response.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RpcError {
    pub(crate) code: i64,
    pub(crate) message: String,
}

impl RpcError {
    pub(crate) fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn invalid_params(message: impl Into<String>) -> Self {
        Self::new(INVALID_PARAMS, message)
    }

    /// The response that tells it to whoever sent the request with this id.
    pub(crate) fn document(&self, id: &Json) -> Json {
        let error = json!({ "code": self.code, "message": self.message });
        json!({ "jsonrpc": "2.0", "id": id, "error": error })
    }

    pub(crate) fn response(&self, status: StatusCode, id: &Json) -> Response {
        (status, JsonBody(self.document(id))).into_response()
    }
}

impl<E: Into<Error>> From<E> for RpcError {
    fn from(problem: E) -> Self {
        let problem = problem.into();
        let (status, detail) = problem.answer();
        if status.is_server_error() {
            error!(status = status.as_u16(), %problem, "a method failed");
            return Self::new(INTERNAL_ERROR, detail);
        }
        Self::invalid_params(detail)
    }
}

/// The id of a request, if the document has one that JSON-RPC allows; else null.
pub(crate) fn id_of(document: &Json) -> Json {
    document.get("id").filter(|id| id.is_string() || id.is_number()).cloned().unwrap_or_default()
}
