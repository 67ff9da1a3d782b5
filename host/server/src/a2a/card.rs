use axum::Json as JsonBody;
use axum::extract::State;
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName};
use serde_json::json;
use wakeful::core::{Assistant, Json, Object};

use crate::access::API_KEY;
use crate::app::App;
use crate::described::Refusal;
use crate::error::Error;
use crate::extract::Params;

/// What a proxy says of how it was called.
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// `?assistant_id=` names the assistant, since there are many behind one address.
#[utoipa::path(
    get,
    path = "/.well-known/agent-card.json",
    tag = "agents",
    summary = "Show the card of an assistant",
    params(("assistant_id" = String, Query)),
    responses((status = 200, description = "Done", body = serde_json::Value), (status = 404, description = "There is no such thing", body = Refusal)),
)]
pub(crate) async fn get(
    State(app): State<App>,
    params: Params,
    headers: HeaderMap,
) -> Result<JsonBody<Json>, Error> {
    let Some(asked) = params.get("assistant_id") else {
        return Err(Error::unprocessable(
            "assistant_id: say whose card, as in /.well-known/agent-card.json?assistant_id=…",
        ));
    };
    let assistant = app.host.resolve_assistant(asked).await?;
    Ok(JsonBody(card(&app, &assistant, &origin(&headers))))
}

fn card(app: &App, assistant: &Assistant, origin: &str) -> Json {
    let components = app.host.components();
    let component = components.iter().find(|one| one.id == assistant.component.as_str());
    let component = component.and_then(|component| component.serving.as_ref());
    let description = assistant.description.clone();
    let description = description
        .or_else(|| component.and_then(|component| component.description.clone()))
        .unwrap_or_else(|| format!("{} assistant", assistant.name));
    let schema = component
        .and_then(|component| component.about.as_ref())
        .and_then(|about| about.input_schema.as_ref());
    let properties = schema.and_then(|schema| schema.get("properties")).and_then(Json::as_object);
    let properties: Vec<&str> = properties
        .map_or_else(|| vec!["messages"], |keys| keys.keys().map(String::as_str).collect());
    let required = schema.and_then(|schema| schema.get("required")).and_then(Json::as_array);
    let url = format!("{origin}/a2a/{}", assistant.id);
    let interface = |version: &str| json!({ "url": url, "protocolBinding": "JSONRPC", "protocolVersion": version });
    let modes = ["application/json", "text/plain"];
    let mut card = json!({
        "name": assistant.name,
        "description": description,
        "url": url,
        // Version 0.3 looks for these two, version 1.0 for the interfaces.
        "protocolVersion": "0.3.0",
        "preferredTransport": "JSONRPC",
        "supportedInterfaces": [interface("1.0"), interface("0.3")],
        "capabilities": {
            "streaming": true,
            "pushNotifications": false,
            "stateTransitionHistory": false,
            "extensions": [],
        },
        "defaultInputModes": modes,
        "defaultOutputModes": modes,
        "skills": [{
            "id": format!("{}-main", assistant.id),
            "name": format!("{} Capabilities", assistant.name),
            "description": description,
            "tags": ["assistant", "langgraph"],
            "examples": [],
            "inputModes": modes,
            "outputModes": modes,
            "metadata": {
                "inputSchema": {
                    "required": required.cloned().unwrap_or_default(),
                    "properties": properties,
                    "supportsA2A": true,
                },
            },
        }],
        "version": env!("CARGO_PKG_VERSION"),
    });
    if let (true, Some(card)) = (app.host.needs_key(), card.as_object_mut()) {
        card.extend(security());
    }
    card
}

/// How a client shows its API key: in a header of its own or as a bearer token. Version 0.3 and
/// version 1.0 say it in different words, beside each other.
fn security() -> Object {
    Object::from_iter([
        (
            "securitySchemes".to_owned(),
            json!({
                "apiKey": {
                    "type": "apiKey",
                    "in": "header",
                    "name": API_KEY,
                    "apiKeySecurityScheme": { "location": "header", "name": API_KEY },
                },
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "httpAuthSecurityScheme": { "scheme": "bearer" },
                },
            }),
        ),
        ("security".to_owned(), json!([{ "apiKey": [] }, { "bearer": [] }])),
        (
            "securityRequirements".to_owned(),
            json!([
                { "schemes": { "apiKey": { "list": [] } } },
                { "schemes": { "bearer": { "list": [] } } },
            ]),
        ),
    ])
}

/// Where the client, as it believes, is: the scheme and the host that it or its proxy named.
fn origin(headers: &HeaderMap) -> String {
    let header = |name: HeaderName| {
        let text = headers.get(name).and_then(|value| value.to_str().ok());
        // Every proxy on the way adds its own; the first is the client's.
        text.and_then(|text| text.split(',').next()).map(str::trim)
    };
    let scheme = if header(FORWARDED_PROTO) == Some("https") { "https" } else { "http" };
    let host = header(FORWARDED_HOST).or_else(|| header(HOST));
    let host = host.and_then(|host| host.parse::<Authority>().ok());
    host.map_or_else(String::new, |host| format!("{scheme}://{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_the_one_that_the_client_used() {
        for (given, origin_is) in [
            (vec![("host", "127.0.0.1:8123")], "http://127.0.0.1:8123"),
            (
                vec![
                    ("host", "10.0.0.1:8123"),
                    ("x-forwarded-proto", "https"),
                    ("x-forwarded-host", "a.example, b"),
                ],
                "https://a.example",
            ),
            (vec![("host", "a b")], ""),
            (vec![], ""),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in given {
                headers.insert(name, value.parse().unwrap());
            }
            assert_eq!(origin(&headers), origin_is);
        }
    }
}
