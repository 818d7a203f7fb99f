//! Projects of somebody who means harm: the real program must not touch anything outside of them, and end.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod grants;
mod outside;
mod planted;
mod printed;
mod program;
mod random;
mod rows;
mod stores;
mod untrusted;
