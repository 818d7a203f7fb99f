//! Swaps real components into real runs. The number in a test's name is that of the case in
//! docs/reload.md.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[cfg(unix)]
mod dev;
#[allow(dead_code, reason = "the harness has more than these tests use")]
#[path = "../cli/harness.rs"]
mod harness;
#[allow(dead_code, reason = "shared with other tests")]
#[cfg(unix)]
mod program;
mod run;
mod swaps;
