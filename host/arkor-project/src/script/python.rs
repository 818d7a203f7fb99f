//! Python: imports are followed, within the project and the packages installed for it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use arkor_files::{Folder, Kind, Name};
use arkor_types::{ModuleFormat, Program, ProgramModule, ScriptLanguage};

use super::{folder_of, slashed};
use crate::inputs::Question;
use crate::{BuildLimits, InputRecorder, ProjectError, STORE_FOLDER};

mod imports;
mod packages;
mod requirements;

pub(super) use packages::install;

/// Part of the runtime; no file.
const API: &str = "arkor";

/// Folder of packages in a program, wherever they are installed.
const SITE: &str = "site-packages";

/// Of a package, what is longer is nothing that a trainer reads.
const DATA: u64 = 1 << 20;

/// Most names in the path of an import.
const PARTS: usize = 500;

/// Most files of a program, their bytes, and how deeply folders of packages nest.
const FILES: usize = 20_000;
const TOTAL_SIZE: usize = 256 << 20;
const DEPTH: usize = 40;

/// Folders of an installed package that its users never import.
const LEFT_OUT: [&str; 3] = ["__pycache__", "tests", "test"];

/// Endings of native code, which does not run in the sandbox.
const NATIVE: [&str; 4] = ["so", "pyd", "dylib", "dll"];

struct Found<'a> {
    root: &'a Path,
    /// Folder of the entry, where its modules are.
    home: PathBuf,
    /// Folder that packages are installed in, if there is one.
    packages: Option<Arc<Folder>>,
    /// Files that may still be taken, and their bytes.
    left: (usize, usize),
    modules: BTreeMap<String, ProgramModule>,
    /// Packages that are in whole.
    taken: BTreeSet<String>,
    queue: VecDeque<(PathBuf, Vec<u8>)>,
    inputs: &'a InputRecorder,
}

/// All files of a trainer whose packages, if it has any, are in a folder.
pub(super) fn program(
    root: &Path,
    entry: &Path,
    packages: Option<Folder>,
    limits: &BuildLimits,
    inputs: &InputRecorder,
) -> Result<Program, ProjectError> {
    let mut found = Found {
        root,
        home: folder_of(entry),
        packages: packages.map(Arc::new),
        left: (FILES, TOTAL_SIZE),
        modules: BTreeMap::new(),
        taken: BTreeSet::new(),
        queue: VecDeque::new(),
        inputs,
    };
    let begin = Instant::now();
    found.take_module(entry)?;
    while let Some((path, content)) = found.queue.pop_front() {
        for import in imports::imports(&String::from_utf8_lossy(&content)) {
            if limits.stop.load(Ordering::Acquire) || begin.elapsed() >= limits.timeout {
                let name = path.strip_prefix(root).unwrap_or(&path);
                return Err(super::stopped(&slashed(name), limits));
            }
            // No file has such a name.
            if import.module.len() > PARTS {
                continue;
            }
            found.follow(&path, &import)?;
        }
    }
    let name = entry.strip_prefix(root).unwrap_or(entry);
    Ok(Program {
        language: ScriptLanguage::Python,
        entry: slashed(name),
        modules: found.modules.into_values().collect(),
    })
}

impl Found<'_> {
    fn follow(&mut self, from: &Path, import: &imports::Import) -> Result<(), ProjectError> {
        if import.level > 0 {
            let mut folder = folder_of(from);
            for _ in 1..import.level {
                folder.pop();
            }
            // Packages are in whole already.
            return if folder.starts_with(&self.home) && !self.is_package_file(&folder) {
                self.take_path(&folder, import)
            } else {
                Ok(())
            };
        }
        let Some(first) = import.module.first() else {
            return Ok(());
        };
        if first == API {
            return Ok(());
        }
        let home = self.home.clone();
        let is_own = self.inputs.is_folder(&home.join(first))
            || self.inputs.is_file(&home.join(format!("{first}.py")));
        if is_own {
            self.take_path(&home, import)?;
        }
        self.take_package(first)
    }

    fn is_package_file(&self, path: &Path) -> bool {
        let packages = self.packages.as_ref();
        packages.is_some_and(|packages| path.starts_with(packages.path()))
    }

    /// The modules that an import names, from a folder on: all on the way, and what is taken from the
    /// last one.
    fn take_path(&mut self, folder: &Path, import: &imports::Import) -> Result<(), ProjectError> {
        let mut at = folder.to_path_buf();
        self.take_module(&at.join("__init__.py"))?;
        for part in &import.module {
            self.take_module(&at.join(format!("{part}.py")))?;
            at.push(part);
            self.take_module(&at.join("__init__.py"))?;
        }
        for name in &import.names {
            self.take_module(&at.join(format!("{name}.py")))?;
            self.take_module(&at.join(name).join("__init__.py"))?;
        }
        Ok(())
    }

    /// A file of the project's own, if it is there.
    fn take_module(&mut self, path: &Path) -> Result<(), ProjectError> {
        if !path.starts_with(self.root) || !self.inputs.is_file(path) {
            return Ok(());
        }
        // A link may lead anywhere.
        let relative = path.strip_prefix(self.root).unwrap_or(path);
        let resolved = crate::paths::resolve_inside(self.root, relative)?;
        if resolved.starts_with(self.root.join(STORE_FOLDER)) {
            return Ok(());
        }
        // Under its own name a hidden file is no module; a link would make it one.
        if crate::paths::is_hidden(self.root, &resolved) {
            return Err(ProjectError::Outside {
                root: self.root.into(),
                path: slashed(relative),
            });
        }
        let name = slashed(relative);
        if self.modules.contains_key(&name) {
            return Ok(());
        }
        // By a link it can be another file one day.
        self.inputs.ask(path, Question::Entry);
        let content = super::read(&resolved, self.inputs)?;
        self.charge(content.len()).map_err(io(resolved))?;
        self.queue.push_back((path.to_path_buf(), content.clone()));
        self.keep(name, ModuleFormat::Python, content);
        Ok(())
    }

    fn keep(&mut self, name: String, format: ModuleFormat, content: Vec<u8>) {
        self.modules
            .entry(name.clone())
            .or_insert_with(|| ProgramModule {
                name,
                format,
                content,
                links: Vec::new(),
                source_map: None,
            });
    }

    /// An installed package in whole: what it imports of itself may have a computed name.
    fn take_package(&mut self, name: &str) -> Result<(), ProjectError> {
        let Some(packages) = self.packages.clone() else {
            return Ok(());
        };
        if !self.taken.insert(name.to_owned()) {
            return Ok(());
        }
        for (file, expected) in [
            (name.to_owned(), Kind::Folder),
            (format!("{name}.py"), Kind::File),
        ] {
            // No name of a file, no file.
            let Ok(file) = Name::new(file) else {
                continue;
            };
            self.inputs.ask(&packages.path_of(&file), Question::Entry);
            match packages.kind(&file) {
                Ok(Kind::Other) => {
                    return Err(ProjectError::LinkedPackages {
                        path: packages.path_of(&file),
                    });
                }
                Ok(Kind::Folder) if expected == Kind::Folder => {
                    let folder = packages
                        .folder(&file)
                        .map_err(io(packages.path_of(&file)))?;
                    let place = format!("{SITE}/{name}");
                    return self.take_folder(&folder, &place, 0);
                }
                Ok(Kind::File) if expected == Kind::File => {
                    return self.take_file(&packages, &file, &format!("{SITE}/{name}.py"));
                }
                Ok(_) | Err(_) => {}
            }
        }
        Ok(())
    }

    fn take_folder(
        &mut self,
        folder: &Folder,
        place: &str,
        depth: usize,
    ) -> Result<(), ProjectError> {
        self.inputs.ask(folder.path(), Question::Names);
        let entries = folder.entries(FILES).map_err(io(folder.path().into()))?;
        for entry in entries {
            let name = entry.name.as_os_str().to_string_lossy().into_owned();
            if LEFT_OUT.contains(&name.as_str()) || depth > DEPTH {
                continue;
            }
            let place = format!("{place}/{name}");
            match entry.kind {
                Kind::Folder => {
                    let path = folder.path_of(&entry.name);
                    let inner = folder.folder(&entry.name).map_err(io(path))?;
                    self.take_folder(&inner, &place, depth + 1)?;
                }
                Kind::File => self.take_file(folder, &entry.name, &place)?,
                Kind::Other => {}
            }
        }
        Ok(())
    }

    fn take_file(&mut self, folder: &Folder, file: &Name, place: &str) -> Result<(), ProjectError> {
        let path = folder.path_of(file);
        let ending = path
            .extension()
            .and_then(|ending| ending.to_str())
            .unwrap_or_default();
        let place = place.to_owned();
        if NATIVE.contains(&ending) {
            // That it is there lets the runtime say why it cannot be imported.
            self.keep(place, ModuleFormat::Data, Vec::new());
        } else if ending == "py" {
            let content = self.read(folder, file)?;
            self.queue.push_back((path, content.clone()));
            self.keep(place, ModuleFormat::Python, content);
        } else if ending != "pyc" && ending != "pyi" {
            if folder.size(file).is_ok_and(|size| size <= DATA) {
                let content = self.read(folder, file)?;
                self.keep(place, ModuleFormat::Data, content);
            } else {
                self.inputs.ask(&path, Question::Stamp);
            }
        }
        Ok(())
    }

    /// A file of a package, within what all packages may have.
    fn read(&mut self, folder: &Folder, file: &Name) -> Result<Vec<u8>, ProjectError> {
        let path = folder.path_of(file);
        let failed = io(path.clone());
        let content = match folder.read(file, super::FILE_SIZE) {
            Ok(content) => content,
            Err(error) => {
                self.inputs.ask(&path, Question::Content);
                return Err(failed(error));
            }
        };
        self.inputs.read(&path, &content);
        self.charge(content.len()).map_err(failed)?;
        Ok(content)
    }

    /// Takes a file of so many bytes off what a program may have.
    fn charge(&mut self, size: usize) -> std::io::Result<()> {
        let (files, bytes) = self.left;
        match (files.checked_sub(1), bytes.checked_sub(size)) {
            (Some(files), Some(bytes)) => {
                self.left = (files, bytes);
                Ok(())
            }
            _ => Err(std::io::Error::other(format!(
                "the trainer and what it imports have more than {FILES} files, or {TOTAL_SIZE} bytes"
            ))),
        }
    }
}

fn io(path: PathBuf) -> impl FnOnce(std::io::Error) -> ProjectError {
    move |source| ProjectError::Io {
        action: "read",
        path,
        source,
    }
}

/// See [`crate::fuzzing::requirements`].
#[cfg(fuzzing)]
#[expect(clippy::panic, reason = "what a fuzzer looks for")]
pub(crate) fn fuzz_requirements(bytes: &[u8]) {
    let path = Path::new("requirements.txt");
    match requirements::parse(path, bytes) {
        Ok(lines) => {
            for line in lines {
                let begins = line.starts_with(|first: char| first.is_ascii_alphanumeric());
                let is_plain = line.chars().all(|letter| matches!(letter, ' '..='~'));
                let (asked, _marker) = line.split_once(';').unwrap_or((&line, ""));
                if !begins || !is_plain || asked.contains("://") || asked.contains(" @ ") {
                    panic!("accepted: {line}");
                }
                match requirements::parse(path, line.as_bytes()) {
                    Ok(again) if again != [line.as_str()] => panic!("{line} became {again:?}"),
                    // Its plain form may be longer than what is taken.
                    _ => {}
                }
            }
        }
        Err(error) => drop((error.to_string(), error.hint())),
    }
}

/// Looks for imports.
#[cfg(fuzzing)]
pub(crate) fn fuzz_imports(text: &str) {
    let _ = imports::imports(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(files: &[(&str, &str)], entry: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for (path, content) in files {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let packages = root.join(".venv/lib/python3.14/site-packages");
        let packages = Folder::open(&packages).ok();
        let program = program(
            &root,
            &root.join(entry),
            packages,
            &BuildLimits::default(),
            &InputRecorder::default(),
        )
        .unwrap();
        assert_eq!(program.entry, entry);
        program
            .modules
            .into_iter()
            .map(|module| module.name)
            .collect()
    }

    #[test]
    fn only_what_is_imported_is_part_of_the_program() {
        let files = [
            (
                "src/trainer.py",
                "import json, arkor\nfrom lib import helper\nimport lib.deep.more\nimport sibling",
            ),
            ("src/lib/__init__.py", "from . import other"),
            ("src/lib/helper.py", "from .deep import *"),
            ("src/lib/other.py", ""),
            ("src/lib/unused.py", ""),
            ("src/lib/deep/__init__.py", "from ..up import x"),
            ("src/lib/deep/more.py", ""),
            ("src/lib/up.py", "import ünïcode"),
            ("src/ünïcode.py", ""),
            ("src/sibling/module.py", ""),
            ("other.py", ""),
        ];
        assert_eq!(
            names(&files, "src/trainer.py"),
            [
                "src/lib/__init__.py",
                "src/lib/deep/__init__.py",
                "src/lib/deep/more.py",
                "src/lib/helper.py",
                "src/lib/other.py",
                "src/lib/up.py",
                "src/trainer.py",
                "src/ünïcode.py",
            ]
        );
    }

    #[test]
    fn packages_are_part_of_it_in_whole() {
        let site = ".venv/lib/python3.14/site-packages";
        let at = |name: &str| format!("{site}/{name}");
        let files = [
            ("trainer.py".to_owned(), "from one import x"),
            (at("one/__init__.py"), "import two"),
            (at("one/data.txt"), "text"),
            (at("one/_fast.cpython-314.so"), "native"),
            (at("one/sub/module.py"), ""),
            (at("one/tests/test_one.py"), "import three"),
            (at("two.py"), ""),
            (at("three.py"), ""),
        ];
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(path, content)| (path.as_str(), *content))
            .collect();
        assert_eq!(
            names(&files, "trainer.py"),
            [
                "site-packages/one/__init__.py",
                "site-packages/one/_fast.cpython-314.so",
                "site-packages/one/data.txt",
                "site-packages/one/sub/module.py",
                "site-packages/two.py",
                "trainer.py",
            ]
        );
    }

    #[cfg(unix)]
    #[test]
    fn links_bring_no_file_of_the_host() {
        use std::os::unix::fs::symlink;
        let secrets = tempfile::tempdir().unwrap();
        std::fs::write(secrets.path().join("leak.py"), "SECRET = 1").unwrap();
        std::fs::create_dir(secrets.path().join("tree")).unwrap();
        std::fs::write(secrets.path().join("tree/__init__.py"), "SECRET = 2").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::write(root.join(".env"), "SECRET = 3").unwrap();
        let site = root.join(".venv/lib/python3.14/site-packages");
        std::fs::create_dir_all(site.join("good")).unwrap();
        std::fs::write(site.join("good/__init__.py"), "").unwrap();
        for (link, target) in [
            (site.join("good/leak.py"), secrets.path().join("leak.py")),
            (site.join("good/tree"), secrets.path().join("tree")),
            (site.join("good/data"), "/proc/self/environ".into()),
            (site.join("leak.py"), "/proc/self/environ".into()),
            (site.join("tree"), secrets.path().join("tree")),
            (site.join("endless.py"), "/dev/zero".into()),
            (site.join("inside.py"), root.join(".env")),
            (root.join("own.py"), secrets.path().join("leak.py")),
            (root.join("hidden.py"), root.join(".env")),
            (root.join("kept.py"), "/dev/zero".into()),
        ] {
            symlink(target, link).unwrap();
        }
        let made = std::process::Command::new("mkfifo")
            .arg(site.join("fifo.py"))
            .status();
        assert!(made.unwrap().success());
        let taken = |imports: &str| {
            std::fs::write(root.join("trainer.py"), format!("import {imports}")).unwrap();
            let packages = Folder::open(&site).unwrap();
            program(
                &root,
                &root.join("trainer.py"),
                Some(packages),
                &BuildLimits::default(),
                &InputRecorder::default(),
            )
        };
        for name in ["leak", "tree", "endless", "inside", "fifo", "own", "hidden"] {
            let error = taken(name).expect_err(name);
            assert!(error.hint().is_some(), "{name}: {error}");
        }
        // What is no file is no module.
        assert_eq!(taken("kept").unwrap().modules.len(), 1);
        let program = taken("good").unwrap();
        assert!(
            program
                .modules
                .iter()
                .all(|module| !module.content.starts_with(b"SECRET"))
        );
        assert_eq!(program.modules.len(), 2);
    }
}
