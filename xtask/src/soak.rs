//! `cargo xtask soak`: the test of the same name, for as long as one likes.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::{command, host};

pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let seconds = match arguments {
        [] => 600,
        [seconds] => seconds
            .parse::<u32>()
            .with_context(|| format!("`{seconds}` is not a number of seconds"))?,
        _ => bail!("one number of seconds, not more"),
    };
    host::install_rust()?;
    let words = ["test", "--release", "--workspace", "--test", "soak-dev"];
    let mut test = command::cargo(&words);
    test.args(["--", "--nocapture"])
        .env("ARKOR_SOAK_SECONDS", seconds.to_string());
    let status = command::status(&mut test)?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
