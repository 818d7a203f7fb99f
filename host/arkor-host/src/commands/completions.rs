//! `arkor-host completions`

use std::io::{ErrorKind, Write};

use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_complete::Shell;

use crate::arguments::{Arguments, CompletionsArguments};
use crate::exit::Exit;

pub(crate) fn completions(arguments: &CompletionsArguments) -> Result<Exit> {
    let mut command = Arguments::command();
    // What writes to standard output itself panics where it cannot.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "arkor-host", &mut script);
    if arguments.shell == Shell::Bash {
        // In the names of its cases the library takes the hyphen of the program's name for the place where a
        // subcommand begins, and elsewhere it does not.
        script = String::from_utf8_lossy(&script)
            .replace("arkor__subcmd__host", "arkor__host")
            .into_bytes();
    }
    let mut out = std::io::stdout().lock();
    match out.write_all(&script).and_then(|()| out.flush()) {
        // Somebody has read enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
        written => written.context("cannot write to standard output")?,
    }
    Ok(Exit::Completed)
}
