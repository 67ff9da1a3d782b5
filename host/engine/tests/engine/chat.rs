//! What a guest may ask language models.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wakeful_core::{ErrorCode, Failure, LogLevel, Object, Outcome, RunId, TokenBudget};
use wakeful_engine::{
    EngineConfig, GuestEvent, Job, ModelAccess, ModelCall, ModelPiece, ModelRefusal, Reach, Runner,
};

use crate::guest::guest;
use crate::support::{done, job, own_runner, run, run_guest};

/// Notes the calls. Answers a request for `n` with as many pieces, refuses one for `no`, ends the
/// run for `end`, and does not answer one for `wait`.
#[derive(Default)]
struct Notes {
    calls: Mutex<Vec<(RunId, ModelCall)>>,
    given_up: Arc<Mutex<u32>>,
}

/// Counts that a call is given up.
struct Going(Arc<Mutex<u32>>);

impl Drop for Going {
    fn drop(&mut self) {
        *self.0.lock().unwrap() += 1;
    }
}

#[async_trait]
impl ModelAccess for Notes {
    async fn call(
        &self,
        run: RunId,
        call: ModelCall,
        pieces: mpsc::Sender<ModelPiece>,
    ) -> Result<Object, ModelRefusal> {
        let request = call.request.clone();
        self.calls.lock().unwrap().push((run, call));
        if request.contains_key("no") {
            return Err(ModelRefusal::Told(Failure {
                code: ErrorCode::RateLimited,
                message: "too many".into(),
                retryable: true,
                retry_after: None,
            }));
        }
        if request.contains_key("end") {
            let (limit, budget) = (7, TokenBudget::Run);
            return Err(ModelRefusal::Ends(Outcome::OutOfTokens { limit, budget }));
        }
        if request.contains_key("wait") {
            let _going = Going(Arc::clone(&self.given_up));
            std::future::pending::<()>().await;
        }
        for n in 0..request.get("n").and_then(|n| n.as_u64()).unwrap_or_default() {
            let _ = pieces.send(ModelPiece { content: n.to_string() }).await;
        }
        Ok(json!({ "content": "all" }).as_object().unwrap().clone())
    }
}

const IMPORTS: &str = r#"
    (import "wakeful:assistant/chat@0.1.0" "complete"
      (func $complete (param i32 i32 i32 i32 i32)))
    (import "wakeful:assistant/chat@0.1.0" "open" (func $open (param i32 i32 i32 i32 i32)))
    (import "wakeful:assistant/chat@0.1.0" "[method]chat-stream.next"
      (func $next (param i32 i32)))
    (import "wakeful:assistant/chat@0.1.0" "[method]chat-stream.answer"
      (func $answer (param i32 i32)))
    (import "wakeful:assistant/chat@0.1.0" "[resource-drop]chat-stream"
      (func $drop (param i32)))"#;

/// A guest that asks the model `fast`, and does this.
fn asking(request: &str, body: &str) -> Arc<[u8]> {
    let text = request.replace('"', "\\\"");
    let parts =
        format!(r#"{IMPORTS}(data (i32.const 1024) "fast") (data (i32.const 1040) "{text}")"#);
    let arguments =
        format!("(i32.const 1024) (i32.const 4) (i32.const 1040) (i32.const {})", request.len());
    guest(&parts, &body.replace("$question", &arguments))
}

/// Returns the whole answer; `{}` if it is refused.
const WHOLE: &str = "(call $complete $question (i32.const 512))
    (if (i32.load8_u (i32.const 512)) (then (return (call $fine))))
    (call $done (i32.load (i32.const 516)) (i32.load (i32.const 520)))";

/// Passes the pieces on and returns the answer.
const PIECES: &str = "(local $stream i32)
    (call $open $question (i32.const 512))
    (if (i32.load8_u (i32.const 512)) (then (return (call $fine))))
    (local.set $stream (i32.load (i32.const 516)))
    (block $over (loop $more
      (call $next (local.get $stream) (i32.const 512))
      (br_if $over (i32.or (i32.load8_u (i32.const 512)) (i32.eqz (i32.load8_u (i32.const 516)))))
      (call $emit (i32.const 1) (i32.load (i32.const 520)) (i32.load (i32.const 524))
        (i32.const 0) (i32.const 0) (i32.const 560))
      (br $more)))
    (call $answer (local.get $stream) (i32.const 512))
    (call $drop (local.get $stream))
    (if (i32.load8_u (i32.const 512)) (then (return (call $fine))))
    (call $done (i32.load (i32.const 516)) (i32.load (i32.const 520)))";

fn granted(mut job: Job) -> Job {
    job.grants.models = vec!["fast".parse().unwrap()];
    job
}

#[tokio::test]
async fn a_guest_asks_the_models_that_it_is_granted() {
    let notes = Arc::new(Notes::default());
    let runner = own_runner(EngineConfig::default())
        .with_reach(Reach::default().with_models(Arc::<Notes>::clone(&notes)));
    for (body, streamed) in [(WHOLE, false), (PIECES, true)] {
        let digest = runner.load(asking(r#"{"n": 3}"#, body)).await.unwrap().digest;
        let (report, _) = run(&runner, job(digest), CancellationToken::new()).await;
        assert_eq!(report.outcome, done(json!({})));
        assert_eq!(report.logs[0].level, LogLevel::Warn);
        assert!(report.logs[0].message.ends_with(r#"models = ["fast"]"#), "{:?}", report.logs);
        assert!(notes.calls.lock().unwrap().is_empty(), "what is not granted goes no further");

        let may = granted(job(digest));
        let (report, events) = run(&runner, may.clone(), CancellationToken::new()).await;
        assert_eq!(report.outcome, done(json!({ "content": "all" })));
        let pieces: Vec<_> = events
            .into_iter()
            .map(|event| match event {
                GuestEvent::Message(piece) => piece["content"].as_str().unwrap().to_owned(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(pieces, if streamed { vec!["0", "1", "2"] } else { vec![] });
        let request = json!({ "n": 3 }).as_object().unwrap().clone();
        let call = ModelCall { number: 0, model: "fast".parse().unwrap(), request, streamed };
        let asked = notes.calls.lock().unwrap().pop();
        assert_eq!(asked, Some((may.run_id, call)));
    }
}

#[tokio::test]
async fn a_refusal_is_told_and_a_budget_ends_the_run() {
    let notes = Arc::new(Notes::default());
    let runner = own_runner(EngineConfig::default())
        .with_reach(Reach::default().with_models(Arc::<Notes>::clone(&notes)));
    let spent = Outcome::OutOfTokens { limit: 7, budget: TokenBudget::Run };
    for body in [WHOLE, PIECES] {
        for (request, outcome) in [
            (r#"{"no": 1}"#, done(json!({}))),
            (r#"{"end": 1}"#, spent.clone()),
            ("[]", done(json!({}))),
            ("{", done(json!({}))),
        ] {
            let digest = runner.load(asking(request, body)).await.unwrap().digest;
            let (report, _) = run(&runner, granted(job(digest)), CancellationToken::new()).await;
            assert_eq!(report.outcome, outcome, "{request}");
        }
    }
    assert_eq!(notes.calls.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn a_stream_that_is_dropped_gives_its_call_up_and_there_are_few_at_once() {
    let notes = Arc::new(Notes::default());
    let runner = own_runner(EngineConfig::default())
        .with_reach(Reach::default().with_models(Arc::<Notes>::clone(&notes)));
    // Opens ten, of which two are refused, drops the first, and leaves the rest to the end.
    let body = "(local $n i32) (local $refused i32)
        (loop $more
          (call $open $question (i32.const 512))
          (local.set $refused (i32.add (local.get $refused) (i32.load8_u (i32.const 512))))
          (if (i32.eqz (local.get $n)) (then (i32.store (i32.const 600) (i32.load (i32.const 516)))))
          (local.set $n (i32.add (local.get $n) (i32.const 1)))
          (br_if $more (i32.lt_u (local.get $n) (i32.const 10))))
        (call $drop (i32.load (i32.const 600)))
        (if (i32.ne (local.get $refused) (i32.const 2)) (then unreachable))
        (call $fine)";
    let digest = runner.load(asking(r#"{"wait": 1}"#, body)).await.unwrap().digest;
    let (report, _) = run(&runner, granted(job(digest)), CancellationToken::new()).await;
    assert_eq!(report.outcome, done(json!({})));
    // A call that never began needs no giving up.
    let begun = notes.calls.lock().unwrap().len() as u32;
    for _ in 0..500 {
        if *notes.given_up.lock().unwrap() == begun {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{begun} calls began, and {} were given up", notes.given_up.lock().unwrap());
}

#[tokio::test]
async fn a_host_without_models_says_so() {
    let grant = |job: &mut Job| job.grants.models = vec!["fast".parse().unwrap()];
    let (report, _) = run_guest(asking("{}", WHOLE), grant).await;
    assert_eq!(report.outcome, done(json!({})));
}
