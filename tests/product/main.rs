//! Tests of the whole product: the program is started, used from outside, and stopped or killed.

mod support;

mod architecture;
mod bad_input;
mod command_line;
mod crash;
mod crons;
mod folder;
mod sandbox;
