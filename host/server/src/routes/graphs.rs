//! What is inside of an assistant: a component has one node, and no graph below it.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use wakeful::core::{AssistantId, Json as Document};

use crate::app::App;
use crate::error::Error;
use crate::extract::{Ids, Params};
use crate::routes::assistants::known_component;
use crate::wire::{graph, schemas};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/assistants/{assistant}/graph", get(drawn))
        .route("/assistants/{assistant}/schemas", get(described))
        .route("/assistants/{assistant}/subgraphs", get(below))
        .route("/assistants/{assistant}/subgraphs/{namespace}", get(below))
}

/// A component may also be named itself.
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

async fn described(State(app): State<App>, ids: Ids) -> Result<Json<Document>, Error> {
    let assistant = app.host.assistant(ids.assistant()?).await?;
    let component = app.host.component(&assistant.component)?;
    Ok(Json(schemas(&assistant.component, component.about.as_deref())))
}

async fn below(State(app): State<App>, ids: Ids, params: Params) -> Result<Json<Document>, Error> {
    params.flag("recurse")?;
    app.host.assistant(ids.assistant()?).await?;
    Ok(Json(json!({})))
}
