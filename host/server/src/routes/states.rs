use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use wakeful::core::{CheckpointId, Object, ThreadId};
use wakeful::{Error as HostError, Host};

use crate::app::App;
use crate::error::Error;
use crate::extract::{Body, Ids, Params, parse_id};
use crate::wire::{CheckpointRef, Limit, State};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/threads/{thread}/state", get(newest))
        .route("/threads/{thread}/state/{checkpoint}", get(at))
        .route("/threads/{thread}/state/checkpoint", post(at_reference))
        .route("/threads/{thread}/history", get(history_by_query).post(history_by_body))
}

async fn newest(Shared(app): Shared<App>, ids: Ids) -> Result<Response, Error> {
    state(&app.host, ids.thread()?, None).await
}

async fn at(Shared(app): Shared<App>, ids: Ids) -> Result<Response, Error> {
    state(&app.host, ids.thread()?, Some(ids.checkpoint()?)).await
}

#[derive(Deserialize)]
struct ReferenceBody {
    checkpoint: CheckpointRef,
}

async fn at_reference(
    Shared(app): Shared<App>,
    ids: Ids,
    Body(body): Body<ReferenceBody>,
) -> Result<Response, Error> {
    state(&app.host, ids.thread()?, body.checkpoint.id()?).await
}

async fn state(host: &Host, thread: ThreadId, at: Option<CheckpointId>) -> Result<Response, Error> {
    let found = match (host.thread_state(thread, at).await, at) {
        (Err(HostError::NotFound { what: "checkpoint", .. }), Some(at)) => {
            return Ok(Json(State::unknown(thread, at)).into_response());
        }
        (found, _) => found?,
    };
    let state = match &found.checkpoint {
        Some(checkpoint) => State::at(&found.thread, checkpoint),
        None => State::empty(),
    };
    Ok(Json(state).into_response())
}

#[derive(Deserialize)]
struct HistoryBody {
    #[serde(default)]
    limit: Limit,
    before: Option<CheckpointRef>,
    checkpoint: Option<CheckpointRef>,
    metadata: Option<Object>,
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
        (Some(before), _) => Start::Before(before),
        (None, Some(at)) => Start::At(at),
        (None, None) => Start::Newest,
    };
    history(&app.host, ids.thread()?, from, &body.metadata.unwrap_or_default(), body.limit).await
}

async fn history_by_query(
    Shared(app): Shared<App>,
    ids: Ids,
    params: Params,
) -> Result<Response, Error> {
    let (limit, _) = Limit::with_offset(&params)?;
    let from = match params.get("before") {
        Some(before) => Start::Before(parse_id("checkpoint", before)?),
        None => Start::Newest,
    };
    history(&app.host, ids.thread()?, from, &Object::new(), limit).await
}

/// Where a history begins.
enum Start {
    Newest,
    Before(CheckpointId),
    At(CheckpointId),
}

async fn history(
    host: &Host,
    id: ThreadId,
    from: Start,
    metadata: &Object,
    Limit(limit): Limit,
) -> Result<Response, Error> {
    let thread = host.thread(id).await?;
    let before = match from {
        Start::Newest => None,
        Start::Before(before) | Start::At(before) => Some(before),
    };
    let mut checkpoints = host.thread_history(id, before, metadata, limit).await?;
    if let Start::At(at) = from {
        match host.thread_state(id, Some(at)).await {
            Ok(found) => checkpoints.splice(0..0, found.checkpoint).for_each(drop),
            // The protocol knows no unknown checkpoint; its history is what came before it.
            Err(HostError::NotFound { what: "checkpoint", .. }) => {}
            Err(problem) => return Err(problem.into()),
        }
        checkpoints.truncate(limit);
    }
    let states: Vec<_> =
        checkpoints.iter().map(|checkpoint| State::at(&thread, checkpoint)).collect();
    Ok(Json(states).into_response())
}
