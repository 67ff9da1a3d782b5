use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use crate::app::App;
use crate::error::Error;
use crate::extract::Params;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/", get(root)).route("/ok", get(ok)).route("/info", get(info))
}

async fn root() -> Json<serde_json::Value> {
    Json(json!({ "ok": true, "services": {} }))
}

/// `?check_db=1` reads and writes the store as well.
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

async fn info() -> Json<serde_json::Value> {
    Json(json!({
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
