//! `/openapi.json`, and `/docs`, where people read it. Nothing is fetched from elsewhere.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::Config;

use crate::app::App;
use crate::error::Error;
use crate::openapi::document;

/// The page at `/docs`; its parts lie below.
const PAGE: &str = "<!doctype html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<title>Wakeful</title>
<link rel=\"icon\" type=\"image/png\" href=\"docs/favicon-32x32.png\">
<link rel=\"stylesheet\" href=\"docs/swagger-ui.css\">
<style>body { margin: 0 }</style>
</head>
<body>
<div id=\"swagger-ui\"></div>
<script src=\"docs/swagger-ui-bundle.js\"></script>
<script src=\"docs/swagger-ui-standalone-preset.js\"></script>
<script src=\"docs/swagger-initializer.js\"></script>
</body>
</html>
";

pub(crate) fn routes(api: &OpenApi) -> Router<App> {
    let description = document(api).and_then(|document| serde_json::to_vec(&document));
    let description = description.map(Bytes::from).inspect_err(|problem| {
        tracing::error!(%problem, "the API cannot be described");
    });
    let description = description.ok();
    let config = Arc::new(Config::new(["openapi.json"]));
    Router::new()
        .route("/openapi.json", get(async move || describe(description)))
        .route("/docs", get(async || Html(PAGE)))
        .route("/docs/{file}", get(async move |Path(file): Path<String>| part(&file, config)))
}

fn describe(description: Option<Bytes>) -> Result<Response, Error> {
    let unknown = || {
        let detail = "the API cannot be described; the server's log says why";
        Error::refused(StatusCode::INTERNAL_SERVER_ERROR, detail)
    };
    let description = description.ok_or_else(unknown)?;
    Ok(([(CONTENT_TYPE, "application/json")], description).into_response())
}

fn part(name: &str, config: Arc<Config<'static>>) -> Result<Response, Error> {
    let found = utoipa_swagger_ui::serve(name, config).map_err(|problem| {
        tracing::error!(%problem, "a part of the documentation cannot be read");
        Error::refused(StatusCode::INTERNAL_SERVER_ERROR, "this part cannot be read")
    })?;
    let file =
        found.ok_or_else(|| Error::not_found(format!("there is nothing at /docs/{name}")))?;
    let mut response =
        ([(CONTENT_TYPE, file.content_type)], file.bytes.into_owned()).into_response();
    if file.gzpipped {
        response
            .headers_mut()
            .insert(CONTENT_ENCODING, axum::http::HeaderValue::from_static("gzip"));
    }
    Ok(response)
}
