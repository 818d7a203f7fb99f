//! What can go wrong with a store.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The content is not what was written.
    #[error("the store at `{}` is damaged: {what}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Written by a later version of this program.
    #[error("the store at `{}` has version {found}, and this program knows versions up to {known}", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The highest version this program knows.
        known: i64,
    },
    /// There is no space left.
    #[error("no space left to write to the store at `{}`: {what}", path.display())]
    Full {
        /// The store or a file of it.
        path: PathBuf,
        /// Which limit was met.
        what: String,
    },
    /// It cannot be written to.
    #[error("the store at `{}` cannot be written to: {what}", path.display())]
    ReadOnly {
        /// The store or a file of it.
        path: PathBuf,
        /// What the operating system says.
        what: String,
    },
    /// There is no store.
    #[error("there is no store at `{}`: nothing was run here yet", path.display())]
    Missing {
        /// Where it would be.
        path: PathBuf,
    },
    /// Another process trains this run.
    #[error("run {run} is being trained by another process")]
    RunLive {
        /// The run.
        run: String,
    },
    /// No run has this id.
    #[error("there is no run `{wanted}` among the {count} in this store")]
    NoSuchRun {
        /// What was asked for.
        wanted: String,
        /// How many runs there are.
        count: usize,
    },
    /// More than one run has an id that begins like this.
    #[error("`{wanted}` could be any of {}", candidates.join(", "))]
    Ambiguous {
        /// What was asked for.
        wanted: String,
        /// The runs it could be.
        candidates: Vec<String>,
    },
    /// The last event of this attempt is already written.
    #[error("run {run} has ended; its log takes no further event")]
    Ended {
        /// The run.
        run: String,
    },
    /// Any other trouble with a file.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// What was tried, `write` for one.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Any other trouble with the database.
    #[error("the database `{}` failed: {source}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
}

impl StoreError {
    /// What to do about it, if that is known.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Corrupt { path, .. } => format!(
                "move `{}` away to begin with an empty store; what it held may still be readable \
                 with the sqlite3 tool",
                path.display()
            ),
            Self::Newer { .. } => "install the newer arkor-host that wrote it".into(),
            Self::Full { .. } => {
                "free some space, remove runs with `arkor-host runs rm`, or lower save-total-limit; \
                 the run can be resumed from its last checkpoint"
                    .into()
            }
            Self::ReadOnly { .. } => {
                "a run keeps its checkpoints in the project's folder: make it writable, or copy the \
                 project to a place that is"
                    .into()
            }
            Self::Missing { .. } => "start a run with `arkor-host run`".into(),
            Self::RunLive { .. } => "stop that process first (Ctrl-C writes a checkpoint)".into(),
            Self::NoSuchRun { .. } | Self::Ambiguous { .. } => {
                "`arkor-host runs list` shows all of them".into()
            }
            Self::Ended { .. } | Self::Io { .. } | Self::Database { .. } => return None,
        })
    }

    pub(crate) fn io(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                Self::Full {
                    path,
                    what: source.to_string(),
                }
            }
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Self::ReadOnly {
                path,
                what: source.to_string(),
            },
            _ => Self::Io {
                action,
                path,
                source,
            },
        }
    }

    pub(crate) fn database(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_path_buf();
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt {
                path,
                what: source.to_string(),
            },
            Some(ErrorCode::DiskFull) => Self::Full {
                path,
                what: source.to_string(),
            },
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::ReadOnly {
                    path,
                    what: source.to_string(),
                }
            }
            _ => Self::Database { path, source },
        }
    }
}
