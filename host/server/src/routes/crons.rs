use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use wakeful::core::{Object, ThreadId};

use crate::app::App;
use crate::error::Error;
use crate::extract::{Body, Ids, Params};
use crate::once::{Once, answer};
use crate::routes::page::paged;
use crate::whole::whole;
use crate::wire::{
    Cron, CronBody, CronFilter, CronPatchBody, CronSearch, Fire, Limit, Run, parse_time,
};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/runs/crons", post(create))
        .route("/threads/{thread}/runs/crons", post(create_on_thread))
        .route("/runs/crons/search", post(search))
        .route("/runs/crons/count", post(count))
        .route("/runs/crons/{cron}", get(one).patch(update).delete(delete))
        .route("/runs/crons/{cron}/fires", get(fires))
        .route("/runs/crons/{cron}/trigger", post(trigger))
}

async fn create(
    State(app): State<App>,
    once: Once,
    Body(body): Body<Object>,
) -> Result<Response, Error> {
    insert(app, once, body, None).await
}

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

async fn one(State(app): State<App>, ids: Ids) -> Result<Response, Error> {
    let cron = app.host.cron(ids.cron()?).await?;
    Ok(Json(Cron::from(&cron)).into_response())
}

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

async fn delete(State(app): State<App>, ids: Ids) -> Result<StatusCode, Error> {
    let id = ids.cron()?;
    whole(async move { app.host.delete_cron(id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn search(State(app): State<App>, Body(search): Body<CronSearch>) -> Result<Response, Error> {
    let select = search.select.clone();
    select.check(Cron::KEYS)?;
    let query = search.into_query()?;
    let offset = query.offset;
    let page = app.host.search_crons(query).await?;
    let shown: Vec<_> = page.items.iter().map(Cron::from).collect();
    Ok(paged(select.list(&shown), offset, shown.len(), page.total))
}

async fn count(
    State(app): State<App>,
    Body(filter): Body<CronFilter>,
) -> Result<Json<usize>, Error> {
    Ok(Json(app.host.search_crons(filter.into_query()?).await?.total))
}

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

async fn trigger(State(app): State<App>, ids: Ids, once: Once) -> Result<Response, Error> {
    let id = ids.cron()?;
    let key = once.key(&format!("trigger {id}"), None);
    let created = whole(async move { app.host.trigger_cron_once(id, key).await }).await?;
    Ok(answer(created.was_there(), Json(Run::from(&created.into_inner()))))
}
