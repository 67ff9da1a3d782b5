use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use wakeful::core::{CheckpointId, Object, ThreadId};
use wakeful::{Error as HostError, HistoryStart, Host};

use crate::app::App;
use crate::error::Error;
use crate::extract::{Body, Ids, Params, parse_id};
use crate::whole::whole;
use crate::wire::{CheckpointRef, Limit, State, StateBody, StateSelect, Updated};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/threads/{thread}/state", get(newest).post(update))
        .route("/threads/{thread}/state/{checkpoint}", get(at))
        .route("/threads/{thread}/state/checkpoint", post(at_reference))
        .route("/threads/{thread}/history", get(history_by_query).post(history_by_body))
}

async fn newest(Shared(app): Shared<App>, ids: Ids, params: Params) -> Result<Response, Error> {
    state(&app.host, ids.thread()?, None, &asked(&params)?).await
}

async fn at(Shared(app): Shared<App>, ids: Ids, params: Params) -> Result<Response, Error> {
    state(&app.host, ids.thread()?, Some(ids.checkpoint()?), &asked(&params)?).await
}

/// What to show of a state. A component has no subgraphs to show beside.
fn asked(params: &Params) -> Result<StateSelect, Error> {
    params.flag("subgraphs")?;
    Ok(StateSelect::of(params.all("select")))
}

#[derive(Deserialize)]
struct ReferenceBody {
    checkpoint: CheckpointRef,
    #[serde(default)]
    select: StateSelect,
}

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
        Some(checkpoint) => State::at(&found.thread, checkpoint),
        None => State::empty(),
    };
    Ok(Json(select.apply(&state)).into_response())
}

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

#[derive(Deserialize)]
struct HistoryBody {
    #[serde(default)]
    limit: Limit,
    before: Option<CheckpointRef>,
    checkpoint: Option<CheckpointRef>,
    metadata: Option<Object>,
    #[serde(default)]
    select: StateSelect,
}

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
