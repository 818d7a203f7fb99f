//! `cargo xtask demo`: the shortest way from a fresh machine to a training run.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::{command, setup};

const EXAMPLE: &str = "examples/rust-quickstart";

/// The exit code of a run that its trainer ended early, which is how the example may end.
const STOPPED_EARLY: i32 = 3;

pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    setup::wasm_toolchain()?;
    command::must(&mut command::cargo(&[
        "build",
        "--release",
        "--package",
        "arkor-host",
    ]))?;
    let mut host = command::cargo(&["run", "--quiet", "--release", "--package", "arkor-host"]);
    host.args(["--", "run", EXAMPLE]).args(arguments);
    let status = command::status(&mut host)?;
    match status.code() {
        Some(0 | STOPPED_EARLY) => Ok(ExitCode::SUCCESS),
        _ => bail!("the demo failed ({status})"),
    }
}
