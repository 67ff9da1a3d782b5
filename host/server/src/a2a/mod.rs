//! The Agent2Agent protocol over JSON-RPC, in its versions 0.3 and 1.0: every assistant is an
//! agent, a context is a thread, and a task is a run with those that answer its questions.

mod card;
mod dialect;
mod endpoint;
mod incoming;
mod problem;
mod reply;
mod send;
mod stream;
mod task;

use axum::Router;
use axum::routing::{get, post};

use crate::app::App;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/a2a/{assistant}", post(endpoint::post))
        .route("/.well-known/agent-card.json", get(card::get))
}
