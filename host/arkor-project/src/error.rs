//! What can go wrong with a project, and what to do about it.

use std::fmt;
use std::path::PathBuf;

use crate::config::expected_list;

/// A place in a project file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.path.display(), self.line, self.column)
    }
}

/// A failure of something in this crate.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// No folder from here upwards has an `arkor.toml`.
    #[error("no arkor.toml in {} or any folder above it", .start.display())]
    NotFound {
        /// Where the search began.
        start: PathBuf,
        /// What looks like a trainer there.
        trainer: Option<PathBuf>,
    },
    /// Changes of files cannot be seen.
    #[error("cannot watch {}", .path.display())]
    Watch {
        /// The project.
        path: PathBuf,
        /// What the system said.
        source: notify::Error,
    },
    /// A path that must exist does not.
    #[error("{what} {} does not exist", .path.display())]
    Missing {
        /// What the path is.
        what: &'static str,
        /// The path.
        path: PathBuf,
    },
    /// Input or output failed.
    #[error("could not {action} {}", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// The project file is not TOML.
    #[error("{place}: {message}")]
    Syntax {
        /// Where.
        place: Box<Place>,
        /// What the parser says.
        message: String,
    },
    /// A key that means nothing.
    #[error("{place}: unknown key `{key}` in {section}")]
    UnknownKey {
        /// Where.
        place: Box<Place>,
        /// The key.
        key: String,
        /// The table it stands in.
        section: String,
        /// The known key that resembles it most.
        suggestion: Option<&'static str>,
        /// The keys which that table may have.
        known: Vec<&'static str>,
    },
    /// A value that its key does not take.
    #[error("{place}: `{key}` is {value}, expected {expected}")]
    InvalidValue {
        /// Where.
        place: Box<Place>,
        /// The key with its table.
        key: String,
        /// The value, as it stands there.
        value: String,
        /// The allowed form.
        expected: String,
    },
    /// Keys that do not go together, or of which one is needed.
    #[error("{place}: {message}")]
    InvalidTrainer {
        /// Where.
        place: Box<Place>,
        /// What is wrong with them.
        message: &'static str,
        /// What to write.
        hint: &'static str,
    },
    /// A path that must lie inside the project does not.
    #[error("path `{path}` leads out of the project {}", .root.display())]
    Outside {
        /// The project's folder.
        root: PathBuf,
        /// The path, as given.
        path: String,
    },
    /// A grant of files that would reach beyond files.
    #[error("capabilities.files grants mode = \"{access}\" for `{path}`, which holds {holds}")]
    Grant {
        /// The path, as given.
        path: String,
        /// `read` or `write`.
        access: &'static str,
        /// What must not be granted.
        holds: &'static str,
    },
    /// A folder that is granted is not there.
    #[error("capabilities.files grants `{path}`, and there is no such folder")]
    GrantMissing {
        /// The path, as given.
        path: String,
    },
    /// A project that is not trusted asks for something that it does not get.
    #[error("the project is not trusted: {what}")]
    Untrusted {
        /// What it asks for.
        what: String,
        /// What to do.
        hint: String,
    },
    /// A program could not be started.
    #[error("could not start `{program}`")]
    Start {
        /// The program.
        program: String,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// A build ended with an error.
    #[error("build failed ({status}): {command}\n{output}")]
    BuildFailed {
        /// What was run.
        command: String,
        /// How it ended.
        status: String,
        /// All that the compiler wrote.
        output: String,
    },
    /// The sources of a script trainer are wrong: each problem with its place, and the line.
    #[error("{problems}")]
    Source {
        /// For people, one after the other.
        problems: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// A build took too long.
    #[error("the build did not end within {seconds} s: {command}\n{output}")]
    BuildTimeout {
        /// What was run.
        command: String,
        /// How long it was waited for.
        seconds: u64,
        /// What it had written by then, the middle of much left out.
        output: String,
    },
    /// Nobody waits for the build any more.
    #[error("the build was ended: {command}")]
    BuildStopped {
        /// What was run.
        command: String,
    },
    /// A build ended well, but left no wasm file.
    #[error("the build of {} left no .wasm file", .folder.display())]
    NoArtifact {
        /// The folder that was built.
        folder: PathBuf,
        /// What to do about it.
        hint: &'static str,
    },
    /// A build left several wasm files, and none of them is that of the package in its folder.
    #[error("the build of {} left several .wasm files: {}", .folder.display(), shown(.files))]
    SeveralArtifacts {
        /// The folder that was built.
        folder: PathBuf,
        /// The files.
        files: Vec<PathBuf>,
    },
    /// Rust code cannot be compiled to wasm here.
    #[error("no Rust toolchain here compiles to WebAssembly: {reason}")]
    NoToolchain {
        /// What was looked for in vain.
        reason: String,
    },
    /// Packages are to be installed, and there is no pip.
    #[error(
        "the project's requirements.txt names packages, and no Python here has pip to install them"
    )]
    NoPip,
    /// A line of requirements.txt that is not taken.
    #[error("{place}: `{line}` is not taken: {message}")]
    Requirement {
        /// Where.
        place: Box<Place>,
        /// The line.
        line: String,
        /// Why not.
        message: String,
    },
    /// Packages that lie elsewhere.
    #[error("{} is a link, or leads through one, and packages are taken from the project itself", .path.display())]
    LinkedPackages {
        /// The environment, or what is in it.
        path: PathBuf,
    },
    /// The packages of a Python project could not be installed.
    #[error("the packages that requirements.txt names could not be installed\n{output}")]
    Packages {
        /// All that pip wrote.
        output: String,
    },
    /// The toolchain could not be installed.
    #[error("could not install a Rust toolchain for WebAssembly\n{output}")]
    Install {
        /// What was tried and what the programs wrote.
        output: String,
    },
}

fn shown(files: &[PathBuf]) -> String {
    let files: Vec<_> = files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    files.join(", ")
}

impl ProjectError {
    /// What to do about it, if this crate knows.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotFound {
                trainer: Some(trainer),
                ..
            } => format!(
                "there is a `{}`: an empty arkor.toml beside it makes the folder a project",
                trainer.display()
            ),
            Self::NotFound { .. } => {
                "name the folder of a project that has one, or a .wasm file".into()
            }
            Self::Watch { .. } => "is the limit of watches reached? On Linux: sysctl \
                                   fs.inotify.max_user_watches"
                .into(),
            Self::BuildTimeout { .. } => {
                "if it needs longer, allow it in arkor.toml: [trainer] build-timeout = \"30 min\""
                    .into()
            }
            Self::Requirement { .. } => {
                "a line has a name, extras, versions, markers and hashes, as in \
                 `name[extra]>=2,<3; python_version > \"3.9\"`; install all else yourself into a virtual \
                 environment of the project, .venv"
                    .into()
            }
            Self::LinkedPackages { .. } => {
                "make the environment in the project, with copies of its files: python3 -m venv .venv, or \
                 uv venv and UV_LINK_MODE=copy"
                    .into()
            }
            Self::Packages { .. } => {
                "only packages without native code run in the sandbox: those that \
                                      have a wheel for any platform"
                    .into()
            }
            Self::NoPip => {
                "install Python with pip, or make a virtual environment with the packages in the \
                            project: .venv"
                    .into()
            }
            Self::Missing { .. } => "check the path; paths in arkor.toml are relative to it".into(),
            Self::UnknownKey {
                suggestion: Some(suggestion),
                ..
            } => format!("did you mean `{suggestion}`?"),
            Self::UnknownKey { known, .. } => {
                format!("expected {}", expected_list(known, "`", "or"))
            }
            Self::InvalidTrainer { hint, .. } | Self::NoArtifact { hint, .. } => (*hint).into(),
            Self::GrantMissing { .. } => "make the folder, or take the grant out of arkor.toml".into(),
            Self::SeveralArtifacts { .. } => {
                "a trainer is one of them: name the folder of its package in arkor.toml: [trainer] path = \"...\""
                    .into()
            }
            Self::Source { hint, .. } => return hint.clone(),
            Self::Untrusted { hint, .. } => hint.clone(),
            Self::Grant { .. } => {
                "grant a folder that holds nothing else, such as `data`: the trainer could reach beyond \
                 its sandbox through that"
                    .into()
            }
            Self::Outside { .. } => {
                "a project reaches only what lies in its own folder, also through links: move or \
                 copy it there"
                    .into()
            }
            Self::Start { program, .. } if program == "cargo" || program == "rustc" => {
                "install Rust from https://rustup.rs".into()
            }
            Self::Start { program, .. } => {
                format!("is `{program}` installed and on the PATH?")
            }
            Self::NoToolchain { .. } | Self::Install { .. } => {
                "run `rustup target add wasm32-wasip2`; on Debian 12 without rustup: `sudo apt-get \
                 install rustc-web rust-web-src lld-22 wasi-libc`"
                    .into()
            }
            Self::Io { .. }
            | Self::Syntax { .. }
            | Self::InvalidValue { .. }
            | Self::BuildStopped { .. }
            | Self::BuildFailed { .. } => return None,
        })
    }
}
