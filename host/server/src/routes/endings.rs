use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wakeful::core::Run;
use wakeful::{CancelAction, Error as HostError};

use crate::app::App;
use crate::described::Refusal;
use crate::error::Error;
use crate::extract::{Body, Ids, Params};
use crate::waiting::{CancelOnDrop, Wait, wait_response};
use crate::whole::whole;
use crate::wire::CancelBody;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(cancel_many))
        .routes(routes!(join))
        .routes(routes!(cancel))
        .routes(routes!(join_on_thread))
        .routes(routes!(cancel_on_thread))
}

#[utoipa::path(
    get,
    path = "/runs/{run}/join",
    tag = "runs",
    summary = "Wait for the result of a run",
    params(("cancel_on_disconnect" = Option<bool>, Query)),
    responses((status = 200, description = "Done", body = serde_json::Value)),
)]
async fn join(State(app): State<App>, ids: Ids, params: Params) -> Result<Response, Error> {
    let run = app.host.run(ids.run()?).await?;
    wait_for(&app, &run, &params)
}

#[utoipa::path(
    get,
    path = "/threads/{thread}/runs/{run}/join",
    tag = "runs",
    summary = "Wait for the result of a run on a thread",
    params(("cancel_on_disconnect" = Option<bool>, Query)),
    responses((status = 200, description = "Done", body = serde_json::Value)),
)]
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

#[utoipa::path(
    post,
    path = "/runs/{run}/cancel",
    tag = "runs",
    summary = "Cancel a run",
    params(("wait" = Option<bool>, Query), ("action" = Option<String>, Query)),
    responses((status = 200, description = "Done", body = serde_json::Value), (status = 202, description = "Taken on")),
)]
async fn cancel(State(app): State<App>, ids: Ids, params: Params) -> Result<Response, Error> {
    let run = app.host.run(ids.run()?).await?;
    stop(&app, &run, &params).await
}

#[utoipa::path(
    post,
    path = "/threads/{thread}/runs/{run}/cancel",
    tag = "runs",
    summary = "Cancel a run on a thread",
    params(("wait" = Option<bool>, Query), ("action" = Option<String>, Query)),
    responses((status = 200, description = "Done", body = serde_json::Value), (status = 202, description = "Taken on")),
)]
async fn cancel_on_thread(
    State(app): State<App>,
    ids: Ids,
    params: Params,
) -> Result<Response, Error> {
    let run = app.host.run_on(ids.thread()?, ids.run()?).await?;
    stop(&app, &run, &params).await
}

#[utoipa::path(
    post,
    path = "/runs/cancel",
    tag = "runs",
    summary = "Cancel runs",
    request_body = CancelBody,
    params(("action" = Option<String>, Query)),
    responses((status = 204, description = "Done; there is nothing to show"), (status = 404, description = "There is no such thing", body = Refusal)),
)]
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
