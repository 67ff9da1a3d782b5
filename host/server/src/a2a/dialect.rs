use serde_json::json;
use wakeful::core::{Json, Run};

use crate::a2a::reply::{self, Part};
use crate::a2a::task::{State, Task, message_id};
use crate::wire::{Text, Time};

/// A version of the protocol: they differ in the names of methods and in how things are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Version 0.3, the last one that says of everything what `kind` it is.
    V0_3,
    /// Version 1.0, written as JSON of protocol buffers.
    V1_0,
}

/// What a client may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Send,
    Stream,
    Get,
    List,
    Cancel,
    Subscribe,
    PushNotifications,
    ExtendedCard,
}

impl Method {
    /// The method with this name, and the version that calls it so.
    pub(crate) fn parse(name: &str) -> Option<(Self, Dialect)> {
        use Dialect::{V0_3, V1_0};
        Some(match name {
            "message/send" => (Self::Send, V0_3),
            "message/stream" => (Self::Stream, V0_3),
            "tasks/get" => (Self::Get, V0_3),
            "tasks/cancel" => (Self::Cancel, V0_3),
            "tasks/resubscribe" => (Self::Subscribe, V0_3),
            "tasks/pushNotificationConfig/set"
            | "tasks/pushNotificationConfig/get"
            | "tasks/pushNotificationConfig/list"
            | "tasks/pushNotificationConfig/delete" => (Self::PushNotifications, V0_3),
            "agent/getAuthenticatedExtendedCard" => (Self::ExtendedCard, V0_3),
            "SendMessage" => (Self::Send, V1_0),
            "SendStreamingMessage" => (Self::Stream, V1_0),
            "GetTask" => (Self::Get, V1_0),
            // Version 0.3 has it over gRPC and REST alone.
            "ListTasks" => (Self::List, V1_0),
            "CancelTask" => (Self::Cancel, V1_0),
            "SubscribeToTask" => (Self::Subscribe, V1_0),
            "CreateTaskPushNotificationConfig"
            | "GetTaskPushNotificationConfig"
            | "ListTaskPushNotificationConfigs"
            | "DeleteTaskPushNotificationConfig" => (Self::PushNotifications, V1_0),
            "GetExtendedAgentCard" => (Self::ExtendedCard, V1_0),
            _ => return None,
        })
    }
}

impl Dialect {
    /// A task with the last messages of its history.
    pub(crate) fn task(self, task: &Task, history_length: Option<usize>) -> Json {
        let mut history: Vec<_> = task
            .runs()
            .flat_map(|run| [Some(self.said(task, run)), self.replied(task, run)])
            .flatten()
            .collect();
        let surplus = history.len().saturating_sub(history_length.unwrap_or(usize::MAX));
        history.drain(..surplus);
        let artifacts: Vec<_> = reply::artifact(task.last())
            .map(|parts| self.artifact(task.last(), &parts))
            .into_iter()
            .collect();
        self.kind(
            "task",
            json!({
                "id": Text(task.id()),
                "contextId": Text(task.context()),
                "status": self.status(task),
                "history": history,
                "artifacts": artifacts,
            }),
        )
    }

    /// What `SendMessage` answers, or a stream begins with.
    pub(crate) fn sent(self, task: &Task, history_length: Option<usize>) -> Json {
        self.wrapped("task", self.task(task, history_length))
    }

    /// That a task is now where it is.
    pub(crate) fn status_update(self, task: &Task) -> Json {
        let update = self.update(task, "status", self.status(task));
        self.status_event(
            update,
            task.state() != State::Submitted && task.state() != State::Working,
        )
    }

    /// That an assistant says something while it works.
    pub(crate) fn working(self, task: &Task, said: &[Part]) -> Json {
        let message_id = Text(uuid::Uuid::now_v7());
        let status = json!({
            "state": self.state(State::Working),
            "timestamp": Time(wakeful::core::Timestamp::now()),
            "message": self.message(task, "agent", &json!(message_id), said),
        });
        let update = self.update(task, "status", status);
        self.status_event(update, false)
    }

    /// That there is more of the reply, or, unless it `appends`, that this is all of it.
    pub(crate) fn artifact_update(
        self,
        task: &Task,
        parts: &[Part],
        appends: bool,
        last: bool,
    ) -> Json {
        let mut update = self.update(task, "artifact", self.artifact(task.last(), parts));
        put(&mut update, "append", appends);
        put(&mut update, "lastChunk", last);
        self.wrapped("artifactUpdate", self.kind("artifact-update", update))
    }

    fn status_event(self, mut update: Json, is_last: bool) -> Json {
        if self == Self::V0_3 {
            put(&mut update, "final", is_last);
        }
        self.wrapped("statusUpdate", self.kind("status-update", update))
    }

    fn update(self, task: &Task, key: &str, value: Json) -> Json {
        let mut update = json!({ "taskId": Text(task.id()), "contextId": Text(task.context()) });
        put(&mut update, key, value);
        update
    }

    fn status(self, task: &Task) -> Json {
        let run = task.last();
        let changed = run.ended_at.unwrap_or(run.updated_at);
        let mut status = json!({ "state": self.state(task.state()), "timestamp": Time(changed) });
        // What it replied is in the history; what it asks or why it failed belongs here as well.
        if task.state() != State::Completed
            && let Some(message) = self.replied(task, run)
        {
            put(&mut status, "message", message);
        }
        status
    }

    /// The user's message that a run is for.
    fn said(self, task: &Task, run: &Run) -> Json {
        self.message(task, "user", &message_id(run).into(), &reply::said(run))
    }

    /// What a run answered, if it has.
    fn replied(self, task: &Task, run: &Run) -> Option<Json> {
        let id = json!(Text(reply::id(run)));
        reply::replied(run).map(|parts| self.message(task, "agent", &id, &parts))
    }

    fn message(self, task: &Task, role: &str, id: &Json, parts: &[Part]) -> Json {
        let role = match (self, role) {
            (Self::V0_3, role) => role,
            (Self::V1_0, "user") => "ROLE_USER",
            (Self::V1_0, _) => "ROLE_AGENT",
        };
        self.kind(
            "message",
            json!({
                "role": role,
                "parts": self.parts(parts),
                "messageId": id,
                "taskId": Text(task.id()),
                "contextId": Text(task.context()),
            }),
        )
    }

    fn artifact(self, run: &Run, parts: &[Part]) -> Json {
        json!({
            "artifactId": Text(reply::id(run)),
            "name": "Assistant Response",
            "description": format!("Response from assistant {}", run.assistant_id),
            "parts": self.parts(parts),
        })
    }

    fn parts(self, parts: &[Part]) -> Vec<Json> {
        let written = parts.iter().map(|part| match part {
            Part::Text(text) => self.kind("text", json!({ "text": text })),
            // Version 0.3 has objects alone here.
            Part::Data(data) => self.kind("data", json!({ "data": data })),
        });
        written.collect()
    }

    pub(crate) fn state(self, state: State) -> &'static str {
        let (v0_3, v1_0) = match state {
            State::Submitted => ("submitted", "TASK_STATE_SUBMITTED"),
            State::Working => ("working", "TASK_STATE_WORKING"),
            State::InputRequired => ("input-required", "TASK_STATE_INPUT_REQUIRED"),
            State::Completed => ("completed", "TASK_STATE_COMPLETED"),
            State::Failed => ("failed", "TASK_STATE_FAILED"),
            State::Canceled => ("canceled", "TASK_STATE_CANCELED"),
        };
        if self == Self::V0_3 { v0_3 } else { v1_0 }
    }

    /// Says what something is, where the version wants it said inside.
    fn kind(self, kind: &str, mut document: Json) -> Json {
        if self == Self::V0_3 {
            put(&mut document, "kind", kind);
        }
        document
    }

    /// Says what something is, where the version wants it said around it.
    fn wrapped(self, key: &str, document: Json) -> Json {
        match self {
            Self::V0_3 => document,
            Self::V1_0 => json!({ key: document }),
        }
    }
}

/// Adds a key to an object.
fn put(object: &mut Json, key: &str, value: impl Into<Json>) {
    if let Json::Object(object) = object {
        object.insert(key.to_owned(), value.into());
    }
}
