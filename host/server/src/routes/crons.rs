use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wakeful::core::{Object, ThreadId};

use crate::app::App;
use crate::described::{PartsOfCron, Refusal};
use crate::error::Error;
use crate::extract::{Body, Ids, Params};
use crate::once::{Once, answer};
use crate::routes::page::paged;
use crate::whole::whole;
use crate::wire::{
    Cron, CronBody, CronFilter, CronPatchBody, CronSearch, Fire, Limit, Run, parse_time,
};
use crate::wire::{CronDocument, CronPatchDocument};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(create_on_thread))
        .routes(routes!(one, update, delete))
        .routes(routes!(search))
        .routes(routes!(count))
        .routes(routes!(fires))
        .routes(routes!(trigger))
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
    let mut new = CronBody::read(body, thread)?.into_request();
    new.key = once.key("cron", thread);
    let created = whole(async move { app.host.create_cron_once(new).await }).await?;
    Ok(answer(created.was_there(), Json(Cron::from(&created.into_inner()))))
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
    Ok(Json(Cron::from(&cron)).into_response())
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
    let patch = CronPatchBody::read(body)?.into_patch();
    let cron = whole(async move { app.host.update_cron(id, patch).await }).await?;
    Ok(Json(Cron::from(&cron)).into_response())
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
    let shown: Vec<_> = page.items.iter().map(Cron::from).collect();
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

#[utoipa::path(
    get,
    path = "/runs/crons/{cron}/fires",
    tag = "crons",
    summary = "List what became of the due instants of a cron, newest first",
    params(("before" = Option<String>, Query), ("limit" = Option<u32>, Query), ("offset" = Option<u64>, Query)),
    responses((status = 200, description = "Done", body = Vec<Fire>)),
)]
async fn fires(State(app): State<App>, ids: Ids, params: Params) -> Result<Response, Error> {
    let (Limit(limit), _) = Limit::with_offset(&params)?;
    // A `+` that was not escaped has become a space by now.
    let instant = |text: &str| parse_time(&text.replace(' ', "+"));
    let expected = "an instant such as `2026-11-22T09:00:00Z`";
    let before = params.word("before", instant, expected)?;
    let fires = app.host.fires(ids.cron()?, before, limit).await?;
    let fires: Vec<_> = fires.iter().map(Fire::from).collect();
    Ok(Json(fires).into_response())
}

#[utoipa::path(
    post,
    path = "/runs/crons/{cron}/trigger",
    tag = "crons",
    summary = "Run a cron once, now",
    responses((status = 200, description = "Done", body = Run), (status = 409, description = "It does not go with what is there", body = Refusal)),
)]
async fn trigger(State(app): State<App>, ids: Ids, once: Once) -> Result<Response, Error> {
    let id = ids.cron()?;
    let key = once.key(&format!("trigger {id}"), None);
    let created = whole(async move { app.host.trigger_cron_once(id, key).await }).await?;
    Ok(answer(created.was_there(), Json(Run::from(&created.into_inner()))))
}
