use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use wakeful::core::Json;

use crate::app::App;
use crate::described::Refusal;
use crate::error::Error;
use crate::mcp::handler::Assistants;
use crate::rpc::{INVALID_REQUEST, PARSE_ERROR, RpcError, id_of};

/// The most bytes of a refusal that are read to pass it on.
const REFUSAL_MAX: usize = 64 << 10;

/// Answers one message of a client.
#[utoipa::path(
    post,
    path = "/mcp",
    tag = "agents",
    summary = "Send a message of the Model Context Protocol",
    request_body = serde_json::Value,
    responses((status = 200, description = "Done", body = serde_json::Value), (status = 202, description = "Taken on"), (status = 404, description = "There is no such thing", body = Refusal), (status = 400, description = "It is no message; the error says why", body = serde_json::Value), (status = 406, description = "The client does not take the answer", body = serde_json::Value), (status = 415, description = "The body is of another type", body = serde_json::Value)),
)]
pub(crate) async fn post(State(app): State<App>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    // The middleware has read it already, and refused what is too large.
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return Error::bad_request("the request body could not be read to its end").into_response();
    };
    // HTTP/1.0 has no `host`, and the transport insists on one.
    parts.headers.entry(HOST).or_insert(HeaderValue::from_static("localhost"));
    let is_json = has_type(&parts.headers, "application/json");
    let message = Request::from_parts(parts, Body::from(bytes.clone()));
    let response = service(&app).handle(message).await.map(Body::new);
    let status = response.status();
    if status.as_u16() < 400 || has_type(response.headers(), "application/json") {
        return response;
    }
    if status == StatusCode::UNSUPPORTED_MEDIA_TYPE && is_json {
        return unreadable(&bytes);
    }
    let text = to_bytes(response.into_body(), REFUSAL_MAX).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    RpcError::new(INVALID_REQUEST, text).response(status, &Json::Null)
}

fn service(app: &App) -> StreamableHttpService<Assistants, NeverSessionManager> {
    let keep_alive = app.settings.keep_alive;
    // Any page may call any other route as well, see `cors`; what keeps strangers out is the key.
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_sse_keep_alive(Some(keep_alive))
        .with_max_request_body_bytes(usize::try_from(app.settings.max_body).unwrap_or(usize::MAX))
        .disable_allowed_hosts()
        .disable_allowed_origins();
    let handler = Assistants { host: app.host.clone(), keep_alive };
    let sessions = Arc::new(NeverSessionManager::default());
    StreamableHttpService::new(move || Ok(handler.clone()), sessions, config)
}

/// Says what is wrong with a body that is no message.
fn unreadable(bytes: &Bytes) -> Response {
    match serde_json::from_slice::<Json>(bytes) {
        Err(error) => {
            let problem = RpcError::new(PARSE_ERROR, format!("the body is not JSON: {error}"));
            problem.response(StatusCode::BAD_REQUEST, &Json::Null)
        }
        Ok(document) => {
            let hint =
                r#"send one message, such as {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}"#;
            let problem = RpcError::new(INVALID_REQUEST, hint);
            problem.response(StatusCode::BAD_REQUEST, &id_of(&document))
        }
    }
}

fn has_type(headers: &HeaderMap, wanted: &str) -> bool {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    given.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(wanted)
}
