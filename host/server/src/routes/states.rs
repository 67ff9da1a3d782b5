use axum::Json;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wakeful::core::{CheckpointId, Object, ThreadId};
use wakeful::{Error as HostError, HistoryStart, Host};

use crate::app::App;
use crate::described::{PartOfState, PartsOfState, Refusal};
use crate::error::Error;
use crate::extract::{Body, Ids, Params, parse_id};
use crate::whole::whole;
use crate::wire::{CheckpointRef, Limit, State, StateBody, StateSelect, Updated};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(newest, update))
        .routes(routes!(at))
        .routes(routes!(at_reference))
        .routes(routes!(history_by_query, history_by_body))
}

#[utoipa::path(
    get,
    path = "/threads/{thread}/state",
    tag = "states",
    summary = "Read the state of a thread",
    params(("subgraphs" = Option<bool>, Query), ("select" = Option<Vec<String>>, Query)),
    responses((status = 200, description = "Done", body = PartOfState)),
)]
async fn newest(Shared(app): Shared<App>, ids: Ids, params: Params) -> Result<Response, Error> {
    state(&app.host, ids.thread()?, None, &asked(&params)?).await
}

#[utoipa::path(
    get,
    path = "/threads/{thread}/state/{checkpoint}",
    tag = "states",
    summary = "Read an earlier state of a thread",
    params(("subgraphs" = Option<bool>, Query), ("select" = Option<Vec<String>>, Query)),
    responses((status = 200, description = "Done", body = PartOfState)),
)]
async fn at(Shared(app): Shared<App>, ids: Ids, params: Params) -> Result<Response, Error> {
    state(&app.host, ids.thread()?, Some(ids.checkpoint()?), &asked(&params)?).await
}

/// What to show of a state. A component has no subgraphs to show beside.
fn asked(params: &Params) -> Result<StateSelect, Error> {
    params.flag("subgraphs")?;
    Ok(StateSelect::of(params.all("select")))
}

#[derive(Deserialize, ToSchema)]
struct ReferenceBody {
    checkpoint: CheckpointRef,
    #[serde(default)]
    select: StateSelect,
}

#[utoipa::path(
    post,
    path = "/threads/{thread}/state/checkpoint",
    tag = "states",
    summary = "Read the state that a checkpoint names",
    request_body = ReferenceBody,
    responses((status = 200, description = "Done", body = PartOfState)),
)]
async fn at_reference(
    Shared(app): Shared<App>,
    ids: Ids,
    Body(body): Body<ReferenceBody>,
) -> Result<Response, Error> {
    state(&app.host, ids.thread()?, body.checkpoint.id()?, &body.select).await
}

async fn state(
    host: &Host,
    thread: ThreadId,
    at: Option<CheckpointId>,
    select: &StateSelect,
) -> Result<Response, Error> {
    select.check()?;
    let found = match (host.thread_state(thread, at).await, at) {
        (Err(HostError::NotFound { what: "checkpoint", .. }), Some(at)) => {
            return Ok(Json(select.apply(&State::unknown(thread, at))).into_response());
        }
        (found, _) => found?,
    };
    let state = match &found.checkpoint {
        Some(checkpoint) => State::at(&found.thread, checkpoint).with_files(checkpoint),
        None => State::empty(),
    };
    Ok(Json(select.apply(&state)).into_response())
}

#[utoipa::path(
    post,
    path = "/threads/{thread}/state",
    tag = "states",
    summary = "Write the state of a thread",
    request_body = StateBody,
    responses((status = 200, description = "Done", body = Updated), (status = 409, description = "It does not go with what is there", body = Refusal)),
)]
async fn update(
    Shared(app): Shared<App>,
    ids: Ids,
    Body(body): Body<StateBody>,
) -> Result<Response, Error> {
    let id = ids.thread()?;
    let update = body.into_request()?;
    let made = whole(async move { app.host.update_state(id, update).await.map_err(refusal) });
    Ok(Json(Updated::new(id, made.await?)).into_response())
}

/// The protocol answers an update that does not fit the graph with 400.
fn refusal(problem: HostError) -> Error {
    match problem {
        HostError::Invalid(detail) => Error::bad_request(detail),
        other => other.into(),
    }
}

#[derive(Deserialize, ToSchema)]
struct HistoryBody {
    #[serde(default)]
    limit: Limit,
    before: Option<CheckpointRef>,
    checkpoint: Option<CheckpointRef>,
    metadata: Option<Object>,
    #[serde(default)]
    select: StateSelect,
}

#[utoipa::path(
    post,
    path = "/threads/{thread}/history",
    tag = "states",
    summary = "List the states of a thread, newest first",
    request_body = HistoryBody,
    responses((status = 200, description = "Done", body = PartsOfState)),
)]
async fn history_by_body(
    Shared(app): Shared<App>,
    ids: Ids,
    Body(body): Body<HistoryBody>,
) -> Result<Response, Error> {
    let id = |reference: &Option<CheckpointRef>| {
        reference.as_ref().map(CheckpointRef::id).transpose().map(Option::flatten)
    };
    let from = match (id(&body.before)?, id(&body.checkpoint)?) {
        (Some(before), _) => HistoryStart::Before(before),
        (None, Some(at)) => HistoryStart::At(at),
        (None, None) => HistoryStart::Newest,
    };
    let metadata = body.metadata.unwrap_or_default();
    history(&app.host, ids.thread()?, from, &metadata, body.limit, &body.select).await
}

#[utoipa::path(
    get,
    path = "/threads/{thread}/history",
    tag = "states",
    summary = "List the states of a thread, newest first",
    params(("limit" = Option<u32>, Query), ("offset" = Option<u64>, Query), ("before" = Option<String>, Query), ("subgraphs" = Option<bool>, Query), ("select" = Option<Vec<String>>, Query)),
    responses((status = 200, description = "Done", body = PartsOfState)),
)]
async fn history_by_query(
    Shared(app): Shared<App>,
    ids: Ids,
    params: Params,
) -> Result<Response, Error> {
    let (limit, _) = Limit::with_offset(&params)?;
    let from = match params.get("before") {
        Some(before) => HistoryStart::Before(parse_id("checkpoint", before)?),
        None => HistoryStart::Newest,
    };
    let select = asked(&params)?;
    history(&app.host, ids.thread()?, from, &Object::new(), limit, &select).await
}

async fn history(
    host: &Host,
    id: ThreadId,
    from: HistoryStart,
    metadata: &Object,
    Limit(limit): Limit,
    select: &StateSelect,
) -> Result<Response, Error> {
    select.check()?;
    let thread = host.thread(id).await?;
    let checkpoints = host.thread_history(id, from, metadata, limit).await?;
    let states: Vec<_> = checkpoints
        .iter()
        .map(|checkpoint| select.apply(&State::at(&thread, checkpoint)))
        .collect();
    Ok(Json(states).into_response())
}
