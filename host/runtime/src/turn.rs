use wakeful_core::{Checkpoint, Command, Interrupt, Json, Object, Outcome, Pending, Run, Trigger};
use wakeful_engine::JobTrigger;

/// What a run does when its turn has come.
#[derive(Debug, PartialEq)]
pub(crate) enum Turn {
    /// It invokes the assistant.
    Invoke {
        /// Why.
        trigger: JobTrigger,
        /// With what input.
        input: Json,
    },
    /// It ends without invoking anything.
    End {
        /// How.
        outcome: Outcome,
        /// What the thread waits for from now on.
        pending: Option<Pending>,
    },
}

impl Turn {
    /// The turn of `run` on a thread that stands at `head`.
    pub(crate) fn of(run: &Run, head: Option<&Checkpoint>) -> Self {
        let pending = head.and_then(|head| head.pending.as_ref());
        let input = &run.request.input;
        match (&run.request.command, &run.trigger) {
            (Some(command), _) => Self::commanded(command, input, head, pending),
            (None, Trigger::Manual) if input.is_null() && pending.is_some() => {
                Self::continued(head, pending)
            }
            _ if stops_before(run) => Self::End {
                outcome: Outcome::Interrupted(Vec::new()),
                pending: Some(Pending { input: input.clone(), ..Pending::default() }),
            },
            (None, Trigger::Manual) => Self::manual(input),
            (None, Trigger::Cron(fire)) => {
                Self::Invoke { trigger: JobTrigger::Cron(fire.clone()), input: input.clone() }
            }
        }
    }

    fn manual(input: &Json) -> Self {
        Self::Invoke { trigger: JobTrigger::Manual, input: input.clone() }
    }

    fn commanded(
        command: &Command,
        input: &Json,
        head: Option<&Checkpoint>,
        pending: Option<&Pending>,
    ) -> Self {
        if command.goto.as_deref() == Some(Command::END) {
            return Self::End { outcome: Outcome::Done(values(head)), pending: None };
        }
        let resume = command.resume.as_ref();
        if let (Some(pending), Some(resume)) = (pending, resume)
            && !pending.interrupts.is_empty()
        {
            let mut pending = pending.clone();
            return if pending.answer(resume) {
                Self::Invoke { trigger: JobTrigger::Resume(pending.answers), input: pending.input }
            } else {
                Self::waiting(pending)
            };
        }
        // Whoever says where to go leaves behind what nobody has answered.
        if command.goto.is_some() {
            return Self::manual(input);
        }
        Self::continued(head, pending)
    }

    /// The turn of a run that brings nothing new: it goes on where the thread was stopped, if it
    /// was. Questions wait on.
    fn continued(head: Option<&Checkpoint>, pending: Option<&Pending>) -> Self {
        match pending {
            Some(pending) if pending.interrupts.is_empty() => Self::manual(&pending.input),
            Some(pending) => Self::waiting(pending.clone()),
            None => Self::End { outcome: Outcome::Done(values(head)), pending: None },
        }
    }

    fn waiting(pending: Pending) -> Self {
        let left: Vec<Interrupt> = pending.interrupts.clone();
        Self::End { outcome: Outcome::Interrupted(left), pending: Some(pending) }
    }
}

fn values(head: Option<&Checkpoint>) -> Object {
    head.and_then(|head| head.values.as_object().cloned()).unwrap_or_default()
}

/// Whether the run is to stop before it begins: `interrupt_before` names its component, or `*`.
fn stops_before(run: &Run) -> bool {
    let names_it = |name: &Json| {
        name.as_str().is_some_and(|name| name == "*" || name == run.component.as_str())
    };
    match run.request.options.get("interrupt_before") {
        Some(Json::Array(names)) => names.iter().any(names_it),
        Some(name) => names_it(name),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wakeful_core::{
        AssistantId, CheckpointId, CheckpointSource, CronId, CronTrigger, FireCause, Manifest,
        RunId, RunRequest, ThreadId, Timestamp,
    };

    use super::*;

    fn run(input: Json, command: Option<Command>) -> Run {
        let request = RunRequest { input, command, ..RunRequest::default() };
        let (thread, assistant) = (ThreadId::generate(), AssistantId::generate());
        let component = "echo".parse().unwrap();
        Run::new(RunId::generate(), thread, assistant, component, request, Timestamp::UNIX_EPOCH)
    }

    fn stopping(mut run: Run, before: Json) -> Run {
        run.request.options.insert("interrupt_before".to_owned(), before);
        run
    }

    fn resume(answer: Json) -> Option<Command> {
        Some(Command { resume: Some(answer), ..Command::default() })
    }

    fn goto(place: &str) -> Option<Command> {
        Some(Command { goto: Some(place.to_owned()), ..Command::default() })
    }

    fn update() -> Option<Command> {
        Some(Command { update: Some(Object::new()), ..Command::default() })
    }

    /// A thread with the values `{"n": 1}` that waits for these answers.
    fn head(asked: Option<&[&str]>) -> Checkpoint {
        let question = |id: &&str| Interrupt {
            id: (*id).to_owned(),
            reason: String::new(),
            payload: json!(id),
            answer_schema: None,
        };
        Checkpoint {
            id: CheckpointId::generate(),
            thread_id: ThreadId::generate(),
            parent: None,
            run_id: None,
            step: 0,
            created_at: Timestamp::UNIX_EPOCH,
            values: json!({ "n": 1 }),
            files: Manifest::default(),
            pending: asked.map(|ids| Pending {
                interrupts: ids.iter().map(question).collect(),
                input: json!("first"),
                answers: Vec::new(),
            }),
            source: CheckpointSource::Loop,
            metadata: Object::new(),
        }
    }

    fn shown(turn: &Turn) -> Json {
        match turn {
            Turn::Invoke { trigger: JobTrigger::Resume(answers), input } => {
                json!({ "resume": answers, "input": input })
            }
            Turn::Invoke { trigger: JobTrigger::Cron(_), input } => json!({ "cron": input }),
            Turn::Invoke { trigger: JobTrigger::Manual, input } => json!({ "invoke": input }),
            Turn::End { outcome: Outcome::Done(values), pending: None } => json!({ "end": values }),
            Turn::End { outcome: Outcome::Interrupted(left), pending: Some(pending) } => {
                let ids: Vec<_> = left.iter().map(|question| &question.id).collect();
                assert_eq!(*left, pending.interrupts);
                json!({ "wait": ids, "input": pending.input, "answers": pending.answers })
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_turn_follows_from_the_run_and_from_what_the_thread_waits_for() {
        let new = || run(json!("new"), None);
        let null = |command| run(Json::Null, command);
        let end = json!({ "end": { "n": 1 } });
        let both = json!({ "wait": ["a", "b"], "input": "first", "answers": [] });
        for (name, asked, run, expected) in [
            ("new input", None, new(), json!({ "invoke": "new" })),
            ("no input", None, null(None), json!({ "invoke": null })),
            ("another input", Some(&["a"][..]), new(), json!({ "invoke": "new" })),
            ("nothing for questions", Some(&["a", "b"]), null(None), both.clone()),
            ("nothing for a stop", Some(&[]), null(None), json!({ "invoke": "first" })),
            ("answer to nothing", None, null(resume(json!(1))), end.clone()),
            ("answer to a stop", Some(&[]), null(resume(json!(1))), json!({ "invoke": "first" })),
            (
                "answer",
                Some(&["a"]),
                null(resume(json!(1))),
                json!({ "resume": [["a", 1]], "input": "first" }),
            ),
            (
                "one answer of two",
                Some(&["a", "b"]),
                null(resume(json!({ "b": 2 }))),
                json!({ "wait": ["a"], "input": "first", "answers": [["b", 2]] }),
            ),
            (
                "both answers",
                Some(&["a", "b"]),
                null(resume(json!({ "b": 2, "a": 1 }))),
                json!({ "resume": [["b", 2], ["a", 1]], "input": "first" }),
            ),
            ("update", None, null(update()), end.clone()),
            ("update of questions", Some(&["a", "b"]), null(update()), both),
            ("update of a stop", Some(&[]), null(update()), json!({ "invoke": "first" })),
            ("end", None, null(goto(Command::END)), end.clone()),
            ("end of questions", Some(&["a"]), null(goto(Command::END)), end),
            ("go", None, null(goto("echo")), json!({ "invoke": null })),
            (
                "go with input",
                Some(&["a"]),
                run(json!("x"), goto("echo")),
                json!({ "invoke": "x" }),
            ),
            (
                "stop",
                None,
                stopping(new(), json!(["x", "echo"])),
                json!({ "wait": [], "input": "new", "answers": [] }),
            ),
            (
                "stop at all",
                Some(&["a"]),
                stopping(new(), json!("*")),
                json!({ "wait": [], "input": "new", "answers": [] }),
            ),
            ("stop elsewhere", None, stopping(new(), json!(["x"])), json!({ "invoke": "new" })),
            ("on", Some(&[]), stopping(null(None), json!("*")), json!({ "invoke": "first" })),
        ] {
            let turn = Turn::of(&run, Some(&head(asked)));
            assert_eq!(shown(&turn), expected, "{name}");
        }
        assert_eq!(shown(&Turn::of(&null(resume(json!(1))), None)), json!({ "end": {} }));
    }

    #[test]
    fn a_fire_is_no_answer() {
        let mut run = run(Json::Null, None);
        let fire = CronTrigger {
            cron_id: CronId::generate(),
            scheduled_at: run.created_at,
            missed: 0,
            cause: FireCause::Schedule,
            previous_at: None,
            late: std::time::Duration::ZERO,
        };
        run.trigger = Trigger::Cron(fire);
        let turn = Turn::of(&run, Some(&head(Some(&["a"]))));
        assert_eq!(shown(&turn), json!({ "cron": null }));
    }
}
