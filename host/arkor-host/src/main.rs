//! The `arkor-host` program: arguments in, commands run, an exit code out.

use std::process::ExitCode;

use clap::Parser;

mod arguments;
mod commands;
mod exit;
mod failure;
mod format;
mod output;
mod place;
mod settings;
mod signals;
mod time_limit;
mod trust;

use arguments::{Arguments, Command};
use exit::Exit;
use output::Printer;

/// The first argument with which this program starts itself to parse a project's files. Not for people.
const PARSE: &str = "__parse";

/// The same to make a component of a core module, or to compile one; the second argument says which.
const COMPONENT: &str = "__component";

fn main() -> ExitCode {
    if std::env::args_os()
        .nth(1)
        .is_some_and(|first| first == PARSE)
    {
        // It does not come back unless it could not begin.
        let _ = arkor_project::serve_parser();
        return ExitCode::FAILURE;
    }
    if std::env::args_os()
        .nth(1)
        .is_some_and(|first| first == COMPONENT)
    {
        let kind = std::env::args_os().nth(2).unwrap_or_default();
        return match arkor_runtime::serve_component_process(&kind) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    }
    tell_panics();
    if let Ok(program) = std::env::current_exe() {
        arkor_project::use_parser_process(program.clone(), PARSE);
        arkor_runtime::use_component_process(program, COMPONENT);
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() && output::wrong_usage(&error.render().to_string()) => {
            return Exit::Usage.into();
        }
        Err(error) => error.exit(),
    };
    let started = signals::start().and_then(|()| Printer::start(arguments.command.json()));
    let printer = match started {
        Ok(printer) => printer,
        Err(error) => {
            output::tell(format!("error: {error:#}"));
            return Exit::Failed.into();
        }
    };
    start_log(arguments.verbose);
    let result = match arguments.command {
        Command::New(new) => commands::new::new(&new, &printer),
        Command::Run(run) => commands::run::run(&run, &printer),
        Command::Dev(dev) => commands::dev::dev(&dev, &printer.without_waiting()),
        Command::Replay(replay) => commands::replay::replay(&replay, &printer),
        Command::Build(build) => commands::build::build(&build, &printer),
        Command::Inspect(inspect) => commands::inspect::inspect(&inspect, &printer),
        Command::Runs(runs) => commands::runs::runs(&runs, &printer),
        Command::Toolchain(toolchain) => commands::toolchain::toolchain(&toolchain, &printer),
        Command::Docs(docs) => commands::docs::docs(&docs, &printer),
        Command::Completions(completions) => commands::completions::completions(&completions),
    };
    let exit = match result {
        Ok(exit) => {
            signals::done(exit);
            exit
        }
        Err(error) => {
            let exit = failure::code(&error);
            signals::done(exit);
            failure::report(&error, &printer);
            exit
        }
    };
    if printer.finish() || exit != Exit::Completed {
        exit.into()
    } else {
        Exit::Failed.into()
    }
}

/// A panic over the bytes of somebody else's file is told as an error of that file, once.
fn tell_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let is_component = std::thread::current().name() == Some(arkor_runtime::GUARDED_THREAD);
        if is_component || arkor_types::handles_panic() {
            tracing::debug!("{panic}");
        } else {
            output::panicked(panic);
        }
    }));
}

/// Logs go to standard error. `ARKOR_LOG` says more exactly than `-v` what is shown.
fn start_log(verbose: u8) {
    use tracing_subscriber::EnvFilter;
    let level = match verbose {
        0 => "warn",
        1 => "info,wasmtime=warn,cranelift=warn",
        2 => "debug,wasmtime=info,cranelift=info",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_env("ARKOR_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    // Nobody else sets a logger before this.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(|| output::LogOutput)
        .try_init();
}
