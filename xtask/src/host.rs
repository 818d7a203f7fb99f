//! The host program and its examples, as `cargo run --release` and the tests build them: what others need of it
//! here is asked of the program, so that nothing of it is compiled a second time.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::command;

/// Builds the program. Cargo says what it is doing.
pub(crate) fn build() -> Result<()> {
    command::must(&mut command::cargo(&["build", "--release"]))
}

/// How the programs that are measured are built.
pub(crate) const BENCHMARKS: [&str; 5] =
    ["build", "--release", "--workspace", "--bins", "--examples"];

/// Builds the programs that are measured, of all crates at once: cargo chooses the features of third-party
/// crates by what is built together.
pub(crate) fn build_benchmarks() -> Result<()> {
    command::must(&mut command::cargo(&BENCHMARKS))
}

/// Where the program is once it is built.
pub(crate) fn program() -> PathBuf {
    built(Path::new("arkor-host"))
}

/// Where an example is once it is built.
pub(crate) fn example(name: &str) -> PathBuf {
    built(&Path::new("examples").join(name))
}

fn built(path: &Path) -> PathBuf {
    command::target()
        .join("release")
        .join(path)
        .with_extension(std::env::consts::EXE_EXTENSION)
}

/// Makes sure that the trainers in this repository, which are Rust, can be compiled to wasm.
pub(crate) fn install_rust() -> Result<()> {
    build()?;
    command::must(Command::new(program()).args(["toolchain", "install", "rust"]))
}

/// The target that trainers in Rust are compiled for on this machine, if one is ready.
pub(crate) fn rust_target() -> Result<Option<String>> {
    build()?;
    let list = command::output(Command::new(program()).args(["toolchain", "list", "--json"]))?;
    for line in list.lines() {
        let toolchain: Toolchain =
            serde_json::from_str(line).context("arkor-host toolchain list printed no JSON")?;
        if toolchain.name == "rust" {
            return Ok(toolchain.target);
        }
    }
    Ok(None)
}

/// A line of `arkor-host toolchain list --json`.
#[derive(Deserialize)]
struct Toolchain {
    name: String,
    target: Option<String>,
}
