use std::io;
use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_LOCATION, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, stream};
use serde_json::{Map, json};
use tokio::runtime::Handle;
use tracing::warn;
use wakeful::core::{Json, Outcome, Run, RunError, RunId};
use wakeful::{CancelAction, Error as HostError, Host};

use crate::app::App;
use crate::wire::Asked;

/// An answer whose headers are sent at once and whose body follows when the run has ended. Until
/// then line ends are sent, which JSON allows before a document.
pub(crate) fn wait_response(app: &App, run: &Run, wait: Wait) -> Response {
    let path = format!("/threads/{}/runs/{}", run.thread_id, run.id);
    let headers = [
        (CONTENT_TYPE, "application/json".to_owned()),
        (LOCATION, format!("{path}/join")),
        (CONTENT_LOCATION, path),
    ];
    (headers, Body::from_stream(body(app, run.id, wait))).into_response()
}

/// What a client that waits for a run wants.
#[derive(Default)]
pub(crate) struct Wait {
    /// Cancels the run when the client goes away.
    pub(crate) guard: Option<CancelOnDrop>,
    /// The run was cancelled, so that it may well be gone.
    pub(crate) cancelled: bool,
}

/// What becomes the body of an answer, some time.
pub(crate) type Document = Pin<Box<dyn Future<Output = io::Result<Bytes>> + Send>>;

fn body(app: &App, run: RunId, wait: Wait) -> impl Stream<Item = io::Result<Bytes>> + use<> {
    patient(app.settings.keep_alive, Box::pin(document(app.host.clone(), run, wait)))
}

/// A JSON document that may take its time, after a line end for every `interval` it takes.
pub(crate) fn patient(
    interval: Duration,
    document: Document,
) -> impl Stream<Item = io::Result<Bytes>> {
    stream::unfold(Some(document), move |document| async move {
        let mut document = document?;
        tokio::select! {
            result = &mut document => Some((result, None)),
            () = tokio::time::sleep(interval) => {
                Some((Ok(Bytes::from_static(b"\n")), Some(document)))
            }
        }
    })
}

/// Waits for the run and writes its result. When the host cannot say how the run ended, the body
/// breaks off: the client then knows no more than it did, and can join again.
async fn document(host: Host, run: RunId, wait: Wait) -> io::Result<Bytes> {
    let ended = async {
        let run = host.wait_for_run(run).await?;
        result(&host, &run).await
    };
    let result = match ended.await {
        Ok(result) => result,
        Err(HostError::NotFound { .. }) if wait.cancelled => json!({}),
        Err(HostError::NotFound { .. }) => error_result(RunError {
            name: "not_found".to_owned(),
            message: format!("run {run} was deleted"),
        }),
        Err(problem) => {
            warn!(%run, %problem, "cannot wait for a run any longer");
            return Err(io::Error::other(problem));
        }
    };
    if let Some(guard) = wait.guard {
        guard.disarm();
    }
    Ok(Bytes::from(serde_json::to_vec(&result)?))
}

/// What waiting for this run, which has ended, returns: always an object.
async fn result(host: &Host, run: &Run) -> Result<Json, HostError> {
    if let Some(error) = run.report.as_ref().and_then(RunError::of) {
        return Ok(error_result(error));
    }
    let mut values = match host.run_values(run).await? {
        Json::Object(values) => values,
        _ => Map::new(),
    };
    if let Some(Outcome::Interrupted(questions)) = run.report.as_ref().map(|r| &r.outcome)
        && !questions.is_empty()
    {
        let asked: Vec<_> = questions.iter().map(Asked::from).collect();
        values.insert("__interrupt__".into(), json!(asked));
    }
    Ok(values.into())
}

fn error_result(error: RunError) -> Json {
    json!({ "__error__": { "error": error.name, "message": error.message } })
}

/// Cancels a run when it is dropped, unless it was disarmed.
pub(crate) struct CancelOnDrop {
    armed: Option<(Host, RunId, Handle)>,
}

impl CancelOnDrop {
    pub(crate) fn new(host: Host, run: RunId) -> Self {
        Self { armed: Some((host, run, Handle::current())) }
    }

    /// Lets the run go on.
    pub(crate) fn disarm(mut self) {
        self.armed = None;
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        let Some((host, run, runtime)) = self.armed.take() else { return };
        runtime.spawn(async move {
            match host.cancel_run(run, CancelAction::Interrupt).await {
                // It may have ended by itself meanwhile.
                Ok(()) | Err(HostError::NotFound { .. } | HostError::Conflict(_)) => {}
                Err(problem) => {
                    warn!(%run, %problem, "cannot cancel the run of a client that left")
                }
            }
        });
    }
}

/// `Content-Location`, from which clients learn the run's id.
pub(crate) fn content_location(path: &str) -> Option<(HeaderName, HeaderValue)> {
    Some((CONTENT_LOCATION, HeaderValue::from_str(path).ok()?))
}
