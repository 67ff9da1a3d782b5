use std::io;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::io::AsyncReadExt;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wakeful::OpenedFile;
use wakeful::core::FilePath;

use crate::app::App;
use crate::described::Refusal;
use crate::error::Error;
use crate::extract::{Ids, Params};
use crate::whole::whole;
use crate::wire::{Files, Updated};

/// Bytes of a file that are read at once.
const PART: usize = 64 << 10;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(read, put, delete))
}

#[utoipa::path(
    get,
    path = "/threads/{thread}/files",
    tag = "files",
    summary = "List the files of a thread",
    params(("checkpoint_id" = Option<String>, Query)),
    responses((status = 200, description = "Done", body = Files)),
)]
async fn list(State(app): State<App>, ids: Ids, params: Params) -> Result<Response, Error> {
    let at = params.id("checkpoint_id", "checkpoint")?;
    let found = app.host.thread_files(ids.thread()?, at).await?;
    Ok(Json(Files::from(found)).into_response())
}

/// The bytes of a file. Its digest is its `etag`, so a client that has it asks with `if-none-match`.
#[utoipa::path(
    get,
    path = "/threads/{thread}/files/content",
    tag = "files",
    summary = "Read a file of a thread",
    params(("path" = String, Query), ("checkpoint_id" = Option<String>, Query), ("if-none-match" = Option<String>, Header)),
    responses((status = 200, description = "Done", body = Vec<u8>, content_type = "application/octet-stream"), (status = 304, description = "The client has it"), (status = 409, description = "It is no file", body = Refusal)),
)]
async fn read(
    State(app): State<App>,
    ids: Ids,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let at = params.id("checkpoint_id", "checkpoint")?;
    let file = app.host.open_file(ids.thread()?, at, &path(&params)?).await?;
    let tag = format!("\"{}\"", file.digest);
    let known = headers.get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
    let is_known = known.is_some_and(|tags| tags.split(',').any(|known| known.trim() == tag));
    let mut response =
        if is_known { StatusCode::NOT_MODIFIED.into_response() } else { whole_file(file) };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    Ok(response)
}

/// Put bytes in the place of a file, or make one with the directories that it lies in.
#[utoipa::path(
    put,
    path = "/threads/{thread}/files/content",
    tag = "files",
    summary = "Write a file of a thread",
    params(("path" = String, Query)),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, description = "Done", body = Updated), (status = 409, description = "It does not go with what is there", body = Refusal)),
)]
async fn put(
    State(app): State<App>,
    ids: Ids,
    params: Params,
    bytes: Bytes,
) -> Result<Response, Error> {
    let (id, path) = (ids.thread()?, path(&params)?);
    let made = whole(async move { app.host.put_file(id, &path, bytes.into()).await });
    Ok(Json(Updated::new(id, made.await?)).into_response())
}

/// Delete a file, a link, or a directory with all that is in it.
#[utoipa::path(
    delete,
    path = "/threads/{thread}/files/content",
    tag = "files",
    summary = "Delete a file of a thread",
    params(("path" = String, Query)),
    responses((status = 200, description = "Done", body = Updated), (status = 409, description = "It does not go with what is there", body = Refusal)),
)]
async fn delete(State(app): State<App>, ids: Ids, params: Params) -> Result<Response, Error> {
    let (id, path) = (ids.thread()?, path(&params)?);
    let made = whole(async move { app.host.delete_file(id, &path).await });
    Ok(Json(Updated::new(id, made.await?)).into_response())
}

fn path(params: &Params) -> Result<FilePath, Error> {
    let text = params.get("path").unwrap_or_default();
    text.parse().map_err(|reason| Error::unprocessable(format!("path: {reason}")))
}

/// A file as it is. What a guest wrote is never taken for a page of this server.
fn whole_file(file: OpenedFile) -> Response {
    let source = (tokio::fs::File::from_std(file.bytes), file.size);
    let parts = stream::try_unfold(source, async |(mut file, left)| {
        if left == 0 {
            return Ok::<_, io::Error>(None);
        }
        let mut part = vec![0; usize::try_from(left).unwrap_or(PART).min(PART)];
        let read = file.read(&mut part).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        part.truncate(read);
        Ok(Some((Bytes::from(part), (file, left.saturating_sub(read as u64)))))
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CONTENT_LENGTH, HeaderValue::from(file.size)),
    ];
    (headers, Body::from_stream(parts)).into_response()
}
