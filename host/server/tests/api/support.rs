use std::path::Path;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;
use wakeful::{Host, HostSettings};
use wakeful_server::{ServerSettings, router};

/// The default assistant of the component `echo`.
pub(crate) const ECHO: &str = "046b5dc7-2108-582c-9c6c-31d556d138f0";
/// A well-formed id of nothing.
pub(crate) const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

/// How long anything may take that a test waits for.
const PATIENCE: Duration = Duration::from_secs(30);

/// A host with the component `echo`, and its API.
pub(crate) struct Api {
    pub(crate) host: Host,
    router: Router,
    folder: TempDir,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Api {
    pub(crate) async fn start() -> Self {
        Self::with(ServerSettings::default()).await
    }

    pub(crate) async fn with(settings: ServerSettings) -> Self {
        Self::with_both(settings, |_| {}).await
    }

    pub(crate) async fn with_host(change: impl FnOnce(&mut HostSettings)) -> Self {
        Self::with_both(ServerSettings::default(), change).await
    }

    pub(crate) async fn with_both(
        settings: ServerSettings,
        change: impl FnOnce(&mut HostSettings),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let assistants = folder.path().join("assistants");
        std::fs::create_dir(&assistants).unwrap();
        copy_example("echo", &assistants);
        Self::on(folder, settings, change).await
    }

    async fn on(
        folder: TempDir,
        settings: ServerSettings,
        change: impl FnOnce(&mut HostSettings),
    ) -> Self {
        let path = |name: &str| folder.path().join(name);
        let mut host_settings = HostSettings::new(path("data"), path("assistants"));
        host_settings.shutdown_grace = Duration::from_millis(10);
        host_settings.min_free_disk = 0;
        change(&mut host_settings);
        let host = Host::start(host_settings).await.unwrap();
        Self { router: router(host.clone(), settings), host, folder }
    }

    /// Puts another example into the folder, and waits until it serves runs.
    pub(crate) async fn add(&self, example: &str) {
        copy_example(example, &self.folder().join("assistants"));
        let serves = |components: &Value| {
            let mut components = components.as_array().unwrap().iter();
            components.any(|it| it["id"] == example && it["status"] == "serving")
        };
        self.until("/components", serves).await;
    }

    /// Stops the host, and starts another on the same folders.
    pub(crate) async fn restart(self) -> Self {
        self.host.shutdown().await.unwrap();
        Self::on(self.folder, ServerSettings::default(), |_| {}).await
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) async fn raw(&self, request: Request<Body>) -> axum::response::Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.raw(request).await.into_parts();
        let body = tokio::time::timeout(PATIENCE, to_bytes(body, usize::MAX)).await;
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.expect("the answer ends in time").unwrap(),
        }
    }

    pub(crate) async fn text(&self, method: Method, path: &str, body: &str) -> Answer {
        let request = Request::builder().method(method).uri(path).body(body.to_owned().into());
        self.send(request.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.text(Method::GET, path, "").await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.text(Method::POST, path, &body.to_string()).await
    }

    /// Posts under an idempotency key.
    pub(crate) async fn post_once(&self, path: &str, key: &str, body: &Value) -> Answer {
        let request = Request::post(path).header("idempotency-key", key);
        self.send(request.body(body.to_string().into()).unwrap()).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.text(Method::PATCH, path, &body.to_string()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.text(Method::DELETE, path, "").await
    }

    /// Creates a thread, and returns its path.
    pub(crate) async fn thread(&self) -> String {
        let thread = self.post("/threads", json!({})).await.ok();
        format!("/threads/{}", text(&thread, "thread_id"))
    }

    /// Creates a run that sleeps for a minute, and waits until it has begun.
    pub(crate) async fn sleeping_run(&self, thread: &str) -> String {
        let body = json!({"assistant_id": "echo", "input": {"sleep": 60}});
        let run = self.post(&format!("{thread}/runs"), body).await.ok();
        let path = format!("{thread}/runs/{}", text(&run, "run_id"));
        self.until(&path, |run| run["status"] == "running").await;
        path
    }

    /// Asks for `path` until the answer is as wanted, and returns it.
    pub(crate) async fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let answer = self.get(path).await.ok();
            if wanted(&answer) {
                return answer;
            }
            assert!(began.elapsed() < PATIENCE, "{path} is still {answer}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn copy_example(example: &str, assistants: &Path) {
    let name = format!("{example}.wasm");
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../example-assistants/dist");
    // Aside first, so that nobody looks at half a file.
    let aside = assistants.join(format!(".{name}"));
    std::fs::copy(dist.join(&name), &aside)
        .unwrap_or_else(|_| panic!("{name} is missing; run example-assistants/build"));
    std::fs::rename(aside, assistants.join(name)).unwrap();
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("not JSON: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The document of a successful answer.
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        self.json()
    }

    /// The text of an answer with this error status.
    pub(crate) fn refused(&self, status: u16) -> String {
        let shown = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status.as_u16(), status, "{shown}");
        let document = self.json();
        assert_keys(&document, &["detail"]);
        text(&document, "detail").to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

pub(crate) fn text<'a>(document: &'a Value, key: &str) -> &'a str {
    document[key].as_str().unwrap_or_else(|| panic!("no text `{key}` in {document}"))
}

/// An object has these keys and no other.
pub(crate) fn assert_keys(object: &Value, expected: &[&str]) {
    let object = object.as_object().unwrap_or_else(|| panic!("not an object: {object}"));
    let mut keys: Vec<_> = object.keys().map(String::as_str).collect();
    let mut expected = expected.to_vec();
    keys.sort_unstable();
    expected.sort_unstable();
    assert_eq!(keys, expected);
}

pub(crate) fn message(content: &str) -> Value {
    json!({"messages": [{"role": "user", "content": content}]})
}
