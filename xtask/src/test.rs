//! `cargo xtask test`: all tests, with one line at the end that counts them.

use std::io::{BufRead, BufReader, IsTerminal};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::{command, host, runtime, setup};

/// Tests that were run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Count {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Count {
    /// Adds what a line of the test runner tells, if it tells anything.
    fn add_line(&mut self, line: &str) {
        let Some(at) = line.find("test result: ") else {
            return;
        };
        let mut before = "";
        for word in line.get(at..).unwrap_or_default().split_whitespace() {
            let number = || before.parse::<u64>().unwrap_or_default();
            match word {
                "passed;" => self.passed += number(),
                "failed;" => self.failed += number(),
                "ignored;" => self.ignored += number(),
                _ => {}
            }
            before = word;
        }
    }
}

pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let begin = Instant::now();
    host::install_rust()?;
    setup::browser()?;
    let path = setup::compilers()?;
    let mut count = Count::default();
    let mut good = test(cargo_test(arguments).env("PATH", &path), &mut count)?;

    let sdk = command::root().join("guest-sdk/rust");
    if arguments.is_empty() && sdk.join("Cargo.toml").exists() {
        good &= test(cargo_test(&[]).current_dir(&sdk), &mut count)?;
        good &= bindings_are_current(&sdk)?;
        good &= runtimes_are_current();
    }

    let Count {
        passed,
        failed,
        ignored,
    } = count;
    println!(
        "\nall tests: {passed} passed, {failed} failed, {ignored} ignored, in {:.0} s",
        begin.elapsed().as_secs_f64()
    );
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn cargo_test(arguments: &[String]) -> Command {
    let mut command = command::cargo(&["test", "--release", "--workspace", "--no-fail-fast"]);
    if std::io::stdout().is_terminal() {
        command.arg("--color=always");
    }
    command.args(arguments);
    command
}

/// Whether the checked-in language runtimes are those of their sources, as far as that can be found out.
fn runtimes_are_current() -> bool {
    let mut checked = vec![runtime::python::check()];
    if runtime::javascript::can_build() {
        checked.push(runtime::javascript::check());
    } else {
        eprintln!("not checked: the JavaScript runtime, for not all that it is made with is here");
    }
    let problems = checked.into_iter().filter_map(Result::err);
    problems.fold(true, |_, error| {
        println!("FAILED: {error:#}");
        false
    })
}

/// Whether the checked-in bindings of the Rust guest library are those of `wit/`.
fn bindings_are_current(sdk: &Path) -> Result<bool> {
    if !sdk.join("generate").exists() {
        return Ok(true);
    }
    let mut generate = command::cargo(&["run", "--quiet", "--package", "generate"]);
    generate.current_dir(sdk).args(["--", "--check"]);
    Ok(command::status(&mut generate)?.success())
}

/// Runs tests, shows their output as it comes and counts them.
fn test(command: &mut Command, count: &mut Count) -> Result<bool> {
    eprintln!("$ {}", command::show(command));
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .context("could not start cargo")?;
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line.context("could not read the output of cargo test")?;
            count.add_line(&line);
            println!("{line}");
        }
    }
    Ok(child.wait()?.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_tests() {
        let mut count = Count::default();
        count.add_line("running 3 tests");
        count.add_line(
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; \
             finished in 0.23s",
        );
        count.add_line(
            "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; \
             finished in 0.23s",
        );
        assert_eq!(
            count,
            Count {
                passed: 14,
                failed: 1,
                ignored: 1
            }
        );
    }
}
