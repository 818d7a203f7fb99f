//! Projects of somebody who means harm: the real program must not touch anything outside of them, and end.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod ends;
mod grants;
#[allow(dead_code, reason = "the harness has more than these tests use")]
#[path = "../cli/harness.rs"]
mod harness;
mod installs;
mod outside;
mod planted;
mod printed;
mod program;
mod random;
mod rows;
mod stores;
mod untrusted;
mod without_end;
mod worlds;
