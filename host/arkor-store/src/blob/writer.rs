//! Writing content.

use std::io::{BufWriter, Write};
use std::sync::Arc;

use arkor_types::RunId;
use rusqlite::params;
use tempfile::NamedTempFile;

use super::{Blob, Reservation, sync_folder};
use crate::lock::Lock;
use crate::store::Durability;
use crate::{Store, StoreError};

/// Takes content piece by piece, on any thread. Dropped unfinished, it leaves nothing.
///
/// The run stays locked until its handle and all its writers are gone.
#[derive(Debug)]
pub struct BlobWriter {
    file: BufWriter<NamedTempFile>,
    hasher: blake3::Hasher,
    size: u64,
    reservation: Reservation,
    store: Store,
    run: RunId,
    _lock: Arc<Lock>,
}

impl BlobWriter {
    pub(crate) fn new(store: Store, run: RunId, lock: Arc<Lock>) -> Result<Self, StoreError> {
        let blobs = &store.shared.blobs;
        let dir = blobs.temporary();
        let file = tempfile::Builder::new()
            .prefix(&format!("{run}."))
            .tempfile_in(&dir)
            .map_err(|source| StoreError::io("write to", &dir, source))?;
        Ok(Self {
            file: BufWriter::with_capacity(1 << 20, file),
            hasher: blake3::Hasher::new(),
            size: 0,
            reservation: Reservation::new(Arc::clone(&blobs.quota)),
            store,
            run,
            _lock: lock,
        })
    }

    /// Makes the content durable under its digest. It stays in the store once a checkpoint, an
    /// artifact or a named state of the run refers to it.
    ///
    /// # Errors
    ///
    /// If it cannot be written; nothing is left behind then.
    pub fn finish(self) -> Result<Blob, StoreError> {
        let digest = self.hasher.finalize().to_hex().to_string();
        let path = self.store.shared.blobs.path(&digest);
        let failed = |source| StoreError::io("write", &path, source);
        let file = self
            .file
            .into_inner()
            .map_err(|error| failed(error.into_error()))?;
        file.as_file().sync_all().map_err(failed)?;
        pin(&self.store, &self.run, &digest)?;
        let folder = path.parent().unwrap_or(&path);
        if !folder.is_dir() {
            std::fs::create_dir_all(folder).map_err(failed)?;
            sync_folder(folder.parent().unwrap_or(folder)).map_err(failed)?;
        }
        let is_new = !path.exists();
        file.persist(&path).map_err(|error| failed(error.error))?;
        sync_folder(folder).map_err(failed)?;
        if is_new {
            self.reservation.keep();
        }
        Ok(Blob {
            digest,
            size: self.size,
        })
    }

    /// What an error that came out of [`Write`] was about.
    pub fn explain(&self, source: std::io::Error) -> StoreError {
        let own = source
            .get_ref()
            .is_some_and(|inner| inner.is::<StoreError>());
        let path = self.store.shared.blobs.temporary();
        if !own {
            return StoreError::io("write to", &path, source);
        }
        match source.downcast::<StoreError>() {
            Ok(error) => error,
            Err(source) => StoreError::io("write to", &path, source),
        }
    }
}

impl Write for BlobWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.reservation
            .grow(bytes.len() as u64, &self.store.shared.dir)
            .map_err(|error| std::io::Error::new(std::io::ErrorKind::StorageFull, error))?;
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

fn pin(store: &Store, run: &RunId, digest: &str) -> Result<(), StoreError> {
    store.write(Durability::Process, |tx| {
        tx.prepare_cached(
            "INSERT INTO pins (run, digest, count) VALUES (?1, ?2, 1) \
             ON CONFLICT DO UPDATE SET count = count + 1",
        )?
        .execute(params![run.as_str(), digest])?;
        Ok(())
    })
}
