use serde_json::json;
use tracing::error;
use wakeful::RunQuery;
use wakeful::core::{Json, Object, ThreadId};

use crate::app::App;
use crate::error::Error;
use crate::once::Once;
use crate::routes::runs::insert;
use crate::wire::RunOn;

/// What a run may be started or resumed with, beside what the commands themselves have.
const PASSED_ON: [&str; 9] = [
    "config",
    "context",
    "durability",
    "interrupt_after",
    "interrupt_before",
    "langsmith_tracer",
    "metadata",
    "multitask_strategy",
    "strict_resume",
];
/// How many answers a command may bring.
const ANSWERS: usize = 1000;

/// What a client asks of a thread.
pub(crate) struct Command {
    id: Json,
    pub(crate) method: String,
    pub(crate) params: Object,
}

/// Why a command was not carried out.
pub(crate) struct Refusal {
    /// One of the protocol's words.
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new("invalid_argument", message)
    }
}

impl From<Error> for Refusal {
    fn from(problem: Error) -> Self {
        let (status, detail) = problem.answer();
        if status.is_server_error() {
            error!(status = status.as_u16(), %problem, "a command failed");
        }
        Self::new("unknown_error", format!("{}: {detail}", status.as_u16()))
    }
}

impl From<wakeful::Error> for Refusal {
    fn from(problem: wakeful::Error) -> Self {
        Error::from(problem).into()
    }
}

/// What came of a command.
pub(crate) type Reply = Result<Json, Refusal>;

impl Command {
    /// Reads a command. One that cannot even be answered is an `Err`, which holds the answer.
    pub(crate) fn read(text: &[u8]) -> Result<Self, Json> {
        let refuse = |id, message| answer(id, Err(Refusal::invalid(message)));
        let document: Json = serde_json::from_slice(text)
            .map_err(|problem| refuse(Json::Null, format!("not a JSON document: {problem}")))?;
        let Json::Object(mut document) = document else {
            return Err(refuse(Json::Null, "a command is an object in JSON".to_owned()));
        };
        let id = document.shift_remove("id").filter(|id| id.is_u64() || id.is_i64());
        let (Some(id), Some(Json::String(method))) = (id, document.shift_remove("method")) else {
            let message = "a command needs an `id`, which is an integer, and a `method`, a string";
            return Err(refuse(Json::Null, message.to_owned()));
        };
        let params = match document.shift_remove("params") {
            None | Some(Json::Null) => Object::new(),
            Some(Json::Object(params)) => params,
            Some(_) => return Err(refuse(id, "`params` must be an object".to_owned())),
        };
        Ok(Self { id, method, params })
    }

    /// Carries the command out on a thread.
    pub(crate) async fn carry_out(&mut self, app: &App, thread: ThreadId) -> Reply {
        let params = std::mem::take(&mut self.params);
        match self.method.as_str() {
            "run.start" => start(app, thread, params).await,
            "input.respond" => respond(app, thread, params).await,
            other => {
                let shown: String = other.chars().take(100).collect();
                Err(Refusal::new(
                    "unknown_command",
                    format!("`{shown}` is not a command here; `run.start` and `input.respond` are"),
                ))
            }
        }
    }

    /// The answer to the command.
    pub(crate) fn answer(self, reply: Reply) -> Json {
        answer(self.id, reply)
    }
}

fn answer(id: Json, reply: Reply) -> Json {
    match reply {
        Ok(result) => json!({
            "type": "success",
            "id": id,
            "result": result,
            "meta": { "applied_through_seq": 0 },
        }),
        Err(Refusal { code, message }) => {
            json!({ "type": "error", "id": id, "error": code, "message": message })
        }
    }
}

async fn start(app: &App, thread: ThreadId, mut params: Object) -> Reply {
    let mut body = passed_on(&mut params);
    for key in ["assistant_id", "input"] {
        body.extend(params.shift_remove_entry(key));
    }
    if !body.get("assistant_id").is_some_and(Json::is_string) {
        return Err(Refusal::invalid("`assistant_id` must be there, and a string"));
    }
    let configured =
        body.get("config").and_then(|config| config.pointer("/configurable/checkpoint_id"));
    let checkpoint = params.shift_remove("forkFrom").or_else(|| configured.cloned());
    if let Some(checkpoint) = checkpoint.filter(|checkpoint| !checkpoint.is_null()) {
        body.insert("checkpoint_id".to_owned(), checkpoint);
    }
    body.insert("if_not_exists".to_owned(), "create".into());
    let new = run(app, thread, body).await?;
    Ok(json!({ "run_id": new }))
}

async fn respond(app: &App, thread: ThreadId, mut params: Object) -> Reply {
    let answers = answers(&mut params)?;
    let state = app.host.thread_state(thread, None).await?;
    let pending = state.checkpoint.and_then(|checkpoint| checkpoint.pending);
    let asked = pending.map(|pending| pending.interrupts).unwrap_or_default();
    if let Some((id, _)) = answers.iter().find(|(id, _)| !asked.iter().any(|it| it.id == **id)) {
        let shown: String = id.chars().take(100).collect();
        return Err(Refusal::new(
            "no_such_interrupt",
            format!("no question `{shown}` waits on this thread"),
        ));
    }
    let mut body = passed_on(&mut params);
    let assistant = match params.shift_remove("assistant_id") {
        Some(assistant) if !assistant.is_null() => assistant,
        _ => {
            let query = RunQuery { thread_id: Some(thread), limit: 1, ..RunQuery::default() };
            let asking = app.host.runs(query).await?.items.into_iter().next();
            let asking = asking.ok_or_else(|| {
                Refusal::new("no_such_run", "this thread has no run any more; name `assistant_id`")
            })?;
            asking.assistant_id.to_string().into()
        }
    };
    body.insert("assistant_id".to_owned(), assistant);
    let mut command = Object::new();
    command.insert("resume".to_owned(), answers.into());
    for key in ["update", "goto"] {
        command.extend(params.shift_remove_entry(key));
    }
    body.insert("command".to_owned(), command.into());
    run(app, thread, body).await?;
    Ok(json!({}))
}

/// The answers to questions, by the questions' ids.
fn answers(params: &mut Object) -> Result<Object, Refusal> {
    let one = |entry: &mut Object| match entry.shift_remove("interrupt_id") {
        Some(Json::String(id)) => Ok((id, entry.shift_remove("response").unwrap_or(Json::Null))),
        _ => Err(Refusal::invalid("`interrupt_id` must be there, and a string")),
    };
    let Some(many) = params.shift_remove("responses") else {
        return Ok(Object::from_iter([one(params)?]));
    };
    match many {
        Json::Array(many) if !many.is_empty() && many.len() <= ANSWERS => many
            .into_iter()
            .map(|entry| match entry {
                Json::Object(mut entry) => one(&mut entry),
                _ => Err(Refusal::invalid("each of `responses` must be an object")),
            })
            .collect(),
        _ => Err(Refusal::invalid(format!("`responses` must be a list of 1 to {ANSWERS} objects"))),
    }
}

fn passed_on(params: &mut Object) -> Object {
    // The name that clients had for it at first.
    if let Some(strategy) = params.shift_remove("multitaskStrategy") {
        params.entry("multitask_strategy").or_insert(strategy);
    }
    PASSED_ON.into_iter().filter_map(|key| params.shift_remove_entry(key)).collect()
}

/// Creates a run whose events are kept, and returns its id.
async fn run(app: &App, thread: ThreadId, mut body: Object) -> Result<String, Refusal> {
    body.insert("stream_resumable".to_owned(), true.into());
    let new = insert(&app.host, Once::unkeyed(), body, RunOn::Thread(thread), false).await?;
    Ok(new.run.id.to_string())
}
