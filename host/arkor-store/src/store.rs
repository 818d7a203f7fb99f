//! A store as a whole: opening it, and how everything else gets at its database.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arkor_types::RunId;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use crate::blob::{Blobs, sync_folder};
use crate::lock::Lock;
use crate::{StoreError, schema};

mod lifecycle;
mod reading;
mod sweep;

pub use lifecycle::{NewRun, Removed};

/// How long a writer waits for another one. Transactions here take well under a millisecond.
pub(crate) const BUSY: Duration = Duration::from_secs(10);

/// The store of a project. Cheap to clone; clones share its connections.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) dir: PathBuf,
    pub(crate) db_path: PathBuf,
    /// Of its own, so that a long read does not hold up an append. Closed before the writer, for
    /// only a writer that is closed last moves the write-ahead log into the database.
    reader: Mutex<Connection>,
    /// None if the store is open for reading only.
    writer: Option<Mutex<Connection>>,
    pub(crate) blobs: Blobs,
}

/// How a store is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreOptions {
    /// Most bytes of events, checkpoints and artifacts together; none: as much as the disk holds.
    ///
    /// Terminal events are written all the same, so that a run can say why it ended. Bytes that
    /// other processes are just writing are not counted.
    pub max_size: Option<u64>,
}

/// What an acknowledged transaction survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// The death of the process. The system has the bytes, the disk may not.
    Process,
    /// A loss of power too, of this transaction and all before it.
    Power,
}

impl Store {
    /// Opens the store in a folder, and makes it if there is none.
    ///
    /// # Errors
    ///
    /// If it cannot be written to, is damaged or comes from a newer version.
    pub fn open(dir: &Path, options: StoreOptions) -> Result<Self, StoreError> {
        create_folders(dir)?;
        // A new database must be set up by one process alone: SQLite does not wait for others
        // while it changes the journal mode.
        let gate = Lock::take(&gate_path(dir))?;
        let db_path = dir.join("arkor.db");
        create_private(&db_path)?;
        let failed = |source| StoreError::database(&db_path, source);
        let mut writer = Connection::open(&db_path).map_err(failed)?;
        writer.busy_timeout(BUSY).map_err(failed)?;
        schema::check(&writer, &db_path)?;
        writer
            .pragma_update(None, "journal_mode", "WAL")
            .map_err(failed)?;
        set_durability(&writer, Durability::Process).map_err(failed)?;
        writer
            .pragma_update(None, "foreign_keys", true)
            .map_err(failed)?;
        schema::migrate(&mut writer, &db_path)?;
        let reader = open_reader(&db_path).map_err(failed)?;
        let blobs = Blobs::new(dir.join("blobs"), options.max_size);
        blobs.create()?;
        for folder in [dir, dir.parent().unwrap_or(dir)] {
            // A relative path's parent can be empty. Only a loss of power needs this at all.
            let _ = sync_folder(folder);
        }
        drop(gate);
        let store = Self::with(dir, db_path, Some(writer), reader, blobs);
        store.sweep()?;
        store.measure()?;
        Ok(store)
    }

    /// Opens a store for reading; every call that writes then fails with
    /// [`StoreError::ReadOnly`].
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`] if there is none; otherwise as [`Self::open`].
    pub fn open_read_only(dir: &Path) -> Result<Self, StoreError> {
        let db_path = dir.join("arkor.db");
        if !db_path.is_file() {
            return Err(StoreError::Missing { path: dir.into() });
        }
        let failed = |source| StoreError::database(&db_path, source);
        let mut reader = open_reader(&db_path).map_err(failed)?;
        if lacks_lock_files(&reader) {
            // A folder that cannot be written to has no place for the files by which SQLite's
            // processes find each other. Nobody writes there, so it may be read without them; but
            // without the write-ahead log too, and then the latest would be missing.
            let wal = dir.join("arkor.db-wal");
            if wal.metadata().is_ok_and(|meta| meta.len() > 0) {
                return Err(StoreError::ReadOnly {
                    path: wal,
                    what: "a process that was cut off left changes there, which can only be read \
                           where files can be made"
                        .into(),
                });
            }
            let flags = read_only() | OpenFlags::SQLITE_OPEN_URI;
            reader = Connection::open_with_flags(immutable_uri(&db_path), flags).map_err(failed)?;
        }
        schema::check(&reader, &db_path)?;
        let blobs = Blobs::new(dir.join("blobs"), None);
        Ok(Self::with(dir, db_path, None, reader, blobs))
    }

    fn with(
        dir: &Path,
        db_path: PathBuf,
        writer: Option<Connection>,
        reader: Connection,
        blobs: Blobs,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                dir: dir.into(),
                db_path,
                writer: writer.map(Mutex::new),
                reader: Mutex::new(reader),
                blobs,
            }),
        }
    }

    /// Runs `work` as one transaction that no other writer comes in between.
    pub(crate) fn write<T>(
        &self,
        durability: Durability,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let mut db = self.writer()?;
        let transact = |db: &mut Connection| -> rusqlite::Result<T> {
            let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = work(&tx)?;
            tx.commit()?;
            Ok(done)
        };
        let done = match durability {
            Durability::Process => transact(&mut db),
            Durability::Power => set_durability(&db, Durability::Power).and_then(|()| {
                let done = transact(&mut db);
                set_durability(&db, Durability::Process).and(done)
            }),
        };
        done.map_err(|source| StoreError::database(&self.shared.db_path, source))
    }

    fn writer(&self) -> Result<MutexGuard<'_, Connection>, StoreError> {
        let writer = self.shared.writer.as_ref();
        let writer = writer.ok_or_else(|| StoreError::ReadOnly {
            path: self.shared.dir.clone(),
            what: "it was opened for reading".into(),
        })?;
        // A panic in a transaction has rolled it back; the connection is as good as before.
        Ok(writer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs `work` on a connection that sees what is committed.
    pub(crate) fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let db = self.shared.reader.lock();
        let db = db.unwrap_or_else(PoisonError::into_inner);
        work(&db).map_err(|source| StoreError::database(&self.shared.db_path, source))
    }

    /// Whoever takes or tries the lock of a run passes this gate first, one at a time, and is
    /// through in a moment. So a run's lock that is found taken is held by a writer, and not by
    /// someone who only looks after dead runs.
    pub(crate) fn gate(&self) -> Result<Lock, StoreError> {
        // Also an early answer for a store open for reading.
        drop(self.writer()?);
        Lock::take(&gate_path(&self.shared.dir))
    }

    /// Behind the [gate](Self::gate). The run must be one of the store's: its id becomes a path.
    pub(crate) fn lock_run(&self, id: &RunId) -> Result<Option<Lock>, StoreError> {
        Lock::try_take(&self.lock_path(id))
    }

    pub(crate) fn lock_path(&self, id: &RunId) -> PathBuf {
        self.shared.dir.join("locks").join(id.as_str())
    }

    /// Brings the quota up to date with what other processes did.
    pub(crate) fn measure(&self) -> Result<(), StoreError> {
        if !self.shared.blobs.quota.is_limited() {
            return Ok(());
        }
        let rows: u64 = self.read(|db| {
            db.query_row(
                "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, \
                 pragma_freelist_count, pragma_page_size",
                [],
                |row| row.get(0),
            )
        })?;
        self.shared.blobs.quota.set(rows + self.shared.blobs.size());
        Ok(())
    }
}

fn gate_path(dir: &Path) -> PathBuf {
    dir.join("locks").join("gate")
}

fn set_durability(db: &Connection, durability: Durability) -> rusqlite::Result<()> {
    let synchronous = match durability {
        Durability::Process => "NORMAL",
        Durability::Power => "FULL",
    };
    db.pragma_update(None, "synchronous", synchronous)
}

fn read_only() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let db = Connection::open_with_flags(path, read_only())?;
    db.busy_timeout(BUSY)?;
    Ok(db)
}

/// Whether a read fails for want of a place for SQLite's own files.
fn lacks_lock_files(db: &Connection) -> bool {
    let read = db.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()));
    read.is_err_and(|error| {
        matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen)
        )
    })
}

/// As of <https://www.sqlite.org/uri.html>.
fn immutable_uri(path: &Path) -> String {
    let mut uri = String::from("file:");
    let path = path.display().to_string().replace('\\', "/");
    if !path.starts_with('/') && path.contains(':') {
        uri.push('/');
    }
    for letter in path.chars() {
        match letter {
            '%' => uri.push_str("%25"),
            '?' => uri.push_str("%3f"),
            '#' => uri.push_str("%23"),
            _ => uri.push(letter),
        }
    }
    uri + "?immutable=1"
}

fn create_folders(dir: &Path) -> Result<(), StoreError> {
    // Logs and specs can hold what is not meant for others.
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let locks = dir.join("locks");
    builder
        .create(&locks)
        .map_err(|source| StoreError::io("create", &locks, source))?;
    let ignore = dir.join(".gitignore");
    if ignore.exists() {
        return Ok(());
    }
    let failed = |source| StoreError::io("write", &ignore, source);
    let mut file = tempfile::NamedTempFile::new_in(dir).map_err(failed)?;
    std::io::Write::write_all(&mut file, b"*\n").map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(&ignore).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Makes the file of a new database, readable for its owner alone; SQLite gives its other files
/// the same mode.
fn create_private(path: &Path) -> Result<(), StoreError> {
    let mut options = std::fs::File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(StoreError::io("create", path, error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
