//! Content-addressed files.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::NamedTempFile;

use crate::StoreError;

/// Content that is in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// blake3 of the content, in hex.
    pub digest: String,
    /// Bytes.
    pub size: u64,
}

/// The folder of blobs, and how much may lie in it.
#[derive(Debug, Clone)]
pub(crate) struct Blobs {
    dir: PathBuf,
    /// Bytes in the store as far as this process knows.
    pub(crate) used: Arc<AtomicU64>,
    pub(crate) max_size: Option<u64>,
}

impl Blobs {
    pub(crate) fn new(dir: PathBuf, max_size: Option<u64>) -> Self {
        Self {
            dir,
            used: Arc::new(AtomicU64::new(0)),
            max_size,
        }
    }

    /// Where content of this digest lies, if it is there.
    pub(crate) fn path(&self, digest: &str) -> PathBuf {
        self.dir.join(digest.get(..2).unwrap_or("__")).join(digest)
    }

    fn temporary(&self) -> PathBuf {
        self.dir.join("tmp")
    }

    pub(crate) fn create(&self) -> Result<(), StoreError> {
        let dir = self.temporary();
        std::fs::create_dir_all(&dir).map_err(|source| StoreError::io("create", &dir, source))?;
        if self.max_size.is_some() {
            self.used.store(folder_size(&self.dir), Ordering::Relaxed);
        }
        Ok(())
    }

    pub(crate) fn begin(&self) -> Result<BlobWriter, StoreError> {
        let dir = self.temporary();
        let file = NamedTempFile::new_in(&dir)
            .map_err(|source| StoreError::io("write to", &dir, source))?;
        Ok(BlobWriter {
            file: BufWriter::with_capacity(1 << 20, file),
            hasher: blake3::Hasher::new(),
            size: 0,
            blobs: self.clone(),
        })
    }

    pub(crate) fn put(&self, content: &[u8]) -> Result<Blob, StoreError> {
        let mut writer = self.begin()?;
        writer
            .write_all(content)
            .map_err(|source| writer.failed(source))?;
        writer.finish()
    }

    /// Reserves room for `bytes` more.
    pub(crate) fn reserve(&self, bytes: u64) -> Result<(), StoreError> {
        let used = self
            .used
            .fetch_add(bytes, Ordering::Relaxed)
            .saturating_add(bytes);
        match self.max_size {
            Some(max) if used > max => {
                self.used.fetch_sub(bytes, Ordering::Relaxed);
                Err(StoreError::Full {
                    path: self.dir.parent().unwrap_or(&self.dir).into(),
                    what: format!("it would grow over its limit of {max} bytes (store.max-size)"),
                })
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn read(&self, digest: &str) -> Result<Vec<u8>, StoreError> {
        let path = self.path(digest);
        let failed = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::NotFound => StoreError::Corrupt {
                path: path.clone(),
                what: "the file is missing".into(),
            },
            _ => StoreError::io("read", &path, source),
        };
        let mut content = Vec::new();
        File::open(&path)
            .map_err(failed)?
            .read_to_end(&mut content)
            .map_err(failed)?;
        let found = blake3::hash(&content).to_hex();
        if found.as_str() != digest {
            return Err(StoreError::Corrupt {
                path,
                what: format!("its content has the blake3 {found}"),
            });
        }
        Ok(content)
    }

    /// Removes a file that nothing refers to any more; returns its size.
    pub(crate) fn remove(&self, digest: &str) -> u64 {
        let path = self.path(digest);
        let size = std::fs::metadata(&path).map_or(0, |meta| meta.len());
        // Not removed means: found by the next sweep.
        if std::fs::remove_file(&path).is_err() {
            return 0;
        }
        let _ = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                Some(used.saturating_sub(size))
            });
        size
    }

    /// Digests of all files, and the temporary files that a dead process left.
    pub(crate) fn list(&self) -> (Vec<String>, Vec<PathBuf>) {
        let mut digests = Vec::new();
        let mut temporary = Vec::new();
        for folder in entries(&self.dir) {
            for file in entries(&folder) {
                if folder == self.temporary() {
                    temporary.push(file);
                } else if let Some(name) = file.file_name().and_then(|name| name.to_str()) {
                    digests.push(name.to_owned());
                }
            }
        }
        (digests, temporary)
    }
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(dir)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default()
}

fn folder_size(dir: &Path) -> u64 {
    entries(dir)
        .iter()
        .map(|path| match std::fs::metadata(path) {
            Ok(meta) if meta.is_dir() => folder_size(path),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}

/// Takes content piece by piece. Dropped unfinished, it leaves nothing.
#[derive(Debug)]
pub struct BlobWriter {
    file: BufWriter<NamedTempFile>,
    hasher: blake3::Hasher,
    size: u64,
    blobs: Blobs,
}

impl Write for BlobWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.blobs
            .reserve(bytes.len() as u64)
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

impl BlobWriter {
    /// What an error of writing to this blob means for the store.
    pub fn failed(&self, source: std::io::Error) -> StoreError {
        match source.downcast::<StoreError>() {
            Ok(error) => error,
            Err(source) => StoreError::io("write to", &self.blobs.dir, source),
        }
    }

    /// Makes the content durable under its digest.
    ///
    /// # Errors
    ///
    /// If it cannot be written; nothing is left behind then.
    pub fn finish(self) -> Result<Blob, StoreError> {
        let digest = self.hasher.finalize().to_hex().to_string();
        let path = self.blobs.path(&digest);
        let failed = |source| StoreError::io("write", &path, source);
        let blob = Blob {
            digest,
            size: self.size,
        };
        let file = self
            .file
            .into_inner()
            .map_err(|error| failed(error.into_error()))?;
        if path.exists() {
            return Ok(blob);
        }
        file.as_file().sync_all().map_err(failed)?;
        let folder = path.parent().unwrap_or(&path);
        std::fs::create_dir_all(folder).map_err(failed)?;
        file.persist(&path).map_err(|error| failed(error.error))?;
        sync_folder(folder).map_err(failed)?;
        Ok(blob)
    }
}

/// Makes a rename durable. Windows has no such call and orders renames itself.
pub(crate) fn sync_folder(path: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    File::open(path)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}
