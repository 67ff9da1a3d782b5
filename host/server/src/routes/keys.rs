use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::described::Refusal;
use crate::error::Error;
use crate::extract::{Body, Ids};
use crate::whole::whole;
use crate::wire::{Key, KeyBody, Text};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(revoke))
}

#[utoipa::path(
    get,
    path = "/keys",
    tag = "keys",
    summary = "List the API keys, without their secrets",
    responses((status = 200, description = "Done", body = Vec<Key>)),
)]
async fn list(State(app): State<App>) -> Response {
    let keys = app.host.keys();
    let shown: Vec<_> = keys.iter().map(Key::from).collect();
    Json(shown).into_response()
}

/// A key that was just made, with the only copy of its secret.
#[derive(Serialize, ToSchema)]
struct Made<'a> {
    #[schema(value_type = String)]
    key: Text<wakeful::core::KeyToken>,
    #[serde(flatten)]
    shown: Key<'a>,
}

#[utoipa::path(
    post,
    path = "/keys",
    tag = "keys",
    summary = "Make an API key; its secret is shown this once",
    request_body = KeyBody,
    responses((status = 200, description = "Done", body = Made), (status = 409, description = "It does not go with what is there", body = Refusal)),
)]
async fn create(State(app): State<App>, Body(body): Body<KeyBody>) -> Result<Response, Error> {
    let new = body.into_request()?;
    let (key, token) = whole(async move { app.host.create_key(new).await }).await?;
    let made = Made { key: Text(token), shown: Key::from(&key) };
    Ok(([(CACHE_CONTROL, "no-store")], Json(made)).into_response())
}

#[utoipa::path(
    delete,
    path = "/keys/{key}",
    tag = "keys",
    summary = "Revoke an API key",
    responses((status = 204, description = "Done; there is nothing to show")),
)]
async fn revoke(State(app): State<App>, ids: Ids) -> Result<StatusCode, Error> {
    let id = ids.key()?;
    whole(async move { app.host.revoke_key(id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}
