use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wakeful::DeliveryQuery;
use wakeful::core::DeliveryStatus;

use crate::app::App;
use crate::described::Refusal;
use crate::error::Error;
use crate::extract::{Ids, Params};
use crate::routes::page::paged;
use crate::whole::whole;
use crate::wire::{Delivery, Limit};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(of_run))
        .routes(routes!(all))
        .routes(routes!(one))
        .routes(routes!(redeliver))
}

#[utoipa::path(
    get,
    path = "/runs/{run}/deliveries",
    tag = "webhooks",
    summary = "List the deliveries of the webhook of a run",
    responses((status = 200, description = "Done", body = Vec<Delivery>)),
)]
async fn of_run(State(app): State<App>, ids: Ids) -> Result<Response, Error> {
    let deliveries = app.host.deliveries_of_run(ids.run()?).await?;
    let shown: Vec<_> = deliveries.iter().map(Delivery::from).collect();
    Ok(Json(shown).into_response())
}

#[utoipa::path(
    get,
    path = "/webhooks/deliveries",
    tag = "webhooks",
    summary = "List deliveries, newest first",
    params(("run_id" = Option<String>, Query), ("status" = Option<String>, Query), ("limit" = Option<u32>, Query), ("offset" = Option<u64>, Query)),
    responses((status = 200, description = "Done", body = Vec<Delivery>)),
)]
async fn all(State(app): State<App>, params: Params) -> Result<Response, Error> {
    let (Limit(limit), offset) = Limit::with_offset(&params)?;
    let statuses = "one of `pending`, `delivered`, `failed`";
    let query = DeliveryQuery {
        run_id: params.id("run_id", "run")?,
        status: params.word("status", DeliveryStatus::parse, statuses)?,
        limit,
        offset,
    };
    let page = app.host.deliveries(query).await?;
    let shown: Vec<_> = page.items.iter().map(Delivery::from).collect();
    let count = shown.len();
    Ok(paged(Json(shown).into_response(), offset, count, page.total))
}

#[utoipa::path(
    get,
    path = "/webhooks/deliveries/{delivery}",
    tag = "webhooks",
    summary = "Read a delivery",
    responses((status = 200, description = "Done", body = Delivery)),
)]
async fn one(State(app): State<App>, ids: Ids) -> Result<Response, Error> {
    let delivery = app.host.delivery(ids.delivery()?).await?;
    Ok(Json(Delivery::from(&delivery)).into_response())
}

#[utoipa::path(
    post,
    path = "/webhooks/deliveries/{delivery}/redeliver",
    tag = "webhooks",
    summary = "Deliver once more",
    responses((status = 200, description = "Done", body = Delivery), (status = 409, description = "It does not go with what is there", body = Refusal)),
)]
async fn redeliver(State(app): State<App>, ids: Ids) -> Result<Response, Error> {
    let id = ids.delivery()?;
    let delivery = whole(async move { app.host.redeliver(id).await }).await?;
    Ok(Json(Delivery::from(&delivery)).into_response())
}
