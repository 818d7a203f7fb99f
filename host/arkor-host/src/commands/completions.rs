//! `arkor-host completions`

use anyhow::Result;
use clap::CommandFactory;

use crate::arguments::{Arguments, CompletionsArguments};
use crate::exit::Exit;

#[expect(clippy::unnecessary_wraps, reason = "all commands have one shape")]
pub(crate) fn completions(arguments: &CompletionsArguments) -> Result<Exit> {
    let mut command = Arguments::command();
    clap_complete::generate(
        arguments.shell,
        &mut command,
        "arkor-host",
        &mut std::io::stdout(),
    );
    Ok(Exit::Completed)
}
