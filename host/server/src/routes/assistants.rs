use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wakeful::Host;
use wakeful::core::ComponentId;

use crate::app::App;
use crate::described::{PartsOfAssistant, Refusal};
use crate::error::Error;
use crate::extract::{Body, Ids, OptionalBody, Params};
use crate::once::{Once, answer};
use crate::routes::page::paged;
use crate::whole::whole;
use crate::wire::{
    Assistant, AssistantBody, AssistantFilter, AssistantPatchBody, AssistantSearch,
    AssistantVersion, LatestBody, VersionSearch,
};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(one, update, delete))
        .routes(routes!(search))
        .routes(routes!(count))
        .routes(routes!(versions))
        .routes(routes!(latest))
}

#[utoipa::path(
    post,
    path = "/assistants",
    tag = "assistants",
    summary = "Create an assistant",
    request_body = AssistantBody,
    responses((status = 200, description = "Done", body = Assistant), (status = 404, description = "There is no such thing", body = Refusal), (status = 409, description = "It does not go with what is there", body = Refusal)),
)]
async fn create(
    State(app): State<App>,
    once: Once,
    Body(body): Body<AssistantBody>,
) -> Result<Response, Error> {
    let mut new = body.into_request()?;
    let key = once.key("assistant", None);
    new.key = key;
    let created = whole(async move { app.host.create_assistant_once(new).await }).await?;
    let replayed = key.is_some() && created.was_there();
    Ok(answer(replayed, Json(Assistant::from(&created.into_inner()))))
}

#[utoipa::path(
    get,
    path = "/assistants/{assistant}",
    tag = "assistants",
    summary = "Read an assistant",
    responses((status = 200, description = "Done", body = Assistant)),
)]
async fn one(State(app): State<App>, ids: Ids) -> Result<Response, Error> {
    let assistant = app.host.assistant(ids.assistant()?).await?;
    Ok(Json(Assistant::from(&assistant)).into_response())
}

#[utoipa::path(
    patch,
    path = "/assistants/{assistant}",
    tag = "assistants",
    summary = "Change an assistant, which makes a new version",
    request_body = AssistantPatchBody,
    responses((status = 200, description = "Done", body = Assistant), (status = 409, description = "It does not go with what is there", body = Refusal)),
)]
async fn update(
    State(app): State<App>,
    ids: Ids,
    Body(body): Body<AssistantPatchBody>,
) -> Result<Response, Error> {
    let id = ids.assistant()?;
    let patch = body.into_patch()?;
    let assistant = whole(async move { app.host.update_assistant(id, patch).await }).await?;
    Ok(Json(Assistant::from(&assistant)).into_response())
}

/// `?delete_threads=true` deletes the threads of the assistant as well.
#[utoipa::path(
    delete,
    path = "/assistants/{assistant}",
    tag = "assistants",
    summary = "Delete an assistant",
    params(("delete_threads" = Option<bool>, Query)),
    responses((status = 204, description = "Done; there is nothing to show"), (status = 409, description = "It does not go with what is there", body = Refusal)),
)]
async fn delete(State(app): State<App>, ids: Ids, params: Params) -> Result<StatusCode, Error> {
    let id = ids.assistant()?;
    let threads = params.flag("delete_threads")?;
    whole(async move { app.host.delete_assistant(id, threads).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(
    post,
    path = "/assistants/search",
    tag = "assistants",
    summary = "Search assistants",
    request_body = AssistantSearch,
    responses((status = 200, description = "Done", body = PartsOfAssistant), (status = 404, description = "There is no such thing", body = Refusal)),
)]
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

#[utoipa::path(
    post,
    path = "/assistants/count",
    tag = "assistants",
    summary = "Count assistants",
    request_body = AssistantFilter,
    responses((status = 200, description = "Done", body = u64, content_type = "application/json"), (status = 404, description = "There is no such thing", body = Refusal)),
)]
async fn count(
    State(app): State<App>,
    Body(filter): Body<AssistantFilter>,
) -> Result<Json<usize>, Error> {
    check_graph(&app.host, filter.graph_id.as_deref())?;
    Ok(Json(app.host.search_assistants(filter.into_query()).await?.total))
}

#[utoipa::path(
    post,
    path = "/assistants/{assistant}/versions",
    tag = "assistants",
    summary = "List the versions of an assistant",
    request_body = Option<VersionSearch>,
    responses((status = 200, description = "Done", body = Vec<AssistantVersion>)),
)]
async fn versions(
    State(app): State<App>,
    ids: Ids,
    OptionalBody(search): OptionalBody<VersionSearch>,
) -> Result<Response, Error> {
    let id = ids.assistant()?;
    let query = search.into_query();
    let offset = query.offset;
    let page = app.host.assistant_versions(id, query).await?;
    let shown: Vec<_> = page.items.iter().map(AssistantVersion::from).collect();
    Ok(paged(Json(&shown).into_response(), offset, shown.len(), page.total))
}

/// The version is in the body, as the clients send it, or in the query.
#[utoipa::path(
    post,
    path = "/assistants/{assistant}/latest",
    tag = "assistants",
    summary = "Go back to a version",
    request_body = Option<LatestBody>,
    params(("version" = Option<u32>, Query)),
    responses((status = 200, description = "Done", body = Assistant), (status = 409, description = "It does not go with what is there", body = Refusal)),
)]
async fn latest(
    State(app): State<App>,
    ids: Ids,
    params: Params,
    OptionalBody(body): OptionalBody<LatestBody>,
) -> Result<Response, Error> {
    let id = ids.assistant()?;
    let expected = "the number of a version";
    let version = match body.version {
        Some(version) => Some(version),
        None => params.word("version", |text| text.parse().ok(), expected)?,
    };
    let version = version
        .ok_or_else(|| Error::unprocessable("version: missing; name the version to go back to"))?;
    let assistant = whole(async move { app.host.revert_assistant(id, version).await }).await?;
    Ok(Json(Assistant::from(&assistant)).into_response())
}

/// Refuses the id of a component that is not there.
fn check_graph(host: &Host, graph: Option<&str>) -> Result<(), Error> {
    graph.map_or(Ok(()), |graph| known_component(host, graph).map(drop))
}

/// The component with this id, if it serves runs.
pub(crate) fn known_component(host: &Host, id: &str) -> Result<ComponentId, Error> {
    let component = id.parse::<ComponentId>();
    let component = component
        .map_err(|reason| Error::not_found(format!("graph `{id}` not found: {reason}")))?;
    host.component(&component)?;
    Ok(component)
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
