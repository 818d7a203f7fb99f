//! Trainers in languages other than Rust, run by the real program.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod conformance;
mod errors;
mod faults;
#[allow(dead_code, reason = "the harness has more than these tests use")]
#[path = "../cli/harness.rs"]
mod harness;
#[cfg(target_os = "linux")]
mod hostile;
mod new;
mod packages;
#[allow(dead_code, reason = "shared with other tests")]
#[cfg(unix)]
#[path = "../reload/program.rs"]
mod program;
mod python;
#[cfg(unix)]
mod reload;
mod sandbox;
mod script;
mod standalone;
mod types;
mod unparsable;
#[cfg(unix)]
mod watch;
