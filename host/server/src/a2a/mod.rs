//! The Agent2Agent protocol over JSON-RPC, in its versions 0.3 and 1.0: every assistant is an
//! agent, a context is a thread, and a task is a run with those that answer its questions.

mod card;
mod dialect;
mod endpoint;
mod incoming;
mod list;
mod problem;
mod reply;
mod send;
mod stream;
mod task;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(endpoint::post)).routes(routes!(card::get))
}
