//! What a component says of itself when it is loaded, and what it cannot do meanwhile.

use std::sync::Arc;
use std::time::Instant;

use serde_json::json;
use tokio_util::sync::CancellationToken;
use wakeful_core::Outcome;
use wakeful_engine::{Description, EngineConfig, Runner};

use crate::guest::{component, described, echo};
use crate::support::{PROMPT, done, job, own_runner, run, runner};

/// Loads a component, and checks that it runs whatever it says of itself.
async fn description(bytes: Arc<[u8]>) -> Option<Description> {
    let begun = Instant::now();
    let info = runner().load(Arc::clone(&bytes)).await.expect("the guest loads");
    assert!(begun.elapsed() < PROMPT, "loading took {:?}", begun.elapsed());
    let (report, _) = run(runner(), job(info.digest), CancellationToken::new()).await;
    assert_eq!(report.outcome, done(json!({})));
    assert_eq!(runner().load(bytes).await.unwrap().about, info.about);
    info.about.map(|about| (*about).clone())
}

const TEXTS: &str = r#"(data (i32.const 1024) "Clerk files papers 1.2 {\"type\":\"object\"}")"#;

#[tokio::test]
async fn a_component_that_describes_itself_is_heard_once_it_is_loaded() {
    let body = "
      (call $text (i32.const 0) (i32.const 1024) (i32.const 5))
      (call $text (i32.const 8) (i32.const 1030) (i32.const 12))
      (call $text (i32.const 16) (i32.const 1043) (i32.const 3))
      (call $schema (i32.const 24) (i32.const 1047) (i32.const 17))
      (call $schema (i32.const 48) (i32.const 1047) (i32.const 17))
      (i32.const 512)";
    let schema = json!({ "type": "object" }).as_object().cloned();
    let expected = Description {
        name: "Clerk".to_owned(),
        description: "files papers".to_owned(),
        version: "1.2".to_owned(),
        input_schema: schema.clone(),
        output_schema: None,
        config_schema: schema,
    };
    assert_eq!(description(described(TEXTS, body)).await, Some(expected));
}

#[tokio::test]
async fn a_component_need_not_describe_itself() {
    assert_eq!(description(echo()).await, None);
    let odd = component(
        "oddly-described",
        r#"(module
          (memory (export "memory") 1)
          (data (i32.const 1000) "{}")
          (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 4096)
          (func (export "wakeful:assistant/assistant@0.1.0#invoke") (param i32) (result i32)
            (i32.store (i32.const 264) (i32.const 1000))
            (i32.store (i32.const 268) (i32.const 2))
            (i32.const 256))
          (func (export "wakeful:assistant/metadata@0.1.7#describe") (result i32) i32.const 7))"#,
    );
    assert_eq!(description(odd).await, None);
}

#[tokio::test]
async fn a_description_that_fails_is_no_reason_not_to_run() {
    for (what, parts, body) in [
        ("traps", "", "unreachable"),
        ("loops for ever", "", "(loop br 0) unreachable"),
        (
            "takes all memory",
            "",
            "(loop (br_if 0 (i32.ne (memory.grow (i32.const 100)) (i32.const -1)))) unreachable",
        ),
        (
            "emits",
            "",
            "(call $emit (i32.const 0) (i32.const 1000) (i32.const 2) (i32.const 0) (i32.const 0)
               (i32.const 600))
             (i32.const 512)",
        ),
        (
            "says too much",
            "",
            "(call $text (i32.const 8) (i32.const 1024) (i32.const 100000)) (i32.const 512)",
        ),
        (
            "calls itself too much",
            "",
            "(call $text (i32.const 0) (i32.const 1024) (i32.const 1000)) (i32.const 512)",
        ),
        (
            "has a schema that is no object",
            TEXTS,
            "(call $schema (i32.const 36) (i32.const 1024) (i32.const 5)) (i32.const 512)",
        ),
        (
            "says what is not text",
            r#"(data (i32.const 1024) "\ff\ff")"#,
            "(call $text (i32.const 0) (i32.const 1024) (i32.const 2)) (i32.const 512)",
        ),
    ] {
        assert_eq!(description(described(parts, body)).await, None, "{what}");
    }
}

#[tokio::test]
async fn a_component_that_describes_itself_has_nothing() {
    // Calls itself by what it sees: `n` for no values, `0` keys of configuration, and `1` for an
    // item that it is refused.
    let parts = r#"(data (i32.const 1024) "n00") (data (i32.const 1032) "ns")"#;
    let body = "
      (call $values (i32.const 600))
      (i32.store8 (i32.const 1024) (i32.load8_u (i32.load (i32.const 600))))
      (call $keys (i32.const 600))
      (i32.store8 (i32.const 1025) (i32.add (i32.const 48) (i32.load (i32.const 604))))
      (i32.store (i32.const 640) (i32.const 1032))
      (i32.store (i32.const 644) (i32.const 2))
      (call $item (i32.const 640) (i32.const 1) (i32.const 1032) (i32.const 2) (i32.const 700))
      (i32.store8 (i32.const 1026) (i32.add (i32.const 48) (i32.load8_u (i32.const 700))))
      (call $text (i32.const 0) (i32.const 1024) (i32.const 3))
      (i32.const 512)";
    let about = description(described(parts, body)).await.expect("it describes itself");
    assert_eq!(about.name, "n01");
}

#[tokio::test]
async fn a_component_can_describe_itself_while_every_slot_is_taken() {
    let runner =
        own_runner(EngineConfig { max_concurrent: 1, workers: 2, ..EngineConfig::default() });
    let spinning = crate::guest::guest("", "(loop br 0) unreachable");
    let spinning = job(runner.load(spinning).await.unwrap().digest);
    let cancel = CancellationToken::new();
    let loading = async {
        let about = runner.load(described("", "(i32.const 512)")).await.unwrap().about;
        cancel.cancel();
        about
    };
    let ((report, _), about) = tokio::join!(run(&runner, spinning, cancel.clone()), loading);
    assert_eq!(report.outcome, Outcome::Cancelled);
    assert!(about.is_some());
}
