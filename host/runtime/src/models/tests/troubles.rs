//! What goes wrong at providers, and what a guest and the host learn of it.

use std::time::Duration;

use serde_json::json;
use wakeful_core::ErrorCode;
use wakeful_engine::ModelRefusal;

use super::provider::{Act, Provider, bad, events, good};
use super::stage::{KEY, Stage, hello, model};
use crate::models::Provider as Speaks;

fn fine() -> Act {
    good(json!({ "choices": [{ "message": { "content": "ok" }, "finish_reason": "stop" }],
                 "usage": { "prompt_tokens": 1, "completion_tokens": 1 } }))
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_what_may_not_is_not() {
    for (act, requests, code) in [
        (bad(503, "", "overloaded"), 2, None),
        (bad(429, "retry-after: 0\r\n", "slow down"), 2, None),
        (bad(500, "", ""), 2, None),
        (Act::HangUp, 2, None),
        (bad(200, "", "this is no JSON"), 2, None),
        (bad(200, "", "{\"choices\": []}"), 2, None),
        (bad(429, "retry-after: 7200\r\n", "come back later"), 1, Some(ErrorCode::RateLimited)),
        (
            bad(400, "", "{\"error\": {\"message\": \"bad tool\"}}"),
            1,
            Some(ErrorCode::InvalidInput),
        ),
        (bad(401, "", "no"), 1, Some(ErrorCode::Unavailable)),
        (bad(302, "location: http://127.0.0.1:1/\r\n", ""), 1, Some(ErrorCode::Unavailable)),
    ] {
        let provider = Provider::start([act, fine()]).await;
        let mut stage = Stage::open(model(Speaks::OpenAi, &provider)).await;
        let answer = stage.complete(hello()).await;
        assert_eq!(provider.got().len(), requests, "{answer:?}");
        match (code, answer) {
            (None, answer) => assert_eq!(answer.unwrap()["content"], "ok"),
            (Some(code), Err(ModelRefusal::Told(failure))) => assert_eq!(failure.code, code),
            (Some(_), answer) => panic!("{answer:?}"),
        }
    }
}

#[tokio::test]
async fn a_guest_learns_when_to_come_back_and_what_the_provider_said() {
    let acts = [
        bad(429, "retry-after: 7200\r\n", "come back later"),
        bad(400, "", "{\"error\": {\"message\": \"bad tool\"}}"),
    ];
    let provider = Provider::start(acts).await;
    let mut stage = Stage::open(model(Speaks::OpenAi, &provider)).await;
    let failure = stage.refusal(hello()).await;
    assert!(failure.retryable);
    assert_eq!(failure.retry_after, Some(Duration::from_secs(7_200)));
    let failure = stage.refusal(hello()).await;
    assert!(!failure.retryable && failure.message.contains("bad tool"), "{failure:?}");
    assert_eq!(stage.end().await.calls, 0, "nobody pays for a refusal");
}

#[tokio::test]
async fn attempts_are_bounded() {
    let provider = Provider::start(std::iter::repeat_n(bad(503, "", "down"), 9)).await;
    let mut stage = Stage::open(model(Speaks::OpenAi, &provider)).await;
    let failure = stage.refusal(hello()).await;
    assert_eq!((failure.code, failure.retryable), (ErrorCode::Unavailable, true));
    assert_eq!(provider.got().len(), 3);
}

#[tokio::test]
async fn a_provider_that_says_nothing_or_never_ends_is_given_up() {
    let piece = events(&[json!({ "choices": [{ "delta": { "content": "x" } }] })]).concat();
    for (act, streamed, code) in [
        (Act::Silence, false, ErrorCode::Timeout),
        (Act::Stall(vec![piece.clone()]), true, ErrorCode::Timeout),
        (Act::Stall(vec!["{\"choi".to_owned()]), false, ErrorCode::Timeout),
        (Act::Endless(format!("data: {}", "x".repeat(1 << 20))), true, ErrorCode::Unavailable),
        (Act::Endless("x".repeat(1 << 20)), false, ErrorCode::Unavailable),
    ] {
        let provider = Provider::start([act]).await;
        let mut settings = model(Speaks::OpenAi, &provider);
        settings.first_byte = Duration::from_millis(100);
        settings.attempts = 1;
        let mut stage = Stage::open(settings).await;
        match stage.call(hello(), streamed).await.1 {
            Err(ModelRefusal::Told(failure)) => assert_eq!(failure.code, code, "{failure:?}"),
            other => panic!("{other:?}"),
        }
        let tokens = stage.end().await;
        assert!(tokens.estimated && tokens.input > 0, "the provider has worked for it");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_asked_for_again_only_if_nobody_saw_its_beginning() {
    let begun = events(&[json!({ "choices": [{ "delta": { "content": "Hel" } }] })]);
    let empty = events(&[json!({ "choices": [{ "delta": { "content": "" } }] })]);
    let rest = events(&[
        json!({ "choices": [{ "delta": { "content": "Hello" }, "finish_reason": "stop" }] }),
    ]);
    for (first, requests) in [(begun, 1), (empty, 2)] {
        let provider = Provider::start([Act::Stream(first), Act::Stream(rest.clone())]).await;
        let mut stage = Stage::open(model(Speaks::OpenAi, &provider)).await;
        let (pieces, answer) = stage.call(hello(), true).await;
        assert_eq!(provider.got().len(), requests);
        if requests == 1 {
            assert_eq!(pieces, ["Hel"]);
            assert!(matches!(answer, Err(ModelRefusal::Told(failure)) if failure.retryable));
        } else {
            assert_eq!(pieces, ["Hello"]);
            assert_eq!(answer.unwrap()["content"], "Hello");
            // The attempt that came to nothing was paid for as well.
            assert_eq!(stage.end().await.calls, 2);
        }
    }
}

#[tokio::test]
async fn an_error_within_a_stream_is_told() {
    for (speaks, event, code) in [
        (Speaks::OpenAi, json!({ "error": { "message": "gone" } }), ErrorCode::Unavailable),
        (
            Speaks::Anthropic,
            json!({ "type": "error", "error": { "type": "overloaded_error", "message": "gone" } }),
            ErrorCode::Unavailable,
        ),
        (Speaks::Ollama, json!({ "error": "gone" }), ErrorCode::Unavailable),
    ] {
        let text = if speaks == Speaks::Ollama {
            format!("{event}\n")
        } else {
            format!("data: {event}\n\n")
        };
        let provider = Provider::start([Act::Stream(vec![text])]).await;
        let mut settings = model(speaks, &provider);
        settings.attempts = 1;
        let mut stage = Stage::open(settings).await;
        match stage.call(hello(), true).await.1 {
            Err(ModelRefusal::Told(failure)) => {
                assert_eq!(failure.code, code);
                assert!(failure.message.contains("gone"), "{failure:?}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_provider_that_returns_the_key_does_not_give_it_away() {
    let echo = json!({ "choices": [{ "message": { "content": format!("it is {KEY}!") },
                       "finish_reason": "stop" }] });
    let piece = |text: &str| json!({ "choices": [{ "delta": { "content": text } }] });
    let mut pieces = events(&[piece(&format!("it is {KEY}!"))]).concat();
    // Cut in the middle of the key.
    let rest = pieces.split_off(pieces.find("secret").unwrap());
    let last = events(&[json!({ "choices": [{ "delta": {}, "finish_reason": "stop" }] })]).concat();
    let acts = [
        good(echo),
        Act::Stream(vec![pieces, rest, last]),
        bad(400, "", &format!("{{\"error\": {{\"message\": \"Incorrect API key: {KEY}\"}}}}")),
        bad(401, "", &format!("key {KEY} is wrong")),
    ];
    let provider = Provider::start(acts).await;
    let mut stage = Stage::open(model(Speaks::OpenAi, &provider)).await;
    let starred = format!("it is {}!", "*".repeat(KEY.len()));
    assert_eq!(stage.complete(hello()).await.unwrap()["content"], starred.as_str());
    let (pieces, answer) = stage.call(hello(), true).await;
    assert_eq!(pieces.concat(), starred);
    assert_eq!(answer.unwrap()["content"], starred.as_str());
    for _ in 0..2 {
        let failure = stage.refusal(hello()).await;
        assert!(!failure.message.contains(KEY), "{failure:?}");
        assert!(failure.message.contains("***"), "{failure:?}");
    }
    let settings = format!("{:?}", stage.host.settings());
    assert!(!settings.contains(KEY));
    let journal = stage.host.store().journaled_answer(stage.run.id, 0).await.unwrap();
    assert!(!journal.unwrap().to_string().contains(KEY));
    assert!(provider.got().iter().all(|got| got.head.contains(KEY)), "it was sent, though");
}

#[tokio::test]
async fn a_key_that_is_not_there_is_named_and_nothing_is_sent() {
    let provider = Provider::start([fine()]).await;
    let mut stage = Stage::open(model(Speaks::OpenAi, &provider)).await;
    stage.lose_key();
    let failure = stage.refusal(hello()).await;
    assert!(failure.message.starts_with("the key of model fast: "), "{failure:?}");
    assert!(provider.got().is_empty());
}
