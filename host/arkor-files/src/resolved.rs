//! Paths that had no link in them when they were looked at, opened without following one.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::path::{Component, Path, PathBuf};

use crate::regular::foreign;

/// Goes from the root of the file system to the file one name at a time.
pub(crate) fn open(path: &Path) -> Result<File> {
    let unresolved = || {
        let text = format!("{} is not a resolved path", path.display());
        Error::new(ErrorKind::InvalidInput, text)
    };
    // What is before the first name: `/`, or a drive.
    let mut start = PathBuf::new();
    let mut folders = Vec::new();
    for part in path.components() {
        match part {
            Component::Prefix(_) | Component::RootDir if folders.is_empty() => start.push(part),
            Component::Normal(name) => folders.push(name),
            _ => return Err(unresolved()),
        }
    }
    let Some(file) = folders.pop().filter(|_| start.has_root()) else {
        return Err(unresolved());
    };
    let mut at = system::Place::root(&start)?;
    for name in folders {
        at = at.step(name)?;
    }
    at.file(file)
}

fn exchanged(name: &OsStr) -> Error {
    foreign(format!("{name:?} on the way to it is a link now"))
}

#[cfg(unix)]
mod system {
    use std::os::fd::OwnedFd;

    use rustix::fs::{CWD, Mode, OFlags, openat};
    use rustix::io::Errno;

    use super::{Error, File, OsStr, Path, Result, exchanged};

    /// A folder on the way. It may be one that can be entered and not be listed, as homes of others can.
    pub(super) struct Place(OwnedFd);

    #[cfg(any(target_os = "linux", target_os = "android"))]
    const ENTER: OFlags = OFlags::PATH;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const ENTER: OFlags = OFlags::RDONLY;

    impl Place {
        pub(super) fn root(path: &Path) -> Result<Self> {
            let flags = ENTER | OFlags::DIRECTORY | OFlags::CLOEXEC;
            Ok(Self(openat(CWD, path, flags, Mode::empty())?))
        }

        pub(super) fn step(&self, name: &OsStr) -> Result<Self> {
            let flags = ENTER | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            match openat(&self.0, name, flags, Mode::empty()) {
                Ok(place) => Ok(Self(place)),
                Err(Errno::LOOP | Errno::NOTDIR) => Err(exchanged(name)),
                Err(error) => Err(error.into()),
            }
        }

        pub(super) fn file(&self, name: &OsStr) -> Result<File> {
            let flags = OFlags::RDONLY
                | OFlags::NOFOLLOW
                | OFlags::NONBLOCK
                | OFlags::NOCTTY
                | OFlags::CLOEXEC;
            match openat(&self.0, name, flags, Mode::empty()) {
                Ok(file) => Ok(file.into()),
                Err(Errno::LOOP) => Err(exchanged(name)),
                Err(error) => Err(Error::from(error)),
            }
        }
    }
}

#[cfg(not(unix))]
mod system {
    use cap_fs_ext::{DirExt, FollowSymlinks, OpenOptionsFollowExt};
    use cap_std::ambient_authority;
    use cap_std::fs::{Dir, OpenOptions};

    use super::{File, OsStr, Path, Result, exchanged};

    pub(super) struct Place(Dir);

    impl Place {
        pub(super) fn root(path: &Path) -> Result<Self> {
            Ok(Self(Dir::open_ambient_dir(path, ambient_authority())?))
        }

        pub(super) fn step(&self, name: &OsStr) -> Result<Self> {
            match self.0.open_dir_nofollow(name) {
                Ok(place) => Ok(Self(place)),
                Err(_) if self.is_link(name) => Err(exchanged(name)),
                Err(error) => Err(error),
            }
        }

        pub(super) fn file(&self, name: &OsStr) -> Result<File> {
            let mut options = OpenOptions::new();
            options.read(true).follow(FollowSymlinks::No);
            match self.0.open_with(name, &options) {
                Ok(file) => Ok(file.into_std()),
                Err(_) if self.is_link(name) => Err(exchanged(name)),
                Err(error) => Err(error),
            }
        }

        fn is_link(&self, name: &OsStr) -> bool {
            let found = self.0.symlink_metadata(name);
            found.is_ok_and(|found| found.is_symlink())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{is_foreign, open_resolved, read_resolved};

    #[cfg(unix)]
    #[test]
    fn a_resolved_path_is_opened_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("a:b/c")).unwrap();
        let file = root.join("a:b/c/d\\e");
        std::fs::write(&file, "here").unwrap();
        assert_eq!(read_resolved(&file, 4).unwrap(), b"here");
        assert_eq!(
            read_resolved(&file, 3).unwrap_err().kind(),
            ErrorKind::FileTooLarge
        );
        let missing = open_resolved(&root.join("a:b/x/y")).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        assert!(is_foreign(&open_resolved(&root).unwrap_err()));
        for bad in ["a:b/c", "", "/", "/a/..", "..", "/a/../etc/hostname"] {
            let kind = open_resolved(Path::new(bad)).unwrap_err().kind();
            assert_eq!(kind, ErrorKind::InvalidInput, "{bad}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_that_took_a_place_are_not_followed() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("real/below")).unwrap();
        std::fs::write(root.join("real/below/file"), "secret").unwrap();
        symlink("real", root.join("folder")).unwrap();
        symlink("below", root.join("real/inner")).unwrap();
        symlink("file", root.join("real/below/link")).unwrap();
        for path in ["folder/below/file", "real/inner/file", "real/below/link"] {
            let error = open_resolved(&root.join(path)).unwrap_err();
            assert!(is_foreign(&error), "{path}: {error}");
        }
        // A folder that can be entered only.
        let only_enter = std::fs::Permissions::from_mode(0o311);
        std::fs::set_permissions(root.join("real"), only_enter).unwrap();
        if cfg!(target_os = "linux") {
            assert!(open_resolved(&root.join("real/below/file")).is_ok());
        }
        let all = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(root.join("real"), all).unwrap();
        // A FIFO that nobody writes to.
        let fifo = root.join("fifo");
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RUSR).unwrap();
        assert!(is_foreign(&open_resolved(&fifo).unwrap_err()));
    }
}
