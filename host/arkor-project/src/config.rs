//! `arkor.toml`: what a project says about its trainer. `docs/configuration.md` has every key with its default.

use std::path::{Path, PathBuf};
use std::time::Duration;

use arkor_types::ScriptLanguage;

use crate::ProjectError;

mod limits;
mod reader;
mod values;

pub use limits::Limits;
use limits::limits;
pub(crate) use reader::expected_list;
use reader::{Document, Table, Value};
pub use values::parse_duration;

/// What an `arkor.toml` says, with the defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where the trainer comes from.
    pub trainer: TrainerSource,
    /// What it may reach.
    pub capabilities: Capabilities,
    /// What it may use.
    pub limits: Limits,
    /// The same, without the defaults.
    pub(crate) limits_said: Limits,
    /// What trains.
    pub engine: EngineConfig,
    /// How long a build may take. Default: 10 min.
    pub build_timeout: Duration,
    /// How runs behave.
    pub run: RunConfig,
    /// What new code does to a run.
    pub reload: ReloadConfig,
    /// How runs are kept.
    pub store: StoreConfig,
}

/// Where a trainer's wasm comes from. Paths are relative to the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrainerSource {
    /// Sources in a language the host knows how to build.
    Sources {
        /// The language.
        language: Language,
        /// Folder of the sources.
        folder: PathBuf,
    },
    /// Files in a script language, which need no build.
    Script {
        /// What runs them.
        language: ScriptLanguage,
        /// The file to begin with.
        entry: PathBuf,
        /// Folder of the sources.
        folder: PathBuf,
    },
    /// Sources that a command of the project's own builds.
    Command {
        /// What to run, in `folder`.
        command: BuildCommand,
        /// Folder of the sources.
        folder: PathBuf,
        /// The file that the command leaves.
        component: PathBuf,
        /// Files and folders that it reads; none: it is not said.
        inputs: Option<Vec<PathBuf>>,
    },
    /// A finished component or core module.
    Component(PathBuf),
}

/// A language the host can build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// A cargo package with a `cdylib`.
    Rust,
}

/// What `language` may say.
#[derive(Clone, Copy)]
enum Named {
    Compiled(Language),
    Script(ScriptLanguage, &'static [&'static str]),
}

const TYPESCRIPT: &[&str] = &["ts", "mts"];
const JAVASCRIPT: &[&str] = &["js", "mjs", "cjs"];
const PYTHON: &[&str] = &["py"];

/// Whether a file is the entry of a script trainer, by its ending.
pub fn is_script(file: &Path) -> bool {
    script_language(file).is_some()
}

/// What runs a file, by its ending.
pub(crate) fn script_language(file: &Path) -> Option<ScriptLanguage> {
    let ending = file.extension()?.to_str()?;
    if TYPESCRIPT.contains(&ending) || JAVASCRIPT.contains(&ending) {
        Some(ScriptLanguage::JavaScript)
    } else if PYTHON.contains(&ending) {
        Some(ScriptLanguage::Python)
    } else {
        None
    }
}

/// A trainer in a folder that an empty project file would find, relative to it.
pub(crate) fn find_trainer(folder: &Path) -> Option<PathBuf> {
    let cargo = PathBuf::from("Cargo.toml");
    if folder.join(&cargo).is_file() {
        return Some(cargo);
    }
    find_entry(folder, &[TYPESCRIPT, JAVASCRIPT, PYTHON], &Path::is_file)
}

/// The entry of a script trainer in a folder, relative to it.
fn find_entry(
    folder: &Path,
    endings: &[&[&'static str]],
    is_file: &dyn Fn(&Path) -> bool,
) -> Option<PathBuf> {
    let endings = || endings.iter().copied().flatten();
    let names = ["trainer", "src/trainer"]
        .into_iter()
        .flat_map(|stem| endings().map(move |ending| PathBuf::from(format!("{stem}.{ending}"))));
    let mut found = names.filter(|name| is_file(&folder.join(name)));
    found.next()
}

/// A build command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildCommand {
    /// A line for the shell: `sh -c`, `cmd /C` on Windows.
    Shell(String),
    /// A program and its arguments; never empty.
    Program(Vec<String>),
}

/// What a trainer may reach beyond its own memory. Nothing by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// Folders it sees.
    pub files: Vec<FileGrant>,
    /// Names of environment variables handed through.
    pub env: Vec<String>,
    /// Addresses it may connect to.
    pub network: Vec<NetworkGrant>,
    /// How exactly it can tell time.
    pub clock: ClockPrecision,
    /// Where its random numbers come from.
    pub random: RandomSource,
}

/// A folder that a trainer sees, under the same relative path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileGrant {
    /// Relative to the project, with `/` between parts.
    pub path: String,
    /// What it may do there.
    pub access: FileAccess,
}

/// Whether granted files may be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileAccess {
    /// Reading only.
    Read,
    /// Reading, writing, creating and removing.
    Write,
}

/// An address that a trainer may connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkGrant {
    /// A name or an IP address, the latter without brackets.
    pub host: String,
    /// Not 0.
    pub port: u16,
}

/// How exactly a trainer can tell time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClockPrecision {
    /// To 10 ms.
    #[default]
    Coarse,
    /// As the operating system tells it.
    Precise,
}

/// Where a trainer's random numbers come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RandomSource {
    /// From its code's digest, so that a run repeats.
    #[default]
    Seeded,
    /// From the operating system.
    System,
}

/// What trains.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EngineConfig {
    /// Which engine.
    pub kind: EngineKind,
    /// Threads it may use; none: one per core.
    pub threads: Option<u32>,
}

/// An engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EngineKind {
    /// The one inside the host, on this machine's CPU.
    #[default]
    Embedded,
}

/// How runs behave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunConfig {
    /// What an error in a callback does to its run; none leaves it to the command.
    pub on_callback_error: Option<OnCallbackError>,
    /// How long a run that new code replaces may take to its last checkpoint. Default: 5 min.
    pub early_stop_deadline: Duration,
}

impl Default for RunConfig {
    fn default() -> Self {
        Self {
            on_callback_error: None,
            early_stop_deadline: Duration::from_secs(300),
        }
    }
}

/// What new code does to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReloadConfig {
    /// How a run of another configuration begins.
    pub restart: Restart,
}

/// How the run that takes another's place begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Restart {
    /// With new weights.
    #[default]
    Fresh,
    /// With the weights of the other's last checkpoint, if model and tokenizer are the same.
    Warm,
}

/// How runs are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreConfig {
    /// Most bytes of events, checkpoints and artifacts together; none: what is there, and half of what the
    /// disk has left when the store is opened, at most 50 GiB.
    pub max_size: Option<u64>,
}

/// What an error in a callback does to its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnCallbackError {
    /// It is recorded, the run goes on.
    Continue,
    /// It fails the run.
    Fail,
}

const HOUR: Duration = Duration::from_secs(3600);

pub(crate) const BUILD_TIMEOUT: Duration = Duration::from_secs(600);

impl Config {
    /// The defaults, for a trainer whose project says nothing.
    pub(crate) fn nothing_said(trainer: TrainerSource) -> Self {
        Self {
            trainer,
            capabilities: Capabilities::default(),
            limits: Limits::default(),
            limits_said: Limits::NOTHING_SAID,
            engine: EngineConfig::default(),
            build_timeout: BUILD_TIMEOUT,
            run: RunConfig::default(),
            reload: ReloadConfig::default(),
            store: StoreConfig::default(),
        }
    }

    /// Reads what a user says about a project that is not trusted: everything but where its trainer comes
    /// from.
    pub(crate) fn parse_user(
        path: &Path,
        text: &str,
        trainer: TrainerSource,
    ) -> Result<Self, ProjectError> {
        let document = Document::new(path, text);
        let mut root = document.root()?;
        let capabilities = capabilities(root.table("capabilities")?)?;
        let limits_said = limits(root.table("limits")?)?;
        let config = Self {
            capabilities,
            limits: limits_said.or_default(),
            limits_said,
            engine: engine(root.table("engine")?)?,
            run: run(root.table("run")?)?,
            reload: reload(root.table("reload")?)?,
            store: store(root.table("store")?)?,
            ..Self::nothing_said(trainer)
        };
        root.finish()?;
        Ok(config)
    }

    /// Reads a project file. `path` is its path, for messages and as the place of what `is_file` is asked about,
    /// where the file does not say what the trainer is.
    pub(crate) fn parse(
        path: &Path,
        text: &str,
        is_file: &dyn Fn(&Path) -> bool,
    ) -> Result<Self, ProjectError> {
        let document = Document::new(path, text);
        let mut root = document.root()?;
        let root_folder = path.parent().unwrap_or(Path::new("."));
        let mut table = root.table("trainer")?;
        let build_timeout = table
            .take("build-timeout")
            .map(|value| value.duration(Duration::from_secs(1)..=HOUR * 24))
            .transpose()?
            .unwrap_or(BUILD_TIMEOUT);
        let trainer = trainer(table, root_folder, is_file)?;
        let capabilities = capabilities(root.table("capabilities")?)?;
        let limits_said = limits(root.table("limits")?)?;
        let engine = engine(root.table("engine")?)?;
        let run = run(root.table("run")?)?;
        let reload = reload(root.table("reload")?)?;
        let store = store(root.table("store")?)?;
        root.finish()?;
        Ok(Self {
            trainer,
            capabilities,
            limits: limits_said.or_default(),
            limits_said,
            engine,
            build_timeout,
            run,
            reload,
            store,
        })
    }
}

fn trainer(
    mut table: Table<'_>,
    root: &Path,
    is_file: &dyn Fn(&Path) -> bool,
) -> Result<TrainerSource, ProjectError> {
    let folder = table.take("path").map(Value::path).transpose()?;
    let language = table
        .take("language")
        .map(|value| {
            value.choice(&[
                ("rust", Named::Compiled(Language::Rust)),
                (
                    "typescript",
                    Named::Script(ScriptLanguage::JavaScript, TYPESCRIPT),
                ),
                (
                    "javascript",
                    Named::Script(ScriptLanguage::JavaScript, JAVASCRIPT),
                ),
                ("python", Named::Script(ScriptLanguage::Python, PYTHON)),
            ])
        })
        .transpose()?;
    let entry = table.take("entry").map(Value::path).transpose()?;
    let component = table.take("component").map(Value::path).transpose()?;
    let command = table.take("build").map(build_command).transpose()?;
    let inputs = table
        .take("inputs")
        .map(|value| value.list("a list such as [\"src\", \"Makefile\"]", Value::path))
        .transpose()?;
    let place = table.place();
    table.finish()?;

    let invalid = |message, hint| {
        Err(ProjectError::InvalidTrainer {
            place,
            message,
            hint,
        })
    };
    let or_here = |folder: Option<PathBuf>| folder.unwrap_or_else(|| PathBuf::from("."));
    let inside = |folder: &Path, entry: &Path| {
        if folder == Path::new(".") {
            entry.to_path_buf()
        } else {
            folder.join(entry)
        }
    };
    if inputs.is_some() && command.is_none() {
        return invalid(
            "[trainer] has `inputs` without `build`",
            "remove `inputs`: what the host builds itself it knows the files of",
        );
    }
    match (language, component, command, entry) {
        (Some(_), Some(_), _, _) => invalid(
            "[trainer] has both `language` and `component`",
            "keep `language` to build the sources, or `component` to use a finished file",
        ),
        (Some(_), None, Some(_), _) => invalid(
            "[trainer] has both `language` and `build`",
            "a build command stands in for a language: remove `language`, and name the file it \
             leaves with `component = \"...\"`",
        ),
        (None, None, Some(_), _) => invalid(
            "[trainer] has `build` without `component`",
            "name the file that the command leaves: component = \"trainer.wasm\"",
        ),
        (Some(Named::Compiled(_)), None, None, Some(_)) | (None, Some(_), _, Some(_)) => invalid(
            "[trainer] has an `entry`, and its trainer is no script",
            "remove `entry`: it names the first file of a script trainer",
        ),
        (None, Some(component), Some(command), None) => Ok(TrainerSource::Command {
            command,
            folder: or_here(folder),
            component,
            inputs,
        }),
        (None, Some(component), None, None) => Ok(TrainerSource::Component(component)),
        (Some(Named::Compiled(language)), None, None, None) => Ok(TrainerSource::Sources {
            language,
            folder: or_here(folder),
        }),
        (Some(Named::Script(language, _)), None, None, Some(entry)) => {
            let folder = or_here(folder);
            Ok(TrainerSource::Script {
                language,
                entry: inside(&folder, &entry),
                folder,
            })
        }
        (Some(Named::Script(language, endings)), None, None, None) => {
            let folder = or_here(folder);
            match find_entry(&root.join(&folder), &[endings], is_file) {
                Some(entry) => Ok(TrainerSource::Script {
                    language,
                    entry: inside(&folder, &entry),
                    folder,
                }),
                None => invalid(
                    "[trainer] names a language, and there is neither a trainer.* nor a \
                     src/trainer.* of that language",
                    match endings {
                        PYTHON => "name the file: entry = \"my-trainer.py\"",
                        JAVASCRIPT => "name the file: entry = \"my-trainer.js\"",
                        _ => "name the file: entry = \"my-trainer.ts\"",
                    },
                ),
            }
        }
        (None, None, None, Some(entry)) => {
            let folder = or_here(folder);
            match script_language(&entry) {
                Some(language) => Ok(TrainerSource::Script {
                    language,
                    entry: inside(&folder, &entry),
                    folder,
                }),
                None => invalid(
                    "[trainer] has an `entry` whose ending is that of no known script language",
                    "name the language: language = \"typescript\", \"javascript\" or \"python\"",
                ),
            }
        }
        (None, None, None, None) => {
            let folder = or_here(folder);
            let absolute = root.join(&folder);
            if is_file(&absolute.join("Cargo.toml")) {
                return Ok(TrainerSource::Sources {
                    language: Language::Rust,
                    folder,
                });
            }
            let found = find_entry(&absolute, &[TYPESCRIPT, JAVASCRIPT, PYTHON], is_file);
            match found.and_then(|entry| Some((script_language(&entry)?, entry))) {
                Some((language, entry)) => Ok(TrainerSource::Script {
                    language,
                    entry: inside(&folder, &entry),
                    folder,
                }),
                None => invalid(
                    "[trainer] does not say where the trainer comes from, and there is neither a \
                     trainer.ts, .js or .py nor a Cargo.toml to go by",
                    "add `entry = \"...\"`, `language = \"...\"` with `path = \"...\"`, or \
                     `component = \"...\"`",
                ),
            }
        }
    }
}

fn build_command(value: Value<'_>) -> Result<BuildCommand, ProjectError> {
    const EXPECTED: &str = "a shell command in quotes, or a list of a program and its arguments";
    if value.is_filled_list() {
        let mut first = true;
        return value
            .list(EXPECTED, |part| {
                let required = std::mem::take(&mut first);
                part.parse(EXPECTED, |text| {
                    (!required || !text.is_empty()).then(|| text.to_owned())
                })
            })
            .map(BuildCommand::Program);
    }
    value.parse(EXPECTED, |text| {
        (!text.trim().is_empty()).then(|| BuildCommand::Shell(text.to_owned()))
    })
}

fn capabilities(mut table: Table<'_>) -> Result<Capabilities, ProjectError> {
    let files = table.take("files").map_or(Ok(Vec::new()), |value| {
        value.list(
            "a list such as [{ path = \"data\", mode = \"read\" }]",
            file_grant,
        )
    })?;
    let env = table.take("env").map_or(Ok(Vec::new()), |value| {
        value.list("a list of names such as [\"HOME\"]", |name| {
            name.parse("the name of an environment variable", |text| {
                (!text.is_empty() && !text.contains(['=', '\0'])).then(|| text.to_owned())
            })
        })
    })?;
    let network = table.take("network").map_or(Ok(Vec::new()), |value| {
        value.list("a list such as [\"example.org:443\"]", |address| {
            address.parse("a host and a port, such as \"example.org:443\"", |text| {
                values::parse_address(text).map(|(host, port)| NetworkGrant { host, port })
            })
        })
    })?;
    let clock = table.take("clock").map(|value| {
        value.choice(&[
            ("coarse", ClockPrecision::Coarse),
            ("precise", ClockPrecision::Precise),
        ])
    });
    let random = table.take("random").map(|value| {
        value.choice(&[
            ("seeded", RandomSource::Seeded),
            ("system", RandomSource::System),
        ])
    });
    let capabilities = Capabilities {
        files,
        env,
        network,
        clock: clock.transpose()?.unwrap_or_default(),
        random: random.transpose()?.unwrap_or_default(),
    };
    table.finish()?;
    Ok(capabilities)
}

fn file_grant(value: Value<'_>) -> Result<FileGrant, ProjectError> {
    let mut table = value.table()?;
    let place = table.place();
    let path = table.take("path").map(|value| {
        value.parse(
            "a folder of the project, such as \"data\", without `..`",
            |text| {
                let inside = !text.is_empty()
                    && !text.starts_with('/')
                    && !text.contains(['\\', ':'])
                    && text.split('/').all(|part| part != "..");
                inside.then(|| text.trim_end_matches('/').to_owned())
            },
        )
    });
    let mode = table
        .take("mode")
        .map(|value| value.choice(&[("read", FileAccess::Read), ("write", FileAccess::Write)]));
    table.finish()?;
    match (path.transpose()?, mode.transpose()?) {
        (Some(path), Some(access)) => Ok(FileGrant { path, access }),
        _ => Err(ProjectError::InvalidValue {
            place,
            key: "capabilities.files".into(),
            value: "incomplete".into(),
            expected: "both, { path = \"data\", mode = \"read\" }".into(),
        }),
    }
}

fn engine(mut table: Table<'_>) -> Result<EngineConfig, ProjectError> {
    let kind = table
        .take("kind")
        .map(|value| value.choice(&[("embedded", EngineKind::Embedded)]));
    let threads = table.take("threads").map(|value| value.integer(1..=1024));
    let engine = EngineConfig {
        kind: kind.transpose()?.unwrap_or_default(),
        threads: threads.transpose()?.map(small),
    };
    table.finish()?;
    Ok(engine)
}

fn run(mut table: Table<'_>) -> Result<RunConfig, ProjectError> {
    let mut run = RunConfig::default();
    if let Some(value) = table.take("on-callback-error") {
        run.on_callback_error = Some(value.choice(&[
            ("continue", OnCallbackError::Continue),
            ("fail", OnCallbackError::Fail),
        ])?);
    }
    if let Some(value) = table.take("early-stop-deadline") {
        run.early_stop_deadline = value.duration(Duration::from_secs(1)..=HOUR * 24)?;
    }
    table.finish()?;
    Ok(run)
}

fn reload(mut table: Table<'_>) -> Result<ReloadConfig, ProjectError> {
    let restart = table
        .take("restart")
        .map(|value| value.choice(&[("fresh", Restart::Fresh), ("warm", Restart::Warm)]));
    table.finish()?;
    Ok(ReloadConfig {
        restart: restart.transpose()?.unwrap_or_default(),
    })
}

fn store(mut table: Table<'_>) -> Result<StoreConfig, ProjectError> {
    let mut store = StoreConfig::default();
    if let Some(value) = table.take("max-size") {
        store.max_size = Some(value.size(64 << 10..=1 << 50)?);
    }
    table.finish()?;
    Ok(store)
}

/// A number that was checked to be small.
fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
