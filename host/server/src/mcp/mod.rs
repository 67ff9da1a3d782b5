//! The Model Context Protocol over streamable HTTP, without sessions: every assistant is a tool.

mod call;
mod handler;
mod tool;
mod transport;

use axum::response::Redirect;
use axum::routing::any;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

pub(crate) fn routes() -> OpenApiRouter<App> {
    // A server without sessions has no stream to open and no session to end, so that GET and
    // DELETE are answered with 405.
    OpenApiRouter::new()
        .routes(routes!(transport::post))
        .route("/mcp/", any(async || Redirect::temporary("/mcp")))
}
