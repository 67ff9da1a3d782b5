use serde_json::json;
use tracing::error;
use wakeful::RunQuery;
use wakeful::core::{Json, Object, RunId, ThreadId};

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
    /// Whether it was carried out before, when it came with the same key.
    pub(crate) replayed: bool,
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
        Ok(Self { id, method, params, replayed: false })
    }

    /// Carries the command out on a thread; once, however often it comes with the same key. Its id
    /// only tells the answers apart, so the same command may come with another one.
    pub(crate) async fn carry_out(&mut self, app: &App, thread: ThreadId, once: Once) -> Reply {
        let params = std::mem::take(&mut self.params);
        let once = once.about(&json!([self.method, params]));
        let run = match self.method.as_str() {
            "run.start" => start(params)?,
            "input.respond" => respond(app, thread, params, &once).await?,
            other => {
                let shown: String = other.chars().take(100).collect();
                return Err(Refusal::new(
                    "unknown_command",
                    format!("`{shown}` is not a command here; `run.start` and `input.respond` are"),
                ));
            }
        };
        let new = insert(&app.host, once, run, RunOn::Thread(thread), false).await?;
        self.replayed = new.replayed;
        Ok(match self.method.as_str() {
            "run.start" => json!({ "run_id": new.run.id.to_string() }),
            _ => json!({}),
        })
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

/// The run that a `run.start` asks for.
fn start(mut params: Object) -> Result<Object, Refusal> {
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
    Ok(kept(body))
}

/// The run that an `input.respond` asks for.
async fn respond(
    app: &App,
    thread: ThreadId,
    mut params: Object,
    once: &Once,
) -> Result<Object, Refusal> {
    let answers = answers(&mut params)?;
    if !was_given(app, thread, once).await? {
        check_questions(app, thread, &answers).await?;
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
    Ok(kept(body))
}

/// Whether a command of this key was carried out. What it answered no longer waits then.
async fn was_given(app: &App, thread: ThreadId, once: &Once) -> Result<bool, Refusal> {
    let Some(key) = once.key("run", Some(thread)) else { return Ok(false) };
    match app.host.run(RunId::from(key.id())).await {
        Ok(_) => Ok(true),
        Err(wakeful::Error::NotFound { .. }) => Ok(false),
        Err(problem) => Err(problem.into()),
    }
}

async fn check_questions(app: &App, thread: ThreadId, answers: &Object) -> Result<(), Refusal> {
    let state = app.host.thread_state(thread, None).await?;
    let pending = state.checkpoint.and_then(|checkpoint| checkpoint.pending);
    let asked = pending.map(|pending| pending.interrupts).unwrap_or_default();
    match answers.keys().find(|id| !asked.iter().any(|it| it.id == **id)) {
        None => Ok(()),
        Some(id) => {
            let shown: String = id.chars().take(100).collect();
            let message = format!("no question `{shown}` waits on this thread");
            Err(Refusal::new("no_such_interrupt", message))
        }
    }
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

/// The run, with its events kept.
fn kept(mut body: Object) -> Object {
    body.insert("stream_resumable".to_owned(), true.into());
    body
}
