//! A guest uses a secret and never holds it.

use serde_json::{Value, json};
use wakeful_core::{HeldSecret, Outcome, SecretGrant, SecretSource, SecretValue};
use wakeful_engine::Job;

use super::server::{Server, answer, ok};
use super::{assert_denied, fetched, fetched_one, grant_server, here, online};

const SECRET: &str = "correct/horse-battery";

fn give(job: &mut Job, to: &Server) {
    let grant = SecretGrant {
        name: "TOKEN".to_owned(),
        source: SecretSource::Host("HOST_TOKEN".to_owned()),
        to: vec![to.url().parse().unwrap()],
        header: "authorization".to_owned(),
    };
    let value = SecretValue::new(SECRET.as_bytes().to_vec()).unwrap();
    job.provision.secrets.push(HeldSecret { grant, value });
    job.provision.environment.push(("PLAIN".to_owned(), "seen".to_owned()));
}

/// Says everything that it was told, in headers and in the body.
fn echo() -> Server {
    Server::start(|request| {
        let sent = request.header("authorization").unwrap_or("nothing");
        let body = format!("{{\"said\": \"{sent}\", \"url\": \"{}\"}}", sent.replace('/', "%2F"));
        answer("200 OK", &[("x-said", sent)], &body)
    })
}

#[tokio::test]
async fn a_secret_arrives_and_does_not_come_back() {
    let server = echo();
    let request = json!({
        "url": server.url(),
        "headers": { "authorization": "Bearer $TOKEN", "accept-encoding": "gzip" },
    });
    let input = json!({ "requests": [request], "environment": true });
    let (answers, report) = fetched(&online(here()), input, |job| {
        grant_server(job, &server);
        give(job, &server);
    })
    .await;
    let seen = server.requests().remove(0);
    assert_eq!(seen.header("authorization"), Some(format!("Bearer {SECRET}").as_str()));
    assert_eq!(seen.header("accept-encoding"), Some("identity"));
    let stars = "*".repeat(SECRET.len());
    let body = answers[0]["body"].as_str().unwrap();
    assert!(body.contains(&format!("\"Bearer {stars}\"")), "{body}");
    let whole = format!("{report:?}");
    assert!(!whole.contains("battery"), "{whole}");
    let Outcome::Done(values) = &report.outcome else { panic!("{whole}") };
    let environment: Vec<(String, String)> =
        serde_json::from_value(values["environment"].clone()).unwrap();
    assert_eq!(environment[0], ("PLAIN".to_owned(), "seen".to_owned()));
    assert!(environment[1].1.starts_with("wakeful-secret-"), "{environment:?}");
}

#[tokio::test]
async fn a_secret_is_sent_nowhere_else() {
    let home = Server::start(|_| ok("home"));
    let away = Server::start(|_| ok("away"));
    let target = away.url();
    let lure = Server::start(move |_| answer("307 Elsewhere", &[("location", &target)], ""));
    let runner = online(here());
    let bearer = json!({ "authorization": "Bearer $TOKEN" });
    for (request, expected) in [
        (json!({ "url": away.url(), "headers": bearer }), format!("to {}", away.url())),
        (json!({ "url": lure.url(), "headers": bearer, "follow": 2 }), away.url()),
        (json!({ "url": home.url(), "headers": { "x-key": "$TOKEN" } }), "x-key".to_owned()),
        (
            json!({ "url": home.url(), "method": "POST", "body": "a $TOKEN b" }),
            "in its body".to_owned(),
        ),
    ] {
        let (answer, report) = fetched_one(&runner, request, |job| {
            for server in [&home, &away, &lure] {
                grant_server(job, server);
            }
            give(job, &home);
            let also = lure.url().parse().unwrap();
            job.provision.secrets[0].grant.to.push(also);
        })
        .await;
        assert_denied(&answer, &report, &expected);
    }
    assert_eq!((home.count(), away.count()), (0, 0));
}

#[tokio::test]
async fn an_answer_that_cannot_be_searched_is_withheld() {
    let server = Server::start(|_| answer("200 OK", &[("content-encoding", "gzip")], "zipped"));
    let runner = online(here());
    let ask = |headers: Value| json!({ "url": server.url(), "headers": headers });
    let (withheld, _) = fetched_one(&runner, ask(json!({ "authorization": "$TOKEN" })), |job| {
        grant_server(job, &server);
        give(job, &server);
    })
    .await;
    assert_eq!(withheld["error"], "HttpResponseContentCoding");
    let (open, _) = fetched_one(&runner, ask(json!({})), |job| {
        grant_server(job, &server);
        give(job, &server);
    })
    .await;
    assert_eq!(open["body"], "zipped");
}

#[tokio::test]
async fn a_crash_tells_nothing_of_a_secret() {
    let server = echo();
    let request = json!({ "url": server.url(), "headers": { "authorization": "Bearer $TOKEN" } });
    let input = json!({ "requests": [request], "environment": true, "fail": true });
    let (_, report) = fetched(&online(here()), input, |job| {
        grant_server(job, &server);
        give(job, &server);
    })
    .await;
    assert!(matches!(report.outcome, Outcome::Trapped { .. }), "{:?}", report.outcome);
    let whole = format!("{report:?}");
    assert!(whole.contains("x-said") && !whole.contains("battery"), "{whole}");
}
