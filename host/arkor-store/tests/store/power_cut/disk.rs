//! What a disk may hold after a loss of power, told from the syncs that a process made.
//!
//! A system writes in an order of its own. Of what was not synced it may have written all, nothing or a part:
//! the names in a folder as they are or as they were at its last sync, the content of a file likewise, or
//! its beginning only.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::common::Random;

/// A folder, and how much of it is durable.
pub(super) struct Disk {
    root: PathBuf,
    folders: HashMap<PathBuf, Vec<Named>>,
    files: HashMap<u64, Durable>,
}

#[derive(Clone)]
struct Named {
    name: OsString,
    inode: u64,
    is_folder: bool,
}

struct Durable {
    content: Vec<u8>,
    /// As long as it is open, no other file gets its number.
    _file: File,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// Only what was synced.
    Synced,
    /// Of each file what was synced, under a new beginning of some length.
    Torn,
    /// All.
    All,
}

/// Files by their paths; a folder has no content.
pub(super) type Image = BTreeMap<PathBuf, Option<Vec<u8>>>;

impl Disk {
    pub(super) fn new(root: PathBuf) -> Self {
        Self {
            root,
            folders: HashMap::new(),
            files: HashMap::new(),
        }
    }

    /// That the open file or folder which this path in `/proc` leads to was synced.
    pub(super) fn synced(&mut self, file: &Path) {
        let path = fs::read_link(file).unwrap();
        let Ok(place) = path.strip_prefix(&self.root) else {
            return;
        };
        let mut opened = File::open(file).unwrap();
        let meta = opened.metadata().unwrap();
        if meta.is_dir() {
            self.folders.insert(place.into(), names(&path));
            return;
        }
        let mut content = Vec::new();
        opened.read_to_end(&mut content).unwrap();
        let durable = Durable {
            content,
            _file: opened,
        };
        self.files.insert(meta.ino(), durable);
    }

    /// What may be found. `names` says whether renames and removals that were not synced were written.
    pub(super) fn image(&self, names: Written, content: Written, random: &mut Random) -> Image {
        let mut image = Image::new();
        self.add(Path::new(""), names, content, random, &mut image);
        image
    }

    fn add(
        &self,
        place: &Path,
        which: Written,
        content: Written,
        random: &mut Random,
        image: &mut Image,
    ) {
        let now = || names(&self.root.join(place));
        let entries = match which {
            Written::All => now(),
            _ => self.folders.get(place).cloned().unwrap_or_default(),
        };
        for entry in entries {
            let path = place.join(&entry.name);
            if entry.is_folder {
                image.insert(path.clone(), None);
                self.add(&path, which, content, random, image);
            } else if !path.ends_with("arkor.db-shm") {
                // SQLite makes that one anew when nobody has the database open.
                let content = self.content(&path, entry.inode, content, random);
                image.insert(path, Some(content));
            }
        }
    }

    fn content(&self, place: &Path, inode: u64, which: Written, random: &mut Random) -> Vec<u8> {
        let synced = self.files.get(&inode).map(|file| file.content.clone());
        let synced = synced.unwrap_or_default();
        let path = self.root.join(place);
        let is_same = fs::metadata(&path).is_ok_and(|meta| meta.ino() == inode);
        if which == Written::Synced || !is_same {
            return synced;
        }
        let mut now = fs::read(&path).unwrap();
        if which == Written::Torn && now != synced {
            now.truncate(random.next() as usize % (now.len() + 1));
            now.extend_from_slice(synced.get(now.len()..).unwrap_or_default());
        }
        now
    }
}

fn names(folder: &Path) -> Vec<Named> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let named = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.unwrap();
        let meta = entry.metadata().unwrap();
        Named {
            name: entry.file_name(),
            inode: meta.ino(),
            is_folder: meta.is_dir(),
        }
    };
    entries.map(named).collect()
}

/// Tells images from each other.
pub(super) fn hash(image: &Image) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    for (path, content) in image {
        let content = content.as_deref().map(blake3::hash);
        hasher.update(format!("{path:?} {content:?}\n").as_bytes());
    }
    hasher.finalize()
}

pub(super) fn write(image: &Image, root: &Path) {
    fs::create_dir_all(root).unwrap();
    for (path, content) in image {
        match content {
            None => fs::create_dir_all(root.join(path)).unwrap(),
            Some(content) => fs::write(root.join(path), content).unwrap(),
        }
    }
}
