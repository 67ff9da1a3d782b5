//! What became of the instants of crons, and runs of them that somebody asks for.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wakeful::core::SkipReason;
use wakeful::{Created, FireQuery};

use crate::app::App;
use crate::described::{FireStatus, Refusal, SkipReason as Reason};
use crate::error::Error;
use crate::extract::{Body, Ids, Params};
use crate::once::{Once, answer};
use crate::routes::page::PAGINATION_NEXT;
use crate::whole::whole;
use crate::wire::{BackfillBody, Fire, Limit, Run, parse_time};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(fires)).routes(routes!(trigger)).routes(routes!(backfill))
}

#[utoipa::path(
    get,
    path = "/runs/crons/{cron}/fires",
    tag = "crons",
    summary = "List what became of the instants of a cron, newest first",
    description = "A header `X-Pagination-Next` is the `before` that asks for the part after this one; without it, this is the last. A part with a `status` or a `reason` may have fewer fires than asked for, or none, and still not be the last.",
    params(
        ("before" = Option<String>, Query, description = "Only those of instants before this one"),
        ("status" = inline(Option<FireStatus>), Query, description = "Only those of which this became"),
        ("reason" = inline(Option<Reason>), Query, description = "Only those that were skipped for this"),
        ("limit" = Option<u32>, Query),
    ),
    responses((status = 200, description = "Done", body = Vec<Fire>)),
)]
async fn fires(State(app): State<App>, ids: Ids, params: Params) -> Result<Response, Error> {
    let (Limit(limit), _) = Limit::with_offset(&params)?;
    // A `+` that was not escaped has become a space by now.
    let instant = |text: &str| parse_time(&text.replace(' ', "+"));
    let before = params.word("before", instant, "an instant such as `2026-11-22T09:00:00Z`")?;
    let status = |text: &str| match text {
        "started" => Some(true),
        "skipped" => Some(false),
        _ => None,
    };
    let started = params.word("status", status, "`started` or `skipped`")?;
    let known = SkipReason::ALL.map(SkipReason::as_str).join("`, `");
    let reason = params.word("reason", SkipReason::parse, &format!("one of `{known}`"))?;
    let query = FireQuery { before, started, reason, limit };
    let page = app.host.find_fires(ids.cron()?, &query).await?;
    let fires: Vec<_> = page.fires.iter().map(Fire::from).collect();
    let mut response = Json(fires).into_response();
    let next = page.next.and_then(|next| HeaderValue::from_str(&next.to_string()).ok());
    if let Some(next) = next {
        response.headers_mut().insert(PAGINATION_NEXT, next);
    }
    Ok(response)
}

#[utoipa::path(
    post,
    path = "/runs/crons/{cron}/trigger",
    tag = "crons",
    summary = "Run a cron once, now",
    responses((status = 200, description = "Done", body = Run), (status = 409, description = "It does not go with what is there", body = Refusal)),
)]
async fn trigger(State(app): State<App>, ids: Ids, once: Once) -> Result<Response, Error> {
    let id = ids.cron()?;
    let key = once.key(&format!("trigger {id}"), None);
    let created = whole(async move { app.host.trigger_cron_once(id, key).await }).await?;
    Ok(answer(created.was_there(), Json(Run::from(&created.into_inner()))))
}

#[utoipa::path(
    post,
    path = "/runs/crons/{cron}/backfill",
    tag = "crons",
    summary = "Run a cron once for each of its instants of a time in the past",
    description = "Whether it fired at them or not. The runs take turns, in the order of their instants, unless the cron lets its runs overlap.",
    request_body = BackfillBody,
    responses((status = 200, description = "Done", body = Vec<Run>), (status = 409, description = "It does not go with what is there", body = Refusal)),
)]
async fn backfill(
    State(app): State<App>,
    ids: Ids,
    once: Once,
    Body(body): Body<BackfillBody>,
) -> Result<Response, Error> {
    let id = ids.cron()?;
    let (from, to) = body.range()?;
    let key = once.key(&format!("backfill {id}"), None);
    let created = whole(async move { app.host.backfill_cron(id, from, to, key).await }).await?;
    let replayed = created.iter().any(Created::was_there);
    let runs: Vec<_> = created.into_iter().map(Created::into_inner).collect();
    Ok(answer(replayed, Json(runs.iter().map(Run::from).collect::<Vec<_>>())))
}
