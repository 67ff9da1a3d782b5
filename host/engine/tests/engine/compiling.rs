//! A compiler in a child, and what becomes of components that harm it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wakeful_engine::{
    ChildCompiler, CompileLimits, Compiler, EngineConfig, LoadError, Runner, compile_for_parent,
};

use crate::guest::echo;
use crate::support::{PROMPT, own_runner};

/// A compiler whose child does this, in the language of the shell.
fn child(script: &str) -> ChildCompiler {
    let limits = CompileLimits {
        memory: 100 << 20,
        processor: Duration::from_secs(3),
        time: Duration::from_secs(2),
        code: 10_000,
    };
    ChildCompiler::new("/bin/sh", ["-c", script, "child"]).with_limits(limits)
}

#[test]
fn whatever_becomes_of_the_child_is_told() {
    let indigestible = [
        ("while :; do :; done", "takes longer than 2 s"),
        ("exec >&-; while :; do :; done", "takes longer than 2 s"),
        ("while :; do echo 0123456789; done", "makes more than 10000 bytes"),
        ("kill -XCPU $$", "needs more than 3 s of processor time"),
        ("kill -SEGV $$", "dies (signal: 11"),
        ("echo what happened >&2; exit 101", "dies (exit status: 101): what happened"),
        ("echo memory allocation of 9 bytes failed >&2; kill -ABRT $$", "more than 100 MiB"),
        ("echo 'cannot start a thread (os error 12)' >&2; exit 101", "more than 100 MiB"),
    ];
    for (script, expected) in indigestible {
        let begun = Instant::now();
        match child(script).compile(&echo()) {
            Err(LoadError::Indigestible { problem }) if problem.contains(expected) => {}
            other => panic!("{script}: {other:?}"),
        }
        assert!(begun.elapsed() < PROMPT, "{script}");
    }
    let hosts_trouble = [
        ("exit 0", "damaged"),
        ("echo half of it", "damaged"),
        ("kill -TERM $$", "ended from outside"),
        ("kill -KILL $$", "ended from outside"),
    ];
    for (script, expected) in hosts_trouble {
        match child(script).compile(&echo()) {
            Err(LoadError::Engine { message }) if message.contains(expected) => {}
            other => panic!("{script}: {other:?}"),
        }
    }
    let missing = ChildCompiler::new("/nowhere/at/all", ["x"]).compile(&echo());
    assert!(matches!(missing, Err(LoadError::Engine { .. })), "{missing:?}");
}

#[test]
fn the_child_has_no_environment_and_knows_its_limits() {
    let told = child(r#"[ -z "$HOME" ] && [ "$*" = "--memory 104857600 --seconds 3" ] && exit 77"#);
    match told.compile(&echo()) {
        Err(LoadError::Indigestible { problem }) => assert!(problem.contains("77"), "{problem}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_child_answers_is_code_or_what_is_wrong() {
    let mut answer = Vec::new();
    compile_for_parent(&*echo(), &mut answer).unwrap();
    assert!(answer.len() > 1_000);
    // A core module is not what the host hands to its compiler.
    let mut refusal = Vec::new();
    compile_for_parent(&wat::parse_str("(module)").unwrap()[..], &mut refusal).unwrap();
    assert!(refusal.len() < 1_000);
}

#[tokio::test]
async fn a_component_that_harmed_its_compiler_is_not_compiled_again() {
    let dir = tempfile::tempdir().unwrap();
    let count = dir.path().join("count");
    let cache = dir.path().join("cache");
    // Counts how often it is asked.
    let script = format!("echo x >> {}; kill -SEGV $$", count.display());
    let runner = |script: &str| {
        own_runner(EngineConfig {
            cache_dir: Some(cache.clone()),
            compiler: Some(Arc::new(child(script))),
            ..EngineConfig::default()
        })
    };
    let first = runner(&script);
    let error = first.load(echo()).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("dies") && text.contains("until the file changes"), "{text}");
    assert_eq!(first.load(echo()).await.unwrap_err(), error);
    assert_eq!(runner(&script).load(echo()).await.unwrap_err(), error);
    assert_eq!(std::fs::read_to_string(&count).unwrap(), "x\n");
    // Another component is another matter.
    let mut other = echo().to_vec();
    other.extend([0, 2, 1, b'a']);
    assert!(first.load(other.into()).await.is_err());
    assert_eq!(std::fs::read_to_string(&count).unwrap(), "x\nx\n");
    // So is another version of the host, whose compiler is another one.
    for entry in std::fs::read_dir(&cache).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let (digest, _) = name.split_once('-').unwrap();
        std::fs::rename(&path, path.with_file_name(format!("{digest}-0123.refused"))).unwrap();
    }
    runner("kill -TERM $$").load(echo()).await.unwrap_err();
    assert_eq!(std::fs::read_dir(&cache).unwrap().count(), 0);
}
