//! Tests of the whole product: the program is started, used from outside, and stopped or killed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers as well"
)]

mod support;

mod architecture;
mod bad_input;
mod calls;
mod command_line;
mod compiling;
mod crash;
mod cron_commands;
mod crons;
mod egress;
mod files;
mod folder;
mod items;
mod keys;
mod make;
mod models;
mod own_crons;
#[cfg(target_os = "linux")]
mod runners;
mod sandbox;
mod zones;
