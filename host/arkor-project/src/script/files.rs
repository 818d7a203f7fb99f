//! What the resolver of imports may read: regular files of a bounded size.

use std::io;
use std::path::{Path, PathBuf};

use oxc_resolver::{FileMetadata, FileSystem, FileSystemOs, ResolveError};

use crate::InputRecorder;
use crate::inputs::{Answer, Question};

/// Most bytes of a package.json or tsconfig.json.
const SIZE: u64 = 4 << 20;

/// Most `*` of one. What is imported is put in for each.
const STARS: usize = 10_000;

/// The file system as it is, but that only files of the project and of packages installed for it are read, and
/// nothing that would block or fill the memory.
#[derive(Debug, Clone)]
pub(super) struct Files {
    system: FileSystemOs,
    /// The project's folder, without links.
    root: PathBuf,
    /// Whether folders above it may have packages for it, and a package.json that it is a part of.
    looks_above: bool,
    inputs: InputRecorder,
}

impl Files {
    pub(super) fn of(root: &Path, looks_above: bool, inputs: InputRecorder) -> Self {
        Self {
            system: FileSystemOs,
            root: root.into(),
            looks_above,
            inputs,
        }
    }

    /// The file without links. One elsewhere is not there: a project says nothing with it, and learns nothing
    /// of it.
    fn readable(&self, path: &Path) -> io::Result<PathBuf> {
        let real = crate::paths::canonical(path).map_err(|_| io::ErrorKind::NotFound)?;
        let is_above = |folder: &Path| {
            real.parent() == Some(folder) || real.starts_with(folder.join("node_modules"))
        };
        let above = self.root.ancestors().skip(1);
        if real.starts_with(&self.root) || (self.looks_above && { above }.any(is_above)) {
            return Ok(real);
        }
        Err(io::ErrorKind::NotFound.into())
    }
}

impl FileSystem for Files {
    fn new() -> Self {
        Self::of(Path::new("/"), true, InputRecorder::default())
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let read = self
            .readable(path)
            .and_then(|real| arkor_files::read_resolved(&real, SIZE));
        match &read {
            Ok(content) => self.inputs.read(path, content),
            Err(_) => drop(self.inputs.ask(path, Question::Content)),
        }
        let content = read?;
        let stars = content.iter().filter(|byte| **byte == b'*').count();
        if stars > STARS {
            let text = format!("it has {stars} `*`, and at most {STARS} are taken");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        Ok(content)
    }

    fn read_to_string(&self, path: &Path) -> io::Result<String> {
        String::from_utf8(self.read(path)?)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    fn metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        self.inputs.ask(path, Question::Kind);
        // What is there elsewhere is not told; packages above are found by many questions, and need not be fast
        // where they are not looked for.
        if self.looks_above {
            return self.system.metadata(path);
        }
        self.system.metadata(&self.readable(path)?)
    }

    fn symlink_metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        let found = self.system.symlink_metadata(path);
        let answer = match &found {
            Ok(meta) if meta.is_symlink() => Question::Entry.ask(path),
            Ok(meta) if meta.is_file() => Answer::File,
            Ok(meta) if meta.is_dir() => Answer::Folder,
            Ok(_) => Answer::Other,
            Err(_) => Answer::Nothing,
        };
        self.inputs.note(path, Question::Entry, answer);
        found
    }

    fn read_link(&self, path: &Path) -> Result<PathBuf, ResolveError> {
        self.system.read_link(path)
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        self.system.canonicalize(path)
    }
}
