//! Looking at a schedule before a cron has it, and pausing and resuming crons.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wakeful::core::Object;

use crate::app::App;
use crate::described::Refusal;
use crate::error::Error;
use crate::extract::{Body, Ids, OptionalBody};
use crate::routes::crons::shown;
use crate::whole::whole;
use crate::wire::{Cron, PauseBody, Preview, PreviewBody, PreviewDocument};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(preview)).routes(routes!(pause)).routes(routes!(resume))
}

#[utoipa::path(
    post,
    path = "/runs/crons/preview",
    tag = "crons",
    summary = "Show the next instants of a schedule, and what to know of it",
    description = "Nothing is stored.",
    request_body = PreviewDocument,
    responses((status = 200, description = "Done", body = Preview)),
)]
async fn preview(State(app): State<App>, Body(body): Body<Object>) -> Result<Response, Error> {
    let PreviewBody(preview) = PreviewBody::read(body)?;
    let seen = app.host.preview_cron(&preview)?;
    Ok(Json(Preview::from(seen)).into_response())
}

#[utoipa::path(
    post,
    path = "/runs/crons/{cron}/pause",
    tag = "crons",
    summary = "Pause a cron, so that it does not fire",
    description = "Its instants of that time will be on record as skipped. One that is paused already stays so, and gets the note if there is one.",
    request_body = Option<PauseBody>,
    responses((status = 200, description = "Done", body = Cron), (status = 409, description = "It does not go with what is there", body = Refusal)),
)]
async fn pause(
    State(app): State<App>,
    ids: Ids,
    OptionalBody(body): OptionalBody<PauseBody>,
) -> Result<Response, Error> {
    let id = ids.cron()?;
    let host = app.host.clone();
    let cron = whole(async move { host.pause_cron(id, body.note).await }).await?;
    shown(&app, &cron).await
}

#[utoipa::path(
    post,
    path = "/runs/crons/{cron}/resume",
    tag = "crons",
    summary = "Resume a paused cron",
    description = "None of the instants of the pause fires. One that is not paused stays as it is.",
    responses((status = 200, description = "Done", body = Cron), (status = 409, description = "It does not go with what is there", body = Refusal)),
)]
async fn resume(State(app): State<App>, ids: Ids) -> Result<Response, Error> {
    let id = ids.cron()?;
    let host = app.host.clone();
    let cron = whole(async move { host.resume_cron(id).await }).await?;
    shown(&app, &cron).await
}
