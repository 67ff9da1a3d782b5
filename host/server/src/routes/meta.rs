use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::described::Health;
use crate::error::Error;
use crate::extract::Params;
use crate::metrics::{self, Snapshot};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(root))
        .routes(routes!(ok))
        .routes(routes!(info))
        .routes(routes!(metrics))
}

#[utoipa::path(
    get,
    path = "/",
    tag = "meta",
    summary = "Whether the server is there",
    responses((status = 200, description = "Done", body = Health)),
)]
async fn root() -> Json<serde_json::Value> {
    Json(json!({ "ok": true, "services": {} }))
}

/// `?check_db=1` reads and writes the store as well.
#[utoipa::path(
    get,
    path = "/ok",
    tag = "meta",
    summary = "Whether the server is well",
    params(("check_db" = Option<bool>, Query)),
    responses((status = 200, description = "Done", body = Health)),
)]
async fn ok(State(app): State<App>, params: Params) -> Result<Json<serde_json::Value>, Error> {
    if params.flag("check_db")?
        && let Err(problem) = app.host.check().await
    {
        tracing::error!(%problem, "the store does not work");
        return Err(Error::refused(
            StatusCode::SERVICE_UNAVAILABLE,
            "the store does not work; the server's log says why",
        ));
    }
    Ok(Json(json!({ "ok": true, "services": {} })))
}

/// `?format=json` shows a part of it as LangGraph's server does.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "meta",
    summary = "What the server counts",
    params(("format" = Option<String>, Query)),
    responses((status = 200, description = "Done", content((serde_json::Value = "application/json"), (String = "application/openmetrics-text")))),
)]
async fn metrics(State(app): State<App>, params: Params) -> Result<Response, Error> {
    let as_json = |word: &str| match word {
        "json" => Some(true),
        "prometheus" => Some(false),
        _ => None,
    };
    let as_json = params.word("format", as_json, "`json` or `prometheus`")?.unwrap_or(false);
    let snapshot = Snapshot::new(app.host.metrics().await?, &app.observed);
    if as_json {
        return Ok(Json(snapshot.json()).into_response());
    }
    let text = snapshot.text().map_err(|problem| {
        tracing::error!(%problem, "the metrics cannot be written");
        Error::refused(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written")
    })?;
    Ok(([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response())
}

#[utoipa::path(
    get,
    path = "/info",
    tag = "meta",
    summary = "What the server is",
    responses((status = 200, description = "Done", body = serde_json::Value)),
)]
async fn info(State(app): State<App>) -> Json<serde_json::Value> {
    Json(json!({
        "uptime_seconds": app.host.uptime().as_secs(),
        "version": env!("CARGO_PKG_VERSION"),
        "langgraph_py_version": null,
        "flags": {
            "assistants": true,
            "crons": true,
            "langsmith": false,
            "langsmith_tracing_replicas": false,
            "langsmith_tracing_session_on_runs": false,
        },
        "host": {
            "kind": "self-hosted",
            "project_id": null,
            "host_revision_id": null,
            "revision_id": null,
            "tenant_id": null,
        },
    }))
}
