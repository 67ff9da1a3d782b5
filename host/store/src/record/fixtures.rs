//! Records of every format that was ever written. They have to be read for ever; the newest format
//! has to be written as it is here, or it is another one.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use wakeful_core::{
    ApiKey, Assistant, Attempt, AttemptResult, Catchup, Checkpoint, CheckpointSource, Coalesced,
    Command, Committed, Cron, CronPolicy, CronStats, CronTrigger, Delivery, DeliveryId,
    DeliveryStatus, Digest, Dst, End, ErrorCode, EventId, Expiry, Failure, FailureKind, FileEntry,
    FileKind, Fire, FireCause, FireStatus, GuestEvent, Interrupt, Item, ItemAddress, Json,
    LastFailure, LogLevel, LogLine, LogSource, LoggedEvent, Manifest, MultitaskStrategy, Namespace,
    Object, OnCompletion, Outcome, Overlap, Pending, Rate, Report, Retry, Run, RunError, RunEvent,
    RunRequest, RunStatus, Scope, SkipReason, Start, Thread, ThreadStatus, Timestamp, TokenBudget,
    TokenUse, Trigger, Ttl,
};

use super::{
    Docs, Draft, StoredAssistant, StoredCall, StoredCheckpoint, StoredCron, StoredCronStats,
    StoredDelivery, StoredEvents, StoredFire, StoredItem, StoredKey, StoredLease, StoredRun,
    StoredThread, StoredVersion, StoredWebhook, VERSION, decode, encode,
};
use crate::blobs::Blobs;
use crate::folder::Space;
use crate::store::{JournalEntry, RecordCall};

fn docs(folder: &Path) -> Docs {
    Docs { blobs: Blobs::open(folder.join("blobs"), Space::new(folder, 0)).unwrap() }
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(1_800_000_000_000_000 + micros).unwrap()
}

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(n: u8) -> T {
    format!("00000000-0000-7000-8000-0000000000{n:02x}").parse().unwrap()
}

fn object(json: Json) -> Object {
    json.as_object().unwrap().clone()
}

/// The record in the fixture of today's format; today's program must write the same. A fixture of
/// the same name in an earlier format has to be readable.
fn check<T: Serialize + DeserializeOwned>(name: &str, record: &T) -> T {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let fixture = |version: u8| {
        let path = fixtures.join(format!("v{version}")).join(name).with_extension("json");
        let bytes = std::fs::read(&path).unwrap_or_default();
        (path, bytes.trim_ascii().to_vec())
    };
    let read = |version: u8, json: &[u8]| {
        let mut bytes = vec![version];
        bytes.extend_from_slice(json);
        decode(&bytes).unwrap()
    };
    let written: Box<serde_json::value::RawValue> =
        serde_json::from_slice(&encode(record).unwrap()[1..]).unwrap();
    let (path, today) = fixture(VERSION);
    assert_eq!(
        String::from_utf8_lossy(&today),
        written.get(),
        "what is written differs from {}",
        path.display()
    );
    for earlier in 1..VERSION {
        let (path, json) = fixture(earlier);
        if path.exists() {
            let _: T = read(earlier, &json);
        }
    }
    read(VERSION, &today)
}

fn request() -> RunRequest {
    RunRequest {
        input: json!({ "messages": [{ "role": "user", "content": "hi" }] }),
        command: Some(Command {
            resume: Some(json!([true, null])),
            update: Some(object(json!({ "n": 1 }))),
            goto: Some("echo".to_owned()),
        }),
        config: object(json!({ "recursion_limit": 5 })),
        context: object(json!({ "user": "u" })),
        metadata: object(json!({ "m": 1.5 })),
        options: object(json!({ "durability": "sync" })),
    }
}

fn question() -> Interrupt {
    Interrupt {
        id: "q".to_owned(),
        reason: "approval".to_owned(),
        payload: json!("sure?"),
        answer_schema: Some(json!({ "type": "boolean" })),
    }
}

fn report() -> Report {
    Report {
        outcome: Outcome::Failed(Failure {
            code: ErrorCode::RateLimited,
            message: "slow down".to_owned(),
            retryable: true,
            retry_after: Some(Duration::new(1, 5)),
        }),
        fuel_used: u64::MAX,
        peak_memory: 65_536,
        duration: Duration::from_micros(1_500_001),
        logs: vec![LogLine {
            at: at(9),
            source: LogSource::Stdout,
            level: LogLevel::Info,
            message: "hello".to_owned(),
            fields: vec![("k".to_owned(), "v".to_owned())],
        }],
        logs_dropped: 2,
        tokens: TokenUse::default(),
    }
}

fn run() -> Run {
    let mut run = Run::new(id(1), id(2), id(3), "echo".parse().unwrap(), request(), at(0));
    run.status = RunStatus::Error;
    run.updated_at = at(3);
    run.available_at = at(1);
    run.trigger = Trigger::Cron(CronTrigger {
        cron_id: id(4),
        scheduled_at: at(-1),
        missed: 7,
        cause: FireCause::Catchup,
        previous_at: Some(at(-9)),
        late: Duration::from_millis(5),
    });
    run.retry = Some(Retry {
        attempts: 5,
        first: Duration::from_secs(1),
        longest: Duration::from_secs(60),
        on: vec![FailureKind::ALL[8]],
    });
    run.multitask = MultitaskStrategy::Rollback;
    run.on_completion = OnCompletion::Delete;
    run.attempt = 2;
    run.epoch = 3;
    run.digest = Some(Digest::of(b"component"));
    run.checkpoint = Some(id(5));
    run.started_at = Some(at(2));
    run.ended_at = Some(at(3));
    run.report = Some(report());
    run.request_digest = Some(Digest::of(b"request"));
    run
}

#[test]
fn assistants_of_every_format_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let docs = docs(folder.path());
    let assistant = Assistant {
        description: Some("greets".to_owned()),
        config: object(json!({ "tags": ["a"] })),
        context: object(json!({ "c": 1 })),
        version: 4,
        request_digest: Some(Digest::of(b"request")),
        ..Assistant::default_of("echo".parse().unwrap(), at(0))
    };
    let stored = check("assistant", &StoredAssistant::new(&assistant, &docs).unwrap());
    assert_eq!(stored.clone().open(&docs).unwrap(), assistant);
    let version = check("assistant_version", &StoredVersion(stored));
    assert_eq!(version.0.open(&docs).unwrap(), assistant);
}

#[test]
fn threads_of_every_format_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let docs = docs(folder.path());
    let thread = Thread {
        updated_at: at(2),
        state_updated_at: at(1),
        status: ThreadStatus::Error,
        head: Some(id(5)),
        values: Some(json!({ "z": 1, "a": [0.1] })),
        error: Some(RunError { name: "trapped".to_owned(), message: "unreachable".to_owned() }),
        temporary: true,
        ttl: Some(Ttl { after: Duration::from_secs(90), expiry: Expiry::KeepLatest }),
        expires_at: Some(at(4)),
        request_digest: Some(Digest::of(b"request")),
        ..Thread::new(id(2), object(json!({ "graph_id": "echo" })), at(0))
    };
    let stored = check("thread", &StoredThread::new(&thread, &docs).unwrap());
    assert_eq!(stored.open(&docs).unwrap(), thread);
}

#[test]
fn checkpoints_of_every_format_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let docs = docs(folder.path());
    let entry = |path: &str, kind| FileEntry { path: path.to_owned(), kind };
    let mut checkpoint = Checkpoint {
        id: id(5),
        thread_id: id(2),
        parent: None,
        run_id: Some(id(1)),
        step: 0,
        created_at: at(3),
        values: json!({ "n": 1 }),
        files: Manifest {
            entries: vec![
                entry("d", FileKind::Directory),
                entry("d/f", FileKind::File { digest: Digest::of(b"f"), size: 1 }),
                entry("d/l", FileKind::Symlink { target: "f".to_owned() }),
            ],
        },
        pending: Some(Pending {
            interrupts: vec![question()],
            input: json!(null),
            answers: vec![("p".to_owned(), json!({ "yes": true }))],
        }),
        source: CheckpointSource::Update,
        metadata: object(json!({ "source": "loop" })),
    };
    let first = Draft::new(&checkpoint, &docs).unwrap().at(id(2), 0, None);
    checkpoint.id = id(6);
    checkpoint.parent = Some(id(5));
    checkpoint.step = 1;
    let second = Draft::new(&checkpoint, &docs).unwrap().at(id(2), 1, Some(first.id));
    let stored: StoredCheckpoint = check("checkpoint", &second);
    assert_eq!(stored.open(&docs).unwrap(), checkpoint);
}

#[test]
fn events_of_every_format_are_read() {
    let run = run();
    let started = Run { report: None, ..run.clone() };
    let guest = |event| RunEvent::Guest(event);
    let events: Vec<_> = [
        RunEvent::Started(Box::new(Start { run: started, values: json!({ "n": 1 }), step: 7 })),
        guest(GuestEvent::TextDelta("hi".to_owned())),
        guest(GuestEvent::Message(json!({ "content": "hi" }))),
        guest(GuestEvent::Values(json!({ "n": 2 }))),
        guest(GuestEvent::Custom { name: "c".to_owned(), data: json!(3) }),
        guest(GuestEvent::Log(report().logs.remove(0))),
        RunEvent::Ended(Box::new(End {
            outcome: report().outcome,
            committed: Some(Committed { id: id(5), parent: Some(id(6)), step: 7 }),
        })),
    ]
    .into_iter()
    .zip(0..)
    .map(|(event, number)| {
        let id = EventId { ms: 1_800, number };
        std::sync::Arc::new(LoggedEvent { id, run_id: run.id, event })
    })
    .collect();
    let folder = tempfile::tempdir().unwrap();
    let docs = docs(folder.path());
    let doc = check("events", &docs.put(&StoredEvents::new(&events)).unwrap());
    let stored: StoredEvents<'static> = docs.get(&doc, "events").unwrap();
    let events: Vec<_> = events.iter().map(|event| (**event).clone()).collect();
    assert_eq!(stored.open(&run), events);
}

#[test]
fn runs_of_every_format_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let docs = docs(folder.path());
    let ended = run();
    let stored = check("run", &StoredRun::new(&ended, &docs).unwrap());
    assert_eq!(stored.open(None, &docs).unwrap(), ended);
    let pending =
        Run::new(id(1), id(2), id(3), "echo".parse().unwrap(), RunRequest::default(), at(0));
    let stored = check("run_pending", &StoredRun::new(&pending, &docs).unwrap());
    assert_eq!(stored.open(None, &docs).unwrap(), pending);
    let last_error = Some(RunError { name: "timed_out".to_owned(), message: "slow".to_owned() });
    let retried = Run { attempt: 1, last_error, ..pending.clone() };
    let stored = check("run_retried", &StoredRun::new(&retried, &docs).unwrap());
    assert_eq!(stored.open(None, &docs).unwrap(), retried);
    let told = Run { request: told(), ..pending };
    let stored = check("run_webhook", &StoredRun::new(&told, &docs).unwrap());
    assert_eq!(stored.webhook.as_ref().unwrap().origin, "https://example.com");
    assert_eq!(stored.open(None, &docs).unwrap(), told);
}

fn told() -> RunRequest {
    let options = object(json!({ "webhook": "https://example.com/hook?key=1" }));
    RunRequest { options, ..RunRequest::default() }
}

#[test]
fn deliveries_of_every_format_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let docs = docs(folder.path());
    let webhook = StoredWebhook::new(told().webhook().unwrap(), &docs).unwrap();
    let values = docs.put(&json!({ "n": 1 })).unwrap();
    let mut made = StoredDelivery::new(id(1), webhook, Some(values), at(3));
    let attempt = |at, result| Attempt { at, took: Duration::from_micros(7), result };
    let attempts = vec![
        attempt(at(4), AttemptResult::Failed { reason: "refused".to_owned() }),
        attempt(at(5), AttemptResult::Answered { status: 500, body: "oh".to_owned() }),
    ];
    made.attempts = Some(StoredDelivery::attempts_doc(&attempts, &docs).unwrap());
    made.tries = 2;
    made.claimed = true;
    let stored = check("delivery", &made);
    let delivery = Delivery {
        id: DeliveryId::of_run(id(1)),
        run_id: id(1),
        url: "https://example.com/hook?key=1".to_owned(),
        status: DeliveryStatus::Pending,
        created_at: at(3),
        next_attempt_at: Some(at(3)),
        values: Some(json!({ "n": 1 })),
        tries: 2,
        attempts,
    };
    assert_eq!(stored.open(&docs).unwrap(), delivery);
}

#[test]
fn leases_of_every_format_are_read() {
    let lease = check("lease", &StoredLease { owner: "host".to_owned(), until: at(60) });
    assert_eq!((lease.owner.as_str(), lease.until), ("host", at(60)));
}

#[test]
fn crons_of_every_format_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let docs = docs(folder.path());
    let cron = Cron {
        thread_id: Some(id(2)),
        schedules: vec!["*/5 * * * *".to_owned(), "0 9 * * MON".to_owned()],
        timezone: Some("Europe/Berlin".to_owned()),
        end_time: Some(at(9)),
        policy: CronPolicy {
            overlap: Overlap::BufferOne,
            catchup: Catchup::All,
            catchup_window: Duration::from_secs(3_600),
            dst: Dst::SkipAndRepeat,
            jitter: Duration::from_secs(30),
            start_time: Some(at(2)),
            max_fires: Some(100),
            pause_after_failures: Some(3),
            fuel_per_day: Some(1_000),
            tokens_per_day: Some(2_000),
            retry: run().retry,
        },
        on_run_completed: OnCompletion::Keep,
        metadata: object(json!({ "m": true })),
        request: request(),
        updated_at: at(1),
        next_run_at: Some(at(5)),
        last_scheduled_at: Some(at(4)),
        delay: Duration::from_millis(7),
        offset: Some(3_600),
        paused_from: Some(at(6)),
        ended_at: Some(at(7)),
        note: Some("slow".to_owned()),
        version: 12,
        request_digest: Some(Digest::of(b"request")),
        made_by: Some(id(1)),
        ..Cron::new(id(4), id(3), "echo".parse().unwrap(), "", at(0))
    };
    let stored = check("cron", &StoredCron::new(&cron, &docs).unwrap());
    assert_eq!(stored.open(&docs).unwrap(), cron);
}

#[test]
fn fires_of_every_format_are_read() {
    let missed = Coalesced { count: 3, at_least: true, first: at(0), last: at(4) };
    let started = Fire {
        cron_id: id(4),
        scheduled_at: at(4),
        recorded_at: at(5),
        late: Duration::from_micros(1),
        cause: FireCause::Backfill,
        status: FireStatus::Started(id(1)),
        coalesced: Some(missed),
    };
    assert_eq!(check("fire", &StoredFire::new(&started)).open(), started);
    let skipped =
        Fire { status: FireStatus::Skipped(SkipReason::Overlap), coalesced: None, ..started };
    assert_eq!(check("fire_skipped", &StoredFire::new(&skipped)).open(), skipped);
}

#[test]
fn statistics_of_every_format_are_read() {
    let stats = CronStats {
        started: 5,
        triggered: 1,
        skipped: SkipReason::ALL.into_iter().zip(1..).collect(),
        missed: 2,
        succeeded: 3,
        failed: 2,
        failed_in_a_row: 1,
        last_failure: Some(LastFailure { run_id: id(1), at: at(3), message: "why".to_owned() }),
        last_late: Duration::from_millis(3),
        worst_late: Duration::from_secs(4),
        day: 20_000,
        fuel: 9,
        tokens: 8,
    };
    assert_eq!(check("cron_stats", &StoredCronStats::new(&stats)).open(), stats);
}

#[test]
fn calls_of_every_format_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let docs = docs(folder.path());
    let tokens = TokenUse { calls: 1, input: 9, output: 2, estimated: false };
    let call = RecordCall {
        run_id: id(1),
        epoch: 1,
        number: 3,
        request: Digest::from_bytes([7; 32]),
        answer: Some(json!({ "content": "hi" })),
        tokens,
        model: "fast".parse().unwrap(),
        component: "echo".parse().unwrap(),
        cron: None,
        now: at(0),
    };
    let stored = check("call", &StoredCall::new(&call, &docs).unwrap());
    let entry = JournalEntry { number: 3, request: call.request, answered: true, tokens };
    assert_eq!(stored.entry(3), entry);
    assert_eq!(stored.answer(&docs).unwrap(), call.answer);
}

#[test]
fn items_of_every_format_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let docs = docs(folder.path());
    let value = object(json!({ "color": "red", "n": [1, 2.5] }));
    let item = StoredItem::new(&value, Some(Duration::from_secs(600)), at(1), &docs).unwrap();
    let namespace = Namespace::parse("user.1").unwrap();
    let address = ItemAddress::new(namespace, "likes").unwrap();
    let expected = Item {
        address: address.clone(),
        value,
        created_at: at(1),
        updated_at: at(1),
        expires_at: Some(at(600_000_001)),
    };
    assert_eq!(check("item", &item).open(address, &docs).unwrap(), expected);
}

#[test]
fn keys_of_every_format_are_read() {
    let key = ApiKey {
        id: id(9),
        name: "ci".to_owned(),
        scope: Scope::Run,
        rate: Rate::new(5, 10),
        secret: Digest::from_bytes([7; 32]),
        created_at: at(0),
        last_used_at: Some(at(9)),
    };
    assert_eq!(check("key", &StoredKey::new(&key)).open(), key);
}

#[test]
fn outcomes_of_every_format_are_read() {
    let text = || "why".to_owned();
    let outcomes = [
        Outcome::Done(object(json!({ "n": 1 }))),
        Outcome::Interrupted(vec![question()]),
        report().outcome,
        Outcome::OutOfFuel { limit: 1 },
        Outcome::OutOfTokens { limit: 6, budget: TokenBudget::Cron },
        Outcome::OutOfMemory { limit: 2 },
        Outcome::TimedOut { limit: Duration::from_secs(3) },
        Outcome::OutputTooLarge { limit: 4 },
        Outcome::InvalidOutput { message: text() },
        Outcome::TooManyEvents { limit: 5 },
        Outcome::DiskFull { message: text() },
        Outcome::Trapped { message: text() },
        Outcome::Cancelled,
        Outcome::Refused { message: text() },
        Outcome::HostFailed { message: text() },
    ];
    let folder = tempfile::tempdir().unwrap();
    let docs = docs(folder.path());
    let tokens = TokenUse { calls: 2, input: 30, output: 4, estimated: true };
    let paid = Report { tokens, ..Report::not_run(Outcome::Cancelled) };
    let reports: Vec<_> = outcomes
        .into_iter()
        .map(Report::not_run)
        .chain([paid])
        .map(|report| StoredRun::report_doc(&report, &docs).unwrap())
        .collect();
    let read = check("reports", &reports);
    let run = run();
    for (doc, written) in read.into_iter().zip(reports) {
        let mut stored = StoredRun::new(&run, &docs).unwrap();
        stored.report = Some(doc);
        let found = stored.clone().open(None, &docs).unwrap();
        stored.report = Some(written);
        assert_eq!(found, stored.open(None, &docs).unwrap());
    }
}
