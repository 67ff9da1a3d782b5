use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wakeful::core::Object;

use crate::access::Credentials;
use crate::app::App;
use crate::described::Refusal;
use crate::error::Error;
use crate::extract::{Body, Ids};
use crate::once::{Once, answer};
use crate::protocol::{Command, EventFilter, EventShow, Subscription, history, talk};
use crate::stream::{EventStream, Source};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(command)).routes(routes!(events, socket))
}

/// A command to a thread.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what is read by hand")]
struct ThreadCommand {
    /// Comes back with the answer.
    id: i64,
    /// `run.start` or `input.respond`.
    method: String,
    #[schema(value_type = Object)]
    params: Object,
}

#[utoipa::path(
    post,
    path = "/threads/{thread}/commands",
    tag = "streams",
    summary = "Start a run, or answer its question",
    request_body = ThreadCommand,
    responses((status = 200, description = "What came of it, which may be an error", body = serde_json::Value), (status = 400, description = "It is no command; the error says why", body = serde_json::Value)),
)]
async fn command(
    State(app): State<App>,
    ids: Ids,
    once: Once,
    body: Bytes,
) -> Result<Response, Error> {
    let thread = ids.thread()?;
    let mut command = match Command::read(&body) {
        Ok(command) => command,
        Err(answer) => return Ok((StatusCode::BAD_REQUEST, Json(answer)).into_response()),
    };
    let reply = command.carry_out(&app, thread, once).await;
    Ok(answer(command.replayed, Json(command.answer(reply))))
}

/// What happened on a thread and what happens, until the client leaves. There need not be such a
/// thread yet: clients listen before they start the run that creates it.
#[utoipa::path(
    post,
    path = "/threads/{thread}/stream/events",
    tag = "streams",
    summary = "Watch a thread",
    request_body = EventFilter,
    responses((status = 200, description = "Events as they come", body = String, content_type = "text/event-stream")),
)]
async fn events(
    State(app): State<App>,
    ids: Ids,
    Body(body): Body<Object>,
) -> Result<Response, Error> {
    let thread = ids.thread()?;
    let wanted = Subscription::read(body)?;
    let (past, watch) = app.host.watch_thread(thread, history(wanted.after)).await?;
    let events = EventStream {
        past: past.into(),
        source: Source::Thread(watch),
        show: Box::new(EventShow::new(wanted)),
        keep_alive: app.settings.keep_alive,
        guard: None,
    };
    Ok(events.into_response(None))
}

/// The same over a WebSocket, on which the client also sends commands.
#[utoipa::path(
    get,
    path = "/threads/{thread}/stream/events",
    tag = "streams",
    summary = "Talk to a thread over a WebSocket",
    responses((status = 101, description = "Commands one way, answers and events the other"), (status = 426, description = "The connection cannot become a WebSocket", body = Refusal)),
)]
async fn socket(
    State(app): State<App>,
    ids: Ids,
    by: Credentials,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Error> {
    let thread = ids.thread()?;
    let upgrade = upgrade.map_err(|rejection| {
        Error::refused(rejection.status(), format!("{}; or use POST", rejection.body_text()))
    })?;
    let most = usize::try_from(app.settings.max_body).unwrap_or(usize::MAX);
    let upgrade = upgrade.max_message_size(most).max_frame_size(most);
    Ok(upgrade.on_upgrade(move |socket| talk(socket, app, thread, by)))
}
