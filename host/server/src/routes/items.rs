use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::error::Error;
use crate::extract::{Body, Params};
use crate::whole::whole;
use crate::wire::{
    AddressBody, FoundItem, Item, ItemBody, ItemSearch, NamespaceSearch, REFRESH, queried,
};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(put_one, one, delete))
        .routes(routes!(search))
        .routes(routes!(namespaces))
}

#[utoipa::path(
    put,
    path = "/store/items",
    tag = "store",
    summary = "Put an item",
    request_body = ItemBody,
    responses((status = 204, description = "Done; there is nothing to show")),
)]
async fn put_one(State(app): State<App>, Body(body): Body<ItemBody>) -> Result<StatusCode, Error> {
    let (address, value, ttl) = body.into_parts()?;
    whole(async move { app.host.put_item(address, value, ttl).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The item, or null if there is none.
#[utoipa::path(
    get,
    path = "/store/items",
    tag = "store",
    summary = "Read an item; null if there is none",
    params(("namespace" = Option<String>, Query), ("key" = Option<String>, Query), ("refresh_ttl" = Option<bool>, Query)),
    responses((status = 200, description = "Done", body = Option<Item>), (status = 400, description = "The request cannot be carried out as it is", body = serde_json::Value)),
)]
async fn one(State(app): State<App>, params: Params) -> Result<Response, Error> {
    let Some(address) = queried(&params)? else {
        // Clients read this one refusal from `error`.
        let refusal = json!({ "error": "Key is required" });
        return Ok((StatusCode::BAD_REQUEST, Json(refusal)).into_response());
    };
    let refresh = match params.get("refresh_ttl") {
        Some(_) => params.flag("refresh_ttl")?,
        None => REFRESH,
    };
    let item = app.host.item(address, refresh).await?;
    Ok(Json(item.as_ref().map(Item::from)).into_response())
}

#[utoipa::path(
    delete,
    path = "/store/items",
    tag = "store",
    summary = "Delete an item",
    request_body = AddressBody,
    responses((status = 204, description = "Done; there is nothing to show")),
)]
async fn delete(
    State(app): State<App>,
    Body(body): Body<AddressBody>,
) -> Result<StatusCode, Error> {
    let address = body.into_address()?;
    whole(async move { app.host.delete_item(address).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(
    post,
    path = "/store/items/search",
    tag = "store",
    summary = "Search items",
    request_body = ItemSearch,
    responses((status = 200, description = "Done", body = serde_json::Value)),
)]
async fn search(State(app): State<App>, Body(search): Body<ItemSearch>) -> Result<Response, Error> {
    let items = app.host.search_items(search.into_search()?).await?;
    let shown: Vec<_> = items.iter().map(FoundItem::from).collect();
    Ok(Json(json!({ "items": shown })).into_response())
}

#[utoipa::path(
    post,
    path = "/store/namespaces",
    tag = "store",
    summary = "List namespaces",
    request_body = NamespaceSearch,
    responses((status = 200, description = "Done", body = serde_json::Value)),
)]
async fn namespaces(
    State(app): State<App>,
    Body(search): Body<NamespaceSearch>,
) -> Result<Response, Error> {
    let found = app.host.namespaces(search.into_list()?).await?;
    let shown: Vec<_> = found.iter().map(|namespace| namespace.labels()).collect();
    Ok(Json(json!({ "namespaces": shown })).into_response())
}
