//! What is inside of an assistant: a component has one node, and no graph below it.

use axum::Json;
use axum::extract::State;
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wakeful::core::{AssistantId, Json as Document};

use crate::app::App;
use crate::error::Error;
use crate::extract::{Ids, Params};
use crate::routes::assistants::known_component;
use crate::wire::{graph, schemas};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(drawn))
        .routes(routes!(described))
        .routes(routes!(below))
        .routes(routes!(below_one))
}

/// A component may also be named itself.
#[utoipa::path(
    get,
    path = "/assistants/{assistant}/graph",
    tag = "assistants",
    summary = "Draw an assistant",
    params(("xray" = Option<String>, Query)),
    responses((status = 200, description = "Done", body = serde_json::Value)),
)]
async fn drawn(State(app): State<App>, ids: Ids, params: Params) -> Result<Json<Document>, Error> {
    params.word("xray", is_xray, "`true`, `false` or a depth from 1")?;
    let name = ids.text("assistant");
    let component = match name.parse::<AssistantId>() {
        Ok(id) => app.host.assistant(id).await?.component,
        Err(_) => known_component(&app.host, name)?,
    };
    Ok(Json(graph(&component)))
}

/// How deep to look into subgraphs, of which there are none.
fn is_xray(text: &str) -> Option<()> {
    let word = ["true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word));
    (word || text.parse::<u32>().is_ok_and(|depth| depth > 0)).then_some(())
}

#[utoipa::path(
    get,
    path = "/assistants/{assistant}/schemas",
    tag = "assistants",
    summary = "Show what an assistant takes and returns",
    responses((status = 200, description = "Done", body = serde_json::Value)),
)]
async fn described(State(app): State<App>, ids: Ids) -> Result<Json<Document>, Error> {
    let assistant = app.host.assistant(ids.assistant()?).await?;
    let component = app.host.component(&assistant.component)?;
    Ok(Json(schemas(&assistant.component, component.about.as_deref())))
}

#[utoipa::path(
    get,
    path = "/assistants/{assistant}/subgraphs",
    tag = "assistants",
    summary = "Show the graphs below an assistant, of which there are none",
    params(("recurse" = Option<bool>, Query)),
    responses((status = 200, description = "Done", body = serde_json::Value)),
)]
async fn below(State(app): State<App>, ids: Ids, params: Params) -> Result<Json<Document>, Error> {
    nothing_below(&app, &ids, &params).await
}

#[utoipa::path(
    get,
    path = "/assistants/{assistant}/subgraphs/{namespace}",
    tag = "assistants",
    summary = "Show a graph below an assistant, of which there are none",
    params(("recurse" = Option<bool>, Query)),
    responses((status = 200, description = "Done", body = serde_json::Value)),
)]
async fn below_one(
    State(app): State<App>,
    ids: Ids,
    params: Params,
) -> Result<Json<Document>, Error> {
    nothing_below(&app, &ids, &params).await
}

async fn nothing_below(app: &App, ids: &Ids, params: &Params) -> Result<Json<Document>, Error> {
    params.flag("recurse")?;
    app.host.assistant(ids.assistant()?).await?;
    Ok(Json(json!({})))
}
