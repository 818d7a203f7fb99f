//! `cargo xtask ci`: everything that a change must pass.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::{HELP, arrows, command, documents, fuzz, layout, once, test};

pub(crate) fn run() -> Result<ExitCode> {
    let guests = guest_workspaces();
    let mut skipped = Vec::new();

    if component("fmt", "rustfmt") {
        command::must(&mut command::cargo(&["fmt", "--all", "--check"]))?;
        for guest in &guests {
            command::must(command::cargo(&["fmt", "--all", "--check"]).current_dir(guest))?;
        }
    } else {
        skipped.push("cargo fmt");
    }

    if component("clippy", "clippy") {
        let words = ["clippy", "--release", "--all-targets", "--workspace"];
        let deny = ["--", "-D", "warnings"];
        command::must(command::cargo(&words).args(deny))?;
        for guest in &guests {
            // Guests are checked, not linked, so that this machine's own target will do.
            command::must(&mut guest_cargo(guest, &words, &deny))?;
        }
    } else {
        skipped.push("cargo clippy");
    }

    let words = ["doc", "--release", "--no-deps", "--workspace"];
    command::must(command::cargo(&words).env("RUSTDOCFLAGS", "-D warnings"))?;

    let tests = test::run(&[])?;
    // After the tests, with which all of it is built.
    checks()?;
    // Last, as it is a build of its own. With one seed, so that what is found is found again.
    let code = if tests == ExitCode::SUCCESS {
        fuzz::run(&["60".into(), "--seed=1".into(), "--bounded".into()])?
    } else {
        tests
    };
    for tool in skipped {
        eprintln!("not checked: {tool} is not installed here");
    }
    Ok(code)
}

/// What is checked of the project's form: which crate needs which, layout, documents, and that nothing is compiled
/// twice.
pub(crate) fn checks() -> Result<ExitCode> {
    arrows::check()?;
    layout::check()?;
    documents::check(HELP)?;
    once::check()?;
    Ok(ExitCode::SUCCESS)
}

/// The folders of all cargo workspaces whose code runs inside the host.
fn guest_workspaces() -> Vec<PathBuf> {
    let root = command::root();
    let mut folders: Vec<PathBuf> = ["guest-sdk/rust", "tests/guests"]
        .iter()
        .map(|folder| root.join(folder))
        .collect();
    for parent in ["examples", "tests/guests"] {
        let entries = std::fs::read_dir(root.join(parent)).into_iter().flatten();
        folders.extend(entries.flatten().map(|entry| entry.path()));
    }
    folders.retain(|folder| {
        // Members of a workspace are checked with it.
        std::fs::read_to_string(folder.join("Cargo.toml"))
            .is_ok_and(|manifest| manifest.contains("[workspace]"))
    });
    folders.sort();
    folders
}

fn guest_cargo(guest: &PathBuf, words: &[&str], more: &[&str]) -> Command {
    let mut command = command::cargo(words);
    command
        .current_dir(guest)
        .args(more)
        // One for all, since they share their dependencies.
        .env("CARGO_TARGET_DIR", command::root().join("target/guests"));
    command
}

/// Whether a part of the toolchain is here, after an attempt to fetch it.
fn component(subcommand: &str, component: &str) -> bool {
    let there = || {
        command::cargo(&[subcommand, "--version"])
            .output()
            .is_ok_and(|output| output.status.success())
    };
    if there() {
        return true;
    }
    // Without rustup this fails, and the answer is no.
    let mut rustup = Command::new("rustup");
    let _ = command::status(rustup.args(["component", "add", component]));
    there()
}
