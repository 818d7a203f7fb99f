//! A store as a whole: opening it, and how everything else gets at its database.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arkor_files::Folder;
use arkor_types::RunId;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};

use crate::blob::Blobs;
use crate::connection::Database;
use crate::damage::Damage;
use crate::lock::Lock;
use crate::mark::MadeBy;
use crate::place::{Place, name};
use crate::{StoreError, schema};

mod adopt;
mod files;
mod lifecycle;
mod reading;
mod removal;
mod sweep;

pub use adopt::Adopted;
pub use lifecycle::NewRun;
pub use removal::Removed;

/// The store of a project. Cheap to clone; clones share its connections, but for the writer of a run, which reads by
/// one of its own.
#[derive(Debug, Clone)]
pub struct Store {
    /// Of its own, so that a long read does not hold up an append. Closed before the writer, for
    /// only a writer that is closed last moves the write-ahead log into the database.
    reader: Arc<Mutex<Database>>,
    pub(crate) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) dir: PathBuf,
    pub(crate) db_path: PathBuf,
    /// None if the store is open for reading only.
    writer: Option<Mutex<Database>>,
    /// None if the store is open for reading only.
    locks: Option<Folder>,
    /// Where the database's files are. None if the store is open for reading only.
    folder: Option<Folder>,
    pub(crate) blobs: Blobs,
    pub(crate) damage: Damage,
    /// How often it was read.
    reads: AtomicU64,
}

/// How a store is opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoreOptions {
    /// Most bytes of events, checkpoints and artifacts together. None: what it holds when it is opened,
    /// and half of what the disk has left then, but no more than 50 GiB.
    ///
    /// Terminal events are written all the same, so that a run can say why it ended. Bytes that
    /// other processes are just writing are not counted.
    pub max_size: Option<u64>,
    /// Whose stores are opened.
    pub made_by: MadeBy,
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
    /// If it cannot be written to, is damaged, comes from a newer version or was made by somebody else.
    pub fn open(dir: &Path, options: StoreOptions) -> Result<Self, StoreError> {
        let place = Place::create(dir, &options.made_by)?;
        let folder = |name_of: &str| {
            let name = name(name_of)?;
            let found = place.folder().folder_or_new(&name);
            found.map_err(|error| StoreError::io("create", &place.folder().path_of(&name), error))
        };
        let locks = folder("locks")?;
        // A new database must be set up by one process alone: SQLite does not wait for others
        // while it changes the journal mode.
        let gate = Lock::take(&locks, &name(GATE)?)?;
        let db_path = files::database_or_new(place.folder())?;
        let failed = |source| StoreError::database(&db_path, source);
        let mut writer = Database::writer(&db_path).map_err(failed)?;
        schema::check(&writer, place.path(), &db_path)?;
        writer
            .pragma_update(None, "journal_mode", "WAL")
            .map_err(failed)?;
        set_durability(&writer, Durability::Process).map_err(failed)?;
        writer
            .pragma_update(None, "foreign_keys", true)
            .map_err(failed)?;
        schema::migrate(&mut writer, &db_path)?;
        let reader = Database::reader(&db_path).map_err(failed)?;
        let blobs = Blobs::create(folder("blobs")?, options.max_size)?;
        // Only a loss of power needs this at all.
        let _ = place.folder().sync();
        drop(gate);
        let free_space = place.folder().free_space();
        let store = Self {
            reader: Arc::new(Mutex::new(reader)),
            shared: Arc::new(Shared {
                dir: place.path().into(),
                db_path,
                writer: Some(Mutex::new(writer)),
                locks: Some(locks),
                folder: Some(place.into_folder()),
                blobs,
                damage: Damage::default(),
                reads: AtomicU64::new(0),
            }),
        };
        store.sweep()?;
        store.measure()?;
        store.shared.blobs.quota.share(free_space);
        Ok(store)
    }

    /// Opens a store for reading; every call that writes then fails with
    /// [`StoreError::ReadOnly`].
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`] if there is none; otherwise as [`Self::open`].
    pub fn open_read_only(dir: &Path, made_by: &MadeBy) -> Result<Self, StoreError> {
        Self::read_only_in(&Place::open(dir, made_by)?)
    }

    pub(crate) fn read_only_in(place: &Place) -> Result<Self, StoreError> {
        let Some(db_path) = files::database(place.folder())? else {
            return Err(StoreError::Missing {
                path: place.path().into(),
            });
        };
        let failed = |source| StoreError::database(&db_path, source);
        let mut reader = Database::reader(&db_path).map_err(failed)?;
        if lacks_lock_files(&reader) {
            // A folder that cannot be written to has no place for the files by which SQLite's
            // processes find each other. Nobody writes there, so it may be read without them; but
            // without the write-ahead log too, and then the latest would be missing.
            let wal = name(files::WAL)?;
            if place.folder().size(&wal).is_ok_and(|size| size > 0) {
                return Err(StoreError::ReadOnly {
                    path: place.folder().path_of(&wal),
                    what: "a process that was cut off left changes there, which can only be read \
                           where files can be made"
                        .into(),
                });
            }
            reader = Database::immutable(&db_path).map_err(failed)?;
        }
        schema::check(&reader, place.path(), &db_path)?;
        Ok(Self {
            reader: Arc::new(Mutex::new(reader)),
            shared: Arc::new(Shared {
                dir: place.path().into(),
                db_path,
                writer: None,
                locks: None,
                folder: None,
                blobs: Blobs::read_only(place.folder())?,
                damage: Damage::default(),
                reads: AtomicU64::new(0),
            }),
        })
    }

    /// The same store with a connection for reading of its own: whoever has this waits for no reader of the other.
    pub(crate) fn with_own_reader(&self) -> Result<Self, StoreError> {
        let db_path = &self.shared.db_path;
        let reader = Database::reader(db_path);
        let reader = reader.map_err(|source| StoreError::database(db_path, source))?;
        Ok(Self {
            reader: Arc::new(Mutex::new(reader)),
            shared: Arc::clone(&self.shared),
        })
    }

    /// What was found damaged and passed over since this was called last, each told once.
    pub fn take_damage(&self) -> Vec<String> {
        self.shared.damage.take()
    }

    /// Runs `work` as one transaction that no other writer comes in between.
    pub(crate) fn write<T>(
        &self,
        durability: Durability,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.transact(&mut *self.writer()?, durability, work)
    }

    fn transact<T>(
        &self,
        db: &mut Database,
        durability: Durability,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        db.begin(crate::connection::WORK);
        let transact = |db: &mut Connection| -> rusqlite::Result<T> {
            let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = work(&tx)?;
            tx.commit()?;
            Ok(done)
        };
        let done = match durability {
            Durability::Process => transact(db),
            Durability::Power => set_durability(db, Durability::Power).and_then(|()| {
                let done = transact(db);
                set_durability(db, Durability::Process).and(done)
            }),
        };
        done.map_err(|source| StoreError::database(&self.shared.db_path, source))
    }

    fn writer(&self) -> Result<MutexGuard<'_, Database>, StoreError> {
        let writer = self.shared.writer.as_ref();
        let writer = writer.ok_or_else(|| self.only_for_reading())?;
        // A panic in a transaction has rolled it back; the connection is as good as before.
        Ok(writer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs `work` on a connection that sees what is committed.
    pub(crate) fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.read_within(crate::connection::WORK, work)
    }

    /// How often this store was read in this process.
    pub fn reads(&self) -> u64 {
        self.shared.reads.load(Ordering::Relaxed)
    }

    fn read_within<T>(
        &self,
        time: Duration,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.shared.reads.fetch_add(1, Ordering::Relaxed);
        let db = self.reader.lock();
        let db = db.unwrap_or_else(PoisonError::into_inner);
        db.begin(time);
        work(&db).map_err(|source| StoreError::database(&self.shared.db_path, source))
    }

    /// Makes durable what any process has committed so far.
    fn sync_log(&self) -> Result<(), StoreError> {
        let folder = self.shared.folder.as_ref();
        files::sync_log(folder.ok_or_else(|| self.only_for_reading())?)
    }

    /// Whoever takes or tries the lock of a run passes this gate first, one at a time, and is
    /// through in a moment. So a run's lock that is found taken is held by a writer, and not by
    /// someone who only looks after dead runs.
    pub(crate) fn gate(&self) -> Result<Lock, StoreError> {
        Lock::take(self.locks()?, &name(GATE)?)
    }

    /// Behind the [gate](Self::gate).
    pub(crate) fn lock_run(&self, id: &RunId) -> Result<Option<Lock>, StoreError> {
        Lock::try_take(self.locks()?, &name(id.as_str())?)
    }

    /// Behind the gate too, and with the lock of a run that is gone.
    pub(crate) fn remove_lock(&self, id: &RunId) -> Result<(), StoreError> {
        // One that stays does no harm.
        let _ = self.locks()?.remove_file(&name(id.as_str())?);
        Ok(())
    }

    fn locks(&self) -> Result<&Folder, StoreError> {
        let locks = self.shared.locks.as_ref();
        locks.ok_or_else(|| self.only_for_reading())
    }

    fn only_for_reading(&self) -> StoreError {
        StoreError::ReadOnly {
            path: self.shared.dir.clone(),
            what: "it was opened for reading".into(),
        }
    }

    /// Takes room for so many bytes. Before that fails, what other processes removed is looked for.
    pub(crate) fn reserve(&self, bytes: u64) -> Result<(), StoreError> {
        let quota = &self.shared.blobs.quota;
        match quota.reserve(bytes, &self.shared.dir) {
            Err(_) if quota.may_measure() => {
                self.measure()?;
                quota.reserve(bytes, &self.shared.dir)
            }
            outcome => outcome,
        }
    }

    /// Brings the quota up to date with what other processes did.
    pub(crate) fn measure(&self) -> Result<(), StoreError> {
        self.shared.blobs.quota.measure(|| {
            let rows: u64 = self.read(|db| {
                db.query_row(
                    "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, \
                     pragma_freelist_count, pragma_page_size",
                    [],
                    |row| row.get(0),
                )
            })?;
            Ok(rows.saturating_add(self.shared.blobs.size()))
        })
    }
}

/// The lock that all locks are taken behind. No run has this id, see `id::is_own`.
const GATE: &str = "gate";

fn set_durability(db: &Connection, durability: Durability) -> rusqlite::Result<()> {
    let synchronous = match durability {
        Durability::Process => "NORMAL",
        Durability::Power => "FULL",
    };
    db.pragma_update(None, "synchronous", synchronous)
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

#[cfg(test)]
mod tests;
