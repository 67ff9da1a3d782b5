use std::collections::VecDeque;
use std::convert::Infallible;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::json;
use wakeful::core::{EventId, GuestEvent, Json, Run, RunEvent};
use wakeful::{CreateRun, Error as HostError, Host, RunWatch};

use crate::a2a::dialect::Dialect;
use crate::a2a::reply::{self, Part};
use crate::a2a::send::finished;
use crate::a2a::task::Task;
use crate::app::App;

/// What a run emits while it goes on.
pub(crate) struct Events {
    watch: RunWatch,
    /// Nothing up to this event.
    after: Option<EventId>,
}

/// Creates a run and watches it from its beginning.
pub(crate) async fn watched(host: &Host, new: CreateRun) -> Result<(Run, Events), HostError> {
    let (run, watch) = host.create_watched_run(new).await?;
    Ok((run, Events { watch, after: None }))
}

impl Events {
    /// What the newest run of a task emits from now on.
    pub(crate) async fn of(host: &Host, task: &Task) -> Result<Self, HostError> {
        let (_, watch) = host.watch_run(task.last().id).await?;
        Ok(Self { after: watch.seen(), watch })
    }

    /// The next event; `None` when the run has ended.
    async fn next(&mut self) -> Option<GuestEvent> {
        while let Some(logged) = self.watch.next().await {
            if self.after.is_none_or(|after| after < logged.id)
                && let RunEvent::Guest(event) = &logged.event
            {
                return Some(event.clone());
            }
        }
        None
    }
}

/// Streams a task until it has ended or asks for something: the task as it is, what its run emits,
/// and how it ended. The run goes on when the client goes away.
pub(crate) fn response(
    app: &App,
    dialect: Dialect,
    id: Json,
    task: Task,
    events: Events,
    history_length: Option<usize>,
) -> Response {
    let first = dialect.sent(&task, history_length);
    let watch = Watch {
        host: app.host.clone(),
        dialect,
        queue: VecDeque::from([first]),
        task: Some(task),
        events,
        appends: false,
    };
    let documents = stream::unfold((watch, id), |(mut watch, id)| async move {
        let result = watch.next().await?;
        let document = match result {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
            Err(problem) => problem.document(&id),
        };
        let event = Event::default().data(document.to_string());
        Some((Ok::<_, Infallible>(event), (watch, id)))
    });
    let keep_alive = KeepAlive::new().interval(app.settings.keep_alive);
    Sse::new(documents).keep_alive(keep_alive).into_response()
}

/// A task that a client watches.
struct Watch {
    host: Host,
    dialect: Dialect,
    /// What is to be sent before anything else.
    queue: VecDeque<Json>,
    /// Gone once its end is in the queue.
    task: Option<Task>,
    events: Events,
    /// Whether a part of the reply has been sent.
    appends: bool,
}

impl Watch {
    async fn next(&mut self) -> Option<Result<Json, crate::rpc::RpcError>> {
        loop {
            if let Some(document) = self.queue.pop_front() {
                return Some(Ok(document));
            }
            let task = self.task.take()?;
            // Not every end is announced here: the run may have ended before it was watched.
            let ended = finished(&self.host, task.clone());
            let event = tokio::select! {
                biased;
                Some(event) = self.events.next() => event,
                ended = ended => match ended {
                    Ok(task) => {
                        self.end(&task);
                        continue;
                    }
                    Err(problem) => return Some(Err(problem)),
                },
            };
            self.report(&task, event);
            self.task = Some(task);
        }
    }

    fn report(&mut self, task: &Task, event: GuestEvent) {
        let dialect = self.dialect;
        let document = match event {
            GuestEvent::TextDelta(text) => {
                let appends = std::mem::replace(&mut self.appends, true);
                dialect.artifact_update(task, &[Part::Text(text)], appends, false)
            }
            GuestEvent::Message(message) => {
                let part = reply::text(&message).map_or_else(|| Part::of(&message), Part::Text);
                dialect.working(task, &[part])
            }
            GuestEvent::Custom { name, data } => {
                dialect.working(task, &[reply::named(&name, &data)])
            }
            // The values come with the end of the task, and logs are for operators.
            GuestEvent::Values(_) | GuestEvent::Log(_) => return,
        };
        self.queue.push_back(document);
    }

    fn end(&mut self, task: &Task) {
        if let Some(parts) = reply::artifact(task.last()) {
            self.queue.push_back(self.dialect.artifact_update(task, &parts, false, true));
        }
        self.queue.push_back(self.dialect.status_update(task));
    }
}
