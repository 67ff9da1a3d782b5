//! Laws of the calls of language models.

use serde_json::json;
use wakeful_core::{Digest, Json, Run, RunId, TokenUse};

use super::kit::*;
use crate::{Finished, JournalEntry, Purse, RecordCall};

const DAY: i64 = 24 * 60 * 60;

fn tokens(input: u64) -> TokenUse {
    TokenUse { calls: 1, input, output: 1, estimated: false }
}

fn call(run: &Run, number: u32, answer: Option<Json>, now: i64) -> RecordCall {
    RecordCall {
        run_id: run.id,
        epoch: run.epoch,
        number,
        request: Digest::of(&number.to_be_bytes()),
        answer,
        tokens: tokens(10),
        model: "fast".parse().unwrap(),
        component: component(),
        cron: None,
        now: at(now),
    }
}

async fn running(store: &Shared) -> Run {
    let thread = new_thread(store, 0).await;
    queued(store, thread, 1).await;
    claim_one(store, 1).await.run
}

async fn numbers(store: &Shared, run: RunId) -> Vec<u32> {
    store.journal(run).await.unwrap().iter().map(|entry| entry.number).collect()
}

/// Of every size, and in the next attempt as well.
pub async fn a_call_that_was_paid_for_is_recorded_until_its_run_ends(store: Shared) {
    let run = running(&store).await;
    assert_eq!(store.journal(run.id).await.unwrap(), []);
    let answers = [Some(json!({ "content": "hi" })), Some(large(1)), None];
    for (number, answer) in (0..).zip(answers.clone()) {
        store.record_call(call(&run, number, answer, 2)).await.unwrap();
    }
    store.requeue_run(run.id, run.epoch, at(3), Some(slow()), at(3)).await.unwrap();
    let again = claim_one(&store, 4).await.run;
    assert_eq!((again.id, again.attempt), (run.id, 2));
    for (number, answer) in (0..).zip(&answers) {
        assert_eq!(store.journaled_answer(run.id, number).await.unwrap(), *answer);
    }
    let expected: Vec<_> = (0..)
        .zip(&answers)
        .map(|(number, answer)| JournalEntry {
            number,
            request: Digest::of(&number.to_be_bytes()),
            answered: answer.is_some(),
            tokens: tokens(10),
        })
        .collect();
    assert_eq!(store.journal(run.id).await.unwrap(), expected);
    let other = running(&store).await;
    assert_eq!(store.journal(other.id).await.unwrap(), []);
    store.record_call(call(&other, 7, None, 5)).await.unwrap();

    finish(&store, &again, done(), 6).await;
    assert_eq!(store.journal(run.id).await.unwrap(), []);
    assert_eq!(store.journaled_answer(run.id, 0).await.unwrap(), None);
    assert_eq!(numbers(&store, other.id).await, [7]);
    store.discard_run(other.id, Some(other.epoch)).await.unwrap();
    assert_eq!(store.journal(other.id).await.unwrap(), []);
}

/// Nothing that was paid for is lost when a later attempt asks something else.
pub async fn a_call_takes_the_place_of_an_earlier_one_and_keeps_its_tokens(store: Shared) {
    let run = running(&store).await;
    store.record_call(call(&run, 0, Some(json!(1)), 2)).await.unwrap();
    let request = Digest::of(b"another");
    let other = RecordCall { request, tokens: tokens(30), ..call(&run, 0, Some(json!(2)), 3) };
    store.record_call(other).await.unwrap();
    let tokens = TokenUse { calls: 2, input: 40, output: 2, estimated: false };
    let entry = JournalEntry { number: 0, request, answered: true, tokens };
    assert_eq!(store.journal(run.id).await.unwrap(), [entry]);
    assert_eq!(store.journaled_answer(run.id, 0).await.unwrap(), Some(json!(2)));
}

/// The money is gone all the same.
pub async fn a_call_of_a_run_that_was_taken_away_is_counted_and_not_recorded(store: Shared) {
    let run = running(&store).await;
    let mut late = call(&run, 0, Some(json!(1)), 2);
    late.epoch -= 1;
    store.record_call(late).await.unwrap();
    assert_eq!(store.journal(run.id).await.unwrap(), []);
    assert_eq!(store.finish_run(end(&run, done(), None, 3)).await.unwrap(), Finished::Written);
    store.record_call(call(&run, 0, Some(json!(1)), 4)).await.unwrap();
    assert_eq!(store.journal(run.id).await.unwrap(), []);
    let purse = Purse::Component(component());
    assert_eq!(store.tokens_today(purse, at(4)).await.unwrap(), 22);
}

/// For the component, the model and the cron.
pub async fn tokens_are_counted_day_by_day(store: Shared) {
    let cron = new_cron(&store, None, 60).await;
    let run = running(&store).await;
    let component_today =
        async |now| store.tokens_today(Purse::Component(component()), at(now)).await.unwrap();
    let model_today = async |name: &str, now| {
        store.tokens_today(Purse::Model(name.parse().unwrap()), at(now)).await.unwrap()
    };
    let of_cron = async |now| {
        let stats = store.cron_stats(cron.id).await.unwrap();
        stats.tokens_today(at(now))
    };
    for (number, model, now) in [(0, "fast", 2), (1, "slow", 3), (2, "fast", DAY + 2)] {
        let model = model.parse().unwrap();
        let call = RecordCall { model, cron: Some(cron.id), ..call(&run, number, None, now) };
        store.record_call(call).await.unwrap();
        if now == 3 {
            assert_eq!((component_today(4).await, of_cron(4).await), (22, 22));
            assert_eq!((model_today("fast", 4).await, model_today("slow", 4).await), (11, 11));
        }
    }
    assert_eq!((component_today(DAY + 3).await, of_cron(DAY + 3).await), (11, 11));
    assert_eq!((component_today(3 * DAY).await, of_cron(3 * DAY).await), (0, 0));
    assert_eq!(model_today("none", DAY).await, 0);
    // What a cron used that has gone by now.
    store.delete_cron(cron.id).await.unwrap();
    let late = RecordCall { cron: Some(cron.id), ..call(&run, 3, None, 5 * DAY) };
    store.record_call(late).await.unwrap();
    assert_eq!(store.cron_stats(cron.id).await.unwrap().tokens, 0);
}

/// No record but the journal's names such a blob.
pub async fn a_sweep_keeps_the_answers_of_runs_in_progress(store: Shared) {
    let run = running(&store).await;
    store.record_call(call(&run, 0, Some(large(3)), 2)).await.unwrap();
    store.sweep(at(1_000), at(1_000)).await.unwrap();
    assert_eq!(store.journaled_answer(run.id, 0).await.unwrap(), Some(large(3)));
}
