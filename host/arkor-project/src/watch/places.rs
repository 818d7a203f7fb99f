//! Where in the file system a change of an input shows.
//!
//! A path is asked for by its name, and can mean something else when a folder on the way is exchanged or a link on
//! it turns. So an input shows at its own entry, at every link passed on the way, and where the way breaks off; all
//! folders above these are watched, each for its own entries only. All places have no links in them, since that is
//! how the system names them.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

/// Most links on a way, as a kernel has it.
const LINKS: usize = 40;

#[derive(Debug, Default)]
pub(super) struct Places {
    /// Inputs by the entries at which they show.
    entries: HashMap<PathBuf, Vec<Arc<Path>>>,
    /// Inputs by folders of which each entry counts.
    listed: HashMap<PathBuf, Vec<Arc<Path>>>,
    /// Folders of these, and all above them.
    folders: HashSet<PathBuf>,
    /// The same, as the other keys are.
    ways: HashSet<PathBuf>,
    placed: HashSet<Arc<Path>>,
    /// Of these, those whose entries count.
    lists: HashSet<Arc<Path>>,
}

/// Looks for places, and remembers folders that it came by.
#[derive(Default)]
pub(super) struct Surveyor {
    ways: HashMap<PathBuf, Rc<Way>>,
}

struct Way {
    /// What the path is without links, if it is there.
    real: Option<PathBuf>,
    /// Links that it leads over, and the entry that is missing.
    passed: Vec<PathBuf>,
}

impl Surveyor {
    fn way(&mut self, path: &Path, links: usize) -> Rc<Way> {
        if let Some(known) = self.ways.get(path) {
            return Rc::clone(known);
        }
        let way = Rc::new(self.survey(path, links));
        // Under a limit of links another answer would be given than without it.
        if links == 0 {
            self.ways.insert(path.into(), Rc::clone(&way));
        }
        way
    }

    fn survey(&mut self, path: &Path, links: usize) -> Way {
        let (Some(parent), Some(last)) = (path.parent(), path.components().next_back()) else {
            return Way {
                real: Some(path.into()),
                passed: Vec::new(),
            };
        };
        let above = self.way(parent, links);
        let mut passed = above.passed.clone();
        let Some(folder) = &above.real else {
            return Way { real: None, passed };
        };
        let name = match last {
            Component::Normal(name) => name,
            Component::ParentDir => {
                let up = folder.parent().unwrap_or(folder).to_path_buf();
                return Way {
                    real: Some(up),
                    passed,
                };
            }
            _ => {
                return Way {
                    real: Some(folder.clone()),
                    passed,
                };
            }
        };
        let entry = folder.join(name);
        let real = match entry.symlink_metadata() {
            Ok(meta) if meta.is_symlink() => {
                passed.push(entry.clone());
                match entry.read_link() {
                    Ok(target) if links < LINKS => {
                        let beyond = self.way(&folder.join(target), links + 1);
                        passed.extend(beyond.passed.iter().cloned());
                        beyond.real.clone()
                    }
                    _ => None,
                }
            }
            Ok(_) => Some(entry),
            Err(_) => {
                passed.push(entry);
                None
            }
        };
        Way { real, passed }
    }
}

impl Places {
    /// Finds the places of an input.
    pub(super) fn place(&mut self, input: &Arc<Path>, surveyor: &mut Surveyor) {
        let way = surveyor.way(input, 0);
        for entry in way.passed.iter().chain(&way.real) {
            note(&mut self.entries, entry, input);
            if let Some(folder) = entry.parent() {
                self.add_folder(folder);
            }
        }
        self.placed.insert(Arc::clone(input));
    }

    /// From now on every entry of a folder counts for an input.
    pub(super) fn list(&mut self, folder: &Path, input: &Arc<Path>, surveyor: &mut Surveyor) {
        if let Some(real) = &surveyor.way(folder, 0).real {
            note(&mut self.listed, real, input);
            self.add_folder(real);
        }
        self.lists.insert(Arc::clone(input));
    }

    fn add_folder(&mut self, folder: &Path) {
        for folder in folder.ancestors() {
            if !self.folders.insert(folder.into()) {
                return;
            }
            self.ways.insert(key(folder).into_owned());
        }
    }

    pub(super) fn has(&self, input: &Path) -> bool {
        self.placed.contains(input)
    }

    pub(super) fn lists(&self, input: &Path) -> bool {
        self.lists.contains(input)
    }

    pub(super) fn len(&self) -> usize {
        self.placed.len()
    }

    /// What must be watched.
    pub(super) fn folders(&self) -> &HashSet<PathBuf> {
        &self.folders
    }

    /// Whether a change of this entry can matter.
    pub(super) fn matters(&self, entry: &Path) -> bool {
        let entry = &*key(entry);
        self.entries.contains_key(entry)
            || self.ways.contains(entry)
            || entry
                .parent()
                .is_some_and(|folder| self.listed.contains_key(folder))
    }

    /// The inputs that it may have changed.
    pub(super) fn affected(&self, entry: &Path) -> HashSet<Arc<Path>> {
        let entry = &*key(entry);
        let at = self.entries.get(entry);
        let in_list = entry.parent().and_then(|folder| self.listed.get(folder));
        let mut found: HashSet<Arc<Path>> =
            at.into_iter().chain(in_list).flatten().cloned().collect();
        if self.ways.contains(entry) {
            // A folder came, went or was exchanged, with all that is in it.
            let places = self.entries.iter().chain(&self.listed);
            let inside = places.filter(|(place, _)| place.starts_with(entry));
            found.extend(inside.flat_map(|(_, inputs)| inputs.iter().cloned()));
        }
        found
    }

    /// Whether an entry is a folder that is watched.
    pub(super) fn is_folder(&self, entry: &Path) -> bool {
        self.ways.contains(&*key(entry))
    }

    /// Inputs that show in one of these folders.
    pub(super) fn shown_in(&self, folders: &HashSet<PathBuf>) -> HashSet<Arc<Path>> {
        let folders: HashSet<_> = folders.iter().map(|folder| key(folder)).collect();
        let folders: HashSet<&Path> = folders.iter().map(|folder| &**folder).collect();
        let entries = self.entries.iter();
        let entries = entries.filter(|(entry, _)| {
            entry
                .parent()
                .is_some_and(|folder| folders.contains(folder))
        });
        let listed = self
            .listed
            .iter()
            .filter(|(folder, _)| folders.contains(&***folder));
        let found = entries.chain(listed);
        found
            .flat_map(|(_, inputs)| inputs.iter().cloned())
            .collect()
    }
}

/// By which a place is found. Where names of files have no case, it has none.
fn key(path: &Path) -> Cow<'_, Path> {
    if cfg!(any(windows, target_vendor = "apple")) {
        return PathBuf::from(path.to_string_lossy().to_lowercase()).into();
    }
    path.into()
}

fn note(places: &mut HashMap<PathBuf, Vec<Arc<Path>>>, place: &Path, input: &Arc<Path>) {
    let place = key(place);
    let Some(inputs) = places.get_mut(&*place) else {
        places.insert(place.into_owned(), vec![Arc::clone(input)]);
        return;
    };
    if !inputs.contains(input) {
        inputs.push(Arc::clone(input));
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn an_input_shows_at_its_entry_at_links_and_where_its_way_breaks_off() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("real/sub")).unwrap();
        std::fs::write(root.join("real/sub/file"), "").unwrap();
        symlink("real", root.join("link")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        symlink("sub/file", root.join("real/short")).unwrap();
        let mut places = Places::default();
        let mut surveyor = Surveyor::default();
        let inputs: Vec<Arc<Path>> = [
            "link/sub/file",
            "real/none/deep",
            "loop/x",
            "link/../link/short",
        ]
        .iter()
        .map(|path| root.join(path).into())
        .collect();
        for input in &inputs {
            places.place(input, &mut surveyor);
        }
        let affected = |entry: &str| -> Vec<usize> {
            let found = places.affected(&root.join(entry));
            (0..inputs.len())
                .filter(|at| found.contains(&inputs[*at]))
                .collect()
        };
        assert_eq!(affected("link"), [0, 3]);
        assert_eq!(affected("real/sub/file"), [0, 3]);
        assert_eq!(affected("real/short"), [3]);
        assert_eq!(affected("real/none"), [1]);
        assert_eq!(affected("loop"), [2]);
        assert_eq!(affected("real"), [0, 1, 3]);
        assert_eq!(affected("real/sub"), [0, 3]);
        assert!(affected("other").is_empty() && !places.matters(&root.join("real/other")));
        for watched in ["", "real", "real/sub"] {
            assert!(places.folders().contains(&root.join(watched)), "{watched}");
        }
        places.list(&root.join("link/sub"), &inputs[1], &mut surveyor);
        assert!(places.matters(&root.join("real/sub/new")));
        assert!(
            places
                .affected(&root.join("real/sub/new"))
                .contains(&inputs[1])
        );
    }
}
