use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message, client::IntoClientRequest};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wakeful::CreateKey;
use wakeful::core::Scope;
use wakeful_server::{ServerSettings, serve};

use crate::support::{Api, message};

const PATIENCE: Duration = Duration::from_secs(30);

/// The API on a port, as sockets need it.
struct Served {
    api: Api,
    address: std::net::SocketAddr,
    shutdown: CancellationToken,
    server: JoinHandle<()>,
}

impl Served {
    async fn start() -> Self {
        let api = Api::start().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let serving =
            serve(listener, api.host.clone(), ServerSettings::default(), shutdown.clone());
        let server = tokio::spawn(async { serving.await.unwrap() });
        Self { api, address, shutdown, server }
    }

    /// Opens a socket on a thread, with this key if with any.
    async fn open(&self, thread: &str, key: Option<&str>) -> Result<Socket, Error> {
        let url = format!("ws://{}{thread}/stream/events", self.address);
        let mut request = url.into_client_request()?;
        if let Some(key) = key {
            request.headers_mut().insert("x-api-key", key.parse().unwrap());
        }
        let connection = TcpStream::connect(self.address).await.unwrap();
        let (socket, _) = tokio_tungstenite::client_async(request, connection).await?;
        Ok(Socket { socket, sent: 0 })
    }
}

struct Socket {
    socket: WebSocketStream<TcpStream>,
    sent: u64,
}

impl Socket {
    /// The next document; `None` once the server has said that it leaves.
    async fn next(&mut self) -> Option<Value> {
        let next = async {
            loop {
                match self.socket.next().await?.unwrap() {
                    Message::Text(text) => return Some(serde_json::from_str(&text).unwrap()),
                    Message::Close(_) => return None,
                    _ => {}
                }
            }
        };
        timeout(PATIENCE, next).await.expect("something comes")
    }

    /// Sends a command, and returns its answer; events that come before it are left out.
    async fn command(&mut self, method: &str, params: Value) -> Value {
        self.sent += 1;
        let command = json!({ "id": self.sent, "method": method, "params": params });
        self.socket.send(Message::text(command.to_string())).await.unwrap();
        loop {
            let document = self.next().await.expect("an answer");
            if document["type"] != "event" {
                assert_eq!(document["id"], self.sent, "{document}");
                return document;
            }
        }
    }

    async fn subscribe(&mut self, params: Value) -> Value {
        let answer = self.command("subscription.subscribe", params).await;
        assert_eq!(answer["type"], "success", "{answer}");
        answer["result"]["subscription_id"].clone()
    }

    /// The methods of the events up to the end of a run.
    async fn until_end(&mut self) -> Vec<Value> {
        let mut events = Vec::new();
        loop {
            let event = self.next().await.expect("it goes on");
            assert_eq!(event["type"], "event", "{event}");
            let data = &event["params"]["data"];
            let ends = event["method"] == "lifecycle" && data["event"] != "running";
            events.push(event);
            if ends {
                return events;
            }
        }
    }
}

fn made_up() -> String {
    format!("/threads/{}", Uuid::new_v4())
}

fn methods(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["method"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_socket_takes_commands_and_tells_what_comes_of_them() {
    let served = Served::start().await;
    let thread = made_up();
    let mut socket = served.open(&thread, None).await.unwrap();
    let all = socket.subscribe(json!({ "channels": ["lifecycle", "values", "input"] })).await;
    let params = json!({ "assistant_id": "echo", "input": { "ask": "Sure?" } });
    let started = socket.command("run.start", params).await;
    assert!(started["result"]["run_id"].is_string(), "{started}");
    let events = socket.until_end().await;
    let asked = events.iter().find(|event| event["method"] == "input.requested").unwrap();
    let asked = &asked["params"]["data"]["interrupt_id"];
    let respond = json!({ "interrupt_id": asked, "response": "yes" });
    assert_eq!(socket.command("input.respond", respond).await["type"], "success");
    let last = socket.until_end().await.pop().unwrap();
    assert_eq!(last["params"]["data"]["event"], "completed");
    assert_eq!(served.api.get(&thread).await.ok()["values"]["answer"], "yes");

    // A second subscription sees the past, the first does not see it twice.
    socket.subscribe(json!({ "channels": ["checkpoints"] })).await;
    let past = [socket.next().await.unwrap(), socket.next().await.unwrap()];
    assert_eq!(methods(&past), ["checkpoints", "checkpoints"]);
    let only = json!({ "subscription_id": all });
    assert_eq!(socket.command("subscription.unsubscribe", only.clone()).await["type"], "success");
    let twice = socket.command("subscription.unsubscribe", only).await;
    assert_eq!(twice["error"], "no_such_subscription");
    let other = socket.command("bogus", json!({})).await;
    assert_eq!(other["error"], "unknown_command");

    // Every client sees the same events under the same numbers, however it listens.
    let mut second = served.open(&thread, None).await.unwrap();
    second.subscribe(json!({ "channels": ["lifecycle"] })).await;
    let over_socket = second.until_end().await;
    let channels = json!({ "channels": ["lifecycle"] });
    let mut stream = served.api.stream(&format!("{thread}/stream/events"), channels).await;
    for event in over_socket {
        assert_eq!(stream.next().await.unwrap().data, event);
    }
}

#[tokio::test]
async fn a_socket_ends_with_its_thread_and_with_the_host() {
    let served = Served::start().await;
    let thread = made_up();
    let mut gone = served.open(&thread, None).await.unwrap();
    gone.subscribe(json!({ "channels": ["lifecycle"] })).await;
    let params = json!({ "assistant_id": "echo", "input": message("hi") });
    gone.command("run.start", params).await;
    gone.until_end().await;
    assert_eq!(served.api.delete(&thread).await.status, 204);
    assert_eq!(gone.next().await, None);

    let mut open = served.open(&made_up(), None).await.unwrap();
    let params = json!({ "assistant_id": "echo", "input": message("hi") });
    open.command("run.start", params).await;
    served.shutdown.cancel();
    served.api.host.shutdown().await.unwrap();
    assert_eq!(open.next().await, None);
    drop((gone, open));
    timeout(PATIENCE, served.server).await.expect("the server stops").unwrap();
}

#[tokio::test]
async fn each_command_over_a_socket_needs_the_scope_of_its_own() {
    let served = Served::start().await;
    let mut keys = Vec::new();
    for scope in [Scope::Manage, Scope::Read] {
        let new = CreateKey { name: scope.as_str().to_owned(), scope, rate: None };
        keys.push(served.api.host.create_key(new).await.unwrap());
    }
    let reads = keys[1].1.to_string();
    assert!(matches!(served.open(&made_up(), None).await, Err(Error::Http(_))));
    let mut socket = served.open(&made_up(), Some(&reads)).await.unwrap();
    socket.subscribe(json!({ "channels": ["lifecycle"] })).await;
    let params = json!({ "assistant_id": "echo", "input": message("hi") });
    let refused = socket.command("run.start", params).await;
    assert_eq!(refused["error"], "permission_denied");
    let told = refused["message"].as_str().unwrap();
    assert!(told.contains("`run`"), "{told}");
    served.api.host.revoke_key(keys[1].0.id).await.unwrap();
    let refused = socket.command("subscription.subscribe", json!({ "channels": ["values"] })).await;
    assert_eq!(refused["error"], "permission_denied");
}
