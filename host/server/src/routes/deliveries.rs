use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use wakeful::DeliveryQuery;
use wakeful::core::DeliveryStatus;

use crate::app::App;
use crate::error::Error;
use crate::extract::{Ids, Params};
use crate::routes::page::paged;
use crate::whole::whole;
use crate::wire::{Delivery, Limit};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/runs/{run}/deliveries", get(of_run))
        .route("/webhooks/deliveries", get(all))
        .route("/webhooks/deliveries/{delivery}", get(one))
        .route("/webhooks/deliveries/{delivery}/redeliver", post(redeliver))
}

async fn of_run(State(app): State<App>, ids: Ids) -> Result<Response, Error> {
    let deliveries = app.host.deliveries_of_run(ids.run()?).await?;
    let shown: Vec<_> = deliveries.iter().map(Delivery::from).collect();
    Ok(Json(shown).into_response())
}

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

async fn one(State(app): State<App>, ids: Ids) -> Result<Response, Error> {
    let delivery = app.host.delivery(ids.delivery()?).await?;
    Ok(Json(Delivery::from(&delivery)).into_response())
}

async fn redeliver(State(app): State<App>, ids: Ids) -> Result<Response, Error> {
    let id = ids.delivery()?;
    let delivery = whole(async move { app.host.redeliver(id).await }).await?;
    Ok(Json(Delivery::from(&delivery)).into_response())
}
