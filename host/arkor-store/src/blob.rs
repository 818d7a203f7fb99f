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
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arkor_files::{Entry, Folder, Kind, Name};
use arkor_types::RunId;

use crate::StoreError;
use crate::id::{self, Digest};
use crate::place::name;

mod quota;
mod writer;

pub(crate) use quota::{Quota, Reservation};
pub use writer::BlobWriter;

/// Most files of one folder that are looked at. Content is spread over 256 folders.
const MOST_FILES: usize = 200_000;

/// Most bytes of content that are read into memory at once.
const MOST_BYTES: u64 = 16 << 30;

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
    folders: Option<Arc<Folders>>,
    pub(crate) quota: Arc<Quota>,
}

#[derive(Debug)]
struct Folders {
    root: Folder,
    /// None in a store that is only read.
    temporary: Option<Arc<Folder>>,
    /// Folders of content that are on the disk for good, as far as this process knows.
    durable: Mutex<HashSet<Name>>,
}

impl Folders {
    /// That a folder is there says nothing of the disk: whoever made it may have died before it was synced, or
    /// be about to.
    fn make_durable(&self, folder: Name) -> std::io::Result<()> {
        let known = || self.durable.lock().unwrap_or_else(PoisonError::into_inner);
        if !known().contains(&folder) {
            self.root.sync()?;
            known().insert(folder);
        }
        Ok(())
    }
}

/// A temporary file, and the run whose writer it is or was.
pub(crate) struct Temporary {
    pub(crate) name: Name,
    /// None if it is content on its way out.
    pub(crate) run: Option<RunId>,
}

impl Blobs {
    pub(crate) fn create(root: Folder, max_size: Option<u64>) -> Result<Self, StoreError> {
        let dir = root.path().to_path_buf();
        let temporary = root
            .folder_or_new(&name(TEMPORARY)?)
            .map_err(|error| StoreError::io("create", &dir.join(TEMPORARY), error))?;
        Ok(Self {
            dir,
            folders: Some(Arc::new(Folders {
                root,
                temporary: Some(Arc::new(temporary)),
                durable: Mutex::default(),
            })),
            quota: Arc::new(Quota::new(max_size)),
        })
    }

    /// Those of a store's folder; there need not be any.
    pub(crate) fn read_only(store: &Folder) -> Result<Self, StoreError> {
        let name = name("blobs")?;
        let dir = store.path_of(&name);
        let folders = match store.folder(&name) {
            Ok(root) => Some(Arc::new(Folders {
                root,
                temporary: None,
                durable: Mutex::default(),
            })),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(StoreError::io("open", &dir, error)),
        };
        Ok(Self {
            dir,
            folders,
            quota: Arc::new(Quota::new(None)),
        })
    }

    /// Where content of this digest lies, if it is there, for who can only open paths.
    pub(crate) fn path(&self, digest: &str) -> PathBuf {
        // Below a file, where nothing ever is. Whoever asks may have the text from outside, and it
        // could lead out of the folder; or what lies there is a link.
        let nowhere = || self.dir.with_file_name("arkor.db").join("none");
        let Some(digest) = Digest::parse(digest) else {
            return nowhere();
        };
        match self.look(&digest, |folder, name| folder.is_own_file(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => nowhere(),
            _ => self.place(&digest),
        }
    }

    fn place(&self, digest: &Digest) -> PathBuf {
        let folder = digest.as_str().get(..2).unwrap_or_default();
        self.dir.join(folder).join(digest.as_str())
    }

    fn look<T>(
        &self,
        digest: &Digest,
        work: impl FnOnce(&Folder, &Name) -> std::io::Result<T>,
    ) -> std::io::Result<T> {
        let folders = self.folders.as_ref();
        let folders = folders.ok_or(std::io::ErrorKind::NotFound)?;
        work(&folders.root.folder(&digest.folder()?)?, &digest.name()?)
    }

    /// Where content is written.
    pub(crate) fn temporary(&self) -> Result<Arc<Folder>, StoreError> {
        let temporary = self.folders.as_ref().and_then(|all| all.temporary.as_ref());
        temporary
            .map(Arc::clone)
            .ok_or_else(|| StoreError::ReadOnly {
                path: self.dir.clone(),
                what: "it was opened for reading".into(),
            })
    }

    /// Brings a temporary file to its place. True: there was none of this content before.
    pub(crate) fn put(&self, part: &Name, digest: &Digest) -> Result<bool, StoreError> {
        let failed = |error| StoreError::io("write", &self.place(digest), error);
        let temporary = self.temporary()?;
        let Some(folders) = &self.folders else {
            return Err(missing(&self.dir));
        };
        let prefix = digest.folder().map_err(failed)?;
        let folder = folders.root.folder_or_new(&prefix).map_err(failed)?;
        folders.make_durable(prefix).map_err(failed)?;
        let name = digest.name().map_err(failed)?;
        let is_new = folder.kind(&name).is_err();
        temporary.rename(part, &folder, &name).map_err(failed)?;
        folder.sync().map_err(failed)?;
        Ok(is_new)
    }

    /// Bytes of all files.
    pub(crate) fn size(&self) -> u64 {
        let size = |folder: &Folder| files(folder).map(|file| file.size).sum::<u64>();
        self.each_folder(|folder, _| size(folder))
            .into_iter()
            .fold(0, u64::saturating_add)
    }

    /// Visits `tmp` and the folders of content, `ab`.
    fn each_folder<T>(&self, mut see: impl FnMut(&Folder, &str) -> T) -> Vec<T> {
        let Some(folders) = &self.folders else {
            return Vec::new();
        };
        let mut seen = Vec::new();
        for entry in folders.root.entries(MOST_FILES).unwrap_or_default() {
            let Some(name) = entry.name.as_str() else {
                continue;
            };
            if entry.kind == Kind::Folder
                && (name == TEMPORARY || name.len() == 2)
                && let Ok(folder) = folders.root.folder(&entry.name)
            {
                seen.push(see(&folder, name));
            }
        }
        seen
    }

    pub(crate) fn read(&self, digest: &str) -> Result<Vec<u8>, StoreError> {
        let digest = self.digest(digest)?;
        let content = self
            .look(&digest, |folder, name| folder.read(name, MOST_BYTES))
            .map_err(|error| self.failed(&digest, error))?;
        self.compare(&digest, &blake3::hash(&content))?;
        Ok(content)
    }

    /// That content is there and what it was, without taking it into memory.
    pub(crate) fn check(&self, digest: &str) -> Result<(), StoreError> {
        let digest = self.digest(digest)?;
        let failed = |error| self.failed(&digest, error);
        let mut file = self
            .look(&digest, |folder, name| folder.open_file(name))
            .map_err(failed)?;
        let mut hasher = blake3::Hasher::new();
        let mut part = vec![0; 1 << 20];
        loop {
            let length = match file.read(&mut part) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                other => other.map_err(failed)?,
            };
            if length == 0 {
                return self.compare(&digest, &hasher.finalize());
            }
            hasher.update(part.get(..length).unwrap_or_default());
        }
    }

    fn digest(&self, text: &str) -> Result<Digest, StoreError> {
        Digest::parse(text).ok_or_else(|| StoreError::Corrupt {
            path: self.dir.clone(),
            what: format!("`{}` is no digest", arkor_types::shown_line(text)),
        })
    }

    fn failed(&self, digest: &Digest, error: std::io::Error) -> StoreError {
        let path = self.place(digest);
        match error.kind() {
            std::io::ErrorKind::NotFound => missing(&path),
            _ => StoreError::io("read", &path, error),
        }
    }

    fn compare(&self, digest: &Digest, found: &blake3::Hash) -> Result<(), StoreError> {
        if Digest::of(found) == *digest {
            return Ok(());
        }
        Err(StoreError::Corrupt {
            path: self.place(digest),
            what: format!("its content has the blake3 {}", found.to_hex()),
        })
    }

    /// That content is there, which no row may claim before it is.
    pub(crate) fn expect(&self, blob: &Blob) -> Result<(), StoreError> {
        let digest = self.digest(&blob.digest)?;
        let found = self.look(&digest, |folder, name| {
            Ok((folder.kind(name)? == Kind::File).then_some(folder.size(name)?))
        });
        match found {
            Ok(Some(size)) if size == blob.size => Ok(()),
            Ok(Some(size)) => Err(StoreError::Corrupt {
                path: self.place(&digest),
                what: format!("it has {size} bytes in place of {}", blob.size),
            }),
            Ok(None) | Err(_) => Err(missing(&self.place(&digest))),
        }
    }

    /// Takes content out of its place, at once however large it is; the file remains to be
    /// deleted.
    pub(crate) fn retire(&self, digest: &Digest) -> Option<Name> {
        let temporary = self.temporary().ok()?;
        let aside = Name::new(format!("{REMOVED}.{}", digest.as_str())).ok()?;
        // Not moved means: found by the next sweep.
        let moved = self.look(digest, |folder, name| {
            if folder.kind(name)? != Kind::File {
                return Err(std::io::ErrorKind::InvalidInput.into());
            }
            folder.rename(name, &temporary, &aside)
        });
        moved.ok().map(|()| aside)
    }

    /// Deletes a retired file, or a temporary one; returns its size.
    pub(crate) fn delete(&self, file: &Name) -> u64 {
        let Ok(temporary) = self.temporary() else {
            return 0;
        };
        if !matches!(temporary.kind(file), Ok(Kind::File)) {
            return 0;
        }
        let size = temporary.size(file).unwrap_or(0);
        if temporary.remove_file(file).is_err() {
            return 0;
        }
        self.quota.release(size);
        size
    }

    /// The digests of all content.
    pub(crate) fn digests(&self) -> HashSet<Digest> {
        let of_folder = |folder: &Folder, prefix: &str| -> Vec<Digest> {
            files(folder)
                .filter_map(|file| Digest::parse(file.name.as_str()?))
                .filter(|digest| digest.as_str().starts_with(prefix))
                .collect()
        };
        self.each_folder(of_folder).into_iter().flatten().collect()
    }

    /// Files that this program can have made, and no others.
    pub(crate) fn temporaries(&self) -> Vec<Temporary> {
        let of_file = |file: Entry| {
            let (owner, rest) = file.name.as_str()?.split_once('.')?;
            let run = if owner == REMOVED {
                Digest::parse(rest)?;
                None
            } else {
                let drawn = rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
                if !drawn || !(6..=16).contains(&rest.len()) {
                    return None;
                }
                Some(RunId::new(owner).ok().filter(id::is_own)?)
            };
            Some(Temporary {
                name: file.name,
                run,
            })
        };
        match self.temporary() {
            Ok(temporary) => files(&temporary).filter_map(of_file).collect(),
            Err(_) => Vec::new(),
        }
    }
}

/// The folder of files that are being written or deleted.
const TEMPORARY: &str = "tmp";

/// Where the name of a temporary file has a run, that of a retired one has this.
const REMOVED: &str = "removed";

fn missing(path: &Path) -> StoreError {
    StoreError::Corrupt {
        path: path.into(),
        what: "the file is missing".into(),
    }
}

fn files(folder: &Folder) -> impl Iterator<Item = Entry> {
    folder
        .entries(MOST_FILES)
        .unwrap_or_default()
        .into_iter()
        .filter(|entry| entry.kind == Kind::File)
}

#[cfg(test)]
mod tests;
