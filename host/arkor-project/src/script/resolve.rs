//! What an import means, as Node has it, within the project and the packages installed for it.

use std::path::{Path, PathBuf};

use oxc_resolver::{ModuleType, ResolveError, ResolveOptions, ResolverGeneric};

use super::files::Files;
use super::{folder_of, slashed};
use crate::{InputRecorder, STORE_FOLDER};

type Resolver = ResolverGeneric<Files>;

/// How a module is asked for; packages may have a file for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Import,
    Require,
}

/// Most bytes of a specifier: as much as a path may have.
const SPECIFIER: usize = 4096;

pub(super) struct Resolution {
    pub(super) path: PathBuf,
    /// The nearest package.json has `"type": "module"`, or the ending says so.
    pub(super) is_module: bool,
}

pub(super) struct Modules {
    root: PathBuf,
    /// Whether packages that are installed further up are the project's too, as Node has it.
    looks_above: bool,
    import: Resolver,
    require: Resolver,
}

impl Modules {
    pub(super) fn new(root: &Path, looks_above: bool, inputs: &InputRecorder) -> Self {
        let options = |kind: &str| ResolveOptions {
            extensions: [".ts", ".mts", ".js", ".mjs", ".cjs", ".json"]
                .map(Into::into)
                .to_vec(),
            // A TypeScript file is imported by the name that it has once it is compiled.
            extension_alias: vec![
                (".js".into(), vec![".ts".into(), ".js".into()]),
                (".mjs".into(), vec![".mts".into(), ".mjs".into()]),
            ],
            condition_names: vec![kind.into(), "default".into()],
            main_fields: vec!["main".into()],
            builtin_modules: true,
            module_type: true,
            ..ResolveOptions::default()
        };
        let files = Files::of(root, looks_above, inputs.clone());
        let import = Resolver::new_with_file_system(files, options("import"));
        let require = import.clone_with_options(options("require"));
        Self {
            root: root.into(),
            looks_above,
            import,
            require,
        }
    }

    /// The file behind a specifier, or why there is none.
    pub(super) fn resolve(
        &self,
        wanted: Wanted,
        importer: &Path,
        specifier: &str,
    ) -> Result<Resolution, String> {
        if specifier.len() > SPECIFIER {
            return Err(format!(
                "a specifier of {} bytes, and at most {SPECIFIER} are taken",
                specifier.len()
            ));
        }
        let resolver = match wanted {
            Wanted::Import => &self.import,
            Wanted::Require => &self.require,
        };
        let found = resolver.resolve(folder_of(importer), specifier);
        let found = found.map_err(|error| self.explain(specifier, &error))?;
        let path = found.path().to_path_buf();
        // Without what Windows puts before it: the project's folder has none of that either.
        let path = crate::paths::canonical(&path).unwrap_or(path);
        if path.starts_with(self.root.join(STORE_FOLDER)) {
            return Err(format!(
                "\"{specifier}\" is in {STORE_FOLDER}, which is the host's own folder"
            ));
        }
        if path.starts_with(&self.root) && crate::paths::is_hidden(&self.root, &path) {
            return Err(format!("\"{specifier}\" is a hidden file"));
        }
        if self.name(&path).is_none() {
            return Err(format!(
                "\"{specifier}\" is {}, which lies outside of the project and of its packages: copy it into \
                 the project, or install it as a package (npm with --install-links)",
                path.display()
            ));
        }
        Ok(Resolution {
            is_module: matches!(found.module_type(), Some(ModuleType::Module)),
            path,
        })
    }

    fn explain(&self, specifier: &str, error: &ResolveError) -> String {
        match error {
            ResolveError::Builtin { resolved, .. } => format!(
                "{resolved} is a part of Node, and a trainer does not run in Node: it has what the \
                 module \"arkor\" offers"
            ),
            ResolveError::NotFound(_) if specifier.starts_with(['.', '/']) => {
                format!("there is no file \"{specifier}\"")
            }
            ResolveError::NotFound(_) => format!(
                "there is no package \"{specifier}\" in a node_modules folder here: install it with \
                 npm, pnpm or yarn"
            ),
            error => {
                let root = self.root.display().to_string();
                error.to_string().replace(&format!("{root}/"), "")
            }
        }
    }

    /// A file's name in the program: its path in the project, or of a package that is installed
    /// further up, from `node_modules` on. None for all other files.
    pub(super) fn name(&self, path: &Path) -> Option<String> {
        if let Ok(relative) = path.strip_prefix(&self.root) {
            return Some(slashed(relative));
        }
        if !self.looks_above {
            return None;
        }
        self.root
            .ancestors()
            .map(|folder| (folder, folder.join("node_modules")))
            .find(|(_, packages)| path.starts_with(packages))
            .and_then(|(folder, _)| path.strip_prefix(folder).ok())
            .map(slashed)
    }
}

/// Resolves imports of a package with this `package.json`, each time anew.
#[cfg(fuzzing)]
pub(crate) fn fuzz(package: &[u8]) {
    use std::sync::OnceLock;
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let root = FOLDER.get_or_init(|| {
        // In memory, where there is such a folder.
        let memory = Path::new("/dev/shm");
        let folder = tempfile::Builder::new();
        let folder = folder.tempdir_in(memory).or_else(|_| folder.tempdir());
        let folder = folder.unwrap_or_else(|error| std::panic::panic_any(error.to_string()));
        let lib = folder.path().join("node_modules/p/lib");
        let _ = std::fs::create_dir_all(&lib);
        let _ = std::fs::write(lib.join("index.js"), "");
        folder
    });
    let root = root.path();
    let inside = root.join("node_modules/p");
    let _ = std::fs::write(inside.join("package.json"), package);
    let modules = Modules::new(root, false, &InputRecorder::default());
    for (importer, specifier) in [
        (root.join("a.ts"), "p"),
        (root.join("a.ts"), "p/lib/index.js"),
        (root.join("a.ts"), "p/x/y"),
        (inside.join("lib/index.js"), "#x"),
        (inside.join("lib/index.js"), "p"),
    ] {
        for wanted in [Wanted::Import, Wanted::Require] {
            if let Ok(found) = modules.resolve(wanted, &importer, specifier) {
                assert!(found.path.starts_with(root), "{}", found.path.display());
            }
        }
    }
}
