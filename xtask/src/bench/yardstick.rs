//! What the host is compared with, measured in the same run: machines of one kind differ by a factor of three.

use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::{languages, reload};
use crate::{command, host, setup};

/// Saves that are measured.
const SAVES: usize = 200;

/// Where rolldown and the script that drives it are.
const FOLDER: &str = "xtask/src/bench/rolldown";

/// Times from a save until a bundler's output is loaded, in milliseconds.
pub(super) struct Saves(Vec<f64>);

impl Saves {
    /// What this share of them takes at the most.
    pub(super) fn at(&self, share: f64) -> f64 {
        reload::percentile(&mut self.0.clone(), share)
    }
}

/// The design that `dev` replaces: rolldown watches the TypeScript trainer of `bench languages`, its output is imported
/// into Node and hashed. None without Node.
pub(super) fn saves() -> Result<Option<Saves>> {
    if Command::new("node").arg("--version").output().is_err() {
        eprintln!("no yardstick for reloading: there is no Node.js (20.19 or newer)");
        return Ok(None);
    }
    setup::npm_packages(FOLDER, "rolldown")?;
    let work = command::target().join("bench-rolldown");
    if work.exists() {
        std::fs::remove_dir_all(&work)?;
    }
    let variants = languages::typescripts(&work)?;
    eprintln!("{SAVES} saves with rolldown");
    let mut node = Command::new("node");
    node.arg(command::root().join(FOLDER).join("watch.mjs"))
        .arg(&work)
        .args(variants.iter().cycle().take(SAVES));
    let printed = command::output(&mut node)?;
    let times = serde_json::from_str(&printed).context("watch.mjs printed no times")?;
    Ok(Some(Saves(times)))
}

/// Microseconds of a call of a component's function that does nothing, by wasmtime alone.
pub(super) fn empty_call() -> Result<f64> {
    #[derive(Deserialize)]
    struct Printed {
        median_us: f64,
    }
    let printed = command::output(&mut Command::new(host::example("empty_call")))?;
    let printed: Printed = serde_json::from_str(&printed).context("empty_call printed no time")?;
    Ok(printed.median_us)
}
