//! A store as a whole: opening it, and everything that reads.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arkor_types::{
    ArtifactRecord, CheckpointRecord, Event, EventRecord, Interrupted, RunId, RunRecord, RunStatus,
    Spec,
};
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, params};

use crate::blob::{Blob, Blobs};
use crate::lock::{Lock, Sharing};
use crate::{RunHandle, StoreError, id, query, schema};

/// How long a writer waits for another one. Transactions here take well under a millisecond.
const BUSY: Duration = Duration::from_secs(10);

/// The store of a project. Cheap to clone; clones share one connection.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    dir: PathBuf,
    pub(crate) db_path: PathBuf,
    db: Mutex<Connection>,
    pub(crate) blobs: Blobs,
}

/// How a store is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreOptions {
    /// Most bytes of events, checkpoints and artifacts together; none: as much as the disk holds.
    pub max_size: Option<u64>,
}

/// What a new run is.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// What is trained.
    pub spec: Spec,
    /// Hash of the configuration.
    pub config: String,
    /// Digest of the trainer's component.
    pub component: String,
    /// The run this one continues, if any.
    pub parent: Option<RunId>,
}

/// What [`Store::remove_run`] freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removed {
    /// Bytes of blobs that nothing else refers to.
    pub bytes: u64,
}

impl Store {
    /// Opens the store in a folder, and makes it if there is none.
    ///
    /// # Errors
    ///
    /// If it cannot be written to, is damaged or comes from a newer version.
    pub fn open(dir: &Path, options: StoreOptions) -> Result<Self, StoreError> {
        create_folders(dir)?;
        let db_path = dir.join("arkor.db");
        let failed = |source| StoreError::database(&db_path, source);
        let mut db = Connection::open(&db_path).map_err(failed)?;
        db.busy_timeout(BUSY).map_err(failed)?;
        db.pragma_update(None, "journal_mode", "WAL")
            .map_err(failed)?;
        db.pragma_update(None, "synchronous", "NORMAL")
            .map_err(failed)?;
        db.pragma_update(None, "foreign_keys", true)
            .map_err(failed)?;
        schema::migrate(&mut db, &db_path)?;
        private(&db_path)?;
        let blobs = Blobs::new(dir.join("blobs"), options.max_size);
        blobs.create()?;
        let store = Self::with(dir, db_path, db, blobs);
        store.sweep()?;
        Ok(store)
    }

    /// Opens a store for reading.
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
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut db = Connection::open_with_flags(&db_path, flags).map_err(failed)?;
        db.busy_timeout(BUSY).map_err(failed)?;
        if schema::version(&db, &db_path).is_err_and(|e| matches!(e, StoreError::ReadOnly { .. })) {
            // A folder that cannot be written to has no place for SQLite's lock files. Nobody
            // writes there, so the database may be read without them.
            let uri = format!("file:{}?immutable=1", db_path.display());
            let flags = flags | OpenFlags::SQLITE_OPEN_URI;
            db = Connection::open_with_flags(uri, flags).map_err(failed)?;
        }
        schema::version(&db, &db_path)?;
        let blobs = Blobs::new(dir.join("blobs"), None);
        Ok(Self::with(dir, db_path, db, blobs))
    }

    fn with(dir: &Path, db_path: PathBuf, db: Connection, blobs: Blobs) -> Self {
        Self {
            shared: Arc::new(Shared {
                dir: dir.into(),
                db_path,
                db: Mutex::new(db),
                blobs,
            }),
        }
    }

    pub(crate) fn db(&self) -> MutexGuard<'_, Connection> {
        self.shared
            .db
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn failed(&self, source: rusqlite::Error) -> StoreError {
        StoreError::database(&self.shared.db_path, source)
    }

    fn lock_path(&self, name: &str) -> PathBuf {
        self.shared.dir.join("locks").join(name)
    }

    /// Held shared by every run that is being trained, and alone by a sweep.
    pub(crate) fn lock_store(&self, sharing: Sharing) -> Result<Option<Lock>, StoreError> {
        Lock::take(&self.lock_path("store"), sharing)
    }

    pub(crate) fn lock_run(&self, id: &RunId) -> Result<Option<Lock>, StoreError> {
        Lock::take(&self.lock_path(id.as_str()), Sharing::Exclusive)
    }

    /// Removes what a process that died left half-done. Only while no run is being trained: a
    /// blob that is written and not yet referred to looks like one that was left behind.
    fn sweep(&self) -> Result<(), StoreError> {
        let Some(_alone) = self.lock_store(Sharing::Exclusive)? else {
            return Ok(());
        };
        let referenced = query::referenced(&self.db(), &self.shared.db_path)?;
        let (digests, temporary) = self.shared.blobs.list();
        for file in temporary {
            let _ = std::fs::remove_file(file);
        }
        for digest in digests
            .iter()
            .filter(|digest| !referenced.contains(*digest))
        {
            self.shared.blobs.remove(digest);
        }
        Ok(())
    }

    /// Finds runs that claim to be running and that nobody trains, gives each its terminal event
    /// and returns their ids.
    ///
    /// # Errors
    ///
    /// If the store cannot be read or written.
    pub fn mark_interrupted(&self) -> Result<Vec<RunId>, StoreError> {
        let mut marked = Vec::new();
        for run in self
            .runs()?
            .into_iter()
            .filter(|run| run.status == RunStatus::Running)
        {
            let Some(lock) = self.lock_run(&run.id)? else {
                continue;
            };
            // It may have ended between the look and the lock.
            let run = self.run(&run.id)?;
            if run.status == RunStatus::Running {
                self.interrupt(&run)?;
                marked.push(run.id);
            }
            drop(lock);
        }
        Ok(marked)
    }

    pub(crate) fn interrupt(&self, run: &RunRecord) -> Result<(), StoreError> {
        let checkpoint = self
            .latest_checkpoint(&run.id)?
            .map(|checkpoint| checkpoint.id);
        let event = Event::Interrupted(Interrupted {
            step: run.step,
            checkpoint,
        });
        crate::run::append(self, &run.id, run.last_seq, vec![event], |_, _| Ok(())).map(|_| ())
    }

    /// Makes a new run and becomes its writer.
    ///
    /// # Errors
    ///
    /// If the store cannot be written.
    pub fn create_run(&self, new: NewRun) -> Result<RunHandle, StoreError> {
        let now = Timestamp::now();
        let spec = to_json(&new.spec, &self.shared.db_path)?;
        loop {
            let id = id::run_id(now);
            let lock = self.lock_run(&id)?;
            let store_lock = self.lock_store(Sharing::Shared)?;
            let Some(lock) = lock else { continue };
            let inserted = self
                .db()
                .execute(
                    "INSERT OR IGNORE INTO runs (id, name, status, created, updated, attempt, \
                     spec, config, component, parent) VALUES (?1, ?2, 'running', ?3, ?3, 1, ?4, \
                     ?5, ?6, ?7)",
                    params![
                        id.as_str(),
                        new.spec.name,
                        now.to_string(),
                        spec,
                        new.config,
                        new.component,
                        new.parent.as_ref().map(RunId::as_str),
                    ],
                )
                .map_err(|source| self.failed(source))?;
            // Two ids of one second can be equal; then another is drawn.
            if inserted == 1 {
                let record = self.run(&id)?;
                return Ok(RunHandle::new(self.clone(), record, None, lock, store_lock));
            }
        }
    }

    /// Becomes the writer of a run for another attempt at it.
    ///
    /// # Errors
    ///
    /// [`StoreError::RunLive`] if another process trains it; [`StoreError::NoSuchRun`].
    pub fn resume_run(&self, id: &RunId) -> Result<RunHandle, StoreError> {
        let live = || StoreError::RunLive {
            run: id.to_string(),
        };
        let lock = self.lock_run(id)?.ok_or_else(live)?;
        let store_lock = self.lock_store(Sharing::Shared)?;
        let mut before = self.run(id)?;
        if before.status == RunStatus::Running {
            self.interrupt(&before)?;
            before = self.run(id)?;
        }
        self.db()
            .execute(
                "UPDATE runs SET status = 'running', attempt = attempt + 1, updated = ?2 \
                 WHERE id = ?1",
                params![id.as_str(), Timestamp::now().to_string()],
            )
            .map_err(|source| self.failed(source))?;
        let record = self.run(id)?;
        Ok(RunHandle::new(
            self.clone(),
            record,
            Some(before.status),
            lock,
            store_lock,
        ))
    }

    /// All runs, the newest first.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn runs(&self) -> Result<Vec<RunRecord>, StoreError> {
        query::runs(&self.db(), &self.shared.db_path)
    }

    /// One run.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSuchRun`], or if the store cannot be read.
    pub fn run(&self, id: &RunId) -> Result<RunRecord, StoreError> {
        if let Some(run) = query::run(&self.db(), &self.shared.db_path, id)? {
            return Ok(run);
        }
        Err(StoreError::NoSuchRun {
            wanted: id.to_string(),
            count: self.runs()?.len(),
        })
    }

    /// A run by its id, by the beginning of its id if no other begins so, or `latest`.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSuchRun`] or [`StoreError::Ambiguous`], or if the store cannot be read.
    pub fn find_run(&self, wanted: &str) -> Result<RunRecord, StoreError> {
        let mut runs = self.runs()?;
        let count = runs.len();
        let none = || StoreError::NoSuchRun {
            wanted: wanted.into(),
            count,
        };
        if wanted == "latest" {
            return runs.into_iter().next().ok_or_else(none);
        }
        if let Some(at) = runs.iter().position(|run| run.id.as_str() == wanted) {
            return Ok(runs.swap_remove(at));
        }
        runs.retain(|run| !wanted.is_empty() && run.id.as_str().starts_with(wanted));
        if runs.len() > 1 {
            return Err(StoreError::Ambiguous {
                wanted: wanted.into(),
                candidates: runs.iter().map(|run| run.id.to_string()).collect(),
            });
        }
        runs.pop().ok_or_else(none)
    }

    /// Up to `limit` events of a run whose number is greater than `after`, in order.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn events(
        &self,
        run: &RunId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<EventRecord>, StoreError> {
        query::events(&self.db(), &self.shared.db_path, run, after, limit)
    }

    /// The checkpoints of a run, the oldest first.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn checkpoints(&self, run: &RunId) -> Result<Vec<CheckpointRecord>, StoreError> {
        query::checkpoints(&self.db(), &self.shared.db_path, run)
    }

    /// The checkpoint of a run that was written last.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn latest_checkpoint(&self, run: &RunId) -> Result<Option<CheckpointRecord>, StoreError> {
        Ok(self.checkpoints(run)?.pop())
    }

    /// The artifacts of a run, by name.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn artifacts(&self, run: &RunId) -> Result<Vec<ArtifactRecord>, StoreError> {
        query::artifacts(&self.db(), &self.shared.db_path, run)
    }

    /// Where the content of this digest lies.
    pub fn blob_path(&self, digest: &str) -> PathBuf {
        self.shared.blobs.path(digest)
    }

    /// Content by its digest, checked.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] if it is not there or is something else.
    pub fn read_blob(&self, digest: &str) -> Result<Vec<u8>, StoreError> {
        self.shared.blobs.read(digest)
    }

    /// Puts content into the store. It stays while something refers to it.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn put_blob(&self, content: &[u8]) -> Result<Blob, StoreError> {
        self.shared.blobs.put(content)
    }

    /// Removes a run with its events, checkpoints and artifacts.
    ///
    /// # Errors
    ///
    /// [`StoreError::RunLive`] if it is being trained; [`StoreError::NoSuchRun`].
    pub fn remove_run(&self, id: &RunId) -> Result<Removed, StoreError> {
        self.run(id)?;
        let live = || StoreError::RunLive {
            run: id.to_string(),
        };
        let lock = self.lock_run(id)?.ok_or_else(live)?;
        let of_run = |sql: &str| -> rusqlite::Result<Vec<String>> {
            let db = self.db();
            let mut statement = db.prepare(sql)?;
            statement
                .query_map([id.as_str()], |row| row.get(0))?
                .collect()
        };
        let digests = of_run(
            "SELECT state FROM checkpoints WHERE run = ?1 UNION SELECT progress FROM checkpoints \
             WHERE run = ?1 UNION SELECT digest FROM artifacts WHERE run = ?1 UNION SELECT digest \
             FROM named_states WHERE run = ?1",
        )
        .map_err(|source| self.failed(source))?;
        self.db()
            .execute("DELETE FROM runs WHERE id = ?1", [id.as_str()])
            .map_err(|source| self.failed(source))?;
        let bytes = self.remove_unreferenced(&digests)?;
        drop(lock);
        let _ = std::fs::remove_file(self.lock_path(id.as_str()));
        Ok(Removed { bytes })
    }

    /// Removes those of the blobs that no row refers to any more.
    pub(crate) fn remove_unreferenced(&self, digests: &[String]) -> Result<u64, StoreError> {
        let referenced = query::referenced(&self.db(), &self.shared.db_path)?;
        Ok(digests
            .iter()
            .filter(|digest| !referenced.contains(*digest))
            .map(|digest| self.shared.blobs.remove(digest))
            .sum())
    }
}

pub(crate) fn to_json<T: serde::Serialize>(value: &T, path: &Path) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Io {
        action: "encode a row of",
        path: path.into(),
        source: error.into(),
    })
}

fn create_folders(dir: &Path) -> Result<(), StoreError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let locks = dir.join("locks");
    builder
        .create(&locks)
        .map_err(|source| StoreError::io("create", &locks, source))?;
    let ignore = dir.join(".gitignore");
    if !ignore.exists() {
        std::fs::write(&ignore, "*\n")
            .map_err(|source| StoreError::io("write", &ignore, source))?;
    }
    Ok(())
}

/// Readable for its owner alone: logs and specs can hold what is not meant for others.
fn private(path: &Path) -> Result<(), StoreError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
            .map_err(|source| StoreError::io("protect", path, source))?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}
