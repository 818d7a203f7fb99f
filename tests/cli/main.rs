//! Drives the real binary with real guests, as a user or a script would.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod commands;
mod evaluations;
mod events;
mod examples;
mod frozen;
mod guests;
mod harness;
mod kill;
mod loops;
mod replay;
#[cfg(unix)]
mod resumed;
mod signals;
mod wrong_input;
