//! Keeps runs: their events, checkpoints and artifacts.
//!
//! A store is a folder, `.arkor` in a project. Facts are rows in SQLite, bytes are files named by
//! their blake3:
//!
//! ```text
//! .arkor/
//!   arkor.db        runs, events, checkpoints, artifacts
//!   blobs/ab/abcd…  content, written once under a temporary name, then renamed
//!   locks/<run>     held by the process that trains the run
//! ```
//!
//! What a call acknowledged survives the death of the process at any instant. An event and the
//! facts it tells of (a checkpoint, an artifact, the status of the run) are one transaction, so a
//! reader never sees one without the other. The database runs in WAL mode with `synchronous =
//! NORMAL`: a loss of power can undo the last transactions, never damage the file.
//!
//! A run has one writer, a [`RunHandle`]. Readers may be many, in any process.

mod blob;
mod error;
mod id;
mod lock;
mod query;
mod run;
mod schema;
mod store;

pub use blob::{Blob, BlobWriter};
pub use error::StoreError;
pub use run::{NewCheckpoint, RunHandle};
pub use store::{NewRun, Removed, Store, StoreOptions};
