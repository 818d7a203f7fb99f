//! The Studio's server: who may ask, what it answers, and the cases of docs/reload.md that people and
//! programs bring about through it. Against the real program and real components.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[cfg(target_os = "linux")]
mod attacks;
mod cases;
#[allow(dead_code, reason = "the harness has more than these tests use")]
#[path = "../cli/harness.rs"]
mod harness;
#[allow(dead_code, reason = "shared with other tests")]
mod http;
mod interface;
#[allow(dead_code, reason = "shared with other tests")]
#[path = "../reload/program.rs"]
mod program;
mod security;

use http::Studio;
use program::Dev;

/// A `dev` whose run is on its way, its Studio, and the run's id.
fn training(guest: &str) -> (Dev, Studio, String) {
    with_config(guest, "")
}

fn with_config(guest: &str, config: &str) -> (Dev, Studio, String) {
    let mut dev = Dev::on(harness::Project::with_config(guest, config));
    let studio = Studio::of(&dev.event("studio"));
    let run = dev.event("started")["run"].as_str().unwrap().to_owned();
    (dev, studio, run)
}
