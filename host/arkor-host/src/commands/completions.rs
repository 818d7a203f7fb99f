//! `arkor-host completions`

use std::io::Write;

use anyhow::{Context, Result};
use clap::CommandFactory;

use crate::arguments::{Arguments, CompletionsArguments};
use crate::exit::Exit;

pub(crate) fn completions(arguments: &CompletionsArguments) -> Result<Exit> {
    let mut command = Arguments::command();
    // What writes to standard output itself panics where it cannot.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "arkor-host", &mut script);
    let mut out = std::io::stdout().lock();
    let written = out.write_all(&script).and_then(|()| out.flush());
    written.context("cannot write to standard output")?;
    Ok(Exit::Completed)
}
