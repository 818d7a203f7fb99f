//! What can be typed.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

const EXIT_CODES: &str = "\
Exit codes:
    0  completed
    1  failed
    2  usage: wrong arguments, or nothing there that could be run
    3  stopped early, by the trainer, early stopping or --time-limit
  130  interrupted (Ctrl-C; 143 after SIGTERM); the run can be resumed

`arkor-host docs configuration` lists the keys of arkor.toml and the environment variables.";

/// Runs trainer code as sandboxed WebAssembly components.
#[derive(Debug, Parser)]
#[command(name = "arkor-host", version, about, after_help = EXIT_CODES)]
#[command(propagate_version = true, max_term_width = 100)]
pub(crate) struct Arguments {
    /// Show more of what the host does, on standard error; repeat for more still.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    New(NewArguments),
    Run(RunArguments),
    Dev(DevArguments),
    Replay(ReplayArguments),
    Build(BuildArguments),
    Inspect(InspectArguments),
    Runs(RunsArguments),
    Toolchain(ToolchainArguments),
    Docs(DocsArguments),
    Completions(CompletionsArguments),
}

impl Command {
    pub(crate) fn json(&self) -> bool {
        match self {
            Self::New(new) => new.json,
            Self::Run(run) => run.json,
            Self::Dev(dev) => dev.json,
            Self::Replay(replay) => replay.json,
            Self::Build(build) => build.json,
            Self::Inspect(inspect) => inspect.json,
            Self::Runs(runs) => runs.json,
            Self::Toolchain(toolchain) => toolchain.json,
            Self::Docs(_) | Self::Completions(_) => false,
        }
    }
}

/// What a project may do, if somebody else wrote it.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Projects of somebody else")]
pub(crate) struct TrustArguments {
    /// Trust nothing of the project: run no compiler, build command or package installer for it, grant
    /// nothing that its arkor.toml asks for, keep runs outside of it, and end after --time-limit.
    #[arg(long)]
    pub(crate) untrusted: bool,
    /// With --untrusted: a file outside of the project that grants and limits in its place, with the tables of
    /// arkor.toml but the one of the trainer.
    #[arg(long, value_name = "FILE", requires = "untrusted")]
    pub(crate) config: Option<PathBuf>,
    /// With --untrusted: the folder that runs are kept in. Default: one for each project in the user's data
    /// folder.
    #[arg(long, value_name = "FOLDER", requires = "untrusted")]
    pub(crate) store: Option<PathBuf>,
    /// With --untrusted: how long the command may take as a whole, such as 90s, 10min or 2h.
    #[arg(long, value_name = "TIME", requires = "untrusted", default_value = "1h", value_parser = time)]
    pub(crate) time_limit: Duration,
}

/// `90s`, `10min`, `2h`.
fn time(text: &str) -> Result<Duration, String> {
    let range = Duration::from_secs(1)..=Duration::from_secs(30 * 24 * 3600);
    arkor_project::parse_duration(text)
        .filter(|time| range.contains(time))
        .ok_or_else(|| "expected a time from 1s to 720h, such as 90s, 10min or 2h".into())
}

/// Make a project with a trainer that runs, to begin from.
#[derive(Debug, Args)]
pub(crate) struct NewArguments {
    /// The folder to make. Its name is the trainer's.
    pub(crate) path: PathBuf,
    /// The language.
    #[arg(long, value_enum, default_value = "typescript")]
    pub(crate) template: Template,
    /// With a training loop of its own, instead of the host's.
    #[arg(long = "loop")]
    pub(crate) own_loop: bool,
    /// Print one JSON object of type `created`.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a new project is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Template {
    /// trainer.ts
    Typescript,
    /// trainer.js
    Javascript,
    /// trainer.py
    Python,
    /// src/lib.rs, with the library it needs
    Rust,
    /// trainer.c, with the library it needs
    C,
    /// trainer.go, with the library it needs
    Go,
}

/// Train what a project's trainer describes.
///
/// Builds the trainer if it has sources, asks it what to train, trains it and hands it every event.
/// Events, checkpoints and artifacts are kept in the project's `.arkor` folder. Ctrl-C stops with a
/// checkpoint, a second Ctrl-C at once.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES, after_long_help = RUN_HELP)]
pub(crate) struct RunArguments {
    /// A project's folder (or one inside it), its arkor.toml, a .wasm file, or a script.
    #[arg(default_value = ".")]
    pub(crate) path: PathBuf,
    /// Go on with a run from its last checkpoint: its id, the beginning or the end of it, or `latest`.
    #[arg(long, value_name = "RUN")]
    pub(crate) resume: Option<String>,
    /// With --resume: go on from an earlier checkpoint, by its id or its step (`runs show` lists them).
    #[arg(long, value_name = "CHECKPOINT", requires = "resume")]
    pub(crate) from: Option<String>,
    /// Train so many optimizer steps, whatever the trainer says.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000_000))]
    pub(crate) max_steps: Option<u32>,
    /// Check everything (build, dataset, tokenizer, model, on-started) and train no step.
    #[arg(long, conflicts_with = "resume")]
    pub(crate) dry_run: bool,
    /// Print one JSON object a line: every event, then one of type `finished`.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) trust: TrustArguments,
}

const RUN_HELP: &str = "\
With --json every line on standard output is an object with `type`, and an event has also `seq` \
(1, 2, 3 ...), `run` and `time`. Unless the arguments are wrong, the last line is always
  {\"type\":\"finished\",\"run\":...,\"status\":...,\"checkpoint\":...,\"steps\":...,\"final_loss\":...}
`arkor-host docs events` describes all of them.

Exit codes:
    0  completed
    1  failed
    2  usage: wrong arguments, or nothing there that could be run
    3  stopped early, by the trainer, early stopping or --time-limit
  130  interrupted (Ctrl-C; 143 after SIGTERM); the run can be resumed";

/// Train, and bring every change of the trainer into the run.
///
/// Watches the project, builds on save, and decides by what the new code describes: with the same
/// configuration its callbacks take over between two events, with their memory, and a training loop of
/// its own goes on from its next checkpoint; with another configuration the run stops with a checkpoint
/// and a new one begins. Code that does not build or start, or fails at its first events, changes
/// nothing. The Studio, a page on this machine only, shows it all; open the address that is printed.
/// Ctrl-C stops with a checkpoint, a second Ctrl-C at once.
#[derive(Debug, Args)]
pub(crate) struct DevArguments {
    /// A project's folder (or one inside it), its arkor.toml, a .wasm file, or a script.
    #[arg(default_value = ".")]
    pub(crate) path: PathBuf,
    /// Train so many optimizer steps, whatever the trainer says.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000_000))]
    pub(crate) max_steps: Option<u32>,
    /// The Studio's port, 0 for any free one. Default: 4000, or the next free one.
    #[arg(long, value_name = "PORT", conflicts_with = "no_studio")]
    pub(crate) port: Option<u16>,
    /// Serve no Studio.
    #[arg(long)]
    pub(crate) no_studio: bool,
    /// Print one JSON object a line: every event, `finished` for every run, and `dev` for what
    /// happens around them.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) trust: TrustArguments,
}

/// Show the events of a recorded run to a trainer's callbacks, without training.
///
/// Prints what the callbacks ask for, and where that is not what the run's own code asked for: new
/// callbacks are tried on old runs in milliseconds, and with --check a recorded run is their test. They
/// begin without memory, or with --last with what they had at the checkpoint before. A callback that needs
/// what only a run has (text, the dataset, artifacts) and returns that as an error is not compared.
/// Granted folders are for reading only then, and there is no network.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes:\n    0  all events were handled\n    1  a callback failed, or with --check answered \
                  differently\n    2  usage"
)]
pub(crate) struct ReplayArguments {
    /// The run: its id, the beginning or the end of it, or `latest`; or a file with its events, as `run --json` and
    /// `runs events --json` print them.
    #[arg(value_name = "RUN|FILE")]
    pub(crate) run: String,
    /// Fail if an answer is not what the run's own code asked for.
    #[arg(long)]
    pub(crate) check: bool,
    /// The trainer whose callbacks are called: a project's folder or a .wasm file. Default: the
    /// project's own trainer as it is now.
    #[arg(long, value_name = "PATH")]
    pub(crate) trainer: Option<PathBuf>,
    /// A folder of the project whose run it is, or one inside it.
    #[arg(long, short = 'C', default_value = ".", value_name = "PATH")]
    pub(crate) project: PathBuf,
    /// Only the last so many events of the log.
    #[arg(long, value_name = "N")]
    pub(crate) last: Option<u64>,
    /// Print one JSON object for each event that a callback handled, and one of type `replayed`.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) trust: TrustArguments,
}

/// Build a project's trainer to one component.
#[derive(Debug, Args)]
pub(crate) struct BuildArguments {
    /// A project's folder, or its arkor.toml.
    #[arg(default_value = ".")]
    pub(crate) path: PathBuf,
    /// Where the component goes. Default: `<name>.wasm` in the project's `.arkor` folder.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) trust: TrustArguments,
}

/// Show what a component is: world, imports, exports, digest, and what it will ask for.
#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    /// A component, a core module, or a project's folder, whose trainer is built first.
    pub(crate) component: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) trust: TrustArguments,
}

/// Look at the runs of a project, or remove some.
#[derive(Debug, Args)]
pub(crate) struct RunsArguments {
    /// A project's folder, or one inside it.
    #[arg(
        long,
        short = 'C',
        global = true,
        default_value = ".",
        value_name = "PATH"
    )]
    pub(crate) project: PathBuf,
    /// Print JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The runs of a project that is not trusted, which are kept outside of it.
    #[arg(long, global = true)]
    pub(crate) untrusted: bool,
    /// With --untrusted: the folder that they are kept in, if it is not the default one.
    #[arg(long, global = true, value_name = "FOLDER", requires = "untrusted")]
    pub(crate) store: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: RunsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    /// Runs, the newest first.
    List {
        /// Only so many of them.
        #[arg(short = 'n', long, value_name = "NUMBER")]
        limit: Option<usize>,
    },
    /// One run: its configuration, checkpoints and artifacts.
    Show {
        /// Its id, the beginning or the end of it, or `latest`.
        #[arg(default_value = "latest")]
        run: String,
    },
    /// The events of a run.
    Events {
        /// Its id, the beginning or the end of it, or `latest`.
        #[arg(default_value = "latest")]
        run: String,
        /// Only events with a greater number.
        #[arg(long, default_value_t = 0, value_name = "SEQ")]
        after: u64,
    },
    /// Take over a `.arkor` that you did not make on this machine, after you looked where it comes from.
    ///
    /// One that came with a project is refused by every other command, for it may have been made to do
    /// harm. So is one of your own that an earlier version made, or that was made on another machine.
    Adopt {
        /// A project's folder, or one inside it. Default: that of --project.
        path: Option<PathBuf>,
    },
    /// Remove runs with their events, checkpoints and artifacts.
    Rm {
        /// Ids, or beginnings or ends of them.
        #[arg(required = true)]
        runs: Vec<String>,
    },
}

/// See, prepare or remove what runs and builds trainers in each language.
///
/// The runtimes of JavaScript and Python are part of this program. Their first trainer on a machine waits until
/// they are compiled; `install` does that before, and nothing is fetched for it.
#[derive(Debug, Args)]
pub(crate) struct ToolchainArguments {
    /// Print one JSON object for each toolchain.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: ToolchainCommand,
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum ToolchainCommand {
    /// What there is, and whether it is ready.
    List,
    /// Make one ready: compile a language runtime, or add Rust's target for WebAssembly.
    Install {
        /// Which one.
        name: ToolchainName,
    },
    /// Remove what `install` made.
    Remove {
        /// Which one.
        name: ToolchainName,
    },
}

/// A language with a toolchain that the host knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ToolchainName {
    /// Runs trainers in TypeScript and JavaScript.
    Javascript,
    /// Runs trainers in Python.
    Python,
    /// Builds trainers in Rust.
    Rust,
}

impl ToolchainName {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Javascript => "javascript",
            Self::Python => "python",
            Self::Rust => "rust",
        }
    }
}

/// Print a page of the documentation of this version, or which there are.
#[derive(Debug, Args)]
pub(crate) struct DocsArguments {
    /// Which page.
    pub(crate) page: Option<Page>,
}

/// A page of the documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Page {
    Configuration,
    Events,
    Typescript,
    Python,
    Languages,
    Reload,
    Studio,
    Security,
}

impl Page {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Events => "events",
            Self::Typescript => "typescript",
            Self::Python => "python",
            Self::Languages => "languages",
            Self::Reload => "reload",
            Self::Studio => "studio",
            Self::Security => "security",
        }
    }
}

/// Print a completion script for a shell.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArguments {
    /// Which shell.
    pub(crate) shell: Shell,
}
