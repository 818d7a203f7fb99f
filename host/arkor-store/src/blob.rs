//! Content-addressed files.
//!
//! A file is removed when no row refers to its digest. Between the moment it is written and the
//! moment a row names it, a *pin* stands for that row, in the database so that all processes see
//! it. Two rules make it safe to remove content while others write the same content:
//!
//! - a writer pins the digest first and renames its file into place afterwards, always, even over
//!   an equal file;
//! - a remover holds the database's write lock from its look at the rows until the file is out of
//!   the way.
//!
//! So a removal either sees the pin, or is over before the rename puts the file back. The pins of
//! a run count for as long as the run's lock is held; those of a dead process are swept.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::StoreError;

mod quota;
mod writer;

pub(crate) use quota::{Quota, Reservation};
pub use writer::BlobWriter;

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
    pub(crate) quota: Arc<Quota>,
}

/// A temporary file, and the run whose writer it is or was.
pub(crate) struct Temporary {
    pub(crate) path: PathBuf,
    /// None if it is content on its way out.
    pub(crate) run: Option<String>,
}

impl Blobs {
    pub(crate) fn new(dir: PathBuf, max_size: Option<u64>) -> Self {
        Self {
            dir,
            quota: Arc::new(Quota::new(max_size)),
        }
    }

    /// Where content of this digest lies, if it is there.
    pub(crate) fn path(&self, digest: &str) -> PathBuf {
        match digest.get(..2).filter(|_| is_digest(digest)) {
            Some(folder) => self.dir.join(folder).join(digest),
            // Whoever asks may have the text from outside, and it could lead out of the folder.
            None => self.dir.join("none"),
        }
    }

    pub(crate) fn temporary(&self) -> PathBuf {
        self.dir.join("tmp")
    }

    pub(crate) fn create(&self) -> Result<(), StoreError> {
        let dir = self.temporary();
        std::fs::create_dir_all(&dir).map_err(|source| StoreError::io("create", &dir, source))
    }

    /// Bytes of all files.
    pub(crate) fn size(&self) -> u64 {
        entries(&self.dir)
            .iter()
            .flat_map(|folder| entries(folder))
            .map(|file| std::fs::metadata(file).map_or(0, |meta| meta.len()))
            .sum()
    }

    pub(crate) fn read(&self, digest: &str) -> Result<Vec<u8>, StoreError> {
        let path = self.path(digest);
        let failed = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::NotFound => missing(&path),
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

    /// That content is there, which no row may claim before it is.
    pub(crate) fn expect(&self, blob: &Blob) -> Result<(), StoreError> {
        let path = self.path(&blob.digest);
        match std::fs::metadata(&path) {
            Ok(meta) if meta.len() == blob.size => Ok(()),
            Ok(meta) => Err(StoreError::Corrupt {
                path,
                what: format!("it has {} bytes in place of {}", meta.len(), blob.size),
            }),
            Err(_) => Err(missing(&path)),
        }
    }

    /// Takes content out of its place, at once however large it is; the file remains to be
    /// deleted.
    pub(crate) fn retire(&self, digest: &str) -> Option<PathBuf> {
        let aside = self.temporary().join(format!("{REMOVED}.{digest}"));
        // Not moved means: found by the next sweep.
        std::fs::rename(self.path(digest), &aside).ok()?;
        Some(aside)
    }

    /// Deletes a retired file; returns its size.
    pub(crate) fn delete(&self, retired: &Path) -> u64 {
        let size = std::fs::metadata(retired).map_or(0, |meta| meta.len());
        if std::fs::remove_file(retired).is_err() {
            return 0;
        }
        self.quota.release(size);
        size
    }

    /// The digests of all content.
    pub(crate) fn digests(&self) -> HashSet<String> {
        entries(&self.dir)
            .iter()
            .filter(|folder| **folder != self.temporary())
            .flat_map(|folder| entries(folder))
            .filter_map(|file| Some(file.file_name()?.to_str()?.to_owned()))
            .filter(|name| is_digest(name))
            .collect()
    }

    pub(crate) fn temporaries(&self) -> Vec<Temporary> {
        let of_file = |path: PathBuf| {
            let name = path.file_name()?.to_str()?;
            let owner = name.split('.').next()?;
            let is_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            if owner.is_empty() || !owner.bytes().all(is_id) {
                // Not ours, and its name must not become a path.
                return None;
            }
            let run = (owner != REMOVED).then(|| owner.to_owned());
            Some(Temporary { path, run })
        };
        entries(&self.temporary())
            .into_iter()
            .filter_map(of_file)
            .collect()
    }
}

/// Where the name of a temporary file has a run, that of a retired one has this.
const REMOVED: &str = "removed";

fn missing(path: &Path) -> StoreError {
    StoreError::Corrupt {
        path: path.into(),
        what: "the file is missing".into(),
    }
}

fn is_digest(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(dir)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default()
}

/// Makes a rename durable. Windows has no such call and orders renames itself.
pub(crate) fn sync_folder(path: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    File::open(path)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

#[cfg(test)]
mod tests;
