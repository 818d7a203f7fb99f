//! Installs what a fresh machine lacks.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, anyhow, bail};
use arkor_project::{BuildLine, Installed, install_wasm_toolchain};

use crate::command;

/// Makes sure that the trainers in this repository, which are Rust, can be compiled to wasm.
pub(crate) fn wasm_toolchain() -> Result<()> {
    let mut announced = false;
    let installed = install_wasm_toolchain(&mut |line| match line {
        BuildLine::Command(command) => {
            if !announced {
                eprintln!("Rust cannot compile to WebAssembly here yet; trainers need that.");
                announced = true;
            }
            eprintln!("$ {command}");
        }
        BuildLine::Output(text) => eprintln!("  {text}"),
    });
    match installed {
        Ok(Installed::AlreadyThere(_)) => Ok(()),
        Ok(Installed::Now(toolchain)) => {
            eprintln!("installed: Rust for {}", toolchain.target());
            Ok(())
        }
        Err(error) => {
            let hint = error.hint().unwrap_or_default();
            Err(anyhow!("{error}\nhint: {hint}"))
        }
    }
}

/// Programs of the Chromium family that the test of the Studio can use.
const BROWSERS: &[&str] = &[
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// Makes sure that the Studio can be looked at: a Chromium, Node.js, and the library that drives them,
/// whose version tests/browser/package-lock.json holds.
pub(crate) fn browser() -> Result<()> {
    let has_browser = std::env::var_os("ARKOR_CHROMIUM").is_some()
        || BROWSERS.iter().any(|name| on_path(name).is_some());
    if !has_browser {
        install("chromium", "a Chromium", "or set ARKOR_CHROMIUM to one")?;
    }
    if on_path("node").is_none() || on_path("npm").is_none() {
        install("nodejs npm", "Node.js with npm", "version 20 or newer")?;
    }
    npm_packages("tests/browser", "playwright-core")?;
    npm_packages("guest-sdk/js", "typescript")
}

/// Installs what a folder's package-lock.json says, unless one of it is there.
fn npm_packages(folder: &str, one: &str) -> Result<()> {
    let folder = command::root().join(folder);
    if !folder.join("node_modules").join(one).is_dir() {
        let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
        let mut npm = Command::new(npm);
        npm.args(["ci", "--no-audit", "--no-fund"]);
        command::must(npm.current_dir(folder))?;
    }
    Ok(())
}

fn on_path(name: &str) -> Option<PathBuf> {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(&file))
        .find(|program| program.is_file())
}

/// Installs packages of Debian or Ubuntu, where that is what this machine is and we may.
fn install(packages: &str, what: &str, hint: &str) -> Result<()> {
    let missing = || {
        anyhow!("{what} is missing, which the tests of the Studio need\nhint: install it, {hint}")
    };
    if on_path("apt-get").is_none() {
        return Err(missing());
    }
    eprintln!("{what} is missing, which the tests of the Studio need.");
    // A fresh machine may know no packages yet.
    command::status(Command::new("apt-get").args(["update", "-qq"]))?;
    let mut apt = Command::new("apt-get");
    apt.args(["install", "-y", "-qq", "--no-install-recommends"])
        .args(packages.split(' '))
        .env("DEBIAN_FRONTEND", "noninteractive");
    if !command::status(&mut apt)?.success() {
        bail!(missing());
    }
    Ok(())
}
