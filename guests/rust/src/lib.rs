//! Write an assistant for Wakeful: implement [`Assistant`], and [`export!`] it from a library of the
//! crate type `cdylib`, built for `wasm32-wasip2`.
//!
//! ```no_run
//! use wakeful_guest::{Assistant, Outcome, Result, Run, export};
//!
//! struct Weekly;
//! export!(Weekly);
//!
//! impl Assistant for Weekly {
//!     fn run(run: &Run) -> Result<Outcome> {
//!         let week = run.values["week"].as_u64().unwrap_or(0) + 1;
//!         Ok(run.reply(format!("This is week {week}.")).with("week", week).into())
//!     }
//! }
//! ```
//!
//! Use it for assistants of any size. Do not use it where a component has to export more than an
//! assistant: then take `wit-bindgen` and the contract in `wit/` directly.
//!
//! Invariants: a run sees its thread's files at `/`, through [`std::fs`]; values and files are kept
//! only if the run succeeds; what an assistant does not call, its component does not import.

mod about;
pub mod assistants;
mod chat;
mod component;
mod error;
mod message;
mod outcome;
mod run;

/// What `wit-bindgen` makes of the contract.
#[doc(hidden)]
#[allow(missing_docs)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        world: "described-assistant-plugin",
        pub_export_macro: true,
        default_bindings_module: "wakeful_guest::bindings",
    });
}

pub use about::About;
pub use bindings::wakeful::assistant::assistant_types::{CronFire, Error, ErrorCode};
pub use bindings::wakeful::assistant::{config, control, crons, events, fire, log, store};
pub use chat::{Chat, ChatAnswer, ChatStream, ToolCall};
#[doc(hidden)]
pub use component::{describe, invoke};
pub use message::{Message, Role};
pub use outcome::{Outcome, Question, Values};
pub use run::{Answer, Run, Trigger};
pub use serde_json;

/// What a run comes to.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An assistant: a function from a run to its outcome.
pub trait Assistant {
    /// What the assistant says of itself. What it leaves out is taken from its `Cargo.toml`. It is
    /// asked in a sandbox that has nothing.
    fn about() -> About {
        About::default()
    }

    /// Does one run.
    ///
    /// # Errors
    ///
    /// Fails the run, and leaves the thread as it was.
    fn run(run: &Run) -> Result<Outcome>;
}

/// Makes a component of an [`Assistant`].
#[macro_export]
macro_rules! export {
    ($assistant:ident) => {
        const _: () = {
            use $crate::bindings::exports::wakeful::assistant::{assistant, metadata};

            struct Component;

            impl assistant::Guest for Component {
                fn invoke(
                    info: assistant::ThreadInfo,
                    input: ::std::string::String,
                ) -> ::std::result::Result<assistant::Outcome, $crate::Error> {
                    $crate::invoke::<$assistant>(info, &input)
                }
            }

            impl metadata::Guest for Component {
                fn describe() -> metadata::Description {
                    $crate::describe::<$assistant>([
                        env!("CARGO_PKG_NAME"),
                        env!("CARGO_PKG_DESCRIPTION"),
                        env!("CARGO_PKG_VERSION"),
                    ])
                }
            }

    $crate::bindings::export!(Component with_types_in $crate::bindings);
        };
    };
}
