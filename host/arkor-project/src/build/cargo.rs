//! What a build by cargo reads: manifests and settings, and the sources that the compiler says it read.
//!
//! The compiler says that when it is done, and about a build that failed it says nothing. So all that could be a
//! source is read before: with what was found then, and not later, the next change is compared.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use toml::de::{DeTable, DeValue};

use crate::inputs::{Answer, InputRecorder, Inputs, Question, Tree};

/// Most bytes of a manifest, and of what the compiler says it read.
const MANIFEST: u64 = 4 << 20;
const DEPENDENCIES: u64 = 32 << 20;

/// Most packages of a project.
const PACKAGES: usize = 500;

/// Taken before cargo starts.
pub(super) struct Before {
    began: SystemTime,
    /// Folders of the packages that are compiled from here, not from a registry.
    packages: Vec<PathBuf>,
    /// All that is in them.
    sources: Inputs,
    target_dir: PathBuf,
}

impl Before {
    pub(super) fn look(folder: &Path, target_dir: &Path, inputs: &InputRecorder) -> Self {
        // A relative one is relative to where cargo runs.
        let target_dir = folder.join(target_dir);
        inputs.output(&target_dir);
        for above in folder.ancestors() {
            for name in [
                ".cargo/config.toml",
                ".cargo/config",
                "rust-toolchain.toml",
                "rust-toolchain",
            ] {
                inputs.ask(&above.join(name), Question::Content);
            }
        }
        let packages = Packages::of(folder, inputs);
        let apart = inputs.apart();
        for package in &packages {
            // A package may lie in another, and is walked with it.
            let is_inside = |outer: &PathBuf| outer != package && package.starts_with(outer);
            if !packages.iter().any(is_inside) {
                apart.tree(Tree::guessed(package.clone(), vec![target_dir.clone()]));
            }
        }
        Self {
            began: SystemTime::now(),
            packages,
            sources: apart.finish(),
            target_dir,
        }
    }

    /// Nobody knows what was read.
    pub(super) fn failed(self, inputs: &InputRecorder) {
        inputs.extend(self.sources);
    }

    /// `artifact` was left, and what its compiler says beside it is what was read.
    pub(super) fn built(self, folder: &Path, artifact: &Path, inputs: &InputRecorder) {
        for above in folder.ancestors() {
            // Cargo writes it if it is not there.
            inputs.ask(&above.join("Cargo.lock"), Question::Content);
        }
        let said = arkor_files::read_regular(&artifact.with_extension("d"), DEPENDENCIES);
        let read = said.map(|bytes| dependencies(&String::from_utf8_lossy(&bytes)));
        // A script that does not say what it reads may read everything.
        let has_script = |package: &PathBuf| inputs.is_file(&package.join("build.rs"));
        // Each is asked about: one that appears is compiled.
        let scripts = self.packages.iter().filter(|one| has_script(one)).count();
        if scripts > 0 || read.is_err() {
            inputs.extend(self.sources.clone());
        }
        for file in read.unwrap_or_default() {
            let file = folder.join(file);
            let is_ours = !file.starts_with(&self.target_dir) && !is_of_rust(&file);
            if !is_ours {
                continue;
            }
            match self.sources.content(&file) {
                Some(answer) => inputs.note(&file, Question::Content, answer),
                None => self.read_late(&file, inputs),
            }
        }
    }

    /// A source from elsewhere, which is known only now.
    fn read_late(&self, file: &Path, inputs: &InputRecorder) {
        let modified = file.metadata().and_then(|meta| meta.modified());
        if modified.is_ok_and(|time| time >= self.began) {
            inputs.note(file, Question::Content, Answer::Unsettled);
        } else {
            inputs.ask(file, Question::Content);
        }
    }
}

/// Whether a file is of the standard library, which some toolchains compile along.
fn is_of_rust(file: &Path) -> bool {
    let names: Vec<_> = file.iter().collect();
    names
        .windows(2)
        .any(|two| two == [std::ffi::OsStr::new("rustlib"), std::ffi::OsStr::new("src")])
}

/// The files on the right side of a list in the language of make.
fn dependencies(text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for line in text.lines() {
        let Some((_, files)) = line.split_once(": ") else {
            continue;
        };
        let mut file = String::new();
        let mut letters = files.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '\\' if letters.peek() == Some(&' ') => {
                    letters.next();
                    file.push(' ');
                }
                ' ' => found.push(PathBuf::from(std::mem::take(&mut file))),
                letter => file.push(letter),
            }
        }
        found.push(PathBuf::from(file));
    }
    found.retain(|file| !file.as_os_str().is_empty());
    found
}

/// Follows manifests from one to the next.
struct Packages<'a> {
    inputs: &'a InputRecorder,
    found: BTreeSet<PathBuf>,
    queue: Vec<PathBuf>,
}

impl<'a> Packages<'a> {
    /// Folders of the packages of a folder: its own, members if it is a workspace, and those they depend on by path.
    fn of(folder: &Path, inputs: &'a InputRecorder) -> Vec<PathBuf> {
        let mut packages = Self {
            inputs,
            found: BTreeSet::new(),
            queue: vec![folder.into()],
        };
        let mut is_first = true;
        while let Some(folder) = packages.queue.pop() {
            let Some(folder) = tidied(&folder) else {
                continue;
            };
            if packages.found.len() >= PACKAGES || !packages.found.insert(folder.clone()) {
                continue;
            }
            packages.follow(&folder, is_first);
            is_first = false;
        }
        packages.found.into_iter().collect()
    }

    fn manifest(&self, folder: &Path) -> Option<String> {
        let path = folder.join("Cargo.toml");
        let Ok(bytes) = arkor_files::read_regular(&path, MANIFEST) else {
            self.inputs.ask(&path, Question::Content);
            return None;
        };
        self.inputs.read(&path, &bytes);
        String::from_utf8(bytes).ok()
    }

    fn follow(&mut self, folder: &Path, takes_members: bool) {
        let text = self.manifest(folder).unwrap_or_default();
        let Ok(manifest) = DeTable::parse(&text) else {
            return;
        };
        let manifest = manifest.get_ref();
        let (mut paths, mut inherited) = (Vec::new(), Vec::new());
        paths_in(manifest, None, &mut paths, &mut inherited);
        self.queue
            .extend(paths.iter().map(|path| folder.join(path)));
        if takes_members {
            self.take_members(folder, manifest);
        }
        // A workspace above says what dependencies that are named only mean, and profiles and patches.
        for above in folder.ancestors().skip(1) {
            let Some(text) = self.manifest(above) else {
                continue;
            };
            let Ok(root) = DeTable::parse(&text) else {
                continue;
            };
            let Some(workspace) = table(root.get_ref(), "workspace") else {
                continue;
            };
            for name in &inherited {
                let meant = table(workspace, "dependencies").and_then(|all| table(all, name));
                let path = meant.and_then(|one| one.get("path"));
                if let Some(DeValue::String(path)) = path.map(toml::Spanned::get_ref) {
                    self.queue.push(above.join(path.as_ref()));
                }
            }
            break;
        }
    }

    fn take_members(&mut self, folder: &Path, manifest: &DeTable<'_>) {
        let members = table(manifest, "workspace").and_then(|workspace| workspace.get("members"));
        let Some(DeValue::Array(members)) = members.map(toml::Spanned::get_ref) else {
            return;
        };
        for member in members.iter() {
            let DeValue::String(member) = member.get_ref() else {
                continue;
            };
            match member.strip_suffix("/*") {
                Some(parent) => {
                    let parent = folder.join(parent);
                    self.inputs.ask(&parent, Question::Names);
                    let entries = std::fs::read_dir(parent).into_iter().flatten();
                    let folders = entries.flatten().map(|entry| entry.path());
                    self.queue
                        .extend(folders.filter(|one| one.join("Cargo.toml").is_file()));
                }
                None => self.queue.push(folder.join(member.as_ref())),
            }
        }
    }
}

fn table<'a, 'b>(table: &'a DeTable<'b>, key: &str) -> Option<&'a DeTable<'b>> {
    match table.get(key)?.get_ref() {
        DeValue::Table(table) => Some(table),
        _ => None,
    }
}

/// Folders that a manifest names as dependencies, and names of those whose folder a workspace knows.
fn paths_in(
    manifest: &DeTable<'_>,
    name: Option<&str>,
    paths: &mut Vec<String>,
    inherited: &mut Vec<String>,
) {
    for (key, value) in manifest {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("path", DeValue::String(path)) if !path.ends_with(".rs") => {
                paths.push(path.to_string());
            }
            ("workspace", DeValue::Boolean(true)) => inherited.extend(name.map(Into::into)),
            (key, DeValue::Table(inner)) => paths_in(inner, Some(key), paths, inherited),
            _ => {}
        }
    }
}

/// A path without `.` and `..`, if it goes that far up. No link is looked at, as cargo looks at none.
fn tidied(path: &Path) -> Option<PathBuf> {
    use std::path::Component;
    let mut tidy = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                if !tidy.pop() {
                    return None;
                }
            }
            part => tidy.push(part),
        }
    }
    Some(tidy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_compiler_read_is_a_list_of_files() {
        let text =
            "/t/a.wasm: /p/src/lib.rs /p/with\\ blank/x.rs ../y.rs\n\n/p/src/lib.rs:\nnoise\n";
        assert_eq!(
            dependencies(text),
            ["/p/src/lib.rs", "/p/with blank/x.rs", "../y.rs"].map(PathBuf::from)
        );
    }

    #[test]
    fn packages_are_found_by_their_manifests() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for (path, text) in [
            (
                "ws/Cargo.toml",
                "[workspace]\nmembers = [\"trainer\"]\n[workspace.dependencies]\nshared = { path = \"shared\" }\n\
                 unused = { path = \"unused\" }\n",
            ),
            (
                "ws/trainer/Cargo.toml",
                "[package]\nname = \"t\"\n[lib]\npath = \"src/lib.rs\"\n[dependencies]\nshared.workspace = true\n\
                 serde = \"1\"\n[target.'cfg(unix)'.dependencies]\nside = { path = \"../../side\" }\n",
            ),
            (
                "ws/shared/Cargo.toml",
                "[build-dependencies]\ngen = { path = \"gen\" }\n",
            ),
            ("ws/shared/gen/Cargo.toml", "not toml ="),
            ("side/Cargo.toml", "[package]\nname = \"side\"\n"),
        ] {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let found = |folder: &str| {
            let inputs = InputRecorder::default();
            let found = Packages::of(&root.join(folder), &inputs);
            let found: Vec<_> = found
                .iter()
                .map(|path| path.strip_prefix(root).unwrap().to_path_buf())
                .collect();
            (found, inputs.finish())
        };
        let (packages, inputs) = found("ws/trainer");
        assert_eq!(
            packages,
            ["side", "ws/shared", "ws/shared/gen", "ws/trainer"].map(PathBuf::from)
        );
        assert!(inputs.has(&root.join("ws/Cargo.toml")));
        assert!(inputs.has(&root.join("side/Cargo.toml")));
        // Of a workspace, its members.
        assert!(found("ws").0.contains(&"ws/trainer".into()));
    }
}
