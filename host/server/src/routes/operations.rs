use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wakeful::Error as HostError;

use crate::app::App;
use crate::described::Refusal;
use crate::error::Error;
use crate::extract::OptionalBody;
use crate::whole::whole;
use crate::wire::Component;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(components)).routes(routes!(back_up))
}

#[utoipa::path(
    get,
    path = "/components",
    tag = "operations",
    summary = "List the components in the folder",
    responses((status = 200, description = "Done", body = Vec<Component>)),
)]
async fn components(State(app): State<App>) -> Response {
    let components = app.host.components();
    let shown: Vec<_> = components.iter().map(Component::from).collect();
    Json(shown).into_response()
}

#[derive(Default, Deserialize, ToSchema)]
struct BackupBody {
    name: Option<String>,
}

/// Copies everything into a new folder below `backups` in the data folder.
#[utoipa::path(
    post,
    path = "/backups",
    tag = "operations",
    summary = "Back everything up",
    request_body = Option<BackupBody>,
    responses((status = 200, description = "Done", body = serde_json::Value), (status = 409, description = "It does not go with what is there", body = Refusal)),
)]
async fn back_up(
    State(app): State<App>,
    OptionalBody(body): OptionalBody<BackupBody>,
) -> Result<Response, Error> {
    let name = match body.name {
        Some(name) if is_plain(&name) => name,
        Some(name) => {
            return Err(Error::unprocessable(format!(
                "name: `{name}` is not 1 to 64 of the characters a-z, A-Z, 0-9, '-', '_' and '.', beginning with a letter or a digit"
            )));
        }
        None => app.host.now().strftime("%Y%m%dT%H%M%S%6fZ").to_string(),
    };
    let folder = app.host.settings().data.join("backups");
    let target = folder.join(&name);
    let backup = whole(async move {
        if tokio::fs::try_exists(&target).await.unwrap_or(false) {
            return Err(Error::refused(
                StatusCode::CONFLICT,
                format!("there is a backup named `{name}` already; choose another name"),
            ));
        }
        tokio::fs::create_dir_all(&folder).await.map_err(|problem| {
            let reason = format!("cannot be created: {problem}");
            Error::from(HostError::Unusable { path: folder.clone(), reason })
        })?;
        Ok(app.host.backup(&target).await?)
    });
    let backup = backup.await?;
    let path = backup.path.to_string_lossy();
    Ok(Json(json!({ "path": path, "files": backup.files, "bytes": backup.bytes })).into_response())
}

/// Whether a name is one that cannot lead out of the folder.
fn is_plain(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    begins_well && name.len() <= 64 && name.chars().all(allowed)
}
