//! The store from outside: what its callers may rely on, across processes and their deaths.
#![cfg(test)]

mod append;
mod checkpoints;
mod common;
mod damage;
mod kill;
mod limits;
mod made_by;
mod model;
#[cfg(unix)]
mod planted;
#[cfg(target_os = "linux")]
mod power_cut;
mod processes;
mod read_only;
mod runs;
