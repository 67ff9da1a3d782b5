use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use wakeful::core::{Checkpoint, Thread as Record, ThreadStatus};
use wakeful::{Error as HostError, Host};

use crate::app::App;
use crate::error::Error;
use crate::extract::{Body, Ids};
use crate::routes::page::paged;
use crate::whole::whole;
use crate::wire::{Thread, ThreadBody, ThreadFilter, ThreadSearch};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/threads", post(create))
        .route("/threads/search", post(search))
        .route("/threads/count", post(count))
        .route("/threads/{thread}", get(one).delete(delete))
}

async fn create(State(app): State<App>, Body(body): Body<ThreadBody>) -> Result<Response, Error> {
    let new = body.into_request()?;
    let host = app.host.clone();
    let thread = whole(async move { host.create_thread(new).await }).await?;
    show(&app.host, &thread).await
}

async fn one(State(app): State<App>, ids: Ids) -> Result<Response, Error> {
    let thread = app.host.thread(ids.thread()?).await?;
    show(&app.host, &thread).await
}

async fn delete(State(app): State<App>, ids: Ids) -> Result<StatusCode, Error> {
    let id = ids.thread()?;
    whole(async move { app.host.delete_thread(id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn search(
    State(app): State<App>,
    Body(mut search): Body<ThreadSearch>,
) -> Result<Response, Error> {
    let select = search.select.clone();
    select.check(Thread::KEYS)?;
    let extract = search.extract()?;
    let query = search.into_query()?;
    let offset = query.offset;
    let page = app.host.search_threads(query).await?;
    let mut heads = Vec::with_capacity(page.items.len());
    for thread in &page.items {
        heads.push(head(&app.host, thread).await?);
    }
    let shown = page.items.iter().zip(&heads);
    let shown = shown.map(|(thread, head)| {
        let thread = Thread::new(thread, head.as_ref());
        match &extract {
            Some(extract) => thread.extract(extract),
            None => thread,
        }
    });
    let shown: Vec<_> = shown.collect();
    Ok(paged(select.list(&shown), offset, shown.len(), page.total))
}

async fn count(
    State(app): State<App>,
    Body(filter): Body<ThreadFilter>,
) -> Result<Json<usize>, Error> {
    Ok(Json(app.host.search_threads(filter.into_query()).await?.total))
}

async fn show(host: &Host, thread: &Record) -> Result<Response, Error> {
    let head = head(host, thread).await?;
    Ok(Json(Thread::new(thread, head.as_ref())).into_response())
}

/// The newest checkpoint of a thread that waits for answers: the questions are in there.
async fn head(host: &Host, thread: &Record) -> Result<Option<Checkpoint>, Error> {
    if thread.status != ThreadStatus::Interrupted {
        return Ok(None);
    }
    match host.thread_state(thread.id, thread.head).await {
        Ok(state) => Ok(state.checkpoint),
        // It was deleted just now.
        Err(HostError::NotFound { .. }) => Ok(None),
        Err(problem) => Err(problem.into()),
    }
}
