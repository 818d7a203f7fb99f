//! Whose a store is.
//!
//! A folder `.arkor` can come with a project of somebody else. So each has a *mark*, a file with a
//! drawn id, the owner of the folder, and both hashed with a key that only this user has. Who cannot
//! read the user's own files cannot make one. A mark moves and copies with its folder, so it does not
//! tell the folder from a copy of it: a stranger who saw a mark of this user's can use it again. It is
//! for its owner's eyes only, like the runs around it.

use std::path::{Path, PathBuf};

use arkor_files::Folder;

use crate::StoreError;
use crate::lock::Lock;
use crate::place::name;

/// Whose stores are opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum MadeBy {
    /// Anyone's, and new ones get no mark: for stores whose place nobody else can have filled.
    #[default]
    Anyone,
    /// Those of the user whose key lies in this folder. The first new store makes the key.
    User(PathBuf),
}

/// The mark's name in the store.
pub(crate) const MARK: &str = "made-by";

/// The key's name in the folder of [`MadeBy::User`].
const KEY: &str = "store-key";

const FIRST_LINE: &str = "arkor-host store 1";

/// The user's key.
pub(crate) struct Key([u8; 32]);

impl Key {
    /// The key, if there is one.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>, StoreError> {
        match Folder::open(folder) {
            Ok(opened) => Self::read_in(&opened),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(key_error(folder, error)),
        }
    }

    /// The key, made if there is none.
    pub(crate) fn read_or_make(folder: &Path) -> Result<Self, StoreError> {
        if let Some(key) = Self::read(folder)? {
            return Ok(key);
        }
        let failed = |error| key_error(folder, error);
        crate::place::create_private_folders(folder).map_err(failed)?;
        let opened = Folder::open(folder).map_err(failed)?;
        // Of two that make it at once, both must end with the same.
        let _lock = Lock::take(&opened, &name("store-key.lock")?)?;
        if let Some(key) = Self::read_in(&opened)? {
            return Ok(key);
        }
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| failed(std::io::Error::other(error)))?;
        let text = format!("{}\n", hex(bytes));
        opened
            .replace(&name(KEY)?, text.as_bytes())
            .map_err(failed)?;
        Ok(Self(bytes))
    }

    fn read_in(folder: &Folder) -> Result<Option<Self>, StoreError> {
        let failed = |error| key_error(folder.path(), error);
        let content = match folder.read(&name(KEY)?, 100) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(failed)?,
        };
        let key = std::str::from_utf8(&content).ok().map(str::trim_end);
        match key.and_then(|text| blake3::Hash::from_hex(text).ok()) {
            Some(key) => Ok(Some(Self(*key.as_bytes()))),
            None => Err(failed(std::io::Error::new(
                std::io::ErrorKind::InvalidData,
                "it is not 64 hexadecimal digits; without it, stores have to be adopted anew",
            ))),
        }
    }

    fn hash(&self, id: &str, owner: &str) -> blake3::Hash {
        let text = format!("{FIRST_LINE}\n{id}\n{owner}\n");
        blake3::keyed_hash(&self.0, text.as_bytes())
    }
}

/// Whether the folder has a mark that this key made, for the owner that it has.
pub(crate) fn is_valid(folder: &Folder, key: Option<&Key>) -> Result<Validity, StoreError> {
    let content = match folder.read(&name(MARK)?, 1000) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Validity::None),
        // A link, a FIFO, a folder or a large file in its place: a mark is none of these.
        Err(error) if arkor_files::is_foreign(&error) => return Ok(Validity::Other),
        Err(error) if error.kind() == std::io::ErrorKind::FileTooLarge => {
            return Ok(Validity::Other);
        }
        other => other.map_err(|error| StoreError::io("read", &folder.path().join(MARK), error))?,
    };
    let text = std::str::from_utf8(&content).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let [FIRST_LINE, id, marked_owner, hash] = lines.as_slice() else {
        return Ok(Validity::Other);
    };
    let is_ours = match (key, blake3::Hash::from_hex(hash)) {
        // Hashes are compared in constant time.
        (Some(key), Ok(hash)) => key.hash(id, marked_owner) == hash,
        _ => false,
    };
    if is_ours && *marked_owner == owner(folder)? {
        Ok(Validity::Ours)
    } else {
        Ok(Validity::Other)
    }
}

/// What a folder's mark says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Validity {
    /// This user made it.
    Ours,
    /// It has one, and not of this user.
    Other,
    /// It has none.
    None,
}

/// Marks a folder as this user's, whatever it had before.
pub(crate) fn put(folder: &Folder, key: &Key) -> Result<(), StoreError> {
    let failed = |error| StoreError::io("write", &folder.path().join(MARK), error);
    let mut id = [0; 32];
    getrandom::fill(&mut id).map_err(|error| failed(std::io::Error::other(error)))?;
    let (id, owner) = (hex(id), owner(folder)?);
    let hash = key.hash(&id, &owner).to_hex();
    let text = format!("{FIRST_LINE}\n{id}\n{owner}\n{hash}\n");
    folder
        .replace(&name(MARK)?, text.as_bytes())
        .map_err(failed)
}

fn owner(folder: &Folder) -> Result<String, StoreError> {
    let owner = folder
        .owner()
        .map_err(|error| StoreError::io("open", folder.path(), error))?;
    Ok(owner.map_or_else(|| "-".into(), |number| number.to_string()))
}

fn hex(bytes: [u8; 32]) -> String {
    blake3::Hash::from_bytes(bytes).to_hex().to_string()
}

fn key_error(folder: &Path, source: std::io::Error) -> StoreError {
    StoreError::Key {
        path: folder.join(KEY),
        source,
    }
}
