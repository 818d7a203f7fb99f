//! Writing content.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::sync::Arc;

use arkor_files::{Folder, Name};
use arkor_types::RunId;
use rusqlite::params;

use super::{Blob, Reservation};
use crate::id::{self, Digest};
use crate::lock::Lock;
use crate::store::Durability;
use crate::{Store, StoreError};

/// Takes content piece by piece, on any thread. Dropped unfinished, it leaves nothing.
///
/// The run stays locked until its handle and all its writers are gone.
#[derive(Debug)]
pub struct BlobWriter {
    file: BufWriter<Part>,
    hasher: blake3::Hasher,
    size: u64,
    reservation: Reservation,
    store: Store,
    run: RunId,
    _lock: Arc<Lock>,
}

/// A temporary file, which goes unless it came to its place.
#[derive(Debug)]
struct Part {
    folder: Arc<Folder>,
    name: Name,
    file: File,
    is_placed: bool,
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.is_placed {
            let _ = self.folder.remove_file(&self.name);
        }
    }
}

impl Write for Part {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl BlobWriter {
    pub(crate) fn new(store: Store, run: RunId, lock: Arc<Lock>) -> Result<Self, StoreError> {
        let blobs = &store.shared.blobs;
        let folder = blobs.temporary()?;
        let failed = |source| StoreError::io("write to", folder.path(), source);
        let name = Name::new(format!("{run}.{:016x}", id::draw()));
        let name = name.map_err(|error| failed(error.into()))?;
        let part = Part {
            file: folder.create_new(&name).map_err(failed)?,
            folder: Arc::clone(&folder),
            name,
            is_placed: false,
        };
        Ok(Self {
            file: BufWriter::with_capacity(1 << 20, part),
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
        let digest = Digest::of(&self.hasher.finalize());
        let blobs = &self.store.shared.blobs;
        let failed = |part: &Folder, source| StoreError::io("write to", part.path(), source);
        let folder = blobs.temporary()?;
        let mut part = self
            .file
            .into_inner()
            .map_err(|error| failed(&folder, error.into_error()))?;
        part.file
            .sync_all()
            .map_err(|error| failed(&folder, error))?;
        pin(&self.store, &self.run, digest.as_str())?;
        let is_new = blobs.put(&part.name, &digest)?;
        part.is_placed = true;
        if is_new {
            self.reservation.keep();
        }
        Ok(Blob {
            digest: digest.as_str().into(),
            size: self.size,
        })
    }

    /// What an error that came out of [`Write`] was about.
    pub fn explain(&self, source: std::io::Error) -> StoreError {
        let own = source
            .get_ref()
            .is_some_and(|inner| inner.is::<StoreError>());
        let path = self.file.get_ref().folder.path().to_path_buf();
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
        self.store
            .reserve(bytes.len() as u64)
            .map_err(|error| std::io::Error::new(std::io::ErrorKind::StorageFull, error))?;
        self.reservation.add(bytes.len() as u64);
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
