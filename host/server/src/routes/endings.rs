use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use wakeful::core::Run;
use wakeful::{CancelAction, Error as HostError};

use crate::app::App;
use crate::error::Error;
use crate::extract::{Body, Ids, Params};
use crate::waiting::{CancelOnDrop, Wait, wait_response};
use crate::whole::whole;
use crate::wire::CancelBody;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/runs/cancel", post(cancel_many))
        .route("/runs/{run}/join", get(join))
        .route("/runs/{run}/cancel", post(cancel))
        .route("/threads/{thread}/runs/{run}/join", get(join_on_thread))
        .route("/threads/{thread}/runs/{run}/cancel", post(cancel_on_thread))
}

async fn join(State(app): State<App>, ids: Ids, params: Params) -> Result<Response, Error> {
    let run = app.host.run(ids.run()?).await?;
    wait_for(&app, &run, &params)
}

async fn join_on_thread(
    State(app): State<App>,
    ids: Ids,
    params: Params,
) -> Result<Response, Error> {
    let run = app.host.run_on(ids.thread()?, ids.run()?).await?;
    wait_for(&app, &run, &params)
}

fn wait_for(app: &App, run: &Run, params: &Params) -> Result<Response, Error> {
    let guarded = params.flag("cancel_on_disconnect")?;
    let guard = guarded.then(|| CancelOnDrop::new(app.host.clone(), run.id));
    Ok(wait_response(app, run, Wait { guard, cancelled: false }))
}

async fn cancel(State(app): State<App>, ids: Ids, params: Params) -> Result<Response, Error> {
    let run = app.host.run(ids.run()?).await?;
    stop(&app, &run, &params).await
}

async fn cancel_on_thread(
    State(app): State<App>,
    ids: Ids,
    params: Params,
) -> Result<Response, Error> {
    let run = app.host.run_on(ids.thread()?, ids.run()?).await?;
    stop(&app, &run, &params).await
}

async fn cancel_many(
    State(app): State<App>,
    params: Params,
    Body(body): Body<CancelBody>,
) -> Result<StatusCode, Error> {
    let action = action(&params)?;
    let which = body.into_selection()?;
    match whole(async move { app.host.cancel_runs(which, action).await }).await? {
        0 => Err(Error::not_found("there are no such runs, or all of them have ended")),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}

fn action(params: &Params) -> Result<CancelAction, Error> {
    let action = |word: &str| match word {
        "interrupt" => Some(CancelAction::Interrupt),
        "rollback" => Some(CancelAction::Rollback),
        _ => None,
    };
    Ok(params.word("action", action, "`interrupt` or `rollback`")?.unwrap_or_default())
}

async fn stop(app: &App, run: &Run, params: &Params) -> Result<Response, Error> {
    let waits = params.flag("wait")?;
    let action = action(params)?;
    let (host, id) = (app.host.clone(), run.id);
    let stopped = whole(async move { host.cancel_run(id, action).await });
    stopped.await.map_err(|problem| match problem {
        // To a client, a run that has ended is one that cannot be found to cancel.
        Error::Host(HostError::Conflict(reason)) => Error::not_found(reason),
        other => other,
    })?;
    if waits {
        return Ok(wait_response(app, run, Wait { guard: None, cancelled: true }));
    }
    Ok(StatusCode::ACCEPTED.into_response())
}
