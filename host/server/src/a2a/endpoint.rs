use axum::Json as JsonBody;
use axum::body::{Body, Bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use wakeful::core::{Assistant, Json};
use wakeful::{CancelAction, Error as HostError, Host};

use crate::a2a::dialect::{Dialect, Method};
use crate::a2a::incoming::Incoming;
use crate::a2a::list::list;
use crate::a2a::problem;
use crate::a2a::send::{finished, send};
use crate::a2a::stream::{self, Events};
use crate::a2a::task::{State as TaskState, Task};
use crate::app::App;
use crate::extract::typed;
use crate::rpc::{INVALID_REQUEST, METHOD_NOT_FOUND, PARSE_ERROR, RpcError, id_of};
use crate::waiting::patient;
use crate::whole::whole;

/// A request that can be read.
struct Call {
    id: Json,
    method: Method,
    dialect: Dialect,
    params: Json,
}

/// Carries out one method. Whatever is wrong with it is a JSON-RPC error in an answer of status
/// 200, save for an assistant that is not there.
#[utoipa::path(
    post,
    path = "/a2a/{assistant}",
    tag = "agents",
    summary = "Send a message of the Agent2Agent protocol",
    request_body = serde_json::Value,
    responses((status = 200, description = "Done", body = serde_json::Value), (status = 202, description = "Taken on")),
)]
pub(crate) async fn post(
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
    body: Bytes,
) -> Response {
    let Call { id, method, dialect, params } = match Call::read(&body) {
        Ok(call) => call,
        Err((problem, id)) => return problem.response(StatusCode::OK, &id),
    };
    // What is not even UTF-8 names nobody.
    let assistant = path.map_or_else(|_| String::new(), |Path(assistant)| assistant);
    let assistant = match app.host.resolve_assistant(&assistant).await {
        Ok(assistant) => assistant,
        Err(HostError::NotFound { .. }) => {
            let problem = RpcError::invalid_params(format!("assistant {assistant} not found"));
            return problem.response(StatusCode::NOT_FOUND, &id);
        }
        Err(other) => return RpcError::from(other).response(StatusCode::OK, &id),
    };
    let call = Call { id: id.clone(), method, dialect, params };
    match carry_out(&app, &assistant, call).await {
        Ok(response) => response,
        Err(problem) => problem.response(StatusCode::OK, &id),
    }
}

impl Call {
    fn read(body: &[u8]) -> Result<Self, (RpcError, Json)> {
        let mut document: Json = serde_json::from_slice(body).map_err(|error| {
            (RpcError::new(PARSE_ERROR, format!("the body is not JSON: {error}")), Json::Null)
        })?;
        let id = id_of(&document);
        let refused = |code, reason: String| Err((RpcError::new(code, reason), id.clone()));
        if document.get("jsonrpc").and_then(Json::as_str) != Some("2.0") {
            let reason = "the body must be an object with `\"jsonrpc\": \"2.0\"`";
            return refused(INVALID_REQUEST, reason.to_owned());
        }
        if id.is_null() {
            let reason = "`id` must be a text or a number; there are no notifications here";
            return refused(INVALID_REQUEST, reason.to_owned());
        }
        let Some(name) = document.get("method").and_then(Json::as_str) else {
            return refused(INVALID_REQUEST, "`method` must be a text".to_owned());
        };
        let Some((method, dialect)) = Method::parse(name) else {
            return refused(METHOD_NOT_FOUND, format!("there is no method `{name}`"));
        };
        let params = document.get_mut("params").map(Json::take).unwrap_or_default();
        Ok(Self { id, method, dialect, params })
    }
}

async fn carry_out(app: &App, assistant: &Assistant, call: Call) -> Result<Response, RpcError> {
    let Call { id, method, dialect, params } = call;
    let host = &app.host;
    match method {
        Method::Send => {
            let message = Incoming::read(params)?;
            let history = message.history_length;
            let (task, _) = send(host, assistant, &message).await?;
            if !message.waits {
                return Ok(answer(&id, &dialect.sent(&task, history)));
            }
            Ok(answer_when_finished(app, id, dialect, task, history))
        }
        Method::Stream => {
            let message = Incoming::read(params)?;
            let (task, events) = send(host, assistant, &message).await?;
            Ok(stream::response(app, dialect, id, task, events, message.history_length))
        }
        Method::Get => {
            let asked = TaskParams::read(params)?;
            let task = Task::load(host, assistant.id, &asked.id).await?;
            Ok(answer(&id, &dialect.task(&task, asked.history_length)))
        }
        Method::List => Ok(answer(&id, &list(host, assistant.id, params).await?)),
        Method::Cancel => {
            let asked = TaskParams::read(params)?;
            let task = Task::load(host, assistant.id, &asked.id).await?;
            let task = cancel(host, task).await?;
            Ok(answer(&id, &dialect.task(&task, asked.history_length)))
        }
        Method::Subscribe => {
            let asked = TaskParams::read(params)?;
            let task = Task::load(host, assistant.id, &asked.id).await?;
            if task.state().is_final() {
                let reason = format!("task {} has ended; get it instead", asked.id);
                return Err(problem::unsupported(reason));
            }
            let events = Events::of(host, &task).await?;
            Ok(stream::response(app, dialect, id, task, events, asked.history_length))
        }
        Method::PushNotifications => Err(problem::no_push_notifications()),
        Method::ExtendedCard => Err(problem::no_extended_card()),
    }
}

/// Which task.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TaskParams {
    id: String,
    history_length: Option<usize>,
}

impl TaskParams {
    fn read(params: Json) -> Result<Self, RpcError> {
        Ok(typed(params, "params")?)
    }
}

async fn cancel(host: &Host, task: Task) -> Result<Task, RpcError> {
    let ended = || problem::not_cancelable(format!("task {} has ended", task.id()));
    match task.state() {
        TaskState::Submitted | TaskState::Working => {}
        TaskState::InputRequired => {
            return Err(problem::not_cancelable(format!(
                "task {} does nothing until it is answered",
                task.id()
            )));
        }
        _ => return Err(ended()),
    }
    let (canceller, run) = (host.clone(), task.last().id);
    let cancelled = whole(async move {
        match canceller.cancel_run(run, CancelAction::Interrupt).await {
            Err(HostError::Conflict(_)) => Ok(false),
            other => other.map(|()| true),
        }
    });
    if !cancelled.await? {
        return Err(ended());
    }
    finished(host, task).await
}

fn answer(id: &Json, result: &Json) -> Response {
    JsonBody(json!({ "jsonrpc": "2.0", "id": id, "result": result })).into_response()
}

/// An answer whose body follows when the task has ended or asks for something.
fn answer_when_finished(
    app: &App,
    id: Json,
    dialect: Dialect,
    task: Task,
    history_length: Option<usize>,
) -> Response {
    let host = app.host.clone();
    let document = async move {
        let document = match finished(&host, task).await {
            Ok(task) => {
                let result = dialect.sent(&task, history_length);
                json!({ "jsonrpc": "2.0", "id": id, "result": result })
            }
            Err(problem) => problem.document(&id),
        };
        Ok(Bytes::from(serde_json::to_vec(&document)?))
    };
    let body = patient(app.settings.keep_alive, Box::pin(document));
    ([(CONTENT_TYPE, "application/json")], Body::from_stream(body)).into_response()
}
