use std::io::ErrorKind;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value as Json;
use ureq::http::{Method, Request, StatusCode};
use ureq::middleware::MiddlewareNext;
use ureq::{RequestBuilder, SendBody};

use crate::failure::Failure;
use crate::settings::{ClientKey, Url};

/// How long a connection may take. The answer itself may take as long as a run.
const CONNECT: Duration = Duration::from_secs(10);
/// The largest answer that is read.
const LARGEST: u64 = 1 << 30;

/// A server, over HTTP.
#[derive(Debug)]
pub(crate) struct Client {
    agent: ureq::Agent,
    url: String,
}

impl Client {
    /// A client of the server at `url`, which sends this API key.
    pub(crate) fn new(url: &Url, key: Option<&ClientKey>) -> Self {
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .user_agent(concat!("wakeful/", env!("CARGO_PKG_VERSION")));
        if is_local(&url.0) {
            // A proxy would look for the server on its own machine.
            config = config.proxy(None);
        }
        if let Some(ClientKey(key)) = key.cloned() {
            // Whoever a server points to instead is not to see the key.
            config = config.max_redirects(0).middleware(
                move |mut request: Request<SendBody<'_>>, next: MiddlewareNext<'_>| {
                    request.headers_mut().insert("x-api-key", key.clone());
                    next.handle(request)
                },
            );
        }
        Self { agent: config.build().new_agent(), url: url.0.clone() }
    }

    /// Asks for a document.
    pub(crate) fn get(&self, path: &str, query: &[(&str, String)]) -> anyhow::Result<Json> {
        let request = asking(self.agent.get(self.address(path)), query);
        self.read(request.call())
    }

    /// Sends a document.
    pub(crate) fn post(&self, path: &str, body: &Json) -> anyhow::Result<Json> {
        self.send(Method::POST, path, body)
    }

    /// Sends what is to be in some place.
    pub(crate) fn put(&self, path: &str, body: &Json) -> anyhow::Result<Json> {
        self.send(Method::PUT, path, body)
    }

    /// Deletes what a document names.
    pub(crate) fn delete_with(&self, path: &str, body: &Json) -> anyhow::Result<()> {
        self.send(Method::DELETE, path, body).map(drop)
    }

    /// Sends changes.
    pub(crate) fn patch(&self, path: &str, body: &Json) -> anyhow::Result<Json> {
        self.send(Method::PATCH, path, body)
    }

    /// Sends nothing but the wish itself.
    pub(crate) fn post_empty(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<Json> {
        let request = asking(self.agent.post(self.address(path)), query);
        self.read(request.send_empty())
    }

    /// Deletes something.
    pub(crate) fn delete(&self, path: &str) -> anyhow::Result<()> {
        self.read(self.agent.delete(self.address(path)).call()).map(drop)
    }

    /// Deletes what the query names, and returns what that made.
    pub(crate) fn delete_part(&self, path: &str, query: &[(&str, String)]) -> anyhow::Result<Json> {
        let request = asking(self.agent.delete(self.address(path)), query);
        self.read(request.call())
    }

    /// Asks for bytes.
    pub(crate) fn fetch(&self, path: &str, query: &[(&str, String)]) -> anyhow::Result<Vec<u8>> {
        let request = asking(self.agent.get(self.address(path)), query);
        let mut answer = request.call().map_err(|error| self.unreachable(error))?;
        if !answer.status().is_success() {
            return self.read(Ok(answer)).map(|_| Vec::new());
        }
        answer
            .body_mut()
            .with_config()
            .limit(LARGEST)
            .read_to_vec()
            .with_context(|| format!("the answer of {} broke off", self.url))
    }

    /// Sends bytes to be in some place.
    pub(crate) fn upload(
        &self,
        path: &str,
        query: &[(&str, String)],
        bytes: Vec<u8>,
    ) -> anyhow::Result<Json> {
        let request = asking(self.agent.put(self.address(path)), query);
        self.read(request.header("content-type", "application/octet-stream").send(bytes))
    }

    fn send(&self, method: Method, path: &str, body: &Json) -> anyhow::Result<Json> {
        let request = Request::builder()
            .method(method)
            .uri(self.address(path))
            .header("content-type", "application/json")
            .body(body.to_string())
            .context("cannot build the request")?;
        self.read(self.agent.run(request))
    }

    fn address(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    fn read(
        &self,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> anyhow::Result<Json> {
        let mut answer = answer.map_err(|error| self.unreachable(error))?;
        let status = answer.status();
        let text = answer
            .body_mut()
            .with_config()
            .limit(LARGEST)
            .read_to_string()
            .with_context(|| format!("the answer of {} broke off", self.url))?;
        // A long wait is padded with line ends before the document.
        let text = text.trim();
        let document = match text {
            "" => Some(Json::Null),
            _ => serde_json::from_str(text).ok(),
        };
        if status.is_success() {
            return document.with_context(|| {
                format!("what {} answered is not JSON; is it a wakeful server?", self.url)
            });
        }
        let detail =
            document.as_ref().and_then(|document| document.get("detail")).and_then(Json::as_str);
        match (status, detail) {
            (StatusCode::NOT_FOUND, Some(detail)) => {
                Err(Failure::NotFound(detail.to_owned()).into())
            }
            (StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY, Some(detail)) => {
                Err(Failure::Usage(detail.to_owned()).into())
            }
            (StatusCode::UNAUTHORIZED, Some(detail)) => {
                bail!("{detail} (this command sends the one in WAKEFUL_API_KEY or --api-key)")
            }
            (_, Some(detail)) => bail!("{detail}"),
            (_, None) => bail!("{} answered with {status}; is it a wakeful server?", self.url),
        }
    }

    fn unreachable(&self, error: ureq::Error) -> anyhow::Error {
        let reason = match &error {
            ureq::Error::Io(io) => match io.kind() {
                ErrorKind::ConnectionRefused => "connection refused".to_owned(),
                // The connection was there; whatever happened then is another matter.
                ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof => {
                    return anyhow::anyhow!("the connection to {} broke off ({io})", self.url);
                }
                _ => io.to_string(),
            },
            ureq::Error::HostNotFound => "host not found".to_owned(),
            ureq::Error::ConnectionFailed => "no connection".to_owned(),
            ureq::Error::Timeout(_) => "timed out".to_owned(),
            other => return anyhow::anyhow!("{}: {other}", self.url),
        };
        Failure::NoServer { url: self.url.clone(), reason }.into()
    }
}

/// A request with this query.
fn asking<B>(request: RequestBuilder<B>, query: &[(&str, impl AsRef<str>)]) -> RequestBuilder<B> {
    query.iter().fold(request, |request, (key, value)| request.query(key, value))
}

fn is_local(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    ["127.", "localhost", "[::1]"].iter().any(|local| host.starts_with(local))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// A server that gives one answer.
    fn answering(answer: &'static str) -> Client {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
            stream.write_all(answer.as_bytes()).unwrap();
        });
        Client::new(&Url(url), None)
    }

    #[test]
    fn the_detail_of_a_server_is_the_error() {
        let client = answering(
            "HTTP/1.1 404 Not Found\r\ncontent-length: 24\r\n\r\n{\"detail\":\"no such cron\"}"
                .strip_suffix('}')
                .unwrap(),
        );
        // The body is one byte short of JSON, so there is no detail to show.
        let error = client.get("/x", &[]).unwrap_err();
        assert!(!error.is::<Failure>(), "{error}");

        let client = answering(
            "HTTP/1.1 404 Not Found\r\ncontent-length: 25\r\n\r\n{\"detail\":\"no such cron\"}",
        );
        let error = client.get("/x", &[]).unwrap_err();
        assert!(
            matches!(error.downcast_ref(), Some(Failure::NotFound(text)) if text == "no such cron")
        );
    }

    #[test]
    fn a_padded_answer_is_read() {
        let client = answering("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n\n\n{\"a\": 1}");
        assert_eq!(client.get("/x", &[]).unwrap()["a"], 1);
    }

    #[test]
    fn something_else_than_a_server_is_recognised() {
        let client = answering("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>");
        let error = client.get("/x", &[]).unwrap_err().to_string();
        assert!(error.contains("is it a wakeful server?"), "{error}");
    }

    #[test]
    fn a_missing_server_is_its_own_failure() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = Url(format!("http://{}", listener.local_addr().unwrap()));
        drop(listener);
        let error = Client::new(&url, None).get("/ok", &[]).unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(Failure::NoServer { .. })));
        assert!(error.to_string().contains("wakeful serve"), "{error}");
    }
}
