//! Guests that hoard what the host keeps for them.

use super::attack::Attack;
use super::files::{FILES, OPEN_ROOT};
use super::{forever, stage};
use crate::guest::guest;

const TIMERS: &str = r#"
  (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $in_a_while (param i64) (result i32)))
  (import "wasi:io/poll@0.2.1" "poll" (func $poll (param i32 i32 i32)))
  (import "wasi:io/poll@0.2.1" "[resource-drop]pollable" (func $forget (param i32)))
  (import "wasi:cli/stdout@0.2.0" "get-stdout" (func $stdout (result i32)))
  (global $timer (mut i32) (i32.const 0))"#;

const FOREVER: &str = "(call $in_a_while (i64.const 3600000000000))";

/// The end of whoever wants more than the host keeps for one guest.
const FULL: &str = "";

fn attacks() -> Vec<Attack> {
    let million = "(global.set $timer (call $in_a_while (i64.const 1)))
        (drop (memory.grow (i32.const 70)))
        (global.set $top (i32.const 4400000))
        (loop $more
          (i32.store (local.get $next) (global.get $timer))
          (local.set $next (i32.add (local.get $next) (i32.const 4)))
          (br_if $more (i32.lt_u (local.get $next) (i32.const 4194304))))";
    let poll_million = format!(
        "(local $next i32) (local.set $next (i32.const 65536)) {million} {}",
        forever(
            "(global.set $top (i32.const 4400000))
             (call $poll (i32.const 65536) (i32.const 1000000) (i32.const 512))"
        )
    );
    let files = |body: &str| guest(FILES, &format!("{OPEN_ROOT} {body}"));
    let prompt = |attack: Attack| {
        attack.checked(|after| {
            let used = after.report.fuel_used;
            if used < 10_000_000 { Ok(()) } else { Err(format!("it burned {used}")) }
        })
    };
    vec![
        prompt(Attack::trapped(
            "a million timers",
            guest(TIMERS, &forever(&format!("(drop {FOREVER})"))),
            FULL,
        )),
        Attack::timed_out(
            "timers without end, each given up at once",
            guest(
                TIMERS,
                &forever(&format!(
                    "(global.set $timer {FOREVER}) (call $forget (global.get $timer))"
                )),
            ),
        ),
        Attack::new(
            "a list of a million handles",
            guest(TIMERS, &poll_million),
            &["timed_out", "trapped", "output_too_large"],
            "",
        )
        .within(|limits| limits.timeout = std::time::Duration::from_millis(500)),
        Attack::trapped(
            "a list of no handles",
            guest(TIMERS, "(call $poll (i32.const 0) (i32.const 0) (i32.const 512)) (call $fine)"),
            "",
        ),
        prompt(Attack::trapped(
            "a million standard outputs",
            guest(TIMERS, &forever("(drop (call $stdout))")),
            FULL,
        )),
        prompt(Attack::trapped("a million open files", files(&forever("(call $create)")), FULL))
            .with_files(),
        prompt(Attack::trapped(
            "a million listings of its directory",
            files(&forever("(call $list (global.get $root) (i32.const 512)) (call $must_be_ok)")),
            FULL,
        ))
        .with_files(),
        Attack::trapped(
            "a handle that it never got",
            guest(TIMERS, "(call $forget (i32.const 77)) (call $fine)"),
            "",
        ),
        Attack::trapped(
            "a handle of another kind",
            files("(call $close (i32.const -1)) (call $fine)"),
            "",
        )
        .with_files(),
        Attack::trapped(
            "a handle that it has given up",
            files("(call $create) (call $close (global.get $file)) (call $append) (call $fine)"),
            "",
        )
        .with_files(),
    ]
}

#[tokio::test]
async fn a_guest_that_hoards_handles_is_stopped() {
    stage::contain("handles", attacks).await;
}
