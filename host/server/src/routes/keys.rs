use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use axum::{Json, Router};
use serde::Serialize;

use crate::app::App;
use crate::error::Error;
use crate::extract::{Body, Ids};
use crate::whole::whole;
use crate::wire::{Key, KeyBody, Text};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/keys", get(list).post(create)).route("/keys/{key}", delete(revoke))
}

async fn list(State(app): State<App>) -> Response {
    let keys = app.host.keys();
    let shown: Vec<_> = keys.iter().map(Key::from).collect();
    Json(shown).into_response()
}

/// A key that was just made, with the only copy of its secret.
#[derive(Serialize)]
struct Made<'a> {
    key: Text<wakeful::core::KeyToken>,
    #[serde(flatten)]
    shown: Key<'a>,
}

async fn create(State(app): State<App>, Body(body): Body<KeyBody>) -> Result<Response, Error> {
    let new = body.into_request()?;
    let (key, token) = whole(async move { app.host.create_key(new).await }).await?;
    let made = Made { key: Text(token), shown: Key::from(&key) };
    Ok(([(CACHE_CONTROL, "no-store")], Json(made)).into_response())
}

async fn revoke(State(app): State<App>, ids: Ids) -> Result<StatusCode, Error> {
    let id = ids.key()?;
    whole(async move { app.host.revoke_key(id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}
