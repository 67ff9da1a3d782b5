use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use wakeful::Host;

use crate::app::App;
use crate::error::Error;
use crate::extract::{Body, Ids};
use crate::routes::page::paged;
use crate::wire::{Assistant, AssistantFilter, AssistantSearch};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/assistants/search", post(search))
        .route("/assistants/count", post(count))
        .route("/assistants/{assistant}", get(one))
}

async fn one(State(app): State<App>, ids: Ids) -> Result<Response, Error> {
    let assistant = app.host.assistant(ids.assistant()?).await?;
    Ok(Json(Assistant::from(&assistant)).into_response())
}

async fn search(
    State(app): State<App>,
    Body(search): Body<AssistantSearch>,
) -> Result<Response, Error> {
    let select = search.select.clone();
    select.check(Assistant::KEYS)?;
    check_graph(&app.host, search.graph_id.as_deref())?;
    let query = search.into_query();
    let offset = query.offset;
    let page = app.host.search_assistants(query).await?;
    let shown: Vec<_> = page.items.iter().map(Assistant::from).collect();
    Ok(paged(select.list(&shown), offset, shown.len(), page.total))
}

async fn count(
    State(app): State<App>,
    Body(filter): Body<AssistantFilter>,
) -> Result<Json<usize>, Error> {
    check_graph(&app.host, filter.graph_id.as_deref())?;
    Ok(Json(app.host.search_assistants(filter.into_query()).await?.total))
}

/// Refuses the id of a component that is not there.
fn check_graph(host: &Host, graph: Option<&str>) -> Result<(), Error> {
    let Some(graph) = graph else { return Ok(()) };
    let known = component_ids(host);
    if known.iter().any(|id| id == graph) {
        return Ok(());
    }
    Err(Error::not_found(format!("graph `{graph}` not found; known: {}", list(&known))))
}

/// The components that serve runs.
pub(crate) fn component_ids(host: &Host) -> Vec<String> {
    let components = host.components().into_iter();
    components.filter(|component| component.serving.is_some()).map(|one| one.id).collect()
}

/// Ids, for people.
pub(crate) fn list(ids: &[String]) -> String {
    if ids.is_empty() { "none".to_owned() } else { format!("`{}`", ids.join("`, `")) }
}
