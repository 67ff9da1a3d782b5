//! What becomes of runs that cannot go well, without anybody's ill will.

use tokio_util::sync::CancellationToken;
use wakeful_core::Outcome;

use crate::guest::{echo, guest};
use crate::hostile::{FILES, OPEN_ROOT};
use crate::support::{done, job, load, run, run_guest, runner};

#[tokio::test]
async fn a_run_that_is_cancelled_before_it_begins_never_begins() {
    let cancel = CancellationToken::new();
    cancel.cancel();
    let (report, _) = run(runner(), job(load(echo()).await), cancel).await;
    assert_eq!((report.outcome, report.fuel_used), (Outcome::Cancelled, 0));
}

#[tokio::test]
async fn an_output_that_breaks_the_contract_is_invalid() {
    let cases = [
        ("(call $done (i32.const 1024) (i32.const 4))", "{no}", "must carry JSON"),
        ("(call $done (i32.const 1024) (i32.const 3))", "[1]", "an array"),
        (
            "(call $result (i32.const 0) (i32.const 1) (i32.const 1024) (i32.const 0))",
            "",
            "at least one question",
        ),
    ];
    for (body, text, expected) in cases {
        let data = format!("(data (i32.const 1024) \"{text}\")");
        let (report, _) = run_guest(guest(&data, body), |_| {}).await;
        let Outcome::InvalidOutput { message } = report.outcome else {
            panic!("{text}: {:?}", report.outcome)
        };
        assert!(message.contains(expected), "{message}");
    }
}

#[tokio::test]
async fn a_guest_that_ends_before_the_first_look_is_looked_at_all_the_same() {
    let root = tempfile::tempdir().unwrap();
    let body = format!("{OPEN_ROOT} (call $create) (call $append) (call $fine)");
    let writing = guest(FILES, &body);
    let with = |disk| {
        let path = root.path().to_owned();
        move |job: &mut wakeful_engine::Job| {
            job.root = Some(path);
            job.limits.disk = disk;
        }
    };
    let (report, _) = run_guest(writing.clone(), with(59_999)).await;
    let Outcome::DiskFull { message } = report.outcome else { panic!("{:?}", report.outcome) };
    assert!(message.contains("limit `disk`"), "{message}");
    let (report, _) = run_guest(writing, with(60_000)).await;
    assert_eq!(report.outcome, done(serde_json::json!({})));
    assert_eq!(std::fs::metadata(root.path().join("aaaa")).unwrap().len(), 60_000);
}

#[tokio::test]
async fn a_missing_directory_is_the_fault_of_the_host() {
    let missing = tempfile::tempdir().unwrap().path().join("missing");
    let (report, _) = run_guest(guest(FILES, "(call $fine)"), |job| job.root = Some(missing)).await;
    assert!(matches!(report.outcome, Outcome::HostFailed { .. }), "{:?}", report.outcome);
}
