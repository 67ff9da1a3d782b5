use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::debug;
use uuid::Uuid;

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
