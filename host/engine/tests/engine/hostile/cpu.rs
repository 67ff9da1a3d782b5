//! Guests that keep a processor.

use std::time::Duration;

use super::attack::Attack;
use super::{SPIN, forever, stage};
use crate::guest::{guest, guest_with};

const SLEEP: &str = r#"
  (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $in_a_while (param i64) (result i32)))
  (import "wasi:io/poll@0.2.1" "[method]pollable.block" (func $block (param i32)))"#;

/// A guest whose memory is asked for room by the host, as for the input, by this code.
fn with_realloc(code: &str) -> std::sync::Arc<[u8]> {
    let module = format!(
        r#"(module
          (import "wakeful:assistant/thread@0.1.0" "values" (func $values (param i32)))
          (memory (export "memory") 2)
          (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) {code})
          (func (export "wakeful:assistant/assistant@0.1.0#invoke") (param i32) (result i32)
            unreachable))"#
    );
    crate::guest::component("guest", &module)
}

fn attacks() -> Vec<Attack> {
    let cheap_call = forever("(drop (call $cancelled))");
    let deeper = "(func $deeper (param i64) (result i64) (i64.add (i64.const 1) (call $deeper (local.get 0))))";
    let post_return = format!(
        r#"(func (export "cabi_post_wakeful:assistant/assistant@0.1.0#invoke") (param i32) {SPIN})"#
    );
    vec![
        Attack::timed_out("a tight loop, until its time is up", guest("", SPIN)),
        Attack::out_of_fuel("a tight loop, until its fuel is used up", guest("", SPIN), 50_000_000),
        Attack::new("a tight loop, until it is cancelled", guest("", SPIN), &["cancelled"], "")
            .cancelled_after(Duration::from_millis(100))
            .checked(|after| {
                if after.report.fuel_used > 0 { Ok(()) } else { Err("it never began".to_owned()) }
            }),
        Attack::timed_out("a loop over a cheap host call", guest("", &cheap_call)),
        Attack::out_of_fuel(
            "a loop over a cheap host call, until its fuel is used up",
            guest("", &cheap_call),
            100_000_000,
        ),
        Attack::timed_out(
            "a loop in a start function",
            guest("(func $begin (loop $again (br $again))) (start $begin)", "unreachable"),
        ),
        Attack::timed_out("a loop where the host asks for room", with_realloc(SPIN)),
        Attack::timed_out(
            "a loop after it has returned",
            guest_with("", &post_return, "(call $fine)"),
        ),
        Attack::timed_out(
            "a loop over the filling of all its memory",
            guest(
                "",
                &format!(
                    "(drop (memory.grow (i32.const 400))) {}",
                    forever("(memory.fill (i32.const 65536) (i32.const 7) (i32.const 26000000))")
                ),
            ),
        ),
        Attack::timed_out(
            "a sleep for ever",
            guest(SLEEP, "(call $block (call $in_a_while (i64.const 3600000000000))) (call $fine)"),
        )
        .checked(|after| {
            let used = after.report.fuel_used;
            if used < 1_000_000 { Ok(()) } else { Err(format!("it burned {used}")) }
        }),
        Attack::trapped(
            "a crash",
            guest("(func $innermost unreachable)", "(call $innermost) (call $fine)"),
            "in innermost",
        ),
        Attack::trapped(
            "a crash in a start function",
            guest("(func $begin unreachable) (start $begin)", "(call $fine)"),
            "unreachable",
        ),
        Attack::trapped(
            "an exit",
            guest(
                r#"(import "wasi:cli/exit@0.2.0" "exit" (func $exit (param i32)))"#,
                "(call $exit (i32.const 1)) unreachable",
            ),
            "exited with status 1",
        ),
        Attack::trapped(
            "recursion without end",
            guest(deeper, "(drop (call $deeper (i64.const 0))) (call $fine)"),
            "call stack exhausted",
        ),
        Attack::trapped(
            "recursion with large frames",
            guest(&large_frames(), "(call $fat (i64.const 0)) (call $fine)"),
            "call stack exhausted",
        ),
        Attack::trapped(
            "a call of the host where the host asks for room",
            with_realloc("(call $values (i32.const 256)) (i32.const 1024)"),
            "cannot leave",
        ),
        Attack::trapped(
            "room outside its memory where the host asks for some",
            with_realloc("(i32.const -8)"),
            "",
        ),
    ]
}

/// A function with many variables that are all alive while it calls itself.
fn large_frames() -> String {
    let number = |index: usize| format!("(local.get {index})");
    let set = (1..400).map(|index| {
        format!("(local.set {index} (i64.mul {} (i64.const {index})))", number(index - 1))
    });
    let used = (1..400)
        .map(|index| format!("(global.set $sink (i64.xor (global.get $sink) {}))", number(index)));
    format!(
        "(global $sink (mut i64) (i64.const 1))
         (func $fat (param i64) (local {}) {} (call $fat (local.get 399)) {})",
        "i64 ".repeat(399),
        set.collect::<String>(),
        used.collect::<String>()
    )
}

#[tokio::test]
async fn a_guest_that_keeps_a_processor_is_stopped() {
    stage::contain("cpu", attacks).await;
}
