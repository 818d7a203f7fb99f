//! All files of a folder, where nobody can say which of them a build reads.

use std::path::{Path, PathBuf};

use ignore::WalkBuilder;

use super::Digest;
use crate::STORE_FOLDER;

/// Most bytes of a list of ignored files.
const LIST_SIZE: u64 = 1 << 20;

/// Most files of a tree: with more, those that come later are not looked at.
const FILES: usize = 100_000;

/// Folders that are no sources wherever they are, unless somebody names them.
const NO_SOURCES: &[&str] = &[
    STORE_FOLDER,
    ".git",
    ".jj",
    ".hg",
    "target",
    "node_modules",
    ".venv",
    "__pycache__",
];

/// A file or a folder with everything beneath it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tree {
    root: PathBuf,
    /// Without what lists such as `.gitignore` name, which is so where the tree is a guess.
    honours_lists: bool,
    /// What lies in it and is written by the build itself.
    outputs: Vec<PathBuf>,
}

/// What was found in one.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    /// Files, and links as such, in an order that depends on their names alone.
    pub(crate) files: Vec<PathBuf>,
    /// In which a file would be one of it.
    pub(crate) folders: Vec<PathBuf>,
}

impl Walked {
    /// A digest of the names.
    pub(crate) fn names(&self) -> Digest {
        let mut hasher = blake3::Hasher::new();
        for file in &self.files {
            hasher.update(file.as_os_str().as_encoded_bytes());
            // No name has a zero.
            hasher.update(&[0]);
        }
        *hasher.finalize().as_bytes()
    }
}

impl Tree {
    /// What is not ignored below a folder, links not followed.
    pub(crate) fn guessed(root: PathBuf, outputs: Vec<PathBuf>) -> Self {
        Self {
            root,
            honours_lists: true,
            outputs,
        }
    }

    /// A file or folder that was named, with all that is in it.
    pub(crate) fn named(root: PathBuf, outputs: Vec<PathBuf>) -> Self {
        Self {
            root,
            honours_lists: false,
            outputs,
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Whether nobody named what is in it.
    pub(crate) fn is_guess(&self) -> bool {
        self.honours_lists
    }

    pub(crate) fn walk(&self) -> Walked {
        let outputs = self.outputs.clone();
        let honours_lists = self.honours_lists;
        let mut walk = WalkBuilder::new(&self.root);
        walk.hidden(false)
            .require_git(false)
            .parents(false)
            .git_exclude(false)
            .git_global(false)
            .sort_by_file_name(std::ffi::OsStr::cmp)
            .filter_entry(move |entry| {
                let is_skipped = entry.depth() > 0
                    && NO_SOURCES.iter().any(|name| entry.file_name() == *name)
                    && (honours_lists
                        || [STORE_FOLDER, ".git"]
                            .iter()
                            .any(|name| entry.file_name() == *name));
                let is_output = outputs.iter().any(|place| entry.path() == place);
                !is_skipped && !is_output && has_readable_lists(entry.path())
            });
        if !self.honours_lists || !has_readable_lists(&self.root) {
            walk.standard_filters(false);
        }
        let mut walked = Walked::default();
        for entry in walk.build().filter_map(Result::ok) {
            // The root may be reached by a link.
            let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir())
                || (entry.depth() == 0 && entry.path().is_dir());
            if is_folder {
                walked.folders.push(entry.into_path());
            } else if walked.files.len() < FILES {
                walked.files.push(entry.into_path());
            }
        }
        walked
    }
}

/// Whether the lists of ignored files in a folder are files, and small: they are read on every look.
fn has_readable_lists(folder: &Path) -> bool {
    [".gitignore", ".ignore"].iter().all(|name| {
        folder
            .join(name)
            .symlink_metadata()
            .map_or(true, |meta| meta.is_file() && meta.len() <= LIST_SIZE)
    })
}
