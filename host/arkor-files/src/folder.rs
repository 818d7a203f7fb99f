//! A folder that is open, and what is in it.

use std::fs::File;
use std::io::{Error, ErrorKind, Result, Write};
use std::path::{Path, PathBuf};

use cap_fs_ext::{DirExt, FollowSymlinks, OpenOptionsFollowExt};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};

use crate::Name;
use crate::regular::{expect_regular, foreign, read_all};

/// An open folder. What happens to the path that it was opened by changes nothing.
#[derive(Debug)]
pub struct Folder {
    dir: Dir,
    path: PathBuf,
}

/// What an entry of a folder is, links not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A link, a FIFO, a socket, a device.
    Other,
}

/// Something in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is called there.
    pub name: Name,
    /// What it is.
    pub kind: Kind,
    /// Bytes, of a file.
    pub size: u64,
}

const HARD_LINK: &str = "a file with a second name (a hard link), which can be anyone's";

impl Folder {
    /// Opens a folder by a path that is trusted: one that the user gave, with its links.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self {
            dir: Dir::open_ambient_dir(path, ambient_authority())?,
            path: path.into(),
        })
    }

    /// The path it was opened by. What is done by this path is not protected; it is for messages, and for
    /// libraries that take nothing else.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of something in it; see [`Self::path`].
    pub fn path_of(&self, name: &Name) -> PathBuf {
        self.path.join(name)
    }

    /// Opens a folder in it.
    ///
    /// # Errors
    ///
    /// [`Foreign`](crate::Foreign) if it is a link or no folder; [`ErrorKind::NotFound`]; or what the system says.
    pub fn folder(&self, name: &Name) -> Result<Self> {
        let dir = self.dir.open_dir_nofollow(name).map_err(|error| {
            if error.kind() == ErrorKind::NotFound {
                return error;
            }
            match self.kind(name) {
                Ok(Kind::Folder) | Err(_) => error,
                Ok(_) => self.unexpected(name, "a link or a file, and should be a folder"),
            }
        })?;
        Ok(Self {
            dir,
            path: self.path.join(name),
        })
    }

    /// The same, and makes it, for its owner only, if it is not there.
    ///
    /// # Errors
    ///
    /// As [`Self::folder`].
    pub fn folder_or_new(&self, name: &Name) -> Result<Self> {
        match self.folder(name) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            other => return other,
        }
        let mut builder = cap_std::fs::DirBuilder::new();
        #[cfg(unix)]
        cap_std::fs::DirBuilderExt::mode(&mut builder, 0o700);
        match self.dir.create_dir_with(name, &builder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        self.folder(name)
    }

    /// Opens a regular file in it for reading.
    ///
    /// # Errors
    ///
    /// As [`Self::folder`].
    pub fn open_file(&self, name: &Name) -> Result<File> {
        self.open_with(name, OpenOptions::new().read(true))
    }

    /// Opens a regular file in it for writing without changing what is in it, and makes it, for its owner
    /// only, if it is not there. For files that are locked, or written in place: one that has a second name
    /// is refused, for that can be a file of somebody else's.
    ///
    /// # Errors
    ///
    /// As [`Self::folder`].
    pub fn open_or_create(&self, name: &Name) -> Result<File> {
        let file = self.open_with(name, private().write(true).create(true))?;
        #[cfg(unix)]
        if std::os::unix::fs::MetadataExt::nlink(&file.metadata()?) > 1 {
            return Err(self.unexpected(name, HARD_LINK));
        }
        Ok(file)
    }

    /// Whether there is a file of this name that can be written in place: a regular one without a second
    /// name. For libraries that open it by its path afterwards.
    ///
    /// # Errors
    ///
    /// [`Foreign`](crate::Foreign) if it is something else; or what the system says.
    pub fn is_own_file(&self, name: &Name) -> Result<bool> {
        let meta = match self.dir.symlink_metadata(name) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            other => other?,
        };
        if !meta.is_file() {
            return Err(self.unexpected(name, "no regular file"));
        }
        #[cfg(unix)]
        if cap_std::fs::MetadataExt::nlink(&meta) > 1 {
            return Err(self.unexpected(name, HARD_LINK));
        }
        Ok(true)
    }

    /// The number of the user that the folder belongs to, where folders belong to users.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn owner(&self) -> Result<Option<u32>> {
        #[cfg(unix)]
        return Ok(Some(cap_std::fs::MetadataExt::uid(
            &self.dir.dir_metadata()?,
        )));
        #[cfg(not(unix))]
        Ok(None)
    }

    /// Keeps others from writing into the folder.
    ///
    /// # Errors
    ///
    /// What the system says, if others can.
    pub fn keep_for_owner(&self) -> Result<()> {
        #[cfg(unix)]
        {
            use cap_std::fs::PermissionsExt;
            let mode = self.dir.dir_metadata()?.permissions().mode();
            if mode & 0o022 != 0 {
                let mode = cap_std::fs::Permissions::from_mode(mode & 0o7755);
                self.dir.set_permissions(".", mode)?;
            }
        }
        Ok(())
    }

    /// Bytes that its file system has left for this user, if it says so.
    pub fn free_space(&self) -> Option<u64> {
        #[cfg(unix)]
        {
            let space = rustix::fs::fstatvfs(&self.dir).ok()?;
            // Some that know no bounds answer with zeros.
            (space.f_blocks > 0).then(|| space.f_bavail.saturating_mul(space.f_frsize))
        }
        #[cfg(not(unix))]
        None
    }

    /// The same folder once more.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn try_clone(&self) -> Result<Self> {
        Ok(Self {
            dir: self.dir.try_clone()?,
            path: self.path.clone(),
        })
    }

    /// Makes a file that is not there yet, for its owner only.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AlreadyExists`], also for a link that leads nowhere; or what the system says.
    pub fn create_new(&self, name: &Name) -> Result<File> {
        self.open_with(name, private().write(true).read(true).create_new(true))
    }

    fn open_with(&self, name: &Name, options: &mut OpenOptions) -> Result<File> {
        options.follow(FollowSymlinks::No);
        #[cfg(unix)]
        cap_std::fs::OpenOptionsExt::custom_flags(options, crate::regular::no_wait());
        let file = match self.dir.open_with(name, options) {
            Ok(file) => file.into_std(),
            Err(error) if matches!(self.kind(name), Ok(Kind::Other)) => {
                return Err(match error.kind() {
                    ErrorKind::AlreadyExists => error,
                    _ => self.unexpected(name, "no regular file"),
                });
            }
            Err(error) => return Err(error),
        };
        expect_regular(&file).map_err(|_| self.unexpected(name, "no regular file"))?;
        Ok(file)
    }

    /// All of a regular file of at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// As [`Self::folder`]; [`ErrorKind::FileTooLarge`].
    pub fn read(&self, name: &Name, limit: u64) -> Result<Vec<u8>> {
        read_all(self.open_file(name)?, limit)
    }

    /// Gives a file this content: whole or not at all, and for its owner only. What was there is replaced,
    /// also if it is a link, which is not followed.
    ///
    /// # Errors
    ///
    /// What the system says; nothing has changed then.
    pub fn replace(&self, name: &Name, content: &[u8]) -> Result<()> {
        let part = Name::new(format!(".part-{}", draw()?))?;
        let written = (|| {
            let mut file = self.create_new(&part)?;
            file.write_all(content)?;
            file.sync_all()?;
            self.dir.rename(&part, &self.dir, name)
        })();
        if written.is_err() {
            let _ = self.dir.remove_file(&part);
        }
        written?;
        self.sync()
    }

    /// Moves a file or folder to a place in this or another folder; what is there is replaced, if it is of the
    /// same kind. Links are moved, not followed.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn rename(&self, name: &Name, to: &Self, new: &Name) -> Result<()> {
        self.dir.rename(name, &to.dir, new)
    }

    /// Removes a file, or a link itself.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn remove_file(&self, name: &Name) -> Result<()> {
        self.dir.remove_file(name)
    }

    /// Removes a folder with all that is in it, links not followed.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn remove_folder(&self, name: &Name) -> Result<()> {
        self.dir.remove_dir_all(name)
    }

    /// What something in it is.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`], or what the system says.
    pub fn kind(&self, name: &Name) -> Result<Kind> {
        Ok(kind(self.dir.symlink_metadata(name)?.file_type()))
    }

    /// Bytes of a file in it, links not followed.
    ///
    /// # Errors
    ///
    /// As [`Self::kind`].
    pub fn size(&self, name: &Name) -> Result<u64> {
        Ok(self.dir.symlink_metadata(name)?.len())
    }

    /// Everything in it, at most `limit` entries, in order of their names. Names that are none (see [`Name`]) are
    /// left out.
    ///
    /// # Errors
    ///
    /// What the system says; [`ErrorKind::FileTooLarge`] if there are more.
    pub fn entries(&self, limit: usize) -> Result<Vec<Entry>> {
        let mut found = Vec::new();
        for entry in self.dir.entries()? {
            let entry = entry?;
            if found.len() >= limit {
                let text = format!("`{}` has more than {limit} entries", self.path.display());
                return Err(Error::new(ErrorKind::FileTooLarge, text));
            }
            let Ok(name) = Name::new(entry.file_name()) else {
                continue;
            };
            // Gone since: it is not there.
            let Ok(meta) = self.dir.symlink_metadata(&name) else {
                continue;
            };
            found.push(Entry {
                name,
                kind: kind(meta.file_type()),
                size: if meta.is_file() { meta.len() } else { 0 },
            });
        }
        found.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(found)
    }

    /// Makes renames and removals durable. Windows has no such call and orders renames itself.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn sync(&self) -> Result<()> {
        #[cfg(unix)]
        // The folder itself may be open only as a place (O_PATH), which cannot be synced.
        self.dir.open(".")?.sync_all()?;
        Ok(())
    }

    fn unexpected(&self, name: &Name, what: &str) -> Error {
        foreign(format!("`{}` is {what}", self.path_of(name).display()))
    }
}

fn kind(kind: cap_std::fs::FileType) -> Kind {
    if kind.is_file() {
        Kind::File
    } else if kind.is_dir() {
        Kind::Folder
    } else {
        Kind::Other
    }
}

fn private() -> OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "there are no modes to set"))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    cap_std::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// A name that is not there yet.
fn draw() -> Result<String> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(Error::other)?;
    Ok(format!("{:016x}", u64::from_le_bytes(bytes)))
}
