use axum::extract::State;
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wakeful::core::{Object, Run};
use wakeful::{History, RunWatch};

use crate::app::App;
use crate::described::{Refusal, StreamEvent};
use crate::error::Error;
use crate::extract::{Body, Ids, Params};
use crate::once::{Once, answer};
use crate::routes::runs::{Inserted, insert};
use crate::stream::{
    EventStream, Metadata, Modes, Resume, RunStream, Source, ThreadModes, ThreadShow, Wanted,
};
use crate::waiting::CancelOnDrop;
use crate::wire::{RunDocument, RunOn};

/// How far back a stream of a thread can be taken up, in runs.
const HISTORY: usize = 200;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create_stateless))
        .routes(routes!(join))
        .routes(routes!(thread))
        .routes(routes!(create))
        .routes(routes!(join_on_thread))
}

#[utoipa::path(
    post,
    path = "/threads/{thread}/runs/stream",
    tag = "streams",
    summary = "Run on a thread, and watch it",
    request_body = RunDocument,
    responses((status = 200, description = "Events as they come", body = StreamEvent, content_type = "text/event-stream"), (status = 409, description = "It does not go with what is there", body = Refusal)),
)]
async fn create(
    State(app): State<App>,
    ids: Ids,
    once: Once,
    Body(body): Body<Object>,
) -> Result<Response, Error> {
    let new = insert(&app.host, once, body, RunOn::Thread(ids.thread()?), true).await?;
    let path = format!("/threads/{}/runs/{}", new.run.thread_id, new.run.id);
    Ok(created(&app, new, &path))
}

#[utoipa::path(
    post,
    path = "/runs/stream",
    tag = "streams",
    summary = "Run on a thread of its own, and watch it",
    request_body = RunDocument,
    responses((status = 200, description = "Events as they come", body = StreamEvent, content_type = "text/event-stream"), (status = 404, description = "There is no such thing", body = Refusal)),
)]
async fn create_stateless(
    State(app): State<App>,
    once: Once,
    Body(body): Body<Object>,
) -> Result<Response, Error> {
    let new = insert(&app.host, once, body, RunOn::Stateless, true).await?;
    let path = format!("/runs/{}", new.run.id);
    Ok(created(&app, new, &path))
}

/// The stream of a run that was created for it.
fn created(app: &App, new: Inserted, path: &str) -> Response {
    let modes = Modes::of_options(&new.run.request.options);
    let wanted = Wanted { modes, metadata: Metadata::Shown, after: None };
    let stream = stream(app, &new.run, new.watch, wanted, new.guard);
    answer(new.replayed, stream.into_response(Some(path)))
}

#[utoipa::path(
    get,
    path = "/runs/{run}/stream",
    tag = "streams",
    summary = "Watch a run",
    params(("stream_mode" = Option<Vec<String>>, Query), ("cancel_on_disconnect" = Option<bool>, Query), ("Last-Event-ID" = Option<String>, Header)),
    responses((status = 200, description = "Events as they come", body = StreamEvent, content_type = "text/event-stream")),
)]
async fn join(
    State(app): State<App>,
    ids: Ids,
    params: Params,
    resume: Resume,
) -> Result<Response, Error> {
    let (run, watch) = app.host.watch_run(ids.run()?).await?;
    let path = format!("/runs/{}", run.id);
    joined(&app, &run, watch, &params, resume, &path)
}

#[utoipa::path(
    get,
    path = "/threads/{thread}/runs/{run}/stream",
    tag = "streams",
    summary = "Watch a run on a thread",
    params(("stream_mode" = Option<Vec<String>>, Query), ("cancel_on_disconnect" = Option<bool>, Query), ("Last-Event-ID" = Option<String>, Header)),
    responses((status = 200, description = "Events as they come", body = StreamEvent, content_type = "text/event-stream")),
)]
async fn join_on_thread(
    State(app): State<App>,
    ids: Ids,
    params: Params,
    resume: Resume,
) -> Result<Response, Error> {
    let run = app.host.run_on(ids.thread()?, ids.run()?).await?;
    let (run, watch) = app.host.watch_run(run.id).await?;
    let path = format!("/threads/{}/runs/{}", run.thread_id, run.id);
    joined(&app, &run, watch, &params, resume, &path)
}

/// The stream of a run that is or was there.
fn joined(
    app: &App,
    run: &Run,
    watch: RunWatch,
    params: &Params,
    resume: Resume,
    path: &str,
) -> Result<Response, Error> {
    let guarded = params.flag("cancel_on_disconnect")?;
    let filter = Modes::of_params(params)?;
    let metadata = match (filter, resume) {
        (Some(_), _) => Metadata::Hidden,
        // Whoever comes into the middle of a run learns which one it is.
        (None, Resume::Unsaid) if !run.status.is_final() => Metadata::Always,
        (None, _) => Metadata::Shown,
    };
    let wanted = Wanted {
        modes: filter.unwrap_or_else(|| Modes::of_options(&run.request.options)),
        metadata,
        after: match resume {
            Resume::Unsaid => watch.seen(),
            Resume::Beginning => None,
            Resume::After(id) => Some(id),
        },
    };
    let guard = guarded.then(|| CancelOnDrop::new(app.host.clone(), run.id));
    Ok(stream(app, run, watch, wanted, guard).into_response(Some(path)))
}

fn stream(
    app: &App,
    run: &Run,
    watch: RunWatch,
    wanted: Wanted,
    guard: Option<CancelOnDrop>,
) -> EventStream {
    EventStream {
        past: Default::default(),
        source: Source::Run(watch),
        show: Box::new(RunStream::new(wanted, run.request.is_resumable())),
        keep_alive: app.settings.keep_alive,
        guard,
    }
}

#[utoipa::path(
    get,
    path = "/threads/{thread}/stream",
    tag = "streams",
    summary = "Watch the runs on a thread",
    params(("stream_modes" = Option<Vec<String>>, Query), ("Last-Event-ID" = Option<String>, Header)),
    responses((status = 200, description = "Events as they come", body = StreamEvent, content_type = "text/event-stream")),
)]
async fn thread(
    State(app): State<App>,
    ids: Ids,
    params: Params,
    resume: Resume,
) -> Result<Response, Error> {
    let thread = ids.thread()?;
    let modes = ThreadModes::of_params(&params)?;
    app.host.thread(thread).await?;
    let history = match resume {
        Resume::Unsaid => History::default(),
        Resume::Beginning => History { runs: HISTORY, outlines: false, after_ms: None },
        Resume::After(id) => History { runs: HISTORY, outlines: false, after_ms: Some(id.ms) },
    };
    let (past, watch) = app.host.watch_thread(thread, history).await?;
    let after = match resume {
        Resume::Unsaid => past.last().map(|event| event.last_id()),
        Resume::Beginning => None,
        Resume::After(id) => Some(id),
    };
    let events = EventStream {
        past: past.into(),
        source: Source::Thread(watch),
        show: Box::new(ThreadShow::new(modes, after)),
        keep_alive: app.settings.keep_alive,
        guard: None,
    };
    Ok(events.into_response(None))
}
