//! What lies beside a project, and whether it is untouched.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A folder with what somebody would miss.
pub(crate) struct Outside {
    pub(crate) path: PathBuf,
    before: BTreeMap<PathBuf, String>,
}

impl Outside {
    pub(crate) fn new(path: PathBuf) -> Self {
        for (name, content) in [
            ("letter.txt", "dear reader"),
            ("photos/one.jpg", "sunset"),
            (
                "20261123-101530-k3f9.abc",
                "named like a temporary file of the host",
            ),
            ("removed.0000", "named like content on its way out"),
            ("keys/id", "SECRET-OF-THE-USER"),
            ("ab/abcd", "named like content"),
        ] {
            let file = path.join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, content).unwrap();
        }
        let before = look(&path);
        Self { path, before }
    }

    /// What is there already.
    pub(crate) fn seen(path: PathBuf) -> Self {
        let before = look(&path);
        Self { path, before }
    }

    /// Fails if anything was changed, added or removed.
    #[track_caller]
    pub(crate) fn is_untouched(&self, after_what: &str) {
        assert_eq!(look(&self.path), self.before, "changed by {after_what}");
    }
}

/// Everything in a folder: kind, mode, size, time of change, content.
fn look(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let meta = folder.symlink_metadata().unwrap();
        found.insert(
            folder.clone(),
            format!(
                "folder {:o} {}.{}",
                meta.mode(),
                meta.mtime(),
                meta.mtime_nsec()
            ),
        );
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let meta = path.symlink_metadata().unwrap();
            if meta.is_dir() {
                folders.push(path);
                continue;
            }
            let content = std::fs::read(&path).unwrap_or_default();
            let text = format!(
                "{:o} {} {}.{} {}",
                meta.mode(),
                meta.len(),
                meta.mtime(),
                meta.mtime_nsec(),
                String::from_utf8_lossy(&content)
            );
            found.insert(path, text);
        }
    }
    found
}
