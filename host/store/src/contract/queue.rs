//! Laws of claiming and ending runs.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use wakeful_core::{
    Digest, ErrorCode, Failure, FileEntry, FileKind, LogLevel, LogLine, LogSource, Manifest,
    OnCompletion, Outcome, Report, RunError, RunStatus, Thread, ThreadId, ThreadStatus,
    TokenBudget, TokenUse,
};

use super::kit::*;
use crate::{Finished, Inserted, NewRun, RunQuery, ThreadQuery};

/// A claim hands out what has waited longest, and no more than was asked for.
pub async fn the_longest_waiting_thread_comes_first(store: Shared) {
    let mut ids = Vec::new();
    for n in [3, 1, 2] {
        let thread = new_thread(&store, 0).await;
        ids.push((n, queued(&store, thread, n).await));
    }
    ids.sort_by_key(|(n, _)| *n);
    assert_eq!(store.next_available().await.unwrap(), Some(at(1)));
    assert_eq!(claim_ids(&store, 9, 2).await, [ids[0].1, ids[1].1]);
    assert_eq!(store.next_available().await.unwrap(), Some(at(3)));
    assert_eq!(claim_ids(&store, 9, 2).await, [ids[2].1]);
    assert_eq!(store.next_available().await.unwrap(), None);
}

/// The next run of a thread waits for the one that is running, and sees what it left.
pub async fn one_thread_runs_one_run_at_a_time(store: Shared) {
    let thread = new_thread(&store, 0).await;
    let ids = [queued(&store, thread, 1).await, queued(&store, thread, 2).await];
    let first = claim_one(&store, 5).await;
    assert_eq!((first.run.id, first.run.attempt, first.run.epoch), (ids[0], 1, 1));
    assert_eq!(first.run.status, RunStatus::Running);
    assert_eq!(first.run.started_at, Some(at(5)));
    assert_eq!(first.run.lease, Some(lease("host", 65)));
    assert_eq!(first.head, None);
    assert_eq!(store.run(ids[0]).await.unwrap(), Some(first.run.clone()));
    assert!(claim(&store, 6, 10).await.is_empty());
    assert_eq!(store.next_available().await.unwrap(), None);
    let checkpoint = succeed(&store, &first.run, json!({ "n": 1 }), 7).await;
    let second = claim_one(&store, 8).await;
    assert_eq!(second.run.id, ids[1]);
    assert_eq!(
        second.head.map(|head| (head.id, head.values)),
        Some((checkpoint, json!({ "n": 1 })))
    );
}

/// However many runs wait on one thread, a claim reaches the others at once.
pub async fn a_backlog_on_one_thread_delays_no_other(store: Shared) {
    let crowded = new_thread(&store, 0).await;
    for n in 0..50 {
        queued(&store, crowded, n).await;
    }
    let quiet = new_thread(&store, 0).await;
    let id = queued(&store, quiet, 100).await;
    let claimed = claim_ids(&store, 200, 2).await;
    assert_eq!(claimed.len(), 2);
    assert_eq!(claimed[1], id);
}

/// Delays are kept, and said.
pub async fn a_run_does_not_begin_before_it_is_available(store: Shared) {
    let thread = new_thread(&store, 0).await;
    let mut run = run_of(thread, 1);
    run.available_at = at(10);
    insert(&store, run.clone()).await;
    assert!(claim(&store, 9, 10).await.is_empty());
    assert_eq!(store.next_available().await.unwrap(), Some(at(10)));
    assert_eq!(claim_ids(&store, 10, 10).await, [run.id]);
}

/// A run for later lets the ones after it pass; once it may begin, the older goes first.
pub async fn a_delayed_run_does_not_hold_up_the_next(store: Shared) {
    let thread = new_thread(&store, 0).await;
    let mut delayed = run_of(thread, 1);
    delayed.available_at = at(100);
    insert(&store, delayed.clone()).await;
    let (prompt, late) = (queued(&store, thread, 2).await, queued(&store, thread, 3).await);
    assert_eq!(store.next_available().await.unwrap(), Some(at(2)));
    let run = claim_one(&store, 5).await.run;
    assert_eq!(run.id, prompt);
    finish(&store, &run, done(), 6).await;
    let run = claim_one(&store, 100).await.run;
    assert_eq!(run.id, delayed.id);
    finish(&store, &run, done(), 101).await;
    assert_eq!(claim_ids(&store, 102, 10).await, [late]);
}

/// No run is handed out twice.
pub async fn concurrent_claims_share_the_runs(store: Shared) {
    for n in 0..20 {
        let thread = new_thread(&store, 0).await;
        queued(&store, thread, n).await;
    }
    let claims: Vec<_> = (0..8)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                store.claim_runs(at(50), lease(&n.to_string(), 60), 4).await.unwrap()
            })
        })
        .collect();
    let mut claimed = Vec::new();
    for claim in claims {
        claimed.extend(claim.await.unwrap().into_iter().map(|it| it.run.id));
    }
    assert_eq!(claimed.len(), 20);
    assert_eq!(claimed.iter().collect::<BTreeSet<_>>().len(), 20);
}

/// Report, values, files and thread change together.
pub async fn a_finished_run_commits_its_checkpoint_with_it(store: Shared) {
    let id = new_thread(&store, 0).await;
    queued(&store, id, 1).await;
    let run = claim_one(&store, 2).await.run;
    let digest = Digest::of(b"component");
    let mut checkpoint = checkpoint_of(&run, large(1), 3);
    let entry = |path: &str, kind| FileEntry { path: path.to_owned(), kind };
    checkpoint.files = Manifest {
        entries: vec![
            entry("d", FileKind::Directory),
            entry("d/f", FileKind::File { digest: Digest::of(b"f"), size: 1 }),
            entry("d/l", FileKind::Symlink { target: "../f".to_owned() }),
        ],
    };
    let report = Report { fuel_used: u64::MAX, peak_memory: 7, ..done() };
    let mut finish = end(&run, report.clone(), Some(checkpoint.clone()), 3);
    finish.digest = Some(digest);
    assert_eq!(store.finish_run(finish).await.unwrap(), Finished::Written);
    let ended = store.run(run.id).await.unwrap().unwrap();
    assert_eq!((ended.status, ended.ended_at), (RunStatus::Success, Some(at(3))));
    assert_eq!((ended.digest, ended.lease), (Some(digest), None));
    assert_eq!(ended.report, Some(report));
    assert_eq!(ended.request, run.request);
    let thread = thread(&store, id).await;
    assert_eq!((thread.head, thread.status), (Some(checkpoint.id), ThreadStatus::Idle));
    assert_eq!(thread.values, Some(checkpoint.values.clone()));
    assert_eq!((thread.state_updated_at, thread.updated_at), (at(3), at(3)));
    assert_eq!(store.checkpoint(id, checkpoint.id).await.unwrap(), Some(checkpoint));
}

/// Steps count from 0; a list begins at the newest and can go on from any.
pub async fn checkpoints_count_up_and_know_their_parents(store: Shared) {
    let thread = new_thread(&store, 0).await;
    let mut ids = Vec::new();
    for n in 0..4 {
        queued(&store, thread, n).await;
        ids.push(succeed(&store, &claim_one(&store, n).await.run, json!({ "n": n }), n).await);
    }
    let list = async |before, limit| store.checkpoints(thread, before, limit).await.unwrap();
    let all = list(None, 10).await;
    assert_eq!(all.iter().map(|it| it.step).collect::<Vec<_>>(), [3, 2, 1, 0]);
    assert_eq!(all.iter().map(|it| it.id).collect::<Vec<_>>(), [ids[3], ids[2], ids[1], ids[0]]);
    let parents = [Some(ids[2]), Some(ids[1]), Some(ids[0]), None];
    assert_eq!(all.iter().map(|it| it.parent).collect::<Vec<_>>(), parents);
    assert_eq!(list(None, 2).await, all[..2]);
    assert_eq!(list(Some(ids[2]), 10).await, all[2..]);
    assert_eq!(list(Some(ids[0]), 10).await, []);
    assert_eq!(list(Some(wakeful_core::CheckpointId::generate()), 10).await, []);
    let other = new_thread(&store, 0).await;
    assert_eq!(store.checkpoint(other, ids[0]).await.unwrap(), None);
    assert_eq!(store.checkpoints(other, Some(ids[3]), 10).await.unwrap(), []);
}

/// What was changed before a run begins stays, whatever becomes of the run.
pub async fn a_running_run_can_commit_before_it_ends(store: Shared) {
    let id = new_thread(&store, 0).await;
    queued(&store, id, 1).await;
    let first = succeed(&store, &claim_one(&store, 1).await.run, json!({ "n": 1 }), 2).await;
    queued(&store, id, 3).await;
    let run = claim_one(&store, 3).await.run;
    let update = asking(&run, 4);
    let advance = |epoch| store.advance_run(run.id, epoch, update.clone(), at(4));
    assert_eq!(advance(run.epoch + 1).await.unwrap(), None);
    let head = advance(run.epoch).await.unwrap().unwrap();
    assert_eq!((head.id, head.parent, head.step), (update.id, Some(first), 1));
    assert_eq!((&head.values, &head.pending), (&update.values, &update.pending));
    let found = thread(&store, id).await;
    assert_eq!(found.status, ThreadStatus::Busy);
    assert_eq!((found.head, found.values), (Some(head.id), Some(update.values.clone())));
    store.requeue_run(run.id, run.epoch, at(5), Some(slow()), at(5)).await.unwrap();
    assert_eq!(advance(run.epoch).await.unwrap(), None);
    let again = claim_one(&store, 5).await;
    assert_eq!(again.head.map(|head| head.id), Some(head.id));
    finish(&store, &again.run, done(), 6).await;
    assert_eq!(status(&store, id).await, ThreadStatus::Interrupted);

    queued(&store, id, 7).await;
    let run = claim_one(&store, 7).await.run;
    let update = checkpoint_of(&run, json!({ "gone": true }), 8);
    store.advance_run(run.id, run.epoch, update, at(8)).await.unwrap().unwrap();
    store.discard_run(run.id, Some(run.epoch)).await.unwrap();
    let found = thread(&store, id).await;
    assert_eq!((found.status, found.head), (ThreadStatus::Interrupted, Some(head.id)));
}

/// Only the status and the reason say that it ran.
pub async fn a_failed_run_leaves_its_thread_as_it_was(store: Shared) {
    let id = new_thread(&store, 0).await;
    queued(&store, id, 1).await;
    let head = succeed(&store, &claim_one(&store, 1).await.run, json!({ "n": 1 }), 2).await;
    queued(&store, id, 3).await;
    finish(&store, &claim_one(&store, 3).await.run, failed(), 4).await;
    let found = thread(&store, id).await;
    assert_eq!(found.status, ThreadStatus::Error);
    assert_eq!(found.error, RunError::of(&failed()));
    assert_eq!((found.head, found.values), (Some(head), Some(json!({ "n": 1 }))));
    assert_eq!(found.state_updated_at, at(2));
    queued(&store, id, 5).await;
    let busy = thread(&store, id).await;
    assert_eq!((busy.status, busy.error), (ThreadStatus::Busy, None));
    finish(&store, &claim_one(&store, 5).await.run, Report::not_run(Outcome::Cancelled), 6).await;
    let found = thread(&store, id).await;
    assert_eq!((found.status, found.error), (ThreadStatus::Idle, None));
}

/// Open questions outlast a run that was cancelled, and end with one that succeeds.
pub async fn an_interrupted_thread_stays_so_until_it_is_answered(store: Shared) {
    let id = new_thread(&store, 0).await;
    queued(&store, id, 1).await;
    let run = claim_one(&store, 1).await.run;
    let checkpoint = asking(&run, 2);
    let report = Report::not_run(Outcome::Interrupted(vec![question()]));
    store.finish_run(end(&run, report, Some(checkpoint.clone()), 2)).await.unwrap();
    assert_eq!(status(&store, id).await, ThreadStatus::Interrupted);
    let second = queued(&store, id, 3).await;
    store.cancel_pending(second, at(4)).await.unwrap();
    assert_eq!(status(&store, id).await, ThreadStatus::Interrupted);
    queued(&store, id, 5).await;
    let claimed = claim_one(&store, 5).await;
    assert_eq!(claimed.head.unwrap().pending, checkpoint.pending);
    finish(&store, &claimed.run, failed(), 6).await;
    assert_eq!(status(&store, id).await, ThreadStatus::Error);
    queued(&store, id, 7).await;
    succeed(&store, &claim_one(&store, 7).await.run, json!({}), 8).await;
    assert_eq!(status(&store, id).await, ThreadStatus::Idle);
}

/// Nothing of a report is lost, whatever the outcome.
pub async fn every_outcome_reads_back(store: Shared) {
    let text = || "why".to_owned();
    let failure = Failure {
        code: ErrorCode::RateLimited,
        message: "x".repeat(9_000),
        retryable: true,
        retry_after: Some(Duration::new(3, 7)),
    };
    let outcomes = [
        Outcome::Done(object(large(2))),
        Outcome::Interrupted(vec![question(), question()]),
        Outcome::Failed(failure),
        Outcome::OutOfFuel { limit: u64::MAX },
        Outcome::OutOfTokens { limit: u64::MAX, budget: TokenBudget::Model },
        Outcome::OutOfMemory { limit: 1 },
        Outcome::TimedOut { limit: Duration::from_millis(1) },
        Outcome::OutputTooLarge { limit: 2 },
        Outcome::InvalidOutput { message: text() },
        Outcome::TooManyEvents { limit: u32::MAX },
        Outcome::DiskFull { message: text() },
        Outcome::Trapped { message: text() },
        Outcome::Cancelled,
        Outcome::Refused { message: text() },
        Outcome::HostFailed { message: text() },
    ];
    let thread = new_thread(&store, 0).await;
    for outcome in outcomes {
        let report = Report {
            outcome,
            tokens: TokenUse { calls: 1, input: 2, output: 3, estimated: true },
            fuel_used: 1,
            peak_memory: 2,
            duration: Duration::new(1, 999_999_999),
            logs: vec![LogLine {
                at: at(1),
                source: LogSource::Stderr,
                level: LogLevel::Critical,
                message: "line".to_owned(),
                fields: vec![("key".to_owned(), "value".to_owned())],
            }],
            logs_dropped: 3,
        };
        let id = queued(&store, thread, 1).await;
        finish(&store, &claim_one(&store, 1).await.run, report.clone(), 2).await;
        let run = store.run(id).await.unwrap().unwrap();
        assert_eq!(run.status, report.outcome.run_status());
        assert_eq!(run.report, Some(report));
    }
}

/// A thread is idle only when nothing is pending any more.
pub async fn a_thread_stays_busy_while_runs_wait(store: Shared) {
    let thread = new_thread(&store, 0).await;
    queued(&store, thread, 1).await;
    queued(&store, thread, 2).await;
    finish(&store, &claim_one(&store, 3).await.run, failed(), 4).await;
    assert_eq!(status(&store, thread).await, ThreadStatus::Busy);
    succeed(&store, &claim_one(&store, 5).await.run, json!({}), 6).await;
    assert_eq!(status(&store, thread).await, ThreadStatus::Idle);
}

/// The thread goes in the transaction that ends its run; the run can still be asked about.
pub async fn a_temporary_thread_goes_with_its_run(store: Shared) {
    for report in [done(), failed(), Report::not_run(Outcome::Cancelled)] {
        let mut thread = Thread::new(ThreadId::generate(), object(json!({})), at(0));
        thread.temporary = true;
        let new = NewRun {
            run: run_of(thread.id, 1),
            create_thread: Some(thread.clone()),
            thread_metadata: object(json!({})),
            held: false,
        };
        assert!(matches!(store.insert_run(new).await.unwrap(), Inserted::Run(_)));
        let query = ThreadQuery { limit: 10, ..ThreadQuery::default() };
        assert_eq!(store.search_threads(query).await.unwrap().total, 0);
        let run = claim_one(&store, 1).await.run;
        let checkpoint = checkpoint_of(&run, large(1), 2);
        store.finish_run(end(&run, report.clone(), Some(checkpoint.clone()), 2)).await.unwrap();
        assert_eq!(store.thread(thread.id).await.unwrap(), None);
        assert_eq!(store.checkpoint(thread.id, checkpoint.id).await.unwrap(), None);
        assert_eq!(store.run(run.id).await.unwrap().unwrap().report, Some(report));
        let query = RunQuery { thread_id: Some(thread.id), limit: 10, ..RunQuery::default() };
        assert_eq!(store.runs(query).await.unwrap().total, 1);
    }
    let mut thread = Thread::new(ThreadId::generate(), object(json!({})), at(0));
    thread.temporary = true;
    store.create_thread(thread.clone()).await.unwrap();
    let id = queued(&store, thread.id, 3).await;
    store.cancel_pending(id, at(4)).await.unwrap();
    assert_eq!(store.thread(thread.id).await.unwrap(), None);
}

/// A run that asks for its thread to go does not take the runs after it away.
pub async fn a_thread_that_is_to_go_waits_for_its_last_run(store: Shared) {
    let thread = new_thread(&store, 0).await;
    let mut first = run_of(thread, 1);
    first.on_completion = OnCompletion::Delete;
    insert(&store, first).await;
    let second = queued(&store, thread, 2).await;
    succeed(&store, &claim_one(&store, 3).await.run, json!({ "n": 1 }), 4).await;
    assert_eq!(status(&store, thread).await, ThreadStatus::Busy);
    let claimed = claim_one(&store, 5).await;
    assert_eq!(claimed.run.id, second);
    assert_eq!(claimed.head.unwrap().values, json!({ "n": 1 }));
    finish(&store, &claimed.run, done(), 6).await;
    assert_eq!(store.thread(thread).await.unwrap(), None);
    assert!(store.run(second).await.unwrap().is_some());
}
