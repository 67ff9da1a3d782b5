use serde_json::{Value, json};
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest,
    RequestOptions, Scheme,
};
use wasip2::io::streams::StreamError;

/// Bytes of a body that are told in full.
const SHOWN: usize = 64 << 10;

/// Sends a request, and goes where redirects lead, as often as it may.
pub(crate) fn follow(wish: &Value) -> Value {
    let mut url = wish["url"].as_str().unwrap_or_default().to_owned();
    let mut left = wish["follow"].as_u64().unwrap_or(0);
    let mut hops = Vec::new();
    loop {
        let response = match send(wish, &url) {
            Ok(response) => response,
            Err(error) => return json!({ "error": error, "hops": hops }),
        };
        let headers = response.headers().entries();
        let location = headers.iter().find(|(name, _)| name == "location");
        if let (Some((_, location)), Some(rest)) = (location, left.checked_sub(1)) {
            hops.push(url);
            url = String::from_utf8_lossy(location).into_owned();
            left = rest;
            continue;
        }
        return told(&response, &headers, wish["unread"].as_bool().unwrap_or_default());
    }
}

fn told(response: &IncomingResponse, headers: &[(String, Vec<u8>)], unread: bool) -> Value {
    let status = response.status();
    let headers: Value =
        headers.iter().map(|(name, value)| json!([name, String::from_utf8_lossy(value)])).collect();
    if unread {
        return json!({ "status": status, "headers": headers });
    }
    let (body, problem) = read(response);
    let bytes = body.len();
    let shown = String::from_utf8_lossy(&body[..bytes.min(SHOWN)]).into_owned();
    json!({ "status": status, "headers": headers, "bytes": bytes, "body": shown, "problem": problem })
}

fn read(response: &IncomingResponse) -> (Vec<u8>, Option<String>) {
    let mut all = Vec::new();
    let Ok(body) = response.consume() else { return (all, Some("consumed".into())) };
    let Ok(stream) = body.stream() else { return (all, Some("no stream".into())) };
    let problem = loop {
        match stream.blocking_read(64 << 10) {
            Ok(piece) => all.extend_from_slice(&piece),
            Err(StreamError::Closed) => break None,
            Err(StreamError::LastOperationFailed(error)) => {
                let code = wasip2::http::types::http_error_code(&error);
                break Some(code.map_or_else(|| error.to_debug_string(), |code| shown(&code)));
            }
        }
    };
    drop(stream);
    IncomingBody::finish(body);
    (all, problem)
}

/// Sends one request and waits for the head of its answer.
pub(crate) fn send(wish: &Value, url: &str) -> Result<IncomingResponse, String> {
    let headers = Fields::new();
    for (name, value) in wish["headers"].as_object().into_iter().flatten() {
        let value = filled(value.as_str().unwrap_or_default());
        headers.append(name, value.as_bytes()).map_err(|error| format!("{error:?}"))?;
    }
    let request = OutgoingRequest::new(headers);
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let scheme = match scheme {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.to_owned()),
    };
    let unusable = |()| "unusable".to_owned();
    request.set_scheme(Some(&scheme)).map_err(unusable)?;
    request.set_authority(Some(authority)).map_err(unusable)?;
    request
        .set_path_with_query(Some(if path.is_empty() { "/" } else { path }))
        .map_err(unusable)?;
    request.set_method(&method(wish["method"].as_str().unwrap_or("GET"))).map_err(unusable)?;
    let body = request.body().map_err(unusable)?;
    let options = RequestOptions::new();
    let pending = outgoing_handler::handle(request, Some(options)).map_err(|code| shown(&code))?;
    // What goes wrong with the body is told by the answer.
    let _ = write(body, &filled(wish["body"].as_str().unwrap_or_default()));
    pending.subscribe().block();
    match pending.get() {
        Some(Ok(Ok(response))) => Ok(response),
        Some(Ok(Err(code))) => Err(shown(&code)),
        _ => Err("no answer".to_owned()),
    }
}

fn write(body: OutgoingBody, text: &str) -> Result<(), String> {
    if !text.is_empty() {
        let stream = body.write().map_err(|()| "no stream".to_owned())?;
        for piece in text.as_bytes().chunks(4_096) {
            stream.blocking_write_and_flush(piece).map_err(|error| format!("{error:?}"))?;
        }
    }
    OutgoingBody::finish(body, None).map_err(|code| shown(&code))
}

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "CONNECT" => Method::Connect,
        "OPTIONS" => Method::Options,
        "TRACE" => Method::Trace,
        "PATCH" => Method::Patch,
        other => Method::Other(other.to_owned()),
    }
}

/// A text with variables of the environment in place of their names.
fn filled(text: &str) -> String {
    if let Some(count) = text.strip_prefix("fill:") {
        return "x".repeat(count.parse().unwrap_or(0));
    }
    let mut text = text.to_owned();
    for (name, value) in std::env::vars() {
        text = text.replace(&format!("${name}"), &value);
    }
    text
}

/// The name of a code, without what it carries.
fn shown(code: &ErrorCode) -> String {
    let text = format!("{code:?}");
    let text = text.strip_prefix("ErrorCode::").unwrap_or(&text);
    text.split(['(', ' ']).next().unwrap_or_default().to_owned()
}
