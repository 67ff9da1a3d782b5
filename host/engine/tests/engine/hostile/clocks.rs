//! Guests that abuse clocks and randomness.

use super::attack::Attack;
use super::{forever, stage};
use crate::guest::guest;

const CLOCKS: &str = r#"
  (import "wasi:clocks/monotonic-clock@0.2.0" "now" (func $now (result i64)))
  (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $in_a_while (param i64) (result i32)))
  (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-instant" (func $at (param i64) (result i32)))
  (import "wasi:clocks/wall-clock@0.2.0" "now" (func $wall (param i32)))
  (import "wasi:io/poll@0.2.1" "[method]pollable.block" (func $block (param i32)))
  (import "wasi:io/poll@0.2.1" "[resource-drop]pollable" (func $forget (param i32)))
  (global $timer (mut i32) (i32.const 0))"#;

const RANDOM: &str = r#"
  (import "wasi:random/random@0.2.0" "get-random-bytes" (func $random (param i64 i32)))
  (import "wasi:random/insecure@0.2.0" "get-insecure-random-bytes" (func $insecure (param i64 i32)))"#;

/// Lets the room that the host asked for be asked for again.
const REUSE: &str = "(global.set $top (i32.const 65536))";

fn attacks() -> Vec<Attack> {
    let often = |timer: &str| {
        forever(&format!(
            "(global.set $timer {timer}) (call $block (global.get $timer)) (call $forget (global.get $timer))"
        ))
    };
    let random = |function: &str| {
        guest(
            RANDOM,
            &forever(&format!("{REUSE} (call ${function} (i64.const 1000000) (i32.const 512))")),
        )
    };
    vec![
        Attack::timed_out(
            "a loop over the monotonic clock",
            guest(CLOCKS, &forever("(drop (call $now))")),
        ),
        Attack::timed_out(
            "a loop over the wall clock",
            guest(CLOCKS, &forever("(call $wall (i32.const 512))")),
        ),
        Attack::timed_out(
            "a timer for the end of time",
            guest(CLOCKS, "(call $block (call $in_a_while (i64.const -1))) (call $fine)"),
        ),
        Attack::timed_out(
            "an alarm at the end of time",
            guest(CLOCKS, "(call $block (call $at (i64.const -1))) (call $fine)"),
        ),
        Attack::timed_out(
            "a loop over alarms that are over already",
            guest(CLOCKS, &often("(call $at (i64.const 0))")),
        ),
        Attack::timed_out(
            "a loop over the shortest of timers",
            guest(CLOCKS, &often("(call $in_a_while (i64.const 1))")),
        ),
        Attack::timed_out("a loop over a megabyte of random bytes", random("random")),
        Attack::out_of_fuel(
            "a loop over a megabyte of random bytes, by fuel",
            random("random"),
            200_000,
        ),
        Attack::timed_out("a loop over a megabyte of insecure random bytes", random("insecure")),
        Attack::trapped(
            "a gibibyte of random bytes",
            guest(RANDOM, "(call $random (i64.const 1073741824) (i32.const 512)) (call $fine)"),
            "",
        ),
        Attack::trapped(
            "all random bytes there are",
            guest(RANDOM, "(call $insecure (i64.const -1) (i32.const 512)) (call $fine)"),
            "",
        ),
    ]
}

#[tokio::test]
async fn a_guest_that_abuses_clocks_or_randomness_is_stopped() {
    stage::contain("clocks", attacks).await;
}
