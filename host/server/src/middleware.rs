use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, MatchedPath, Request, State};
use axum::http::header::CONNECTION;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::debug;
use uuid::Uuid;

use crate::app::App;
use crate::error::Error;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest request id that is taken over from a client.
const REQUEST_ID_MAX: usize = 128;

/// Logs every request in one line, and gives every answer a request id: the client's, or a new one.
pub(crate) async fn observe(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    // The matched path, because ids in paths would make every line a new one.
    let path = request.extensions().get::<MatchedPath>().cloned();
    let given = request.headers().get(REQUEST_ID).filter(|id| id.len() <= REQUEST_ID_MAX);
    let id = given.cloned().or_else(|| HeaderValue::from_str(&Uuid::now_v7().to_string()).ok());
    let mut response = next.run(request).await;
    debug!(
        %method,
        path = path.as_ref().map_or("-", MatchedPath::as_str),
        status = response.status().as_u16(),
        ms = began.elapsed().as_millis(),
        request_id = ?id,
        "answered"
    );
    if let Some(id) = id {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// Reads the whole body, whether anybody wants it or not. A connection on which a body was left
/// unread cannot be used again, and a client that keeps connections would fail at its next request.
pub(crate) async fn take_body(State(app): State<App>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let whole = Bytes::from_request(Request::from_parts(parts.clone(), body), &()).await;
    let error = match whole {
        Ok(bytes) => return next.run(Request::from_parts(parts, Body::from(bytes))).await,
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => Error::refused(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the request body is larger than {} bytes", app.settings.max_body),
        ),
        Err(_) => Error::bad_request("the request body could not be read to its end"),
    };
    let mut response = error.into_response();
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
