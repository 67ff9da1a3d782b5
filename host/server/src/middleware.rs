use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, MatchedPath, Request, State};
use axum::http::header::CONNECTION;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::{debug, info};
use uuid::Uuid;

use crate::app::App;
use crate::caller::Caller;
use crate::error::Error;
use crate::once::note_body;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest request id that is taken over from a client.
const REQUEST_ID_MAX: usize = 128;

/// Counts every request and logs it in one line, and gives every answer a request id: the client's,
/// or a new one. Neither the path as it was sent nor a header is logged: there may be a secret in it.
pub(crate) async fn observe(State(app): State<App>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    // The matched path, because ids in paths would make every line a new one.
    let path = request.extensions().get::<MatchedPath>().cloned();
    let given = request.headers().get(REQUEST_ID).filter(|id| id.len() <= REQUEST_ID_MAX);
    let id = given.cloned().or_else(|| HeaderValue::from_str(&Uuid::now_v7().to_string()).ok());
    let mut response = next.run(request).await;
    let (status, took) = (response.status(), began.elapsed());
    let route = path.as_ref().map(MatchedPath::as_str);
    app.observed.note(&method, route, status, took);
    let caller = response.extensions_mut().remove::<Caller>().unwrap_or_default();
    let (route, status, ms) = (route.unwrap_or("-"), status.as_u16(), took.as_millis());
    let request_id = id.as_ref().and_then(|id| id.to_str().ok()).unwrap_or("-");
    if app.settings.request_log {
        info!(request_id, %method, route, status, ms, key = caller.0, "answered");
    } else {
        debug!(request_id, %method, route, status, ms, key = caller.0, "answered");
    }
    if let Some(id) = id {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    app.observed.follow(response)
}

/// Reads the whole body, whether anybody wants it or not. A connection on which a body was left
/// unread cannot be used again, and a client that keeps connections would fail at its next request.
pub(crate) async fn take_body(State(app): State<App>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let whole = Bytes::from_request(Request::from_parts(parts.clone(), body), &()).await;
    let error = match whole {
        Ok(bytes) => {
            note_body(&mut parts, &bytes);
            return next.run(Request::from_parts(parts, Body::from(bytes))).await;
        }
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
