//! What can go wrong with a store.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::place::NO_STORE;

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
    /// Something in it is not what this program makes.
    #[error("the store at `{}` was not made by this program: {what}", path.display())]
    Foreign {
        /// The folder, or what lies in its place.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// Somebody else made it, or nobody knows.
    #[error("`{}` was not made by you on this machine: {why}", path.display())]
    NotYours {
        /// The folder.
        path: PathBuf,
        /// Why that is believed.
        why: &'static str,
    },
    /// The key that marks stores as this user's can be neither read nor made.
    #[error("the key that marks stores as yours, `{}`, cannot be used: {source}", path.display())]
    Key {
        /// The key's file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A lock that is held for moments only was not free for long.
    #[error(
        "`{}` has been held by {} for {waited} seconds",
        path.display(),
        holder.map_or_else(|| "another process".into(), |number| format!("process {number}"))
    )]
    Held {
        /// The lock's file.
        path: PathBuf,
        /// The process that has it, where the system tells.
        holder: Option<u32>,
        /// Seconds waited in vain.
        waited: u64,
    },
    /// Written by a later version of this program.
    #[error(
        "the store at `{}` has version {found}, and this program knows versions up to {known}",
        path.display()
    )]
    NewerSchema {
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
    /// Someone else, in this process or another, is the writer of this run.
    #[error("run {run} is being trained by another process")]
    RunLive {
        /// The run.
        run: String,
    },
    /// No run has this id.
    #[error("{}", no_such_run(wanted, *count))]
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
        /// The runs it could be, the newest first.
        candidates: Vec<String>,
    },
    /// The last event of this attempt is already written.
    #[error("run {run} has ended; its log takes no further event")]
    Ended {
        /// The run.
        run: String,
    },
    /// An event holds something that JSON cannot carry, such as a number that is not finite.
    #[error("event `{kind}` of run {run} cannot be stored: {what}")]
    Unstorable {
        /// The run.
        run: String,
        /// The event's type.
        kind: &'static str,
        /// Why not.
        what: String,
    },
    /// It was removed while it was open.
    #[error("the store `{}` is gone: it was removed while it was written to", path.display())]
    Gone {
        /// Its folder.
        path: PathBuf,
    },
    /// Another process kept the database locked for longer than a writer waits.
    #[error("the database `{}` was locked by another process for {waited} seconds", path.display())]
    Busy {
        /// The database.
        path: PathBuf,
        /// Seconds waited in vain.
        waited: u64,
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
            Self::Foreign { path, .. } => format!(
                "if it came with the project, delete `{}` or move it away; a store has no links to \
                 other places",
                path.display()
            ),
            Self::NotYours { why, .. } if *why == NO_STORE => {
                "name an empty folder, or one that is not there yet".into()
            }
            Self::NotYours { path, .. } => format!(
                "if you trust who made it, look at it with `arkor-host runs adopt`, which makes it \
                 yours; or else delete `{}`",
                path.display()
            ),
            Self::Key { .. } => {
                "name a folder of your own that can be written to with ARKOR_DATA_DIR".into()
            }
            Self::Held { .. } => "end that process, or wait until it is done".into(),
            Self::NewerSchema { .. } => "install the newer arkor-host that wrote it".into(),
            Self::Full { .. } => {
                "free some space, remove runs with `arkor-host runs rm`, lower save-total-limit, or raise \
                 max-size in [store] of arkor.toml; the run can be resumed from its last checkpoint"
                    .into()
            }
            Self::ReadOnly { .. } => {
                "a run keeps its checkpoints in the project's folder: make it writable, or copy the \
                 project to a place that is"
                    .into()
            }
            Self::Missing { .. } => "start a run with `arkor-host run`".into(),
            Self::RunLive { .. } => "stop that process first (Ctrl-C writes a checkpoint)".into(),
            Self::NoSuchRun { count: 0, .. } => "start one with `arkor-host run`".into(),
            Self::NoSuchRun { .. } | Self::Ambiguous { .. } => {
                "`arkor-host runs list` shows all of them, with --untrusted those that it ran".into()
            }
            Self::Gone { .. } => {
                "nothing of this run can be kept any more; put the folder back, if it was moved, and resume \
                 the run from its last checkpoint"
                    .into()
            }
            Self::Busy { .. } => "close other programs that have this database open".into(),
            Self::Ended { .. }
            | Self::Unstorable { .. }
            | Self::Io { .. }
            | Self::Database { .. } => return None,
        })
    }

    pub(crate) fn io(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        let path = path.to_path_buf();
        if arkor_files::is_foreign(&source) {
            let what = source.to_string();
            return Self::Foreign { path, what };
        }
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full {
                path,
                what: source.to_string(),
            },
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
        use rusqlite::Error::{
            FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnName, InvalidColumnType,
        };
        let path = path.to_path_buf();
        let what = source.to_string();
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                return Self::Corrupt { path, what };
            }
            Some(ErrorCode::DiskFull) => return Self::Full { path, what },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                return Self::ReadOnly { path, what };
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                let waited = crate::connection::BUSY.as_secs();
                return Self::Busy { path, waited };
            }
            // SQLite does not say why it cannot open a file; asking the system again does.
            Some(ErrorCode::CannotOpen) => {
                let opened = arkor_files::open_regular(&path)
                    .and_then(|_| std::fs::File::options().write(true).open(&path));
                if let Err(error) = opened {
                    return Self::io("open", &path, error);
                }
            }
            Some(ErrorCode::OperationInterrupted) => {
                let what = "what was asked of it did not come to an end in time".into();
                return Self::Corrupt { path, what };
            }
            _ => {}
        }
        match &source {
            // A row that cannot be understood is damage, not a failure of SQLite.
            FromSqlConversionFailure(column, _, error) => Self::Corrupt {
                path,
                what: format!("column {column} of a row cannot be read: {error}"),
            },
            IntegralValueOutOfRange(..) | InvalidColumnType(..) | InvalidColumnName(_) => {
                Self::Corrupt { path, what }
            }
            rusqlite::Error::SqliteFailure(_, Some(text)) if text.starts_with("no such ") => {
                Self::Corrupt { path, what }
            }
            _ => Self::Database { path, source },
        }
    }
}

fn no_such_run(wanted: &str, count: usize) -> String {
    match (count, wanted) {
        (0, "latest") => "there is no run yet".into(),
        (0, _) => format!("there is no run `{wanted}`, and no other yet"),
        _ => format!("there is no run `{wanted}`"),
    }
}
