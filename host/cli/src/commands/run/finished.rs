use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::failure::Failure;
use crate::{format, out};

/// A run that has ended, wherever it ran.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) run_id: String,
    pub(super) thread_id: String,
    /// `success`, `error`, `timeout` or `interrupted`.
    pub(super) status: String,
    /// The stable word for how it ended, if the server told.
    pub(super) outcome: Option<String>,
    pub(super) output: Json,
    pub(super) error: Option<String>,
    /// What it asked, as objects with an `id` and a `value`.
    pub(super) questions: Vec<Json>,
    pub(super) resuming: Resuming,
    pub(super) usage: Option<Usage>,
}

/// What a run used.
#[derive(Debug)]
pub(super) struct Usage {
    pub(super) fuel: u64,
    pub(super) memory: u64,
    pub(super) duration: Duration,
    /// Tokens of language models, in both directions.
    pub(super) tokens: u64,
}

/// How the questions of a run can be answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Resuming {
    /// With this command.
    With(String),
    /// Not at all, because its thread is gone. This command would have kept it.
    Impossible(String),
}

impl Finished {
    /// Prints the run, and fails if it did.
    pub(super) fn print(&self, json: bool) -> anyhow::Result<()> {
        if let Some(Usage { fuel, memory, duration, tokens }) = self.usage {
            let tokens = match tokens {
                0 => String::new(),
                tokens => format!(", {} tokens", format::count(tokens)),
            };
            out::note(format_args!(
                "used {} fuel, {} memory, {}{tokens}",
                format::count(fuel),
                format::bytes(memory),
                format::duration(duration)
            ));
        }
        if json {
            out::json(&self.document())?;
        }
        if self.status != "success" {
            return Err(Failure::RunFailed(self.reason()).into());
        }
        if self.questions.is_empty() {
            return if json { Ok(()) } else { out::json(&self.output) };
        }
        self.explain_questions();
        Err(Failure::Waits.into())
    }

    /// Why it has no output.
    fn reason(&self) -> String {
        let what = match (self.outcome.as_deref(), self.status.as_str()) {
            (Some(outcome), _) => outcome,
            (None, status) => status,
        };
        match &self.error {
            _ if self.status == "interrupted" => format!("run {} was cancelled", self.run_id),
            Some(error) => format!("run {} failed ({what}): {}", self.run_id, format::clean(error)),
            None => format!("run {} failed ({what})", self.run_id),
        }
    }

    fn explain_questions(&self) {
        let count = self.questions.len();
        let answers = if count == 1 { "an answer" } else { "answers" };
        out::note(format_args!("the run waits for {answers}:"));
        for question in &self.questions {
            let id = question.get("id").and_then(Json::as_str).unwrap_or("-");
            let value = question.get("value").unwrap_or(&Json::Null);
            out::note(format_args!("  {}: {}", format::clean(id), format::brief(value)));
        }
        match &self.resuming {
            Resuming::With(command) => {
                out::note(format_args!("answer with: {command}"));
                if count > 1 {
                    out::note(format_args!(
                        "an object with the names above as keys answers several at once"
                    ));
                }
            }
            Resuming::Impossible(command) => out::note(format_args!(
                "its thread was not kept, so it cannot be resumed; run it again with: {command}"
            )),
        }
    }

    fn document(&self) -> Json {
        let usage = self.usage.as_ref().map(|usage| {
            json!({
                "fuel_used": usage.fuel,
                "tokens": usage.tokens,
                "peak_memory_bytes": usage.memory,
                "duration_ms": usage.duration.as_secs_f64() * 1e3,
            })
        });
        json!({
            "run_id": self.run_id,
            "thread_id": self.thread_id,
            "status": self.status,
            "outcome": self.outcome,
            "output": self.output,
            "error": self.error,
            "interrupts": self.questions,
            "usage": usage,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(status: &str, outcome: &str, error: Option<&str>) -> Finished {
        Finished {
            run_id: "r".into(),
            thread_id: "t".into(),
            status: status.into(),
            outcome: Some(outcome.into()),
            output: Json::Null,
            error: error.map(str::to_owned),
            questions: Vec::new(),
            resuming: Resuming::Impossible(String::new()),
            usage: None,
        }
    }

    #[test]
    fn a_failed_run_says_why() {
        let run = finished("error", "out_of_fuel", Some("used up its 5 units"));
        assert_eq!(run.reason(), "run r failed (out_of_fuel): used up its 5 units");
        let run = finished("interrupted", "cancelled", None);
        assert_eq!(run.reason(), "run r was cancelled");
        let error = finished("timeout", "timed_out", None).print(false).unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(Failure::RunFailed(_))));
    }

    #[test]
    fn questions_are_a_failure_of_their_own() {
        let mut run = finished("success", "interrupted", None);
        run.questions = vec![json!({"id": "q", "value": "really?"})];
        let error = run.print(true).unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(Failure::Waits)));
    }
}
