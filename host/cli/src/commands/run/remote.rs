use serde_json::{Value as Json, json};
use wakeful::core::Object;

use super::finished::{Finished, Usage};
use super::{Arguments, Request, resuming};
use crate::client::Client;
use crate::commands::{assistants, fields, runs};
use crate::failure::Failure;
use crate::out;
use crate::settings::Settings;

/// Runs an assistant of the server.
pub(super) fn run(
    arguments: &Arguments,
    request: Request,
    settings: &Settings,
) -> anyhow::Result<Finished> {
    if request.resume.is_some() && arguments.thread.is_none() {
        return Err(Failure::Usage(
            "--resume needs --thread: the thread on which the questions were asked".to_owned(),
        )
        .into());
    }
    let client = Client::new(&settings.url.value, settings.api_key.value.as_ref());
    let prefix = arguments.thread.map(|thread| format!("/threads/{thread}")).unwrap_or_default();
    let body = body(arguments, request);
    let run = client
        .post(&format!("{prefix}/runs"), &Json::Object(body))
        .map_err(|error| assistants::explain(error, &arguments.assistant, &client))?;
    let id = fields::text(&run, "run_id");
    let thread = fields::text(&run, "thread_id");
    if arguments.thread.is_some() {
        out::note(format_args!("run {id} on thread {thread}"));
    }

    let mut output = client.get(&format!("{prefix}/runs/{id}/join"), &[])?;
    // The result is there. A server that stops right now need not tell more than that.
    let run = client.get(&format!("/runs/{id}"), &[]).unwrap_or_default();
    let logs = client.get(&format!("/runs/{id}/logs"), &[]).unwrap_or_default();
    for line in fields::items(logs.get("logs").unwrap_or(&Json::Null)) {
        out::note(format_args!("{}", runs::log_line(line)));
    }

    let questions = take(&mut output, "__interrupt__");
    let error = take(&mut output, "__error__");
    let execution = run.get("execution").cloned().unwrap_or_default();
    Ok(Finished {
        status: status(&run, error.is_some()).to_owned(),
        outcome: fields::optional(&execution, "outcome").map(str::to_owned),
        output,
        error: error
            .as_ref()
            .and_then(|error| fields::optional(error, "message"))
            .map(str::to_owned),
        questions: questions.as_ref().map(fields::items).unwrap_or_default().to_vec(),
        resuming: resuming(arguments, &thread, arguments.thread.is_some()),
        usage: usage(&execution),
        run_id: id,
        thread_id: thread,
    })
}

fn body(arguments: &Arguments, request: Request) -> Object {
    let mut body = Object::new();
    body.insert("assistant_id".into(), arguments.assistant.clone().into());
    body.insert("input".into(), request.input);
    if let Some(resume) = request.resume {
        body.insert("command".into(), json!({"resume": resume}));
    }
    for (key, value) in [("config", request.config), ("context", request.context)] {
        if !value.is_empty() {
            body.insert(key.into(), value.into());
        }
    }
    if arguments.thread.is_some() {
        body.insert("if_not_exists".into(), "create".into());
    }
    body
}

/// How the run ended, by its record or, without one, by its result.
fn status(run: &Json, failed: bool) -> &str {
    let by_result = if failed { "error" } else { "success" };
    fields::optional(run, "status").unwrap_or(by_result)
}

fn take(document: &mut Json, key: &str) -> Option<Json> {
    document.as_object_mut()?.shift_remove(key)
}

fn usage(execution: &Json) -> Option<Usage> {
    let tokens = execution.get("tokens").unwrap_or(&Json::Null);
    let count = |key| fields::number(tokens, key).unwrap_or_default();
    Some(Usage {
        tokens: count("input").saturating_add(count("output")),
        fuel: fields::number(execution, "fuel_used")?,
        memory: fields::number(execution, "peak_memory_bytes")?,
        duration: fields::duration(execution, "duration_ms")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_record_the_result_says_how_the_run_ended() {
        assert_eq!(status(&json!({"status": "timeout"}), true), "timeout");
        assert_eq!(status(&Json::Null, true), "error");
        assert_eq!(status(&Json::Null, false), "success");
    }

    #[test]
    fn questions_are_taken_out_of_the_result() {
        let mut result = json!({"a": 1, "__interrupt__": [{"id": "q", "value": 2}]});
        let questions = take(&mut result, "__interrupt__").unwrap();
        assert_eq!(fields::items(&questions).len(), 1);
        assert_eq!(result, json!({"a": 1}));
        assert_eq!(take(&mut Json::Null, "__interrupt__"), None);
    }
}
