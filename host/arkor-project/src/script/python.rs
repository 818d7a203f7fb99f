//! Python: imports are followed, within the project and the packages installed for it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use arkor_types::{ModuleFormat, Program, ProgramModule, ScriptLanguage};

use super::{folder_of, slashed};
use crate::{ProjectError, STORE_FOLDER};

mod imports;
mod packages;

pub(super) use packages::install;

/// Part of the runtime; no file.
const API: &str = "arkor";

/// Folder of packages in a program, wherever they are installed.
const SITE: &str = "site-packages";

/// Of a package, what is longer is nothing that a trainer reads.
const DATA: u64 = 1 << 20;

/// Folders of an installed package that its users never import.
const LEFT_OUT: [&str; 3] = ["__pycache__", "tests", "test"];

/// Endings of native code, which does not run in the sandbox.
const NATIVE: [&str; 4] = ["so", "pyd", "dylib", "dll"];

struct Found<'a> {
    root: &'a Path,
    /// Folder of the entry, where its modules are.
    home: PathBuf,
    /// Folder that packages are installed in, if there is one.
    packages: Option<PathBuf>,
    modules: BTreeMap<String, ProgramModule>,
    /// Packages that are in whole.
    taken: BTreeSet<String>,
    queue: VecDeque<(PathBuf, Vec<u8>)>,
}

/// All files of a trainer whose packages, if it has any, are in a folder.
pub(super) fn program(
    root: &Path,
    entry: &Path,
    packages: Option<PathBuf>,
) -> Result<Program, ProjectError> {
    let mut found = Found {
        root,
        home: folder_of(entry),
        packages,
        modules: BTreeMap::new(),
        taken: BTreeSet::new(),
        queue: VecDeque::new(),
    };
    found.take_module(entry)?;
    while let Some((path, content)) = found.queue.pop_front() {
        for import in imports::imports(&String::from_utf8_lossy(&content)) {
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
        if home.join(first).is_dir() || home.join(format!("{first}.py")).is_file() {
            self.take_path(&home, import)?;
        }
        self.take_package(first)
    }

    fn is_package_file(&self, path: &Path) -> bool {
        let packages = self.packages.as_ref();
        packages.is_some_and(|packages| path.starts_with(packages))
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
        if !path.is_file() || !path.starts_with(self.root) {
            return Ok(());
        }
        // A link may lead anywhere.
        let relative = path.strip_prefix(self.root).unwrap_or(path);
        let resolved = crate::paths::resolve_inside(self.root, relative)?;
        if resolved.starts_with(self.root.join(STORE_FOLDER)) {
            return Ok(());
        }
        let name = slashed(relative);
        if self.modules.contains_key(&name) {
            return Ok(());
        }
        let content = super::read(&resolved)?;
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
        let folder = packages.join(name);
        if folder.is_dir() {
            return self.take_folder(&packages, &folder);
        }
        let file = packages.join(format!("{name}.py"));
        if file.is_file() {
            self.take_file(&packages, &file)?;
        }
        Ok(())
    }

    fn take_folder(&mut self, packages: &Path, folder: &Path) -> Result<(), ProjectError> {
        let io = |source| ProjectError::Io {
            action: "read",
            path: folder.into(),
            source,
        };
        let mut entries = std::fs::read_dir(folder)
            .map_err(io)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(io)?;
        entries.sort();
        for path in entries {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if path.is_symlink() || LEFT_OUT.contains(&name.as_str()) {
                continue;
            }
            if path.is_dir() {
                self.take_folder(packages, &path)?;
            } else {
                self.take_file(packages, &path)?;
            }
        }
        Ok(())
    }

    fn take_file(&mut self, packages: &Path, path: &Path) -> Result<(), ProjectError> {
        let name = slashed(path.strip_prefix(packages).unwrap_or(path));
        let name = format!("{SITE}/{name}");
        let ending = path
            .extension()
            .and_then(|ending| ending.to_str())
            .unwrap_or_default();
        if NATIVE.contains(&ending) {
            // That it is there lets the runtime say why it cannot be imported.
            self.keep(name, ModuleFormat::Data, Vec::new());
        } else if ending == "py" {
            let content = super::read(path)?;
            self.queue.push_back((path.to_path_buf(), content.clone()));
            self.keep(name, ModuleFormat::Python, content);
        } else if ending != "pyc"
            && ending != "pyi"
            && path.metadata().is_ok_and(|data| data.len() <= DATA)
        {
            self.keep(name, ModuleFormat::Data, super::read(path)?);
        }
        Ok(())
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
        let packages = packages.is_dir().then_some(packages);
        let program = program(&root, &root.join(entry), packages).unwrap();
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
}
