use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use wakeful_server::{ServerSettings, serve};

use crate::support::{Api, text};

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_connection_that_stays_open_does_not_keep_the_server_from_stopping() {
    let api = Api::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let settings =
        ServerSettings { shutdown_grace: Duration::from_millis(50), ..ServerSettings::default() };
    let shutdown = CancellationToken::new();
    let server = tokio::spawn(serve(listener, api.host.clone(), settings, shutdown.clone()));

    let idle = TcpStream::connect(address).await.unwrap();
    let mut quick = TcpStream::connect(address).await.unwrap();
    quick
        .write_all(b"GET /ok HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, quick.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");

    let run = api.post("/runs", json!({"assistant_id": "echo", "input": {"sleep": 60}})).await;
    let path = format!("/runs/{}/join", text(&run.ok(), "run_id"));
    let mut waiting = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    waiting.write_all(request.as_bytes()).await.unwrap();
    let mut status = [0; 12];
    timeout(PATIENCE, waiting.read_exact(&mut status)).await.unwrap().unwrap();
    assert_eq!(&status, b"HTTP/1.1 200");

    shutdown.cancel();
    timeout(PATIENCE, server).await.expect("the server stops").unwrap().unwrap();
    let mut rest = Vec::new();
    // Whether it ends or breaks, it ends without the result that the client waited for.
    let _ = timeout(PATIENCE, waiting.read_to_end(&mut rest)).await.expect("it is closed");
    assert!(!rest.windows(7).any(|part| part == b"\"count\""));
    assert!(TcpStream::connect(address).await.is_err());
    drop(idle);
}
