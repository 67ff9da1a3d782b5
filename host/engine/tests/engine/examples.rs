//! The example assistants: guests as a real toolchain builds them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use tokio_util::sync::CancellationToken;
use wakeful_core::{Limits, Outcome};
use wakeful_engine::Runner;

use crate::support::{job, run, runner};

fn dist() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../example-assistants/dist")
}

#[tokio::test]
async fn every_example_runs_within_the_default_limits() {
    let mut count = 0;
    for entry in fs::read_dir(dist()).expect("the examples are built: example-assistants/build") {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "wasm") {
            continue;
        }
        let info = runner().load(fs::read(&path).unwrap().into()).await.unwrap();
        let root = tempfile::tempdir().unwrap();
        let mut job = job(info.digest);
        job.limits = Limits::default();
        job.root = Some(root.path().into());
        job.input = json!({ "messages": [{ "role": "user", "content": "hello" }] });
        let (report, _) = run(runner(), job, CancellationToken::new()).await;
        assert!(report.outcome.commits(), "{}: {:?}", path.display(), report.outcome);
        count += 1;
    }
    assert!(count > 0);
}

#[tokio::test]
async fn files_written_by_one_run_are_there_for_the_next() {
    let bytes = fs::read(dist().join("weekly-todos.wasm")).expect("the examples are built");
    let info = runner().load(bytes.into()).await.unwrap();
    assert!(info.uses_files);
    let root = tempfile::tempdir().unwrap();
    for item in ["milk", "bread"] {
        let mut job = job(info.digest);
        job.root = Some(root.path().into());
        job.input = json!({ "messages": [{ "role": "user", "content": format!("add {item}") }] });
        let (report, _) = run(runner(), job, CancellationToken::new()).await;
        assert!(matches!(report.outcome, Outcome::Done(_)), "{:?}", report.outcome);
    }
    let list = fs::read_to_string(root.path().join("todo.md")).unwrap();
    assert!(list.contains("milk") && list.contains("bread"), "{list}");
}
