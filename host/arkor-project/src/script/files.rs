//! What the resolver of imports may read: regular files of a bounded size.

use std::io;
use std::path::{Path, PathBuf};

use oxc_resolver::{FileMetadata, FileSystem, FileSystemOs, ResolveError};

/// Most bytes of a package.json or tsconfig.json.
const SIZE: u64 = 4 << 20;

/// The file system as it is, but for what would block or fill the memory.
#[derive(Debug, Clone)]
pub(super) struct Files(FileSystemOs);

impl FileSystem for Files {
    fn new() -> Self {
        Self(FileSystemOs)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        arkor_files::read_regular(path, SIZE)
    }

    fn read_to_string(&self, path: &Path) -> io::Result<String> {
        String::from_utf8(self.read(path)?)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    fn metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        self.0.metadata(path)
    }

    fn symlink_metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        self.0.symlink_metadata(path)
    }

    fn read_link(&self, path: &Path) -> Result<PathBuf, ResolveError> {
        self.0.read_link(path)
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        self.0.canonicalize(path)
    }
}
