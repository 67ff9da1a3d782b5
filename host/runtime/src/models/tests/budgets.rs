//! What tokens are counted for, and what happens when there are no more.

use serde_json::json;
use tokio::sync::mpsc;
use wakeful_core::{ErrorCode, ModelName, Outcome, TokenBudget};
use wakeful_engine::{ModelAccess, ModelCall, ModelRefusal};
use wakeful_store::Purse;

use super::provider::{Act, Provider, events, good};
use super::stage::{Stage, hello, model, name, object};
use crate::models::Provider as Speaks;

/// An answer that used as many tokens.
fn using(input: u64, output: u64) -> Act {
    good(json!({ "choices": [{ "message": { "content": "ok" }, "finish_reason": "stop" }],
                 "usage": { "prompt_tokens": input, "completion_tokens": output } }))
}

fn ends(limit: u64, budget: TokenBudget) -> ModelRefusal {
    ModelRefusal::Ends(Outcome::OutOfTokens { limit, budget })
}

#[tokio::test]
async fn a_run_ends_when_its_tokens_are_used_up_in_all_its_attempts() {
    let provider = Provider::start([using(300, 100), using(300, 290)]).await;
    let mut stage = Stage::open(model(Speaks::OpenAi, &provider)).await;
    stage.limits.tokens = 1_000;
    stage.end().await;
    stage.begin().await;
    stage.complete(hello()).await.unwrap();
    let most = &provider.got()[0].body["max_tokens"];
    assert!(most.as_u64().unwrap() < 1_000, "no more than what is left: {most}");
    stage.end().await;
    stage.begin().await;
    let mut other = hello();
    other.insert("max_tokens".into(), 2_000.into());
    stage.complete(other).await.unwrap();
    let most = &provider.got()[1].body["max_tokens"];
    assert!(most.as_u64().unwrap() < 600, "{most}");
    assert_eq!(stage.complete(hello()).await, Err(ends(1_000, TokenBudget::Run)));
    assert_eq!(provider.got().len(), 2);
    assert_eq!(stage.end().await.total(), 990);
}

#[tokio::test]
async fn the_tokens_of_a_day_end_the_runs_of_an_assistant_and_the_calls_of_a_model() {
    for budget in [TokenBudget::Assistant, TokenBudget::Model] {
        let provider = Provider::start([using(100, 399)]).await;
        let mut settings = model(Speaks::OpenAi, &provider);
        if budget == TokenBudget::Model {
            settings.tokens_per_day = Some(500);
        }
        let mut stage = Stage::open(settings).await;
        if budget == TokenBudget::Assistant {
            stage.limits.tokens_per_day = Some(500);
            stage.end().await;
            stage.begin().await;
        }
        stage.complete(hello()).await.unwrap();
        let now = stage.host.now();
        for purse in [Purse::Component(stage.run.component.clone()), Purse::Model(name())] {
            assert_eq!(stage.host.store().tokens_today(purse, now).await.unwrap(), 499);
        }
        assert_eq!(stage.complete(hello()).await, Err(ends(500, budget)));
    }
}

#[tokio::test]
async fn what_a_guest_gives_up_is_counted_all_the_same() {
    let long = "x".repeat(3_000);
    let piece = events(&[json!({ "choices": [{ "delta": { "content": long } }] })]);
    let provider = Provider::start([Act::Stall(piece)]).await;
    let mut stage = Stage::open(model(Speaks::OpenAi, &provider)).await;
    let call = ModelCall { number: 0, model: name(), request: hello(), streamed: true };
    let (sender, mut pieces) = mpsc::channel(4);
    let books = std::sync::Arc::clone(stage.host.model_books());
    {
        let mut asking = std::pin::pin!(books.call(stage.run.id, call, sender));
        tokio::select! {
            answer = &mut asking => panic!("{answer:?}"),
            piece = pieces.recv() => assert_eq!(piece.unwrap().content.len(), 3_000),
        }
    }
    let tokens = stage.end().await;
    assert!(tokens.estimated && tokens.output >= 500, "{tokens:?}");
    let purse = Purse::Model(name());
    let counted = stage.host.store().tokens_today(purse, stage.host.now()).await.unwrap();
    assert_eq!(counted, tokens.total());
}

#[tokio::test]
async fn what_is_asked_wrongly_goes_no_further() {
    let provider = Provider::start([]).await;
    let mut stage = Stage::open(model(Speaks::OpenAi, &provider)).await;
    let failure = stage.refusal(object(json!({ "prompt": "hi" }))).await;
    assert_eq!(failure.code, ErrorCode::InvalidInput);
    let other: ModelName = "other".parse().unwrap();
    let call = ModelCall { number: 0, model: other, request: hello(), streamed: false };
    let (sender, _pieces) = mpsc::channel(1);
    match stage.host.model_books().call(stage.run.id, call, sender).await {
        Err(ModelRefusal::Told(failure)) => {
            assert_eq!(failure.code, ErrorCode::Denied);
            assert!(failure.message.ends_with("models = [\"fast\", \"other\"]"), "{failure:?}");
        }
        other => panic!("{other:?}"),
    }
    stage.end().await;
    match stage.complete(hello()).await {
        Err(ModelRefusal::Told(failure)) => assert_eq!(failure.code, ErrorCode::Unavailable),
        other => panic!("{other:?}"),
    }
    assert!(provider.got().is_empty());
}
