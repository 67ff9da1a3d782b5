//! What stands in the description of the API for types that are read or written by hand.

use utoipa::openapi::schema::{
    AnyOfBuilder, ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type,
};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::wire::{Assistant, Cron, Run, State, Thread};

macro_rules! words {
    ($($(#[$doc:meta])+ $name:ident: $($word:literal)|+,)+) => {$(
        $(#[$doc])+
        pub(crate) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let words = [$($word),+];
                ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).into()
            }
        }

        impl ToSchema for $name {}
    )+};
}

words! {
    /// What becomes of what a busy thread is doing.
    Multitask: "reject" | "interrupt" | "rollback" | "enqueue",
    /// What to do at an instant while an earlier run is unfinished.
    Overlap: "skip" | "buffer_one" | "buffer_all" | "allow" | "cancel_other" | "terminate_other",
    /// What to do about instants that were missed.
    Catchup: "latest" | "none" | "all",
    /// What a change of the clocks does to instants.
    Dst: "vixie" | "skip_and_repeat" | "skip_and_once",
    /// How a run can fail.
    Failure: "failed" | "out_of_fuel" | "out_of_memory" | "timed_out" | "output_too_large"
        | "invalid_output" | "out_of_tokens" | "too_many_events" | "disk_full" | "trapped" | "refused" | "host_failed",
    /// What became of an instant.
    FireStatus: "started" | "skipped",
    /// Why an instant started no run.
    SkipReason: "overlap" | "misfire" | "paused" | "budget" | "rescheduled" | "assistant_gone",
    /// What becomes of a thread that a run brought.
    Completion: "delete" | "keep",
    /// What a thread is doing.
    ThreadStatus: "idle" | "busy" | "interrupted" | "error",
    /// Which way a list is sorted.
    Order: "asc" | "desc",
    /// What becomes of a thread whose time is over.
    Expiry: "delete" | "keep_latest",
    /// What to do if an id is taken.
    IfExists: "raise" | "do_nothing",
    /// What to do if there is no thread.
    IfNotExists: "create" | "reject",
    /// What becomes of a run whose client goes away.
    OnDisconnect: "cancel" | "continue",
}

/// How long a thread is kept: a number of minutes, or an object.
pub(crate) struct Ttl;

impl PartialSchema for Ttl {
    fn schema() -> RefOr<Schema> {
        let minutes = || ObjectBuilder::new().schema_type(Type::Number).exclusive_minimum(Some(0));
        let object = ObjectBuilder::new()
            .property("ttl", minutes())
            .property("strategy", Expiry::schema())
            .required("ttl");
        AnyOfBuilder::new().item(minutes()).item(object).into()
    }
}

impl ToSchema for Ttl {}

/// What is shown of a record, of which the client may have selected some keys.
fn part_of<T: ToSchema>() -> AnyOfBuilder {
    let some = ObjectBuilder::new().schema_type(SchemaType::new(Type::Object));
    AnyOfBuilder::new().item(Ref::from_schema_name(T::name())).item(some)
}

fn parts_of<T: ToSchema>() -> ArrayBuilder {
    ArrayBuilder::new().items(part_of::<T>())
}

// Types without parameters, because those of utoipa's macros do not go into lists.
macro_rules! parts {
    ($($(#[$doc:meta])+ $name:ident: $schema:ident::<$whole:ty>,)+) => {$(
        $(#[$doc])+
        pub(crate) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                $schema::<$whole>().into()
            }
        }

        impl ToSchema for $name {
            fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
                schemas.push((<$whole>::name().into_owned(), <$whole>::schema()));
                <$whole>::schemas(schemas);
            }
        }
    )+};
}

parts! {
    /// Assistants.
    PartsOfAssistant: parts_of::<Assistant<'_>>,
    /// Threads.
    PartsOfThread: parts_of::<Thread<'_>>,
    /// Runs.
    PartsOfRun: parts_of::<Run<'_>>,
    /// Crons.
    PartsOfCron: parts_of::<Cron<'_>>,
    /// The state of a thread.
    PartOfState: part_of::<State<'_>>,
    /// States of a thread.
    PartsOfState: parts_of::<State<'_>>,
}

/// One event of a stream.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only described; see `stream`")]
pub(crate) struct StreamEvent {
    /// What kind of event.
    event: String,
    /// What it says, as JSON.
    data: String,
    /// Where a stream can be taken up again.
    id: Option<String>,
}

/// Why a request was not carried out.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only described; see `error`")]
pub(crate) struct Refusal {
    /// What to change.
    detail: String,
}

/// Whether the server is well.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only described")]
pub(crate) struct Health {
    ok: bool,
    services: serde_json::Value,
}
