//! Guests that take memory.

use super::attack::Attack;
use super::{forever, stage};
use crate::guest::{echo, guest, guest_with};

const LIMIT: u64 = 32 << 20;

fn attacks() -> Vec<Attack> {
    let memories: String = (1..8).map(|index| format!("(memory $more{index} 0) ")).collect();
    let grow_all: String =
        (1..8).map(|index| format!("(drop (memory.grow $more{index} (i32.const 4)))")).collect();
    let tables: String = (0..16).map(|index| format!("(table $t{index} 1 funcref) ")).collect();
    let grow_tables: String = (0..16)
        .map(|index| format!("(drop (table.grow $t{index} (ref.null func) (i32.const 100)))"))
        .collect();
    let small = |attack: Attack| attack.within(|limits| limits.memory = 512 << 10);
    let full = |attack: Attack| {
        attack.checked(|after| {
            let peak = after.report.peak_memory;
            if peak <= LIMIT && peak > LIMIT - (2 << 20) {
                Ok(())
            } else {
                Err(format!("it had {peak} bytes"))
            }
        })
    };
    let out =
        |name, guest, limit: u64| Attack::new(name, guest, &["out_of_memory"], limit.to_string());
    vec![
        full(out(
            "growth of its memory",
            guest("", &forever("(drop (memory.grow (i32.const 16)))")),
            LIMIT,
        )),
        full(out(
            "growth of its memory, every page of it used",
            guest(
                "",
                &forever(
                    "(if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
                     (memory.fill (i32.mul (i32.sub (memory.size) (i32.const 1)) (i32.const 65536))
                       (i32.const 1) (i32.const 65536))",
                ),
            ),
            LIMIT,
        )),
        full(out(
            "growth of eight memories in turn",
            guest_with("", &memories, &forever(&grow_all)),
            LIMIT,
        )),
        small(out(
            "growth of a table",
            guest(
                "(table $t 1 funcref)",
                &forever("(drop (table.grow $t (ref.null func) (i32.const 1000)))"),
            ),
            512 << 10,
        )),
        small(out(
            "growth of many tables in turn",
            guest(&tables, &forever(&grow_tables)),
            512 << 10,
        )),
        out("more from the start than it may have", echo(), 65_536)
            .within(|limits| limits.memory = 65_536),
        out(
            "four gibibytes from the start",
            guest_with("", "(memory $vast 65536)", "(call $fine)"),
            LIMIT,
        ),
        Attack::timed_out(
            "a loop over growth that its own maximum forbids",
            guest_with(
                "",
                "(memory $narrow 1 1)",
                &forever("(drop (memory.grow $narrow (i32.const 1)))"),
            ),
        ),
        Attack::new(
            "growth by more than there can be",
            guest("", "(drop (memory.grow (i32.const -1))) (call $fine)"),
            &["done", "out_of_memory"],
            "",
        ),
    ]
}

#[tokio::test]
async fn a_guest_that_takes_memory_gets_what_it_may_have() {
    stage::contain("memory", attacks).await;
}
