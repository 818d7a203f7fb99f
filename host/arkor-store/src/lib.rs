//! Keeps runs: their events, checkpoints and artifacts.
//!
//! A store is a folder, `.arkor` in a project. Facts are rows in SQLite, bytes are files named by
//! their blake3:
//!
//! ```text
//! .arkor/
//!   made-by         whose it is, see `mark`
//!   .gitignore      *
//!   arkor.db        runs, events, checkpoints, artifacts
//!   blobs/ab/abcd…  content: written under blobs/tmp, synced, then renamed
//!   locks/<run>     held by the process that trains the run
//!   locks/gate      held for a moment by whoever opens the store or takes a run's lock
//! ```
//!
//! What a call acknowledged survives the death of the process at any instant. An event and the
//! facts it tells of (a checkpoint, an artifact, the status of the run) are one transaction, so a
//! reader never sees one without the other.
//!
//! The database runs in WAL mode with `synchronous = NORMAL`: an append does not wait for the
//! disk. A loss of power can undo the last seconds of a log, and never damages the database.
//! Checkpoints and named states do wait: once acknowledged, they and all events before them are
//! on the disk. Content is there before the row that names it, and goes after that row is gone from
//! the disk too.
//!
//! What lies in the folder can be a stranger's: it came with a project, or somebody changed it. A store
//! without a mark of this user's is refused ([`MadeBy`]). Beyond that, files are opened without following
//! links ([`arkor_files`]), the database with all that SQLite has against hostile files (`connection`), its
//! schema must be the one that this program makes, ids and digests in rows are checked by their form
//! before they become names of files, and only files of names and places that this program makes are
//! deleted.
//!
//! A run has one writer, a [`RunHandle`]. Readers may be many, in any process. Every call blocks
//! until it is done; an async caller makes them on a thread of their own.

mod blob;
mod connection;
mod damage;
mod error;
mod id;
mod lock;
mod mark;
mod place;
mod query;
mod run;
mod schema;
mod store;
mod tail;

pub use blob::{Blob, BlobWriter};
pub use error::StoreError;
pub use mark::MadeBy;
pub use place::Place;
pub use run::{NewCheckpoint, RunHandle};
pub use store::{Adopted, NewRun, Removed, Store, StoreOptions};
pub use tail::{Line, Tail};
