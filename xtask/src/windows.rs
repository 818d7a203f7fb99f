//! `cargo xtask windows`: whether the host compiles for Windows, checked from any system.
//!
//! It needs a C compiler for that system, mingw-w64, since SQLite is compiled along.

use std::process::{Command, ExitCode};

use anyhow::{Result, bail};

use crate::command;

const TARGET: &str = "x86_64-pc-windows-gnu";
const COMPILER: &str = "x86_64-w64-mingw32-gcc";

pub(crate) fn run() -> Result<ExitCode> {
    command::must(Command::new("rustup").args(["target", "add", TARGET]))?;
    let has_compiler = Command::new(COMPILER)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success());
    if !has_compiler {
        bail!("there is no {COMPILER}; on Debian: sudo apt-get install gcc-mingw-w64-x86-64");
    }
    let words = ["check", "--release", "--workspace", "--target", TARGET];
    command::must(&mut command::cargo(&words))?;
    Ok(ExitCode::SUCCESS)
}
