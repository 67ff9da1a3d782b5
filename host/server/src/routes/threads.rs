use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wakeful::core::{Checkpoint, Thread as Record, ThreadStatus};
use wakeful::{Error as HostError, Host};

use crate::app::App;
use crate::described::{PartsOfThread, Refusal};
use crate::error::Error;
use crate::extract::{Body, Ids, Params};
use crate::once::{Once, answer};
use crate::routes::page::paged;
use crate::whole::whole;
use crate::wire::{
    PruneBody, Storage, Thread, ThreadBody, ThreadFilter, ThreadPatchBody, ThreadSearch,
};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(one, update, delete))
        .routes(routes!(copy))
        .routes(routes!(storage))
        .routes(routes!(search))
        .routes(routes!(count))
        .routes(routes!(prune))
}

#[utoipa::path(
    post,
    path = "/threads",
    tag = "threads",
    summary = "Create a thread",
    request_body = ThreadBody,
    responses((status = 200, description = "Done", body = Thread), (status = 404, description = "There is no such thing", body = Refusal), (status = 409, description = "It does not go with what is there", body = Refusal)),
)]
async fn create(
    State(app): State<App>,
    once: Once,
    Body(body): Body<ThreadBody>,
) -> Result<Response, Error> {
    let mut new = body.into_request()?;
    let key = once.key("thread", None);
    new.key = key;
    let host = app.host.clone();
    let created = whole(async move { host.create_thread_once(new).await }).await?;
    let replayed = key.is_some() && created.was_there();
    Ok(answer(replayed, show(&app.host, &created.into_inner()).await?))
}

#[utoipa::path(
    get,
    path = "/threads/{thread}",
    tag = "threads",
    summary = "Read a thread",
    params(("include" = Option<String>, Query)),
    responses((status = 200, description = "Done", body = Thread)),
)]
async fn one(State(app): State<App>, ids: Ids, params: Params) -> Result<Response, Error> {
    let included: Vec<_> = params.all("include").flat_map(|names| names.split(',')).collect();
    if let Some(name) = included.iter().find(|name| **name != "ttl") {
        return Err(Error::unprocessable(format!("include: `{name}` is not `ttl`")));
    }
    let thread = app.host.thread(ids.thread()?).await?;
    if included.is_empty() {
        return show(&app.host, &thread).await;
    }
    let head = head(&app.host, &thread).await?;
    Ok(Json(Thread::new(&thread, head.as_ref()).with_ttl(&thread)).into_response())
}

#[utoipa::path(
    patch,
    path = "/threads/{thread}",
    tag = "threads",
    summary = "Change a thread",
    request_body = ThreadPatchBody,
    responses((status = 200, description = "Done", body = Thread), (status = 204, description = "Done; there is nothing to show")),
)]
async fn update(
    State(app): State<App>,
    ids: Ids,
    headers: HeaderMap,
    Body(body): Body<ThreadPatchBody>,
) -> Result<Response, Error> {
    let id = ids.thread()?;
    let host = app.host.clone();
    let thread = whole(async move { host.update_thread(id, body.into_request()).await }).await?;
    if wants_nothing_back(&headers) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    show(&app.host, &thread).await
}

/// Whether the client prefers an answer without a body (RFC 7240).
fn wants_nothing_back(headers: &HeaderMap) -> bool {
    let preferences = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    preferences
        .flat_map(|value| value.split(','))
        .any(|preference| preference.trim().eq_ignore_ascii_case("return=minimal"))
}

#[utoipa::path(
    post,
    path = "/threads/{thread}/copy",
    tag = "threads",
    summary = "Copy a thread",
    responses((status = 200, description = "Done", body = Thread), (status = 409, description = "It does not go with what is there", body = Refusal)),
)]
async fn copy(State(app): State<App>, ids: Ids) -> Result<Response, Error> {
    // The protocol answers a bad id here with 400, and a missing thread with 409.
    let id = ids.thread().map_err(|problem| Error::bad_request(problem.to_string()))?;
    let host = app.host.clone();
    let copied = whole(async move { host.copy_thread(id).await.map_err(uncopied) }).await?;
    show(&app.host, &copied).await
}

fn uncopied(problem: HostError) -> Error {
    match problem {
        HostError::NotFound { .. } => {
            Error::refused(StatusCode::CONFLICT, format!("Conflict: {problem}, so it has no copy"))
        }
        other => other.into(),
    }
}

#[utoipa::path(
    post,
    path = "/threads/prune",
    tag = "threads",
    summary = "Delete or shrink threads",
    request_body = PruneBody,
    responses((status = 200, description = "Done", body = serde_json::Value), (status = 404, description = "There is no such thing", body = Refusal), (status = 409, description = "It does not go with what is there", body = Refusal)),
)]
async fn prune(State(app): State<App>, Body(body): Body<PruneBody>) -> Result<Response, Error> {
    let (threads, how) = body.into_request()?;
    let pruned = whole(async move { app.host.prune_threads(&threads, how).await }).await?;
    Ok(Json(json!({ "pruned_count": pruned })).into_response())
}

#[utoipa::path(
    get,
    path = "/threads/{thread}/storage",
    tag = "threads",
    summary = "Show what a thread takes",
    responses((status = 200, description = "Done", body = Storage)),
)]
async fn storage(State(app): State<App>, ids: Ids) -> Result<Response, Error> {
    let id = ids.thread()?;
    let storage = app.host.thread_storage(id).await?;
    Ok(Json(Storage::new(id, &storage)).into_response())
}

#[utoipa::path(
    delete,
    path = "/threads/{thread}",
    tag = "threads",
    summary = "Delete a thread with everything on it",
    responses((status = 204, description = "Done; there is nothing to show")),
)]
async fn delete(State(app): State<App>, ids: Ids) -> Result<StatusCode, Error> {
    let id = ids.thread()?;
    whole(async move { app.host.delete_thread(id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(
    post,
    path = "/threads/search",
    tag = "threads",
    summary = "Search threads",
    request_body = ThreadSearch,
    responses((status = 200, description = "Done", body = PartsOfThread)),
)]
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

#[utoipa::path(
    post,
    path = "/threads/count",
    tag = "threads",
    summary = "Count threads",
    request_body = ThreadFilter,
    responses((status = 200, description = "Done", body = u64, content_type = "application/json")),
)]
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
