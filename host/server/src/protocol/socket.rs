use std::collections::VecDeque;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use serde_json::json;
use wakeful::core::{Json, LoggedEvent, Scope, ThreadId};
use wakeful::{ThreadEvent, ThreadWatch};

use super::command::{Command, Refusal, Reply};
use super::event::Event;
use super::show::ThreadEvents;
use super::{Subscription, history};
use crate::access::Credentials;
use crate::app::App;
use crate::once::Once;

/// How many subscriptions a connection may have.
const SUBSCRIPTIONS: usize = 64;

/// Talks to one client until it leaves, the thread is deleted, or the host stops.
pub(crate) async fn talk(mut socket: WebSocket, app: App, thread: ThreadId, by: Credentials) {
    let mut session =
        Session { thread, by, subscriptions: Vec::new(), created: 0, feed: None, app: app.clone() };
    loop {
        let outgoing = tokio::select! {
            incoming = socket.recv() => match incoming {
                Some(Ok(Message::Text(text))) => vec![session.command(text.as_bytes()).await],
                Some(Ok(Message::Binary(bytes))) => vec![session.command(&bytes).await],
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                Some(Ok(Message::Close(_))) => return part(socket, app.settings.keep_alive).await,
                Some(Err(_)) | None => return,
            },
            event = next(&mut session.feed) => match event {
                Some(event) => session.show(&event),
                None => break,
            },
            () = tokio::time::sleep(app.settings.keep_alive) => {
                if socket.send(Message::Ping(Default::default())).await.is_err() {
                    return;
                }
                continue;
            }
            () = app.host.stopping() => break,
        };
        for document in outgoing {
            if socket.send(Message::Text(document.to_string().into())).await.is_err() {
                return;
            }
        }
    }
    let close = CloseFrame { code: close_code::AWAY, reason: "there is no more to come".into() };
    if socket.send(Message::Close(Some(close))).await.is_ok() {
        part(socket, app.settings.keep_alive).await;
    }
}

/// Ends the connection once both sides have said that they leave (RFC 6455, section 7.1.1), or after
/// a while.
async fn part(mut socket: WebSocket, patience: Duration) {
    let last = async { while let Some(Ok(_)) = socket.recv().await {} };
    // Whoever does not answer is not waited for.
    let _ = tokio::time::timeout(patience, last).await;
}

/// What happens on the thread, from the beginning that is known.
struct Feed {
    past: VecDeque<Arc<LoggedEvent>>,
    watch: ThreadWatch,
    events: ThreadEvents,
}

async fn next(feed: &mut Option<Feed>) -> Option<Arc<LoggedEvent>> {
    let Some(feed) = feed else { return pending().await };
    if let Some(event) = feed.past.pop_front() {
        return Some(event);
    }
    loop {
        match feed.watch.next().await? {
            ThreadEvent::Run(event) => return Some(event),
            // The protocol has no event for it.
            ThreadEvent::State(_) => {}
        }
    }
}

struct Session {
    app: App,
    thread: ThreadId,
    by: Credentials,
    subscriptions: Vec<(String, Subscription)>,
    /// How many subscriptions there were.
    created: u64,
    feed: Option<Feed>,
}

impl Session {
    async fn command(&mut self, text: &[u8]) -> Json {
        let mut command = match Command::read(text) {
            Ok(command) => command,
            Err(answer) => return answer,
        };
        let reply = self.reply(&mut command).await;
        command.answer(reply)
    }

    async fn reply(&mut self, command: &mut Command) -> Reply {
        let (subscribes, scope) = match command.method.as_str() {
            "subscription.subscribe" => (Some(true), Scope::Read),
            "subscription.unsubscribe" => (Some(false), Scope::Read),
            _ => (None, Scope::Run),
        };
        self.by
            .check(&self.app, scope)
            .map_err(|reason| Refusal::new("permission_denied", reason))?;
        match subscribes {
            Some(true) => self.subscribe(command).await,
            Some(false) => self.unsubscribe(command),
            // A socket has no header for a key.
            None => command.carry_out(&self.app, self.thread, Once::unkeyed()).await,
        }
    }

    /// Adds a subscription, and begins anew, because the new one wants to see the past as well. The
    /// others have seen theirs.
    async fn subscribe(&mut self, command: &mut Command) -> Reply {
        if self.subscriptions.len() >= SUBSCRIPTIONS {
            return Err(Refusal::invalid(format!(
                "a connection may have {SUBSCRIPTIONS} subscriptions; unsubscribe from one"
            )));
        }
        let wanted = Subscription::read(std::mem::take(&mut command.params))
            .map_err(|problem| Refusal::invalid(problem.answer().1))?;
        let (past, watch) = self.app.host.watch_thread(self.thread, history(wanted.after)).await?;
        let truncated = watch.is_truncated();
        self.feed = Some(Feed { past: past.into(), watch, events: ThreadEvents::default() });
        self.created = self.created.saturating_add(1);
        let id = format!("subscription-{}", self.created);
        self.subscriptions.push((id.clone(), wanted));
        let mut reply = json!({ "subscription_id": id });
        if truncated && let Some(reply) = reply.as_object_mut() {
            reply.insert("history_truncated".to_owned(), true.into());
        }
        Ok(reply)
    }

    fn unsubscribe(&mut self, command: &Command) -> Reply {
        let id = command.params.get("subscription_id").and_then(Json::as_str);
        let before = self.subscriptions.len();
        self.subscriptions.retain(|(known, _)| Some(known.as_str()) != id);
        if self.subscriptions.len() == before {
            let message = "`subscription_id` names no subscription of this connection";
            return Err(Refusal::new("no_such_subscription", message));
        }
        if self.subscriptions.is_empty() {
            self.feed = None;
        }
        Ok(json!({}))
    }

    /// What the client is to see of an event; once, however many of its subscriptions want it.
    fn show(&mut self, event: &LoggedEvent) -> Vec<Json> {
        let Some(feed) = &mut self.feed else { return Vec::new() };
        let subscriptions = &self.subscriptions;
        let wants = |channel, name: Option<&str>, seq| {
            subscriptions.iter().any(|(_, wanted)| wanted.wants(channel, name, seq))
        };
        let shown = feed.events.events(event, &wants).iter().map(Event::to_json).collect();
        let last = feed.events.last();
        for (_, wanted) in &mut self.subscriptions {
            wanted.after = wanted.after.max(last);
        }
        shown
    }
}
