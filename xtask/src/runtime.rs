//! `cargo xtask runtime`: makes the language runtimes that are part of the host.
//!
//! They are checked in, so that building the host needs neither a C compiler for wasm nor Python.

use std::process::ExitCode;

use anyhow::{Result, bail};

pub(crate) mod javascript;
pub(crate) mod python;

pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["javascript"] => javascript::make()?,
        ["javascript", "--check"] => javascript::check()?,
        ["python"] => python::make()?,
        ["python", "--check"] => python::check()?,
        _ => bail!("expected a language, javascript or python, and perhaps --check"),
    }
    Ok(ExitCode::SUCCESS)
}
