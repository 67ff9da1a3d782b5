//! Calls of models, against providers on this machine that speak the real wire formats.

mod budgets;
mod calls;
mod provider;
mod stage;
mod troubles;
