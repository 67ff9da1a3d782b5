"""Where Wakeful answers otherwise than LangGraph's own server did, and why."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    label: str
    why: str
    status: int | None = None
    """The status that Wakeful answers with, if it is another one."""
    shape: tuple[str, ...] = ()
    """How the answer has another shape: what the comparison says, or how that begins."""
    skipped: bool = False
    """The exchange cannot be repeated."""


# Keys that are compared nowhere.
LEFT_OUT = (
    ".next_run_date",  # null here while a cron is paused, because nothing is due then
    ".metadata.user_id",  # a state does not say who ran it
    ".metadata.checkpoint_id",  # nor from which checkpoint it was forked; `parent_checkpoint` does
)

NOTHING_KEPT = "a run that does not succeed leaves its thread as it was, so there is no new state"
ONE_CHECKPOINT = "a run makes one checkpoint here and three there"
MEANWHILE = "it was asked while another request waited"
UNREADABLE = "a schedule that LangGraph's cron library reads in its own way, and Debian's cron refuses"
SEVERAL_NODES = "it tells of a graph with several nodes"
NO_CRON = "the cron was not created"
WRONG_THERE = "a mistake of the other server"
CLEARER = "another status for the same refusal"

UNTOUCHED_THREAD = (".values is null", ".error is missing", ".interrupts is missing")
UNTOUCHED_STATE = (
    ".next is empty",
    ".tasks is empty",
    ".metadata is no object: None",
    ".created_at is null",
    ".checkpoint is no object: None",
    ".checkpoint_id is null",
    ".parent_checkpoint is no object: None",
    ".parent_checkpoint_id is null",
)

DIFFERENCES: dict[str, dict[int, Difference]] = {
    "assistants": {
        34: Difference(
            "schemas",
            "a component that does not describe itself has no schemas",
            shape=tuple(
                f".{kind}_schema is no object: None" for kind in ("input", "output", "state", "config")
            ),
        ),
    },
    "cancel": {
        8: Difference("thread after cancel", NOTHING_KEPT, shape=UNTOUCHED_THREAD),
        9: Difference("state after cancel", NOTHING_KEPT, shape=UNTOUCHED_STATE),
        18: Difference("thread after rollback", NOTHING_KEPT, shape=UNTOUCHED_THREAD),
        **{
            number: Difference(label, MEANWHILE, skipped=True)
            for number, label in enumerate(
                ["pending after rollback cancel"] * 3
                + ["wait() result of a cancelled run"] * 3
                + ["stream() of a cancelled run"],
                start=25,
            )
        },
    },
    "cron_syntax": {
        **{
            number: Difference(f"schedule '{text}'", why, status=status)
            for text, why, status, number in [
                ("@every 5m", "it fires at intervals, too", 200, 27),
                ("* * * * * 0 2030", UNREADABLE, 422, 36),
                ("* * * * * 0 2030", NO_CRON, 422, 37),
                ("* * * * * * 2030", UNREADABLE, 422, 38),
                ("* * * * * * 2030", NO_CRON, 422, 39),
                ("0 0 * * 5L", "the last Friday is a date like any other", 200, 45),
                ("R * * * *", UNREADABLE, 422, 58),
                ("R * * * *", NO_CRON, 422, 59),
                ("0 0 31 2 *", CLEARER, 422, 67),
                ("0 0 30 2 *", CLEARER, 422, 68),
                ("50-10 * * * *", UNREADABLE, 422, 75),
                ("50-10 * * * *", NO_CRON, 422, 76),
                ("0 22-4 * * *", UNREADABLE, 422, 97),
                ("0 22-4 * * *", NO_CRON, 422, 98),
            ]
        },
        125: Difference("timezone ''", CLEARER, status=422),
        128: Difference("timezone '../etc/passwd'", CLEARER, status=422),
    },
    "crons": {
        8: Difference("create missing schedule", WRONG_THERE, status=422),
        9: Difference("create missing assistant", WRONG_THERE, status=422),
        11: Difference("create input null", "null is the same as no input", status=200),
        12: Difference("create bad end_time", WRONG_THERE, status=422),
        20: Difference("create context+configurable", "refused as it is for runs", status=400),
        68: Difference("cron of deleted assistant", NO_CRON, skipped=True),
        71: Difference("cron of deleted assistant", NO_CRON, skipped=True),
    },
    "interrupts": {
        3: Difference(
            "state interrupted",
            ONE_CHECKPOINT,
            shape=(".parent_checkpoint is no object: None", ".parent_checkpoint_id is null"),
        ),
        18: Difference("thread interrupt_before", SEVERAL_NODES, skipped=True),
        19: Difference("state interrupt_before", SEVERAL_NODES, skipped=True),
        20: Difference("interrupt_after *", SEVERAL_NODES, skipped=True),
        23: Difference("durability exit history", SEVERAL_NODES, skipped=True),
    },
    "meta": {
        5: Difference(
            "GET /metrics",
            "the newer text format, which Prometheus reads as well",
            shape=("content-type application/openmetrics-text; version=1.0.0; charset=utf-8 instead",),
        ),
        8: Difference(
            "OPTIONS /threads",
            "an answer without a body has no type",
            shape=("no header content-type", "content-type None instead"),
        ),
    },
    "runs": {
        7: Difference("join unknown run", WRONG_THERE, status=404),
        45: Difference("state after error", NOTHING_KEPT, shape=(".next is empty", ".tasks is empty")),
    },
    "store": {
        15: Difference("search no prefix", WRONG_THERE, status=200),
    },
    "streams": {
        36: Difference("join_stream unknown run", WRONG_THERE, status=404),
        37: Difference("join_stream bad last id", "refused as it is on the stream of a thread", status=422),
    },
    "threads": {
        26: Difference(
            "state select (sdk-only?)",
            "the choice is honoured",
            shape=tuple(
                f".{key} is missing"
                for key in (
                    "next", "tasks", "metadata", "created_at", "interrupts",
                    "checkpoint", "checkpoint_id", "parent_checkpoint", "parent_checkpoint_id",
                )
            ),
        ),
        27: Difference(
            "history limit 10",
            ONE_CHECKPOINT,
            shape=("no id at [1, 'parent_checkpoint', 'checkpoint_id']",),
        ),
        29: Difference("history before str", WRONG_THERE, status=200),
        30: Difference("history before checkpoint", WRONG_THERE, skipped=True),
        31: Difference("history checkpoint", ONE_CHECKPOINT, skipped=True),
        36: Difference("state at checkpoint_id", ONE_CHECKPOINT, skipped=True),
        37: Difference("state at checkpoint obj", ONE_CHECKPOINT, skipped=True),
        45: Difference("update_state checkpoint fork", ONE_CHECKPOINT, skipped=True),
        55: Difference("search values", WRONG_THERE, status=200),
        64: Difference("prune keep_latest", WRONG_THERE, status=200),
    },
}
