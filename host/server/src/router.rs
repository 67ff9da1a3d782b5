use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header::CONTENT_LOCATION;
use axum::http::{HeaderName, Method, StatusCode, Uri, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowHeaders, Any as AnyOrigin, CorsLayer};
use tracing::error;
use utoipa_axum::router::OpenApiRouter;
use wakeful::Host;

use crate::access::{guard, pass_plain_options};
use crate::app::App;
use crate::error::Error;
use crate::once::REPLAYED;
use crate::routes::page::{PAGINATION_NEXT, PAGINATION_TOTAL};
use crate::stream::TRUNCATED;
use crate::throttle::Throttle;
use crate::{ServerSettings, a2a, docs, mcp, middleware, routes};

/// The routes of the API over `host`.
pub fn router(host: Host, settings: ServerSettings) -> Router {
    let max_body = usize::try_from(settings.max_body).unwrap_or(usize::MAX);
    let throttle = Arc::new(Throttle::new(settings.key_rate, settings.peer_rate));
    let observed = Arc::default();
    let app = App { host, settings: Arc::new(settings), throttle, observed };
    let (routes, api) = routes().split_for_parts();
    routes
        .merge(docs::routes(&api))
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(from_fn_with_state(app.clone(), middleware::take_body))
        .with_state(app.clone())
        .layer(DefaultBodyLimit::max(max_body))
        .layer(from_fn_with_state(app.clone(), guard))
        .layer(cors())
        .layer(from_fn(pass_plain_options))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(app, middleware::observe))
}

/// The routes that describe themselves.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(routes::meta::routes())
        .merge(routes::assistants::routes())
        .merge(routes::graphs::routes())
        .merge(routes::threads::routes())
        .merge(routes::states::routes())
        .merge(routes::files::routes())
        .merge(routes::runs::routes())
        .merge(routes::endings::routes())
        .merge(routes::streams::routes())
        .merge(routes::thread_protocol::routes())
        .merge(routes::crons::routes())
        .merge(routes::cron_actions::routes())
        .merge(routes::cron_fires::routes())
        .merge(routes::items::routes())
        .merge(routes::deliveries::routes())
        .merge(routes::operations::routes())
        .merge(mcp::routes())
        .merge(a2a::routes())
        .merge(routes::keys::routes())
}

/// Any page may call, as with LangGraph's own server; it is what Studio in a browser needs.
fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AnyOrigin)
        .allow_methods([
            Method::DELETE,
            Method::GET,
            Method::HEAD,
            Method::OPTIONS,
            Method::PATCH,
            Method::POST,
            Method::PUT,
        ])
        .allow_headers(AllowHeaders::mirror_request())
        .allow_private_network(true)
        .expose_headers([
            HeaderName::from_static(PAGINATION_TOTAL),
            HeaderName::from_static(PAGINATION_NEXT),
            CONTENT_LOCATION,
            header::LOCATION,
            REPLAYED,
            TRUNCATED,
        ])
        .max_age(Duration::from_secs(600))
}

async fn no_route(uri: Uri) -> Error {
    Error::not_found(format!("there is nothing at {}", uri.path()))
}

async fn no_method(method: Method, uri: Uri) -> Error {
    Error::refused(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("{} does not take {method}; see the `allow` header", uri.path()),
    )
}

fn panicked(payload: Box<dyn Any + Send + 'static>) -> Response {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    error!(panic = text.unwrap_or("?"), "a request handler panicked");
    Error::refused(
        StatusCode::INTERNAL_SERVER_ERROR,
        "Internal Server Error; the server's log says why",
    )
    .into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_answer_and_not_a_dropped_connection() {
        async fn handler() {
            panic!("secret");
        }
        let router: Router =
            Router::new().route("/", get(handler)).layer(CatchPanicLayer::custom(panicked));
        let answer = router.oneshot(Request::new(Body::empty())).await.unwrap();
        assert_eq!(answer.status(), 500);
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        let document: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert!(document["detail"].as_str().is_some_and(|detail| !detail.contains("secret")));
    }
}
