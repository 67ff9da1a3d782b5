//! Guests that return, print, log and emit without end.

use wakeful_core::LogSource;

use super::attack::{Aftermath, Attack};
use super::strings::Strings;
use super::{forever, stage};
use crate::guest::guest;

const STREAMS: &str = r#"
  (import "wasi:cli/stdout@0.2.0" "get-stdout" (func $stdout (result i32)))
  (import "wasi:cli/stderr@0.2.0" "get-stderr" (func $stderr (result i32)))
  (import "wasi:io/streams@0.2.1" "[method]output-stream.blocking-write-and-flush"
    (func $write (param i32 i32 i32 i32)))
  (global $out (mut i32) (i32.const 0))"#;

/// A guest that prints without end; 4,096 bytes at once, filled with this one.
fn printing(stream: &str, byte: u8) -> std::sync::Arc<[u8]> {
    guest(
        STREAMS,
        &format!(
            "(memory.fill (i32.const 4096) (i32.const {byte}) (i32.const 4096))
             (global.set $out (call ${stream})) {}",
            forever(
                "(call $write (global.get $out) (i32.const 4096) (i32.const 4096) (i32.const 512))"
            )
        ),
    )
}

/// A guest that returns this text, `times` over.
fn returning(text: &str, times: usize) -> std::sync::Arc<[u8]> {
    let mut strings = Strings::new();
    let place = strings.put(text);
    let len = text.len();
    guest(
        strings.segments(),
        &format!(
            "(local $left i32) (local $to i32)
             (drop (memory.grow (i32.const 200)))
             (local.set $left (i32.const {times})) (local.set $to (i32.const 65536))
             (loop $more
               (memory.copy (local.get $to) {place})
               (local.set $to (i32.add (local.get $to) (i32.const {len})))
               (br_if $more (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
             (call $done (i32.const 65536) (i32.const {}))",
            times * len
        ),
    )
}

/// A guest that asks this many questions, the text of each one byte.
fn asking(questions: usize) -> std::sync::Arc<[u8]> {
    guest(
        "(data (i32.const 4096) \"1\")",
        &format!(
            "(local $left i32) (local $to i32)
             (drop (memory.grow (i32.const 400)))
             (local.set $left (i32.const {questions})) (local.set $to (i32.const 65536))
             (loop $more
               (i32.store offset=16 (local.get $to) (i32.const 4096))
               (i32.store offset=20 (local.get $to) (i32.const 1))
               (local.set $to (i32.add (local.get $to) (i32.const 36)))
               (br_if $more (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
             (call $result (i32.const 0) (i32.const 1) (i32.const 65536) (i32.const {questions}))"
        ),
    )
}

const LOG: &str =
    "(call $log (i32.const 2) (i32.const 1024) (i32.const 16) (i32.const 0) (i32.const 0))";

fn emit(bytes: usize) -> String {
    format!(
        "(call $emit (i32.const 0) (i32.const 1024) (i32.const {bytes}) (i32.const 0) (i32.const 0) (i32.const 512))"
    )
}

fn dropped(more_than: u64, source: LogSource) -> impl Fn(&Aftermath<'_>) -> Result<(), String> {
    move |after| {
        let report = after.report;
        if report.logs_dropped <= more_than {
            return Err(format!("only {} lines were dropped", report.logs_dropped));
        }
        match report.logs.iter().find(|line| line.source != source) {
            Some(line) => Err(format!("a line of {:?}", line.source)),
            None if report.logs.is_empty() => Err("nothing was kept".to_owned()),
            None => Ok(()),
        }
    }
}

fn floods() -> Vec<Attack> {
    let kinds = &["too_many_events"];
    let fuel = 50_000_000;
    vec![
        Attack::out_of_fuel("a flood of log lines", guest("", &forever(LOG)), 200_000_000)
            .checked(dropped(1_000, LogSource::Log))
            // 200 million instructions could make 20 million calls if calls were free.
            .checked(|after| match after.report.logs_dropped {
                ..200_000 => Ok(()),
                lines => Err(format!("{lines} lines for little fuel")),
            }),
        Attack::out_of_fuel(
            "log lines with sixty thousand empty fields",
            guest(
                "",
                &format!(
                    "(drop (memory.grow (i32.const 200))) {}",
                    forever("(call $log (i32.const 2) (i32.const 1024) (i32.const 1) (i32.const 1000000) (i32.const 60000))")
                ),
            ),
            200_000_000,
        ),
        Attack::out_of_fuel("a flood of standard output", printing("stdout", b'x'), fuel)
            .checked(dropped(0, LogSource::Stdout)),
        Attack::out_of_fuel("a flood of line ends", printing("stdout", b'\n'), fuel)
            .checked(dropped(0, LogSource::Stdout)),
        Attack::out_of_fuel("a flood of errors that are no text", printing("stderr", 0xff), fuel)
            .checked(dropped(0, LogSource::Stderr)),
        Attack::new("a flood of events", guest("", &forever(&emit(4))), kinds, "100").checked(
            |after| match after.events.len() {
                100 => Ok(()),
                events => Err(format!("{events} events")),
            },
        ),
        Attack::new(
            "events that are too large",
            guest("", &forever(&emit(60_000))),
            &["output_too_large"],
            "1048576",
        ),
        Attack::new(
            "an event that is too large to be copied",
            guest("", &format!("(drop (memory.grow (i32.const 400))) {} (call $fine)", emit(25_000_000))),
            &["output_too_large"],
            "1048576",
        ),
        Attack::out_of_fuel(
            "a flood of calls that are refused",
            guest(
                r#"(import "wakeful:assistant/store@0.1.0" "get" (func $item (param i32 i32 i32 i32 i32)))
                   (data (i32.const 4096) "\00\10\00\00\01\00\00\00")"#,
                &forever(
                    "(global.set $top (i32.const 65536))
                     (i32.store (i32.const 4100) (i32.const 1))
                     (i32.store8 (i32.const 4096) (i32.add (i32.load8_u (i32.const 4096)) (i32.const 1)))
                     (call $item (i32.const 4096) (i32.const 1) (i32.const 1024) (i32.const 1) (i32.const 512))",
                ),
            ),
            200_000_000,
        ),
    ]
}

fn outputs() -> Vec<Attack> {
    let returns = |name, bytes: usize| {
        let body = format!(
            "(drop (memory.grow (i32.const 400)))
             (memory.fill (i32.const 1024) (i32.const 120) (i32.const {bytes}))
             (call $done (i32.const 1024) (i32.const {bytes}))"
        );
        Attack::new(name, guest("", &body), &["output_too_large"], "1048576")
    };
    let invalid = |name, guest, text: &str| Attack::new(name, guest, &["invalid_output"], text);
    vec![
        returns("an output above its limit", (1 << 20) + 1),
        returns("an output far above its limit, which is not even copied", 25_000_000),
        Attack::trapped(
            "an output outside its memory",
            guest("", "(call $done (i32.const -16) (i32.const 1000))"),
            "",
        ),
        Attack::trapped(
            "an output that is no text",
            guest(
                "(data (i32.const 1024) \"\\ff\\fe\")",
                "(call $done (i32.const 1024) (i32.const 2))",
            ),
            "utf-8",
        ),
        Attack::trapped("a result outside its memory", guest("", "(i32.const -4)"), ""),
        Attack::trapped(
            "a result of a kind that there is not",
            guest("", "(call $result (i32.const 9) (i32.const 0) (i32.const 1024) (i32.const 0))"),
            "",
        ),
        invalid("half a million levels of lists", returning("[", 500_000), "recursion"),
        invalid("half a million numbers", returning("1 ", 500_000), "trailing"),
        Attack::new("questions without end", asking(100_000), &["output_too_large"], "1048576"),
        Attack::new(
            "more questions than there can be",
            guest(
                "",
                "(call $result (i32.const 0) (i32.const 1) (i32.const 65536) (i32.const -1))",
            ),
            &["trapped", "output_too_large"],
            "",
        ),
        Attack::new(
            "a key of twenty megabytes",
            guest(
                "",
                "(drop (memory.grow (i32.const 400)))
                 (call $get (i32.const 1024) (i32.const 20000000) (i32.const 512)) (call $fine)",
            ),
            &["output_too_large"],
            "",
        ),
    ]
}

#[tokio::test]
async fn a_guest_that_floods_its_readers_is_stopped() {
    stage::contain("floods", floods).await;
}

#[tokio::test]
async fn a_guest_that_returns_what_it_may_not_is_refused() {
    stage::contain("output", outputs).await;
}
