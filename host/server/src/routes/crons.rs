use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wakeful::core::{Cron as Record, Object, ThreadId};

use crate::app::App;
use crate::described::{PartsOfCron, Refusal};
use crate::error::Error;
use crate::extract::{Body, Ids};
use crate::once::{Once, answer};
use crate::routes::page::paged;
use crate::whole::whole;
use crate::wire::{
    Cron, CronBody, CronDocument, CronFilter, CronPatchBody, CronPatchDocument, CronSearch, Details,
};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(create_on_thread))
        .routes(routes!(one, update, delete))
        .routes(routes!(search))
        .routes(routes!(count))
}

#[utoipa::path(
    post,
    path = "/runs/crons",
    tag = "crons",
    summary = "Create a cron that runs on a new thread at each fire",
    request_body = CronDocument,
    responses((status = 200, description = "Done", body = Cron), (status = 404, description = "There is no such thing", body = Refusal)),
)]
async fn create(
    State(app): State<App>,
    once: Once,
    Body(body): Body<Object>,
) -> Result<Response, Error> {
    insert(app, once, body, None).await
}

#[utoipa::path(
    post,
    path = "/threads/{thread}/runs/crons",
    tag = "crons",
    summary = "Create a cron on a thread",
    request_body = CronDocument,
    responses((status = 200, description = "Done", body = Cron)),
)]
async fn create_on_thread(
    State(app): State<App>,
    ids: Ids,
    once: Once,
    Body(body): Body<Object>,
) -> Result<Response, Error> {
    insert(app, once, body, Some(ids.thread()?)).await
}

async fn insert(
    app: App,
    once: Once,
    body: Object,
    thread: Option<ThreadId>,
) -> Result<Response, Error> {
    let mut new = CronBody::read(body, thread, app.host.settings())?.into_request();
    new.key = once.key("cron", thread);
    let host = app.host.clone();
    let created = whole(async move { host.create_cron_once(new).await }).await?;
    let replayed = created.was_there();
    Ok(answer(replayed, shown(&app, &created.into_inner()).await?))
}

/// A cron with all that is known of it.
pub(super) async fn shown(app: &App, cron: &Record) -> Result<Response, Error> {
    let details = Details::all(&app.host, cron).await?;
    Ok(Json(Cron::new(cron, app.host.settings(), details)).into_response())
}

#[utoipa::path(
    get,
    path = "/runs/crons/{cron}",
    tag = "crons",
    summary = "Read a cron",
    responses((status = 200, description = "Done", body = Cron)),
)]
async fn one(State(app): State<App>, ids: Ids) -> Result<Response, Error> {
    let cron = app.host.cron(ids.cron()?).await?;
    shown(&app, &cron).await
}

#[utoipa::path(
    patch,
    path = "/runs/crons/{cron}",
    tag = "crons",
    summary = "Change a cron",
    request_body = CronPatchDocument,
    responses((status = 200, description = "Done", body = Cron), (status = 409, description = "It does not go with what is there", body = Refusal)),
)]
async fn update(
    State(app): State<App>,
    ids: Ids,
    Body(body): Body<Object>,
) -> Result<Response, Error> {
    let id = ids.cron()?;
    let before = app.host.cron(id).await?;
    let patch = CronPatchBody::read(body, &before, app.host.settings())?.into_patch();
    let host = app.host.clone();
    let cron = whole(async move { host.update_cron(id, patch).await }).await?;
    shown(&app, &cron).await
}

#[utoipa::path(
    delete,
    path = "/runs/crons/{cron}",
    tag = "crons",
    summary = "Delete a cron",
    responses((status = 204, description = "Done; there is nothing to show")),
)]
async fn delete(State(app): State<App>, ids: Ids) -> Result<StatusCode, Error> {
    let id = ids.cron()?;
    whole(async move { app.host.delete_cron(id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(
    post,
    path = "/runs/crons/search",
    tag = "crons",
    summary = "Search crons",
    request_body = CronSearch,
    responses((status = 200, description = "Done", body = PartsOfCron)),
)]
async fn search(State(app): State<App>, Body(search): Body<CronSearch>) -> Result<Response, Error> {
    let select = search.select.clone();
    select.check(Cron::KEYS)?;
    let query = search.into_query()?;
    let offset = query.offset;
    let page = app.host.search_crons(query).await?;
    let mut shown = Vec::with_capacity(page.items.len());
    for cron in &page.items {
        let details = Details::named(&app.host, cron, &select).await?;
        shown.push(Cron::new(cron, app.host.settings(), details));
    }
    Ok(paged(select.list(&shown), offset, shown.len(), page.total))
}

#[utoipa::path(
    post,
    path = "/runs/crons/count",
    tag = "crons",
    summary = "Count crons",
    request_body = CronFilter,
    responses((status = 200, description = "Done", body = u64, content_type = "application/json")),
)]
async fn count(
    State(app): State<App>,
    Body(filter): Body<CronFilter>,
) -> Result<Json<usize>, Error> {
    Ok(Json(app.host.search_crons(filter.into_query()?).await?.total))
}
