//! What each route asks of a caller where callers need a key.

use axum::http::Method;
use wakeful::core::Scope;

/// What a route asks of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nothing.
    Open,
    /// A key that has at least this scope.
    Needs(Scope),
}

const OPEN: Access = Access::Open;
const READ: Access = Access::Needs(Scope::Read);
const RUN: Access = Access::Needs(Scope::Run);
const MANAGE: Access = Access::Needs(Scope::Manage);

/// Whatever the method is.
const ANY: &str = "*";

/// Every route. Looking at anything is `read`, a search in a `POST` as well. What makes or changes
/// threads, runs and items is `run`. What decides about other callers, or about what happens when
/// nobody calls, is `manage`.
pub(crate) const TABLE: &[(&str, &str, Access)] = &[
    ("GET", "/", OPEN),
    ("GET", "/ok", OPEN),
    ("GET", "/info", OPEN),
    ("GET", "/metrics", OPEN),
    ("GET", "/openapi.json", OPEN),
    ("GET", "/docs", OPEN),
    ("GET", "/docs/{file}", OPEN),
    ("POST", "/assistants/search", READ),
    ("POST", "/assistants/count", READ),
    ("POST", "/assistants", MANAGE),
    ("GET", "/assistants/{assistant}", READ),
    ("PATCH", "/assistants/{assistant}", MANAGE),
    ("DELETE", "/assistants/{assistant}", MANAGE),
    ("POST", "/assistants/{assistant}/versions", READ),
    ("POST", "/assistants/{assistant}/latest", MANAGE),
    ("GET", "/assistants/{assistant}/graph", READ),
    ("GET", "/assistants/{assistant}/schemas", READ),
    ("GET", "/assistants/{assistant}/subgraphs", READ),
    ("GET", "/assistants/{assistant}/subgraphs/{namespace}", READ),
    ("POST", "/threads", RUN),
    ("POST", "/threads/search", READ),
    ("POST", "/threads/count", READ),
    ("GET", "/threads/{thread}", READ),
    ("POST", "/threads/prune", RUN),
    ("PATCH", "/threads/{thread}", RUN),
    ("DELETE", "/threads/{thread}", RUN),
    ("POST", "/threads/{thread}/copy", RUN),
    ("GET", "/threads/{thread}/storage", READ),
    ("GET", "/threads/{thread}/files", READ),
    ("GET", "/threads/{thread}/files/content", READ),
    ("PUT", "/threads/{thread}/files/content", RUN),
    ("DELETE", "/threads/{thread}/files/content", RUN),
    ("POST", "/threads/{thread}/state", RUN),
    ("GET", "/threads/{thread}/state", READ),
    ("GET", "/threads/{thread}/state/{checkpoint}", READ),
    ("POST", "/threads/{thread}/state/checkpoint", READ),
    ("GET", "/threads/{thread}/history", READ),
    ("POST", "/threads/{thread}/history", READ),
    ("GET", "/runs", READ),
    ("POST", "/runs", RUN),
    ("POST", "/runs/wait", RUN),
    ("POST", "/runs/batch", RUN),
    ("POST", "/runs/cancel", RUN),
    ("GET", "/runs/{run}", READ),
    ("GET", "/runs/{run}/logs", READ),
    ("GET", "/runs/{run}/deliveries", READ),
    ("GET", "/webhooks/deliveries", READ),
    ("GET", "/webhooks/deliveries/{delivery}", READ),
    ("POST", "/webhooks/deliveries/{delivery}/redeliver", RUN),
    ("GET", "/runs/{run}/join", READ),
    ("POST", "/runs/stream", RUN),
    ("GET", "/runs/{run}/stream", READ),
    ("POST", "/runs/{run}/cancel", RUN),
    ("GET", "/threads/{thread}/runs", READ),
    ("POST", "/threads/{thread}/runs", RUN),
    ("POST", "/threads/{thread}/runs/wait", RUN),
    ("GET", "/threads/{thread}/runs/{run}", READ),
    ("DELETE", "/threads/{thread}/runs/{run}", RUN),
    ("GET", "/threads/{thread}/runs/{run}/join", READ),
    ("GET", "/threads/{thread}/stream", READ),
    ("POST", "/threads/{thread}/stream/events", READ),
    // Each command that comes over the socket is checked by itself.
    ("GET", "/threads/{thread}/stream/events", READ),
    ("POST", "/threads/{thread}/commands", RUN),
    ("POST", "/threads/{thread}/runs/stream", RUN),
    ("GET", "/threads/{thread}/runs/{run}/stream", READ),
    ("POST", "/threads/{thread}/runs/{run}/cancel", RUN),
    ("POST", "/runs/crons", MANAGE),
    ("POST", "/threads/{thread}/runs/crons", MANAGE),
    ("POST", "/runs/crons/search", READ),
    ("POST", "/runs/crons/count", READ),
    ("POST", "/runs/crons/preview", READ),
    ("GET", "/runs/crons/{cron}", READ),
    ("PATCH", "/runs/crons/{cron}", MANAGE),
    ("DELETE", "/runs/crons/{cron}", MANAGE),
    ("GET", "/runs/crons/{cron}/fires", READ),
    // A run that somebody asks a cron for is a run like any other.
    ("POST", "/runs/crons/{cron}/trigger", RUN),
    ("POST", "/runs/crons/{cron}/backfill", RUN),
    ("POST", "/runs/crons/{cron}/pause", MANAGE),
    ("POST", "/runs/crons/{cron}/resume", MANAGE),
    ("PUT", "/store/items", RUN),
    ("GET", "/store/items", READ),
    ("DELETE", "/store/items", RUN),
    ("POST", "/store/items/search", READ),
    ("POST", "/store/namespaces", READ),
    ("POST", "/mcp", RUN),
    (ANY, "/mcp/", READ),
    ("POST", "/a2a/{assistant}", RUN),
    ("GET", "/.well-known/agent-card.json", READ),
    ("GET", "/components", READ),
    ("POST", "/backups", MANAGE),
    ("GET", "/keys", MANAGE),
    ("POST", "/keys", MANAGE),
    ("DELETE", "/keys/{key}", MANAGE),
];

/// What the route with this method and path template asks for, or `None` if it is not in the table.
pub(crate) fn access(method: &Method, template: &str) -> Option<Access> {
    let method = if method == Method::HEAD { &Method::GET } else { method };
    let fits = |listed: &str| listed == method.as_str() || listed == ANY;
    let found = TABLE.iter().find(|(listed, path, _)| *path == template && fits(listed));
    found.map(|(_, _, access)| *access)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use axum::body::Body;
    use axum::http::Request;
    use tower::ServiceExt;
    use wakeful::{Host, HostSettings};

    use super::*;
    use crate::{ServerSettings, router};

    #[test]
    fn no_route_is_listed_twice() {
        let routes: BTreeSet<_> = TABLE.iter().map(|(method, path, _)| (method, path)).collect();
        assert_eq!(routes.len(), TABLE.len());
    }

    #[tokio::test]
    async fn every_route_says_what_it_asks_of_a_caller() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let mut settings = HostSettings::new(path("data"), path("assistants"));
        settings.min_free_disk = 0;
        let host = Host::start(settings).await.unwrap();
        let router = router(host.clone(), ServerSettings::default());
        // The router lists its paths in no other way.
        let shown = format!("{router:?}");
        let paths: BTreeSet<_> =
            shown.split('"').filter(|part| part.starts_with('/') && !part.contains('*')).collect();
        assert!(paths.contains("/threads/{thread}"), "{paths:?}");
        let mut served = BTreeSet::new();
        for path in paths {
            let request = Request::builder().method("NOTHING").uri(path.replace(['{', '}'], "-"));
            let answer =
                router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            let allowed =
                answer.headers().get("allow").map_or(ANY, |allow| allow.to_str().unwrap());
            for method in allowed.split(',') {
                if method != "HEAD" {
                    served.insert((method.to_owned(), path.to_owned()));
                }
            }
        }
        let listed = TABLE.iter().map(|(method, path, _)| (method.to_string(), path.to_string()));
        let listed: BTreeSet<_> = listed.filter(|(_, path)| !path.contains('*')).collect();
        let missing: Vec<_> = served.difference(&listed).collect();
        let stale: Vec<_> = listed.difference(&served).collect();
        assert!(missing.is_empty(), "add to the table in host/server/src/scopes.rs: {missing:?}");
        assert!(stale.is_empty(), "in host/server/src/scopes.rs without a route: {stale:?}");
        host.shutdown().await.unwrap();
    }
}
