//! The folder of a store, before anything in it.
//!
//! This is the one place that makes it, for its owner only; whatever else is kept in there, a lock or a
//! build, comes after.

use std::path::{Path, PathBuf};

use arkor_files::{Folder, Name};

use crate::StoreError;
use crate::mark::{self, Key, MadeBy, Validity};

/// Why a folder is no store that could be made one's own.
pub(crate) const NO_STORE: &str = "it is not empty, and no store is in it";

/// The open folder of a store, which was looked at: no link, and of whom it should be.
#[derive(Debug)]
pub struct Place {
    folder: Folder,
}

impl Place {
    /// Opens the folder, if it is there.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`]; [`StoreError::Foreign`] if it is a link or no folder;
    /// [`StoreError::NotYours`] if somebody else made it.
    pub fn open(dir: &Path, made_by: &MadeBy) -> Result<Self, StoreError> {
        let place = Self::unchecked(dir)?;
        let MadeBy::User(keys) = made_by else {
            return Ok(place);
        };
        match mark::is_valid(&place.folder, Key::read(keys)?.as_ref())? {
            Validity::Ours => Ok(place),
            Validity::None if place.is_vacant() => Err(StoreError::Missing { path: dir.into() }),
            // Made by another process between the two looks.
            Validity::None if place.is_marked(keys)? => Ok(place),
            validity => Err(place.not_yours(validity)),
        }
    }

    /// Opens the folder, and makes it, for its owner only, if it is not there.
    ///
    /// # Errors
    ///
    /// As [`Self::open`]; [`StoreError::Key`] if the user's key can be neither read nor made; or if it
    /// cannot be written.
    pub fn create(dir: &Path, made_by: &MadeBy) -> Result<Self, StoreError> {
        let place = Self::unchecked_or_new(dir)?;
        if let MadeBy::User(keys) = made_by {
            match mark::is_valid(&place.folder, Key::read(keys)?.as_ref())? {
                Validity::Ours => {}
                // Whoever owns a folder can put anything into it at any time.
                Validity::None if place.is_vacant() && place.is_own()? => {
                    mark::put(&place.folder, &Key::read_or_make(keys)?)?;
                }
                // Made by another process between the two looks.
                Validity::None if place.is_marked(keys)? => {}
                validity => return Err(place.not_yours(validity)),
            }
        }
        place.prepare()?;
        Ok(place)
    }

    /// Marks the folder as made by the user whose key is in `keys`. False: it was.
    pub(crate) fn adopt(&self, keys: &Path) -> Result<bool, StoreError> {
        if self.is_marked(keys)? {
            return Ok(false);
        }
        mark::put(&self.folder, &Key::read_or_make(keys)?)?;
        Ok(true)
    }

    /// Opens the folder, whoever made it.
    pub(crate) fn unchecked(dir: &Path) -> Result<Self, StoreError> {
        let (parent, name) = split(dir)?;
        let missing_or = |action, error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => StoreError::Missing { path: dir.into() },
            _ => StoreError::io(action, dir, error),
        };
        let parent = resolved(&parent).map_err(|error| missing_or("open", error))?;
        let folder = Folder::open(&parent)
            .and_then(|parent| parent.folder(&name))
            .map_err(|error| missing_or("open", error))?;
        Ok(Self { folder })
    }

    fn unchecked_or_new(dir: &Path) -> Result<Self, StoreError> {
        let (parent, name) = split(dir)?;
        let failed = |error| StoreError::io("create", dir, error);
        create_private_folders(&parent).map_err(failed)?;
        let parent = resolved(&parent).map_err(failed)?;
        let parent = Folder::open(&parent).map_err(failed)?;
        let folder = parent.folder_or_new(&name).map_err(failed)?;
        // Only a loss of power needs this at all.
        let _ = parent.sync();
        Ok(Self { folder })
    }

    /// The folder itself.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Its path, absolute and without links.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The folder itself, for who keeps it.
    pub fn into_folder(self) -> Folder {
        self.folder
    }

    /// Nothing is in it, or what a process left that was cut off while it made it.
    fn is_vacant(&self) -> bool {
        let is_part = |name: &Name| name.as_str().is_some_and(|name| name.starts_with(".part-"));
        self.folder
            .entries(100)
            .is_ok_and(|entries| entries.iter().all(|entry| is_part(&entry.name)))
    }

    /// A folder that a user named, and in which no store ever was.
    fn is_something_else(&self) -> bool {
        let is_named = self.path().file_name().is_none_or(|name| name != ".arkor");
        is_named && name("arkor.db").is_ok_and(|name| self.folder.kind(&name).is_err())
    }

    fn is_own(&self) -> Result<bool, StoreError> {
        let owner = self
            .folder
            .owner()
            .map_err(|error| StoreError::io("open", self.path(), error))?;
        Ok(owner == arkor_files::user())
    }

    fn is_marked(&self, keys: &Path) -> Result<bool, StoreError> {
        let key = Key::read(keys)?;
        Ok(mark::is_valid(&self.folder, key.as_ref())? == Validity::Ours)
    }

    fn not_yours(&self, validity: Validity) -> StoreError {
        StoreError::NotYours {
            path: self.path().into(),
            why: match validity {
                Validity::Other => "its mark was not made with your key",
                Validity::None if self.is_vacant() => "it belongs to another user",
                Validity::None if self.is_something_else() => NO_STORE,
                _ => {
                    "it has no mark of yours, so it came with the project, or an earlier version \
                      made it"
                }
            },
        }
    }

    fn prepare(&self) -> Result<(), StoreError> {
        let _ = self.folder.keep_for_owner();
        let ignore = name(".gitignore")?;
        if self.folder.is_own_file(&ignore).unwrap_or(false) {
            return Ok(());
        }
        self.folder
            .replace(&ignore, b"*\n")
            .map_err(|error| StoreError::io("write", &self.folder.path_of(&ignore), error))
    }
}

/// A name that the host itself chose.
pub(crate) fn name(text: &str) -> Result<Name, StoreError> {
    Name::new(text)
        .map_err(|error| StoreError::io("open", Path::new(text), std::io::Error::from(error)))
}

/// Makes folders that are not there, all of them for their owner only.
pub(crate) fn create_private_folders(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn split(dir: &Path) -> Result<(PathBuf, Name), StoreError> {
    let failed = |error| StoreError::io("open", dir, error);
    let absolute = std::path::absolute(dir).map_err(failed)?;
    let name = absolute.file_name().unwrap_or_default();
    let name = Name::new(name).map_err(|error| failed(error.into()))?;
    let parent = absolute.parent().unwrap_or(&absolute);
    Ok((parent.to_path_buf(), name))
}

/// SQLite opens files by their paths and is told to follow no links, also in folders above, where
/// links are the user's own.
fn resolved(path: &Path) -> std::io::Result<PathBuf> {
    if cfg!(windows) {
        // There SQLite knows no links, and not every form of a resolved path.
        path.symlink_metadata()?;
        return Ok(path.to_path_buf());
    }
    path.canonicalize()
}
