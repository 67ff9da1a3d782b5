//! What loads, what does not and what it says, and the cache of compiled code.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;
use wakeful_core::{Digest, Outcome};
use wakeful_engine::{EngineConfig, InProcessRunner, LoadError, Runner, inspect};

use crate::guest::{component, echo, guest, idle};
use crate::support::{done, job, load, own_runner, run, runner};

async fn refusal(bytes: impl Into<Arc<[u8]>>) -> LoadError {
    let bytes = bytes.into();
    let inspected = inspect(&bytes, 1 << 20);
    let error = runner().load(Arc::clone(&bytes)).await.expect_err("loads");
    // What can be found out without a compiler is.
    if !matches!(error, LoadError::Mismatch { .. } | LoadError::Compile { .. }) {
        assert_eq!(inspected.as_ref(), Err(&error));
    }
    assert_eq!(run_refused(Digest::of(&bytes)).await, "refused");
    error
}

async fn run_refused(digest: Digest) -> &'static str {
    let (report, _) = run(runner(), job(digest), CancellationToken::new()).await;
    report.outcome.kind()
}

#[tokio::test]
async fn what_is_not_an_assistant_is_refused_with_advice() {
    let core = wat::parse_str("(module)").unwrap();
    let bare = wat::parse_str("(component)").unwrap();
    let foreign =
        component("foreign", r#"(module (func (export "other:thing/telepathy@1.0.0#think")))"#);
    let newer = component(
        "newer",
        r#"(module (func (export "wakeful:assistant/assistant@0.2.0#invoke")))"#,
    );
    let unknown =
        component("unknown", &idle(r#"(import "other:thing/telepathy@1.0.0" "think" (func))"#));
    let cases: [(Arc<[u8]>, &[&str]); 7] = [
        (b"GIF89a".as_slice().into(), &["not WebAssembly"]),
        (Vec::new().into(), &["not WebAssembly"]),
        (core.into(), &["core module", "wasm32-wasip2"]),
        (bare.into(), &["exports nothing", "wakeful:assistant/assistant@0.1.0"]),
        (foreign, &["exports `other:thing/telepathy@1.0.0`", "assistant-plugin"]),
        (newer, &["version 0.2.0", "knows 0.1.0", "rebuild", "upgrade"]),
        (unknown, &["does not offer", "`other:thing/telepathy@1.0.0`"]),
    ];
    for (bytes, expected) in cases {
        let message = refusal(bytes).await.to_string();
        for part in expected {
            assert!(message.contains(part), "{part:?} is not in {message:?}");
        }
    }
}

#[tokio::test]
async fn a_component_that_is_too_large_is_refused() {
    let config = EngineConfig { max_component_bytes: 100, ..EngineConfig::default() };
    let error = own_runner(config).load(echo()).await.unwrap_err();
    assert_eq!(error, LoadError::TooLarge { bytes: echo().len() as u64, max: 100 });
}

#[tokio::test]
async fn precompiled_code_is_refused() {
    let cache = tempfile::tempdir().unwrap();
    cached(cache.path()).load(echo()).await.unwrap();
    let code = fs::read(only_entry(cache.path())).unwrap();
    assert_eq!(refusal(code).await, LoadError::Precompiled);
}

#[tokio::test]
async fn a_damaged_component_is_refused_wherever_it_is_damaged() {
    let good = echo();
    for length in (0..good.len()).step_by(37) {
        let _ = refusal(good.get(..length).unwrap()).await;
    }
    let mut harmless = 0;
    for place in (8..good.len()).step_by(11) {
        let mut bytes = good.to_vec();
        bytes[place] ^= 0x55;
        // A changed byte may still be a component; then it must not harm the host.
        if let Ok(info) = runner().load(bytes.into()).await {
            let mut job = job(info.digest);
            job.limits.fuel = 10_000_000;
            run(runner(), job, CancellationToken::new()).await;
            harmless += 1;
        }
    }
    assert!(harmless > 0);
}

#[tokio::test]
async fn an_import_of_another_type_is_refused_by_name() {
    let bytes =
        component("mismatched", &idle(r#"(import "wakeful:assistant/log@0.1.5" "shout" (func))"#));
    let error = refusal(bytes).await;
    assert!(
        matches!(&error, LoadError::Mismatch { message } if message.contains("shout")),
        "{error}"
    );
}

#[tokio::test]
async fn a_component_with_too_many_memories_is_refused() {
    let error = refusal(component("guest", &idle(&"(memory 1)".repeat(90)))).await;
    assert!(matches!(&error, LoadError::Compile { .. }), "{error:?}");
    assert!(error.to_string().contains("memories"), "{error}");
}

#[tokio::test]
async fn an_inspection_tells_what_a_component_needs() {
    let plain = inspect(&echo(), 1 << 20).unwrap();
    assert_eq!((plain.contract.as_str(), plain.uses_files), ("0.1.0", false));
    assert_eq!(plain.exports, ["wakeful:assistant/assistant@0.1.0"]);
    let with_files = guest(
        r#"(import "wasi:filesystem/preopens@0.2.0" "get-directories" (func (param i32)))"#,
        "(call $fine)",
    );
    assert!(inspect(&with_files, 1 << 20).unwrap().uses_files);
    assert!(runner().load(with_files).await.unwrap().uses_files);
}

#[tokio::test]
async fn loading_twice_is_loading_once() {
    let digest = load(echo()).await;
    assert_eq!(digest, Digest::of(&echo()));
    let info = runner().load(echo()).await.unwrap();
    assert_eq!((info.digest, info.bytes), (digest, echo().len() as u64));
}

#[tokio::test]
async fn a_component_that_is_unloaded_goes_on_with_its_runs_and_begins_no_new_ones() {
    let runner = own_runner(EngineConfig { workers: 1, ..EngineConfig::default() });
    // Says that it runs, then runs until it is told to stop.
    let patient = guest(
        "",
        "(call $emit (i32.const 0) (i32.const 1024) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 512))
         (loop $again (br_if $again (i32.eqz (call $cancelled))))
         (call $fine)",
    );
    let digest = runner.load(patient).await.unwrap().digest;
    let (events, mut watched) = tokio::sync::mpsc::channel(1);
    let mut patient_job = job(digest);
    patient_job.limits.timeout = Duration::from_secs(1);
    let running = runner.run(patient_job, events, CancellationToken::new());
    let unloading = async {
        assert!(watched.recv().await.is_some());
        runner.unload(digest);
        let (report, _) = run(&runner, job(digest), CancellationToken::new()).await;
        assert_eq!(report.outcome.kind(), "refused");
    };
    let (report, ()) = tokio::join!(running, unloading);
    assert_eq!(report.outcome, Outcome::TimedOut { limit: Duration::from_secs(1) });
}

fn cached(dir: &Path) -> InProcessRunner {
    own_runner(EngineConfig { cache_dir: Some(dir.to_owned()), ..EngineConfig::default() })
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn only_entry(dir: &Path) -> PathBuf {
    let entries = entries(dir);
    assert_eq!(entries.len(), 1, "{entries:?}");
    entries[0].clone()
}

async fn assert_runs(runner: &InProcessRunner, digest: Digest) {
    let (report, _) = run(runner, job(digest), CancellationToken::new()).await;
    assert_eq!(report.outcome, done(json!({})));
}

#[tokio::test]
async fn compiled_code_is_kept_for_the_next_start() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("cache");
    let runner = cached(&dir);
    assert!(!runner.load(echo()).await.unwrap().from_cache);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
    }
    let runner = cached(&dir);
    let info = runner.load(echo()).await.unwrap();
    assert!(info.from_cache);
    assert_eq!(info.contract, "0.1.0");
    assert_runs(&runner, info.digest).await;
}

/// A component that does what `echo` does and has another digest.
fn variant(name: u8) -> Arc<[u8]> {
    let mut bytes = echo().to_vec();
    // A custom section: its kind, its length, and a name of one letter.
    bytes.extend([0, 2, 1, name]);
    bytes.into()
}

#[tokio::test]
async fn code_that_was_used_longest_ago_makes_room() {
    let dir = tempfile::tempdir().unwrap();
    cached(dir.path()).load(echo()).await.unwrap();
    let one = fs::metadata(only_entry(dir.path())).unwrap().len();
    let runner = own_runner(EngineConfig {
        cache_dir: Some(dir.path().to_owned()),
        cache_bytes: 2 * one + one / 2,
        ..EngineConfig::default()
    });
    let a = runner.load(variant(b'a')).await.unwrap();
    runner.unload(a.digest);
    // Used again, it is newer than `echo`, which nobody has used since.
    assert!(runner.load(variant(b'a')).await.unwrap().from_cache);
    runner.load(variant(b'b')).await.unwrap();
    assert_eq!(entries(dir.path()).len(), 2);
    let runner = cached(dir.path());
    assert!(runner.load(variant(b'a')).await.unwrap().from_cache);
    assert!(runner.load(variant(b'b')).await.unwrap().from_cache);
    assert!(!runner.load(echo()).await.unwrap().from_cache);
}

#[tokio::test]
async fn damaged_code_in_the_cache_is_compiled_again_and_replaced() {
    let dir = tempfile::tempdir().unwrap();
    cached(dir.path()).load(echo()).await.unwrap();
    let path = only_entry(dir.path());
    let sound = fs::read(&path).unwrap();
    let middle = sound.len() / 2;
    let mut flipped = sound.clone();
    flipped[middle] ^= 1;
    for damaged in [flipped, sound[..middle].to_vec(), Vec::new()] {
        fs::remove_file(only_entry(dir.path())).unwrap();
        fs::write(&path, damaged).unwrap();
        let runner = cached(dir.path());
        let info = runner.load(echo()).await.unwrap();
        assert!(!info.from_cache);
        assert_runs(&runner, info.digest).await;
        let replaced = only_entry(dir.path());
        assert!(cached(dir.path()).load(echo()).await.unwrap().from_cache, "{replaced:?}");
    }
}

#[tokio::test]
async fn a_foreign_file_with_the_right_name_is_compiled_again_and_replaced() {
    let dir = tempfile::tempdir().unwrap();
    cached(dir.path()).load(echo()).await.unwrap();
    let name = only_entry(dir.path()).file_name().unwrap().to_str().unwrap().to_owned();
    let (prefix, _) = name.rsplit_once('-').unwrap();
    let foreign = b"not compiled code at all";
    fs::remove_file(only_entry(dir.path())).unwrap();
    fs::write(dir.path().join(format!("{prefix}-{}.cwasm", Digest::of(foreign))), foreign).unwrap();
    let runner = cached(dir.path());
    let info = runner.load(echo()).await.unwrap();
    assert!(!info.from_cache);
    assert_runs(&runner, info.digest).await;
    only_entry(dir.path());
}

#[tokio::test]
async fn code_of_another_version_is_removed_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    cached(dir.path()).load(echo()).await.unwrap();
    let path = only_entry(dir.path());
    let name = path.file_name().unwrap().to_str().unwrap();
    let mut parts: Vec<_> = name.split('-').collect();
    parts[1] = "0123456789abcdef";
    fs::rename(&path, dir.path().join(parts.join("-"))).unwrap();
    fs::write(dir.path().join(".aside-1-1"), "half").unwrap();
    fs::write(dir.path().join("README"), "of somebody else").unwrap();
    let runner = cached(dir.path());
    assert_eq!(only_entry(dir.path()).file_name().unwrap(), "README");
    assert!(!runner.load(echo()).await.unwrap().from_cache);
}

#[tokio::test]
async fn a_cache_directory_that_cannot_be_used_is_an_error_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let config = EngineConfig { cache_dir: Some(file), ..EngineConfig::default() };
    let result = InProcessRunner::new(config, Arc::new(wakeful_core::SystemClock));
    assert!(result.err().unwrap().to_string().contains("another cache directory"));
}

#[tokio::test]
async fn the_cache_keeps_working_when_it_can_no_longer_be_written() {
    let dir = tempfile::tempdir().unwrap();
    let runner = cached(dir.path());
    fs::remove_dir_all(dir.path()).unwrap();
    let info = runner.load(echo()).await.unwrap();
    assert_runs(&runner, info.digest).await;
}
