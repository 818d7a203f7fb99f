//! Installs what is missing to compile Rust to WebAssembly.

use std::path::Path;
use std::process::Command;

use super::{RustToolchain, neutral};
use crate::process::{BuildLimits, Stdout, run};
use crate::{BuildLine, ProjectError};

/// What [`install_wasm_toolchain`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Installed {
    /// Nothing: a toolchain was there.
    AlreadyThere(RustToolchain),
    /// It installed one.
    Now(RustToolchain),
}

/// Makes sure that Rust can be compiled to WebAssembly here: adds the target `wasm32-wasip2` with
/// rustup or, where that fails on Debian, installs packages, with sudo if need be and allowed without
/// a password. Quick if a toolchain is there.
///
/// # Errors
///
/// [`ProjectError::Install`] with all that was tried.
pub fn install_wasm_toolchain(
    progress: &mut dyn FnMut(BuildLine),
) -> Result<Installed, ProjectError> {
    let reason = match RustToolchain::detect_own() {
        Ok(toolchain) => return Ok(Installed::AlreadyThere(toolchain)),
        Err(error) => error.to_string(),
    };
    let mut report = vec![reason];
    for commands in ways() {
        if let Err(error) = attempt(commands, progress) {
            report.push(error.to_string());
        }
        match RustToolchain::detect_own() {
            Ok(toolchain) => return Ok(Installed::Now(toolchain)),
            Err(error) => report.push(error.to_string()),
        }
    }
    report.dedup();
    Err(ProjectError::Install {
        output: report.join("\n"),
    })
}

fn attempt(
    commands: Vec<Command>,
    progress: &mut dyn FnMut(BuildLine),
) -> Result<(), ProjectError> {
    for mut command in commands {
        command.current_dir(neutral());
        run(command, &BuildLimits::default(), progress, Stdout::Output)?;
    }
    Ok(())
}

/// The ways to get a toolchain, the best first, each a list of commands.
fn ways() -> Vec<Vec<Command>> {
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add", "wasm32-wasip2"]);
    #[cfg(target_os = "linux")]
    if Path::new("/etc/debian_version").exists() {
        // First with the package lists as they are: an update takes longer than the packages.
        return vec![
            vec![rustup],
            vec![apt_install()],
            vec![apt(&["update"]), apt_install()],
        ];
    }
    vec![vec![rustup]]
}

#[cfg(target_os = "linux")]
fn apt_install() -> Command {
    let mut words = vec!["install", "--yes", "--no-install-recommends"];
    words.extend(super::debian::PACKAGES);
    apt(&words)
}

/// `apt-get`, as root.
#[cfg(target_os = "linux")]
fn apt(words: &[&str]) -> Command {
    use std::os::unix::fs::MetadataExt;

    // The owner of a process' folder in /proc is its effective user.
    let root = std::fs::metadata("/proc/self").is_ok_and(|data| data.uid() == 0);
    let mut command = if root {
        Command::new("apt-get")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.args(["--non-interactive", "apt-get"]);
        sudo
    };
    command.args(words).env("DEBIAN_FRONTEND", "noninteractive");
    command
}
