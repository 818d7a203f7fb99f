//! Tasks of this repository, run as `cargo xtask TASK`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line program for the people who work on this repository"
)]

use std::process::ExitCode;

use anyhow::Result;

mod arrows;
mod bench;
mod ci;
mod command;
mod documents;
mod fuzz;
mod host;
mod layout;
mod once;
mod runtime;
mod setup;
mod soak;
mod test;
mod windows;

pub(crate) const HELP: &str = "\
Tasks of this repository. Each installs what it needs and says so.

    cargo xtask test [ARGUMENTS]   run all tests; arguments go to `cargo test`
    cargo xtask bench [--check]    measure against targets and baselines; --check fails on a miss
    cargo xtask bench reload       the same for the time from a save to the first event
    cargo xtask bench languages    start, calls, memory and reload of trainers in each language
    cargo xtask bench saves        reload of scripts alone
    cargo xtask soak [SECONDS]     save all kinds of code into a training `dev`; 600 if not said
    cargo xtask runtime LANGUAGE   make a language runtime, javascript or python; --check compares it
                                   with its sources
    cargo xtask fuzz [SECONDS] [TARGET] [--seed=N] [--bounded]
                                   give hostile bytes to what parses them; 60 seconds each if not said,
                                   bounded as in CI by a number of inputs too
    cargo xtask windows            check that the host compiles for Windows
    cargo xtask checks             crate dependencies, layout, documents, and what is compiled twice
    cargo xtask ci                 format, lints, docs, tests, these checks, a minute or less of each fuzzer
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let task = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    match run(&task, &rest) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: &str, rest: &[String]) -> Result<ExitCode> {
    match task {
        "test" => test::run(rest),
        "bench" => bench::run(rest),
        "soak" => soak::run(rest),
        "fuzz" => fuzz::run(rest),
        "runtime" => runtime::run(rest),
        "windows" => windows::run(),
        "ci" => ci::run(),
        "checks" => ci::checks(),
        "" | "help" | "-h" | "--help" => {
            print!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        other => {
            eprint!("error: there is no task `{other}`\n\n{HELP}");
            Ok(ExitCode::from(2))
        }
    }
}
