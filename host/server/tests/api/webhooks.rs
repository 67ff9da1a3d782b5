use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use wakeful::{Host, Lookup};
use wakeful_server::{SendingSettings, ServerSettings, WebhookSecret, send_webhooks};

use crate::receiver::{NO_CONTENT, Received, Receiver};
use crate::support::{Api, NOBODY, message, text};

const ERROR: &str = "HTTP/1.1 500 Oh\r\ncontent-length: 5\r\nconnection: close\r\n\r\nwoops";
const SECRETS: [&str; 2] = [
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
];

fn sending(waits: &[u64]) -> SendingSettings {
    SendingSettings {
        secrets: SECRETS.map(|text| text.parse().unwrap()).to_vec(),
        waits: waits.iter().copied().map(Duration::from_millis).collect(),
        ..SendingSettings::default()
    }
}

/// An API whose webhooks may reach this machine.
async fn api(waits: &[u64]) -> Api {
    let settings = ServerSettings { webhooks: sending(waits), ..ServerSettings::default() };
    let api = Api::with_both(settings, |host| {
        host.webhooks.allow.push("127.0.0.0/8".parse().unwrap());
    })
    .await;
    send_webhooks(&api.host, &sending(waits)).unwrap();
    api
}

fn telling(url: &str, input: Value) -> Value {
    json!({"assistant_id": "echo", "input": input, "webhook": url})
}

/// Creates a stateless run that tells `url`, and returns its path.
async fn run(api: &Api, url: &str) -> String {
    let run = api.post("/runs", telling(url, message("x"))).await.ok();
    format!("/runs/{}", text(&run, "run_id"))
}

/// The delivery of a run, once it is as wanted.
async fn delivery(api: &Api, run: &str, status: &str, attempts: usize) -> Value {
    let path = format!("{run}/deliveries");
    let found = api
        .until(&path, |found| {
            let first = &found[0];
            first["status"] == status && first["attempts"].as_array().unwrap().len() == attempts
        })
        .await;
    found[0].clone()
}

/// HMAC-SHA256 as RFC 2104 writes it.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let inner = Sha256::new_with_prefix(block.map(|byte| byte ^ 0x36)).chain_update(message);
    let outer = Sha256::new_with_prefix(block.map(|byte| byte ^ 0x5c));
    outer.chain_update(inner.finalize()).finalize().to_vec()
}

fn check_signatures(received: &Received) {
    let (id, at) = (received.header("webhook-id"), received.header("webhook-timestamp"));
    let mut signed = format!("{id}.{at}.").into_bytes();
    signed.extend_from_slice(&received.body);
    let signatures: Vec<_> = received.header("webhook-signature").split(' ').collect();
    let expected = SECRETS.map(|secret| {
        let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        format!("v1,{}", BASE64_STANDARD.encode(hmac(&key, &signed)))
    });
    assert_eq!(signatures, expected);
}

#[tokio::test]
async fn the_end_of_a_run_is_told_with_its_values_and_signed() {
    let api = api(&[]).await;
    let mut receiver = Receiver::start(&[NO_CONTENT]).await;
    let url = receiver.url("/hook?key=s3cret");
    let thread = api.thread().await;
    let body = telling(&url, message("wh"));
    let values = api.post(&format!("{thread}/runs/wait"), body).await.ok();
    let received = receiver.next().await;
    assert!(received.head.starts_with("POST /hook?key=s3cret HTTP/1.1\r\n"), "{}", received.head);
    assert_eq!(received.header("content-type"), "application/json");
    check_signatures(&received);
    let told = received.json();
    assert_eq!(told["values"], values);
    assert_eq!(told["kwargs"]["webhook"], url);
    for absent in ["error", "interrupts"] {
        assert_eq!(told.get(absent), None);
    }
    for instant in ["run_started_at", "run_ended_at", "webhook_sent_at"] {
        assert!(text(&told, instant).ends_with("+00:00"), "{told}");
    }
    let run = format!("/runs/{}", text(&told, "run_id"));
    let record = api.get(&run).await.ok();
    for (key, value) in record.as_object().unwrap() {
        assert_eq!(told[key], *value, "{key}");
    }

    let found = delivery(&api, &run, "delivered", 1).await;
    assert_eq!(found["url"], receiver.url("/hook"));
    assert_eq!(found["delivery_id"], received.header("webhook-id"));
    assert_eq!(found["next_attempt_at"], Value::Null);
    assert_eq!(found["attempts"][0]["http_status"], 204);
    assert_eq!(found["attempts"][0]["error"], Value::Null);
    let path = format!("/webhooks/deliveries/{}", text(&found, "delivery_id"));
    assert_eq!(api.get(&path).await.ok(), found);
}

#[tokio::test]
async fn every_end_is_told_as_what_it_was() {
    let api = api(&[]).await;
    let mut receiver = Receiver::start(&[NO_CONTENT]).await;
    let url = receiver.url("/");
    let before = json!({"assistant_id": "echo", "input": message("before")});

    api.post("/runs/wait", telling(&url, message("stateless"))).await.ok();
    let told = receiver.next().await.json();
    assert_eq!((&told["status"], &told["values"]["count"]), (&json!("success"), &json!(1)));

    let thread = api.thread().await;
    let values = api.post(&format!("{thread}/runs/wait"), before).await.ok();
    let asking = telling(&url, json!({"ask": "sure?"}));
    api.post(&format!("{thread}/runs/wait"), asking).await.ok();
    let told = receiver.next().await.json();
    assert_eq!((&told["status"], &told["values"]), (&json!("success"), &values));
    assert_eq!(told["values"].get("__interrupt__"), None);
    assert_eq!(told["interrupts"].as_array().unwrap().len(), 1, "{told}");

    let failing = telling(&url, json!({"fail": "bad"}));
    api.post(&format!("{thread}/runs/wait"), failing).await.ok();
    let told = receiver.next().await.json();
    assert_eq!((&told["status"], &told["values"]), (&json!("error"), &values));
    assert!(text(&told["error"], "message").contains("bad"), "{told}");

    let mut delayed = telling(&url, json!({}));
    delayed["after_seconds"] = json!(3600);
    let run = api.post(&format!("{thread}/runs"), delayed).await.ok();
    let path = format!("/runs/{}", text(&run, "run_id"));
    assert_eq!(api.post(&format!("{path}/cancel"), json!({})).await.status, 202);
    let told = receiver.next().await.json();
    assert_eq!((&told["status"], &told["values"]), (&json!("interrupted"), &values));
    assert_eq!(told["run_started_at"], Value::Null);
    assert!(told["error"]["error"].is_string(), "{told}");
}

#[tokio::test]
async fn a_run_that_is_rolled_back_tells_nothing() {
    let api = api(&[]).await;
    let mut receiver = Receiver::start(&[NO_CONTENT]).await;
    let thread = api.thread().await;
    for (input, after) in [(json!({"sleep": 60}), 0), (json!({}), 3600)] {
        let mut body = telling(&receiver.url("/rolled-back"), input);
        body["after_seconds"] = json!(after);
        let run = api.post(&format!("{thread}/runs"), body).await.ok();
        let path = format!("{thread}/runs/{}", text(&run, "run_id"));
        let begun = if after == 0 { "running" } else { "pending" };
        api.until(&path, |run| run["status"] == begun).await;
        let cancelled = api.post(&format!("{path}/cancel?action=rollback"), json!({})).await;
        assert_eq!(cancelled.status, 202);
        api.get(&path).await.refused(404);
    }
    assert_eq!(api.get("/webhooks/deliveries").await.ok(), json!([]));
    run(&api, &receiver.url("/last")).await;
    assert!(receiver.next().await.head.starts_with("POST /last "));
}

#[tokio::test]
async fn a_cron_hands_its_webhook_to_its_runs() {
    let api = api(&[]).await;
    let mut receiver = Receiver::start(&[NO_CONTENT]).await;
    let body = json!({"assistant_id": "echo", "schedule": "0 0 1 1 *", "input": message("c"),
        "webhook": receiver.url("/first")});
    let cron = api.post("/runs/crons", body).await.ok();
    assert_eq!(cron["payload"]["webhook"], receiver.url("/first"));
    let path = format!("/runs/crons/{}", text(&cron, "cron_id"));
    api.post(&format!("{path}/trigger"), json!({})).await.ok();
    let told = receiver.next().await;
    assert!(told.head.starts_with("POST /first "));
    assert_eq!(told.json()["kwargs"]["config"]["configurable"]["cron_id"], cron["cron_id"]);

    let patched = api.patch(&path, json!({"webhook": receiver.url("/second")})).await.ok();
    assert_eq!(patched["payload"]["webhook"], receiver.url("/second"));
    api.post(&format!("{path}/trigger"), json!({})).await.ok();
    assert!(receiver.next().await.head.starts_with("POST /second "));

    let patched =
        api.patch(&path, json!({"webhook": null, "metadata": {"quiet": true}})).await.ok();
    assert_eq!(patched["payload"]["webhook"], Value::Null);
    let run = api.post(&format!("{path}/trigger"), json!({})).await.ok();
    let run = format!("/runs/{}", text(&run, "run_id"));
    let run_ended = |run: &Value| run["status"] == "success";
    assert_eq!(api.until(&run, run_ended).await["kwargs"]["webhook"], Value::Null);
    assert_eq!(api.get(&format!("{run}/deliveries")).await.ok(), json!([]));
}

#[tokio::test]
async fn a_delivery_that_fails_is_tried_again_under_the_same_id() {
    let api = api(&[1, 1, 1]).await;
    let mut receiver = Receiver::start(&[ERROR, "", NO_CONTENT]).await;
    let run = run(&api, &receiver.url("/")).await;
    let first = receiver.next().await;
    let id = first.header("webhook-id").to_owned();
    for _ in 0..2 {
        let again = receiver.next().await;
        assert_eq!(again.header("webhook-id"), id);
        check_signatures(&again);
    }
    let found = delivery(&api, &run, "delivered", 3).await;
    let attempts = found["attempts"].as_array().unwrap();
    assert_eq!(attempts[0]["http_status"], 500);
    assert_eq!(attempts[0]["response"], "woops");
    assert_eq!(attempts[1]["http_status"], Value::Null);
    assert!(attempts[1]["error"].is_string(), "{found}");
    assert_eq!(attempts[2]["http_status"], 204);
}

#[tokio::test]
async fn a_delivery_is_given_up_and_can_be_asked_for_again() {
    let api = api(&[1]).await;
    let gone = "HTTP/1.1 410 Gone\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let mut receiver = Receiver::start(&[ERROR, ERROR, gone, NO_CONTENT]).await;
    let run = run(&api, &receiver.url("/")).await;
    let found = delivery(&api, &run, "failed", 2).await;
    let path = format!("/webhooks/deliveries/{}", text(&found, "delivery_id"));
    assert_eq!(api.get("/webhooks/deliveries?status=failed").await.ok(), json!([found]));
    assert_eq!(api.get("/webhooks/deliveries?status=pending").await.ok(), json!([]));
    for (status, attempts) in [("failed", 3), ("delivered", 4)] {
        let again = api.post(&format!("{path}/redeliver"), json!({})).await.ok();
        assert_eq!(again["status"], "pending");
        delivery(&api, &run, status, attempts).await;
    }
    for _ in 0..4 {
        assert_eq!(receiver.next().await.header("webhook-id"), text(&found, "delivery_id"));
    }
    for missing in [format!("/webhooks/deliveries/{NOBODY}"), format!("/runs/{NOBODY}/deliveries")]
    {
        api.get(&missing).await.refused(404);
    }
    let missing = format!("/webhooks/deliveries/{NOBODY}/redeliver");
    api.post(&missing, json!({})).await.refused(404);
    api.get("/webhooks/deliveries/x").await.refused(422);
    assert!(api.get("/webhooks/deliveries?status=lost").await.refused(422).contains("`failed`"));
}

#[tokio::test]
async fn a_delivery_outlives_the_host_that_began_it() {
    let api = api(&[2_000, 1]).await;
    let mut receiver = Receiver::start(&[ERROR, NO_CONTENT]).await;
    let run = run(&api, &receiver.url("/")).await;
    let id = receiver.next().await.header("webhook-id").to_owned();
    let found = delivery(&api, &run, "pending", 1).await;
    assert!(found["next_attempt_at"].is_string(), "{found}");
    let path = format!("/webhooks/deliveries/{id}/redeliver");
    api.post(&path, json!({})).await.refused(409);
    let settings = api.host.settings().clone();
    api.host.shutdown().await.unwrap();

    let host = Host::start(settings).await.unwrap();
    send_webhooks(&host, &sending(&[1, 1])).unwrap();
    let again = receiver.next().await;
    assert_eq!(again.header("webhook-id"), id);
    assert_eq!(again.json()["values"]["count"], 1);
    host.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let api = api(&[]).await;
    let mut elsewhere = Receiver::start(&[NO_CONTENT]).await;
    let redirect = format!(
        "HTTP/1.1 307 Elsewhere\r\nlocation: {}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        elsewhere.url("/moved")
    );
    let receiver = Receiver::start(&[&redirect]).await;
    let moved = run(&api, &receiver.url("/")).await;
    let found = delivery(&api, &moved, "failed", 1).await;
    assert_eq!(found["attempts"][0]["http_status"], 307);
    run(&api, &elsewhere.url("/direct")).await;
    assert!(elsewhere.next().await.head.starts_with("POST /direct "));
}

#[tokio::test]
async fn a_receiver_that_does_not_answer_delays_no_other() {
    let api = api(&[]).await;
    let silent = Receiver::silent().await;
    for _ in 0..8 {
        run(&api, &silent.url("/")).await;
    }
    let mut receiver = Receiver::start(&[NO_CONTENT]).await;
    let quick = run(&api, &receiver.url("/")).await;
    receiver.next().await;
    delivery(&api, &quick, "delivered", 1).await;
    let pending = api.get("/webhooks/deliveries?status=pending&limit=100").await.ok();
    assert_eq!(pending.as_array().unwrap().len(), 8);
}

#[tokio::test]
async fn a_url_that_may_not_be_reached_is_refused_with_the_line_that_allows_it() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let cron = json!({"assistant_id": "echo", "schedule": "@daily", "input": {}});
    let made = api.post("/runs/crons", cron).await.ok();
    let made = format!("/runs/crons/{}", text(&made, "cron_id"));
    for (webhook, part) in [
        (json!("http://127.0.0.1:9000/hook"), "allow = [\"127.0.0.1:9000\"]"),
        (json!("http://[::1]/hook"), "allow = [\"[::1]:80\"]"),
        (json!("http://169.254.169.254/latest"), "a link-local address"),
        (json!("http://[64:ff9b::a00:1]/"), "a private address"),
        (json!("/threads"), "absolute"),
        (json!("ftp://example.com/"), "absolute"),
        (json!("http://u:p@127.0.0.1/"), "a user"),
        (json!("http://no-such-host.invalid/"), "DNS resolution"),
        (json!(""), "absolute"),
        (json!(3), "webhook: "),
    ] {
        let with = |mut body: Value| {
            body["webhook"] = webhook.clone();
            body
        };
        let body = with(json!({"assistant_id": "echo", "input": {}, "schedule": "@daily"}));
        for path in [
            "/runs".to_owned(),
            "/runs/wait".to_owned(),
            "/runs/crons".to_owned(),
            format!("{thread}/runs"),
            format!("{thread}/runs/wait"),
            format!("{thread}/runs/crons"),
        ] {
            let detail = api.post(&path, body.clone()).await.refused(422);
            assert!(detail.contains(part), "{path} {webhook}: {detail}");
        }
        let detail = api.patch(&made, with(json!({}))).await.refused(422);
        assert!(detail.contains(part), "{webhook}: {detail}");
    }
    assert_eq!(api.get("/runs").await.ok(), json!([]));
}

#[tokio::test]
async fn a_host_that_moves_to_a_private_address_is_not_reached() {
    let moved = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&moved);
    let lookup = Lookup::new(move |_, port| {
        let ip = if seen.load(Ordering::SeqCst) { [127, 0, 0, 1] } else { [93, 184, 216, 34] };
        Ok(vec![SocketAddr::from((ip, port))])
    });
    let api = Api::with_host(|host| host.webhooks.lookup = lookup).await;
    let receiver = Receiver::start(&[NO_CONTENT]).await;
    let run = run(&api, &format!("http://rebinding.example:{}/", receiver.address.port())).await;
    moved.store(true, Ordering::SeqCst);
    send_webhooks(&api.host, &sending(&[])).unwrap();
    let found = delivery(&api, &run, "failed", 1).await;
    assert!(text(&found["attempts"][0], "error").contains("a loopback address"), "{found}");
}

#[tokio::test]
async fn without_a_secret_in_the_settings_the_data_folder_has_one() {
    let api = Api::with_host(|host| {
        host.webhooks.allow.push("127.0.0.1".parse().unwrap());
    })
    .await;
    let mut receiver = Receiver::start(&[NO_CONTENT]).await;
    send_webhooks(&api.host, &SendingSettings::default()).unwrap();
    run(&api, &receiver.url("/")).await;
    let received = receiver.next().await;
    let secret = WebhookSecret::of_folder(&api.host.settings().data).unwrap().reveal();
    let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let (id, at) = (received.header("webhook-id"), received.header("webhook-timestamp"));
    let signed = [format!("{id}.{at}.").as_bytes(), &received.body].concat();
    let expected = format!("v1,{}", BASE64_STANDARD.encode(hmac(&key, &signed)));
    assert_eq!(received.header("webhook-signature"), expected);
}
