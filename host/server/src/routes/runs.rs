use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{AppendHeaders, IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wakeful::core::{Object, Run as Record, RunStatus, ThreadId};
use wakeful::{Created, Error as HostError, Host, RunQuery, RunWatch};

use crate::app::App;
use crate::described::{PartsOfRun, Refusal};
use crate::error::Error;
use crate::extract::{Body, Ids, Params};
use crate::once::{Once, answer};
use crate::routes::assistants::{component_ids, list};
use crate::routes::page::paged;
use crate::waiting::{CancelOnDrop, Wait, content_location, wait_response};
use crate::whole::whole;
use crate::wire::RunDocument;
use crate::wire::{Limit, Logs, Run, RunBody, RunOn, Select};

/// The most runs that one request may create.
const BATCH_MOST: usize = 1_000;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(all, create_stateless))
        .routes(routes!(wait_stateless))
        .routes(routes!(batch))
        .routes(routes!(one))
        .routes(routes!(logs))
        .routes(routes!(on_thread, create))
        .routes(routes!(wait))
        .routes(routes!(one_on_thread, delete))
}

#[utoipa::path(
    post,
    path = "/threads/{thread}/runs",
    tag = "runs",
    summary = "Run on a thread",
    request_body = RunDocument,
    responses((status = 200, description = "Done", body = Run), (status = 409, description = "It does not go with what is there", body = Refusal)),
)]
async fn create(
    State(app): State<App>,
    ids: Ids,
    once: Once,
    Body(body): Body<Object>,
) -> Result<Response, Error> {
    let on = RunOn::Thread(ids.thread()?);
    let Inserted { run, replayed, .. } = insert(&app.host, once, body, on, false).await?;
    let path = format!("/threads/{}/runs/{}", run.thread_id, run.id);
    Ok(answer(replayed, (AppendHeaders(content_location(&path)), Json(Run::from(&run)))))
}

#[utoipa::path(
    post,
    path = "/runs",
    tag = "runs",
    summary = "Run on a thread of its own",
    request_body = RunDocument,
    responses((status = 200, description = "Done", body = Run), (status = 404, description = "There is no such thing", body = Refusal)),
)]
async fn create_stateless(
    State(app): State<App>,
    once: Once,
    Body(body): Body<Object>,
) -> Result<Response, Error> {
    let on = RunOn::Stateless;
    let Inserted { run, replayed, .. } = insert(&app.host, once, body, on, false).await?;
    let path = format!("/runs/{}", run.id);
    Ok(answer(replayed, (AppendHeaders(content_location(&path)), Json(Run::from(&run)))))
}

#[utoipa::path(
    post,
    path = "/threads/{thread}/runs/wait",
    tag = "runs",
    summary = "Run on a thread, and wait for the result",
    request_body = RunDocument,
    responses((status = 200, description = "Done", body = serde_json::Value), (status = 409, description = "It does not go with what is there", body = Refusal)),
)]
async fn wait(
    State(app): State<App>,
    ids: Ids,
    once: Once,
    Body(body): Body<Object>,
) -> Result<Response, Error> {
    let on = RunOn::Thread(ids.thread()?);
    let Inserted { run, replayed, guard, .. } = insert(&app.host, once, body, on, true).await?;
    Ok(answer(replayed, wait_response(&app, &run, Wait { guard, cancelled: false })))
}

#[utoipa::path(
    post,
    path = "/runs/wait",
    tag = "runs",
    summary = "Run on a thread of its own, and wait for the result",
    request_body = RunDocument,
    responses((status = 200, description = "Done", body = serde_json::Value), (status = 404, description = "There is no such thing", body = Refusal)),
)]
async fn wait_stateless(
    State(app): State<App>,
    once: Once,
    Body(body): Body<Object>,
) -> Result<Response, Error> {
    let on = RunOn::Stateless;
    let Inserted { run, replayed, guard, .. } = insert(&app.host, once, body, on, true).await?;
    Ok(answer(replayed, wait_response(&app, &run, Wait { guard, cancelled: false })))
}

/// A run that was created.
pub(crate) struct Inserted {
    pub(crate) run: Record,
    /// An earlier request of the same key has created it.
    pub(crate) replayed: bool,
    /// What happens to it, from its beginning.
    pub(crate) watch: RunWatch,
    /// Cancels it when the client that waits for it goes away, if the client wants it so.
    pub(crate) guard: Option<CancelOnDrop>,
}

/// Creates a run. The guard, for a client that `waits` and wants it so, cancels the run when the
/// client goes away, even if that is before the run is stored.
pub(crate) async fn insert(
    host: &Host,
    once: Once,
    body: Object,
    on: RunOn,
    waits: bool,
) -> Result<Inserted, Error> {
    let mut body = RunBody::read(body, on)?;
    body.create.key = once.key("run", on.thread());
    let creator = host.clone();
    let guarded = waits && body.cancel_on_disconnect;
    whole(async move {
        let created = creator.create_watched_run_once(body.create).await;
        let (created, watch) = created.map_err(|problem| refused(&creator, problem))?;
        let replayed = created.was_there();
        let run = created.into_inner();
        let guard = guarded.then(|| CancelOnDrop::new(creator, run.id));
        Ok::<_, Error>(Inserted { run, replayed, watch, guard })
    })
    .await
}

#[utoipa::path(
    post,
    path = "/runs/batch",
    tag = "runs",
    summary = "Run many times, each on a thread of its own",
    request_body = Vec<RunDocument>,
    responses((status = 200, description = "Done", body = Vec<Run>), (status = 404, description = "There is no such thing", body = Refusal)),
)]
async fn batch(
    State(app): State<App>,
    once: Once,
    Body(bodies): Body<Vec<Object>>,
) -> Result<Response, Error> {
    if !(1..=BATCH_MOST).contains(&bodies.len()) {
        return Err(Error::unprocessable(format!(
            "{} runs are not between 1 and {BATCH_MOST}",
            bodies.len()
        )));
    }
    let key = once.key("batch", None);
    let mut new = Vec::with_capacity(bodies.len());
    for (index, body) in bodies.into_iter().enumerate() {
        let mut body = RunBody::read(body, RunOn::Stateless).map_err(|error| error.at(index))?;
        body.create.key = key.map(|key| key.part(index));
        new.push(body.create);
    }
    let host = app.host.clone();
    let created =
        whole(
            async move { host.create_runs(new).await.map_err(|problem| refused(&host, problem)) },
        )
        .await?;
    let replayed = created.iter().any(Created::was_there);
    let runs: Vec<_> = created.into_iter().map(Created::into_inner).collect();
    Ok(answer(replayed, Json(runs.iter().map(Run::from).collect::<Vec<_>>())))
}

/// Why a run was not created, as the protocol says it.
fn refused(host: &Host, problem: HostError) -> Error {
    match problem {
        HostError::NotFound { what: "assistant", id } => unknown_assistant(host, &id),
        other => other.into(),
    }
}

/// The protocol answers an unknown name with 422, an unknown UUID with 404.
fn unknown_assistant(host: &Host, assistant: &str) -> Error {
    if uuid::Uuid::try_parse(assistant).is_ok() {
        return Error::not_found(format!("assistant {assistant} not found"));
    }
    let known = list(&component_ids(host));
    Error::unprocessable(format!(
        "assistant_id: `{assistant}` is neither the UUID of an assistant nor one of the graphs {known}"
    ))
}

#[utoipa::path(
    get,
    path = "/runs/{run}",
    tag = "runs",
    summary = "Read a run",
    responses((status = 200, description = "Done", body = Run)),
)]
async fn one(State(app): State<App>, ids: Ids) -> Result<Response, Error> {
    let run = app.host.run(ids.run()?).await?;
    Ok(Json(Run::from(&run)).into_response())
}

#[utoipa::path(
    get,
    path = "/threads/{thread}/runs/{run}",
    tag = "runs",
    summary = "Read a run on a thread",
    responses((status = 200, description = "Done", body = Run)),
)]
async fn one_on_thread(State(app): State<App>, ids: Ids) -> Result<Response, Error> {
    let run = app.host.run_on(ids.thread()?, ids.run()?).await?;
    Ok(Json(Run::from(&run)).into_response())
}

#[utoipa::path(
    get,
    path = "/runs/{run}/logs",
    tag = "runs",
    summary = "Read what a run logged",
    responses((status = 200, description = "Done", body = Logs)),
)]
async fn logs(State(app): State<App>, ids: Ids) -> Result<Response, Error> {
    let run = app.host.run(ids.run()?).await?;
    Ok(Json(Logs::of(run.report.as_ref())).into_response())
}

#[utoipa::path(
    delete,
    path = "/threads/{thread}/runs/{run}",
    tag = "runs",
    summary = "Delete a run that has ended",
    responses((status = 204, description = "Done; there is nothing to show"), (status = 409, description = "It does not go with what is there", body = Refusal)),
)]
async fn delete(State(app): State<App>, ids: Ids) -> Result<StatusCode, Error> {
    let id = app.host.run_on(ids.thread()?, ids.run()?).await?.id;
    whole(async move { app.host.delete_run(id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(
    get,
    path = "/threads/{thread}/runs",
    tag = "runs",
    summary = "List the runs on a thread, newest first",
    params(("cron_id" = Option<String>, Query), ("status" = Option<String>, Query), ("limit" = Option<u32>, Query), ("offset" = Option<u64>, Query), ("select" = Option<Vec<String>>, Query)),
    responses((status = 200, description = "Done", body = PartsOfRun)),
)]
async fn on_thread(State(app): State<App>, ids: Ids, params: Params) -> Result<Response, Error> {
    let thread = ids.thread()?;
    let query = query(&params, Some(thread))?;
    app.host.thread(thread).await?;
    search(&app.host, &params, query).await
}

#[utoipa::path(
    get,
    path = "/runs",
    tag = "runs",
    summary = "List runs, newest first",
    params(("thread_id" = Option<String>, Query), ("cron_id" = Option<String>, Query), ("status" = Option<String>, Query), ("limit" = Option<u32>, Query), ("offset" = Option<u64>, Query), ("select" = Option<Vec<String>>, Query)),
    responses((status = 200, description = "Done", body = PartsOfRun)),
)]
async fn all(State(app): State<App>, params: Params) -> Result<Response, Error> {
    let query = query(&params, params.id("thread_id", "thread")?)?;
    search(&app.host, &params, query).await
}

fn query(params: &Params, thread_id: Option<ThreadId>) -> Result<RunQuery, Error> {
    let statuses = "one of `pending`, `running`, `success`, `error`, `timeout`, `interrupted`";
    let (Limit(limit), offset) = Limit::with_offset(params)?;
    Ok(RunQuery {
        thread_id,
        cron_id: params.id("cron_id", "cron")?,
        status: params.word("status", RunStatus::parse, statuses)?,
        limit,
        offset,
    })
}

async fn search(host: &Host, params: &Params, query: RunQuery) -> Result<Response, Error> {
    let select = Select::of(params.all("select"));
    select.check(Run::KEYS)?;
    let offset = query.offset;
    let page = host.runs(query).await?;
    let shown: Vec<_> = page.items.iter().map(Run::from).collect();
    Ok(paged(select.list(&shown), offset, shown.len(), page.total))
}
