//! Components that are meant to harm whoever reads, compiles or links them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use wakeful_engine::EngineConfig;

use super::machine::{MACHINES, Machine};
use super::neighbours::{beside, greet, loaded};
use super::stage::{Row, TURN, bounded};
use crate::guest::{component, echo, guest_with, idle};
use crate::support::{job, limits, run};

/// How long a component may keep a compiler busy; without optimisations it takes its time.
const COMPILED: Duration = Duration::from_secs(60);

/// Bytes of memory that the compiler may use for one.
const COMPILER: u64 = 768 << 20;

/// Bytes of a message that people have to read.
const READABLE: usize = 4_000;

/// A component that must be refused with this text, or whose run must end in one of these ways.
struct Case {
    name: &'static str,
    bytes: Arc<[u8]>,
    refused: &'static str,
    ends: &'static [&'static str],
}

fn refused(name: &'static str, bytes: impl Into<Arc<[u8]>>, refused: &'static str) -> Case {
    Case { name, bytes: bytes.into(), refused, ends: &[] }
}

fn harmless(name: &'static str, bytes: impl Into<Arc<[u8]>>) -> Case {
    Case { name, bytes: bytes.into(), refused: "", ends: &["done", "out_of_memory", "refused"] }
}

/// A good assistant with this beside it, in the text form of components.
fn with(parts: &str) -> Vec<u8> {
    let other = wat::parse_str(format!("(component {parts})")).expect("the parts parse");
    let mut bytes = echo().to_vec();
    bytes.extend(&other[HEADER.len()..]);
    bytes
}

/// What every component begins with.
const HEADER: &[u8] = b"\0asm\x0d\0\x01\0";

/// A good assistant with a component in a component beside it, and so on.
fn nested(levels: usize) -> Vec<u8> {
    let mut inner = HEADER.to_vec();
    for _ in 0..levels {
        let mut outer = HEADER.to_vec();
        outer.push(4);
        outer.extend(leb(inner.len()));
        outer.extend(&inner);
        inner = outer;
    }
    let mut bytes = echo().to_vec();
    bytes.extend(&inner[HEADER.len()..]);
    bytes
}

fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// Types that double with each line.
fn doubling() -> String {
    let doubled = (1..60).map(|index| {
        let before = index - 1;
        format!("(type $t{index} (tuple $t{before} $t{before}))")
    });
    format!("(component (type $t0 (tuple u64 u64)) {})", doubled.collect::<String>())
}

fn cases() -> Vec<Case> {
    let good = echo();
    let garbage: Vec<u8> =
        (0..50_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    // The compiler takes time and memory by the square of this: a child has to be its end.
    let blocks = 2_000;
    let fields: String = (0..20_000).map(|n| format!("(field \"f{n}\" u8)")).collect();
    let exports: String = (0..5_000)
        .map(|n| format!("(export \"a{n}-{}\" (instance $i))", "x".repeat(200)))
        .collect();
    let targets = "0 ".repeat(100_000);
    vec![
        refused("garbage", [HEADER, &garbage].concat(), "not a valid component"),
        refused("half a component", good[..good.len() / 2].to_vec(), "not a valid component"),
        refused(
            "a section that says it has four gibibytes",
            [HEADER, &[1, 0xff, 0xff, 0xff, 0xff, 0x0f]].concat(),
            "not a valid component",
        ),
        refused("more bytes than are allowed", [HEADER, &vec![0; 64 << 20]].concat(), "67108864"),
        refused("types that double sixty times", with(&doubling()), "size"),
        refused(
            "a record of twenty thousand fields",
            with(&format!("(component (type (record {fields})))")),
            "",
        ),
        refused("five thousand components in one another", nested(5_000), "nest"),
        refused(
            "five thousand exports with long names",
            wat::parse_str(format!("(component (instance $i) {exports})")).expect("it parses"),
            "not an assistant",
        ),
        refused(
            "another version of the contract",
            component(
                "newer",
                r#"(module (func (export "wakeful:assistant/assistant@0.2.0#invoke")))"#,
            ),
            "version 0.2.0",
        ),
        refused(
            "another version of WASI",
            component(
                "wasi-to-come",
                &idle(
                    r#"(import "wasi:random/random@0.3.0" "get-random-bytes" (func (param i64 i32)))"#,
                ),
            ),
            "wasi:random/random@0.3.0",
        ),
        harmless("nine hundred memories", guest_with("", &"(memory 1)".repeat(90), "(call $fine)")),
        harmless(
            "a table of ten million from the start",
            guest_with("", "(table 10000000 funcref)", "(call $fine)"),
        ),
        harmless(
            "two thousand blocks in one another",
            with(&format!(
                "(core module (func {} {}))",
                "block ".repeat(blocks),
                "end ".repeat(blocks)
            )),
        ),
        harmless(
            "fifty functions of fifty thousand variables",
            with(&format!(
                "(core module {})",
                format!("(func (local {}))", "i64 ".repeat(49_999)).repeat(50)
            )),
        ),
        harmless(
            "jumps with a hundred thousand targets",
            with(&format!(
                "(core module {})",
                format!("(func (param i32) (br_table {targets} (local.get 0)))").repeat(10)
            )),
        ),
        harmless(
            "five thousand functions",
            with(&format!("(core module {})", "(func (result i32) i32.const 1)".repeat(5_000))),
        ),
        harmless(
            "one function of a hundred thousand steps",
            with(&format!(
                "(core module (func (param i64) (result i64) local.get 0 {}))",
                "local.get 0 i64.mul i64.const 7 i64.add ".repeat(25_000)
            )),
        ),
    ]
}

#[tokio::test]
async fn a_component_that_is_meant_to_harm_is_refused_or_harmless() {
    let mut problems = Vec::new();
    let cases = cases();
    for machine in &MACHINES {
        for case in &cases {
            let _turn = TURN.lock().await;
            if let Err(problem) = tried(machine, case).await {
                problems.push(format!("{}, {}: {problem}", case.name, machine.name));
            }
        }
    }
    assert!(problems.is_empty(), "not contained:\n{}", problems.join("\n"));
}

async fn tried(machine: &'static Machine, case: &Case) -> Result<(), String> {
    let runner = machine.shared();
    let loading = beside(runner, runner.load(Arc::clone(&case.bytes))).await?;
    let row = Row { kind: "components", name: case.name, machine: machine.name };
    let word = if loading.value.is_ok() { "loaded" } else { "not loaded" };
    row.print(word, loading.took, loading.slowest, loading.growth);
    bounded(loading.took, COMPILED, loading.growth, COMPILER)?;
    let info = match loading.value {
        Ok(info) => info,
        Err(problem) => {
            let text = problem.to_string();
            return if !text.contains(case.refused) || text.len() > READABLE {
                Err(format!("must be refused with {:?}: {text}", case.refused))
            } else {
                Ok(())
            };
        }
    };
    if case.ends.is_empty() {
        return Err("it loads".to_owned());
    }
    let running =
        beside(runner, run(&**runner, job(info.digest), CancellationToken::new())).await?;
    bounded(running.took, Duration::ZERO, running.growth, limits().memory)?;
    let outcome = running.value.0.outcome;
    runner.unload(info.digest);
    if case.ends.contains(&outcome.kind()) { Ok(()) } else { Err(format!("it ended {outcome:?}")) }
}

#[tokio::test]
async fn a_component_that_is_taken_away_while_it_compiles_can_be_loaded_again() {
    for machine in &MACHINES {
        let runner = machine.own(EngineConfig { workers: 1, ..EngineConfig::default() });
        let bytes: Arc<[u8]> =
            with(&format!("(core module {})", "(func (result i32) i32.const 1)".repeat(2_000)))
                .into();
        let digest = wakeful_core::Digest::of(&bytes);
        let begun = Instant::now();
        let mut loading = std::pin::pin!(runner.load(Arc::clone(&bytes)));
        let mut withdrawn = 0_u32;
        let info = loop {
            tokio::select! {
                info = &mut loading => break info,
                () = tokio::time::sleep(Duration::from_millis(1)) => {
                    runner.unload(digest);
                    withdrawn += 1;
                }
            }
        };
        assert_eq!(info.expect("it loads").digest, digest);
        assert!(withdrawn > 0, "it took {:?}", begun.elapsed());
        runner.unload(digest);
        let again = loaded(&runner, bytes).await.expect("it loads again");
        greet(&runner, again, wakeful_core::ThreadId::generate()).await.expect("it runs");
    }
}
