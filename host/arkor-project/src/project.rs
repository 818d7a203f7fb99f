//! A project: its folder, its configuration, its files.

use std::path::{Path, PathBuf};

use crate::config::{Capabilities, Config, FileAccess, Limits, TrainerSource};
use crate::config::{find_trainer, script_language};
use crate::inputs::Question;
use crate::paths::{canonical, resolve_inside};
use crate::untrusted::Restrictions;
use crate::{BuildLimits, BuildLine, Built, InputRecorder, ProjectError, build};

/// Name of the project file.
pub const CONFIG_FILE: &str = "arkor.toml";

/// Most bytes of a project file.
pub(crate) const CONFIG_SIZE: u64 = 1 << 20;

/// The folder of a project in which the host keeps all that it writes.
pub const STORE_FOLDER: &str = ".arkor";

/// A trainer's project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    root: PathBuf,
    config_file: Option<PathBuf>,
    config: Config,
    /// Of a project that is not trusted.
    restrictions: Option<Restrictions>,
}

impl Project {
    /// Finds the project that a folder, or a file in it, belongs to: the nearest folder upwards
    /// with an `arkor.toml`.
    ///
    /// # Errors
    ///
    /// [`ProjectError::NotFound`] if there is none, and those of [`Project::load`].
    pub fn discover(start: &Path) -> Result<Self, ProjectError> {
        require("path", start)?;
        let resolved = canonical(start)?;
        resolved
            .ancestors()
            .map(|folder| folder.join(CONFIG_FILE))
            .find(|file| file.is_file())
            .map_or_else(
                || {
                    Err(ProjectError::NotFound {
                        start: start.to_path_buf(),
                        trainer: find_trainer(&resolved),
                    })
                },
                |file| {
                    if file.parent() != Some(&resolved) && is_of_a_stranger(&file, &resolved) {
                        return Err(ProjectError::Untrusted {
                            what: format!(
                                "`{}` is above this folder and belongs to another user",
                                file.display()
                            ),
                            hint: "name it, if it is meant: what it says runs as you".into(),
                        });
                    }
                    Self::load(&file)
                },
            )
    }

    /// The same for who waits until the trainer is there: where the file names none, and none is found, it is a
    /// placeholder. Its build fails, and so does [`Self::reload`] as long as there is none.
    ///
    /// # Errors
    ///
    /// As [`Self::discover`] for anything else.
    pub fn discover_awaiting(start: &Path) -> Result<Self, ProjectError> {
        match Self::discover(start) {
            Err(ProjectError::InvalidTrainer { place, .. }) => {
                let file = place.path.clone();
                let text = read_text(&file, CONFIG_SIZE)?;
                Ok(Self {
                    config: Config::parse(&file, &text, &|_| true)?,
                    root: folder_of(&file),
                    config_file: Some(file),
                    restrictions: None,
                })
            }
            found => found,
        }
    }

    /// Opens a project by its folder or its `arkor.toml`.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or says something that it cannot mean.
    pub fn load(path: &Path) -> Result<Self, ProjectError> {
        Self::load_recording(path, &InputRecorder::default())
    }

    pub(crate) fn load_recording(
        path: &Path,
        inputs: &InputRecorder,
    ) -> Result<Self, ProjectError> {
        let file = if path.is_dir() {
            path.join(CONFIG_FILE)
        } else {
            path.to_path_buf()
        };
        inputs.ask(&file, Question::Entry);
        inputs.ask(&file, Question::Kind);
        require("project file", &file)?;
        let (root, name) = match (file.parent(), file.file_name()) {
            (Some(folder), Some(name)) if folder.as_os_str().is_empty() => (Path::new("."), name),
            (Some(folder), Some(name)) => (folder, name),
            _ => {
                return Err(ProjectError::Missing {
                    what: "project file",
                    path: file,
                });
            }
        };
        let root = canonical(root)?;
        // A link to a file elsewhere would make that file's folder the project.
        let found = resolve_inside(&root, name)?;
        let text = read_text(&found, CONFIG_SIZE);
        match &text {
            Ok(text) => inputs.read(&found, text.as_bytes()),
            Err(_) => drop(inputs.ask(&found, Question::Content)),
        }
        let text = text?;
        let file = root.join(name);
        Ok(Self {
            config: Config::parse(&file, &text, &|path| inputs.is_file(path))?,
            root,
            config_file: Some(file),
            restrictions: None,
        })
    }

    /// A project around a finished `.wasm` file, or around the entry of a script trainer: the folder
    /// it is in, nothing granted, defaults otherwise. An `arkor.toml` there is not read.
    ///
    /// # Errors
    ///
    /// [`ProjectError::Missing`] if there is no such file.
    pub fn prebuilt(component: &Path) -> Result<Self, ProjectError> {
        require("component", component)?;
        let component = canonical(component)?;
        let trainer = match (script_language(&component), component.file_name()) {
            (Some(language), Some(file)) => TrainerSource::Script {
                language,
                entry: file.into(),
                folder: PathBuf::from("."),
            },
            _ => TrainerSource::Component(component.clone()),
        };
        Ok(Self {
            root: folder_of(&component),
            config_file: None,
            config: Config::nothing_said(trainer),
            restrictions: None,
        })
    }

    /// The project's folder, absolute and with links resolved.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Its `arkor.toml`, if it has one.
    pub fn config_file(&self) -> Option<&Path> {
        self.config_file.as_deref()
    }

    /// All that its `arkor.toml` says.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What its trainer may reach.
    pub fn capabilities(&self) -> &Capabilities {
        &self.config.capabilities
    }

    /// What its trainer may use.
    pub fn limits(&self) -> &Limits {
        &self.config.limits
    }

    /// Where the host keeps runs, checkpoints and builds. It need not exist yet.
    pub fn store_dir(&self) -> PathBuf {
        match &self.restrictions {
            Some(restrictions) => restrictions.store().to_path_buf(),
            None => self.root.join(STORE_FOLDER),
        }
    }

    pub(crate) fn restrictions(&self) -> Option<&Restrictions> {
        self.restrictions.as_ref()
    }

    pub(crate) fn restrict(&mut self, config: Config, restrictions: Restrictions) {
        self.config = config;
        self.restrictions = Some(restrictions);
    }

    /// The absolute path of something in the project; see [`resolve_inside`].
    ///
    /// # Errors
    ///
    /// [`ProjectError::Outside`] if it leads out of the project.
    pub fn resolve(&self, relative: impl AsRef<Path>) -> Result<PathBuf, ProjectError> {
        resolve_inside(&self.root, relative)
    }

    /// Folder of the trainer's sources; for a finished component, the folder that it is in.
    pub fn source_dir(&self) -> PathBuf {
        match &self.config.trainer {
            TrainerSource::Sources { folder, .. }
            | TrainerSource::Script { folder, .. }
            | TrainerSource::Command { folder, .. } => self.root.join(folder),
            TrainerSource::Component(component) => folder_of(&self.root.join(component)),
        }
    }

    /// The wasm file, if its place is known without a build.
    pub fn component_path(&self) -> Option<PathBuf> {
        match &self.config.trainer {
            TrainerSource::Sources { .. } | TrainerSource::Script { .. } => None,
            TrainerSource::Command { component, .. } | TrainerSource::Component(component) => {
                Some(self.root.join(component))
            }
        }
    }

    /// Makes the wasm file from its sources, or finds the finished one. Blocks until that is done;
    /// `progress` gets the command and every line that it writes.
    ///
    /// Commands have a group of their own: a program that ends calls [`end_commands`](crate::end_commands).
    ///
    /// Nothing is installed: see [`install_wasm_toolchain`](crate::install_wasm_toolchain). What cargo
    /// writes goes to the store folder, or to `CARGO_TARGET_DIR` if that is set.
    ///
    /// # Errors
    ///
    /// [`ProjectError::BuildFailed`] with the compiler's own words; [`ProjectError::NoToolchain`] if
    /// Rust for WebAssembly is missing; [`ProjectError::NoArtifact`] and [`ProjectError::Missing`]
    /// if there is no wasm file afterwards.
    pub fn build(&self, progress: &mut dyn FnMut(BuildLine)) -> Result<Built, ProjectError> {
        let limits = BuildLimits {
            timeout: self.config.build_timeout,
            own_group: true,
            ..BuildLimits::default()
        };
        self.build_recording(&limits, &InputRecorder::default(), progress)
    }

    /// The same, with another end to it. What the build depends on is taken down, also if it fails.
    ///
    /// # Errors
    ///
    /// As [`Self::build`], and [`ProjectError::BuildStopped`].
    pub fn build_recording(
        &self,
        limits: &BuildLimits,
        inputs: &InputRecorder,
        progress: &mut dyn FnMut(BuildLine),
    ) -> Result<Built, ProjectError> {
        self.record_outputs(inputs);
        build::build(self, limits, inputs, progress)
    }

    /// Folders whose files are nobody's source: the host's own, and those that the trainer may write to.
    fn record_outputs(&self, inputs: &InputRecorder) {
        inputs.output(&self.root.join(STORE_FOLDER));
        inputs.output(&self.store_dir());
        for grant in &self.capabilities().files {
            if grant.access == FileAccess::Write
                && let Ok(folder) = self.granted(grant)
            {
                inputs.output(&folder);
            }
        }
    }
}

/// Whether a file belongs neither to this user nor to who owns the place: others may have put it above, in a
/// folder such as /tmp.
fn is_of_a_stranger(file: &Path, place: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let owner = |path: &Path| path.symlink_metadata().map(|found| found.uid()).ok();
        let found = owner(file);
        found != arkor_files::user() && found != owner(place)
    }
    #[cfg(not(unix))]
    {
        let _ = (file, place);
        false
    }
}

pub(crate) fn require(what: &'static str, path: &Path) -> Result<(), ProjectError> {
    if path.exists() {
        return Ok(());
    }
    Err(ProjectError::Missing {
        what,
        path: path.to_path_buf(),
    })
}

/// A text of the project or its user, at a resolved path: a regular file of at most so many bytes.
pub(crate) fn read_text(file: &Path, limit: u64) -> Result<String, ProjectError> {
    let failed = |source| ProjectError::Io {
        action: "read",
        path: file.into(),
        source,
    };
    let bytes = arkor_files::read_resolved(file, limit).map_err(failed)?;
    String::from_utf8(bytes)
        .map_err(|error| failed(std::io::Error::new(std::io::ErrorKind::InvalidData, error)))
}

fn folder_of(file: &Path) -> PathBuf {
    file.parent().unwrap_or(Path::new(".")).to_path_buf()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Artifact;

    fn project(config: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::write(root.join(CONFIG_FILE), config).unwrap();
        (folder, root)
    }

    #[cfg(unix)]
    #[test]
    fn a_file_of_another_user_above_is_not_taken() {
        use std::os::unix::fs::chown;
        let (folder, root) = project("[trainer]\ncomponent = \"t.wasm\"\n");
        std::fs::create_dir(root.join("below")).unwrap();
        let below = root.join("below");
        assert_eq!(Project::discover(&below).unwrap().root(), root);
        // Only root can give files away.
        if arkor_files::user() == Some(0) {
            chown(root.join(CONFIG_FILE), Some(12345), None).unwrap();
            let error = Project::discover(&below).unwrap_err().to_string();
            assert!(error.contains("belongs to another user"), "{error}");
            assert!(Project::discover(&root).is_ok());
            chown(&below, Some(12345), None).unwrap();
            assert!(Project::discover(&below).is_ok());
        }
        drop(folder);
    }

    #[test]
    fn is_found_from_below() {
        let (_folder, root) = project("trainer.component = \"t.wasm\"");
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        std::fs::write(root.join("a/b/file"), "").unwrap();
        for start in ["", "a/b", "a/b/file"] {
            assert_eq!(Project::discover(&root.join(start)).unwrap().root(), root);
        }
        let project = Project::load(&root).unwrap();
        assert_eq!(project.store_dir(), root.join(".arkor"));
        assert_eq!(project.component_path(), Some(root.join("t.wasm")));
        assert_eq!(project, Project::load(&root.join("arkor.toml")).unwrap());
    }

    #[test]
    fn is_not_found() {
        let folder = tempfile::tempdir().unwrap();
        let error = Project::discover(folder.path()).unwrap_err();
        assert!(matches!(error, ProjectError::NotFound { .. }), "{error}");
        std::fs::create_dir(folder.path().join("src")).unwrap();
        std::fs::write(folder.path().join("src/trainer.ts"), "").unwrap();
        let hint = Project::discover(folder.path()).unwrap_err().hint();
        assert!(hint.unwrap().contains("an empty arkor.toml"));
        let error = Project::discover(&folder.path().join("nowhere")).unwrap_err();
        assert!(matches!(error, ProjectError::Missing { .. }), "{error}");
        assert!(Project::load(folder.path()).is_err());
    }

    #[test]
    fn rust_is_guessed() {
        let (_folder, root) = project("");
        assert!(Project::load(&root).is_err());
        std::fs::write(root.join("Cargo.toml"), "").unwrap();
        let project = Project::load(&root).unwrap();
        assert!(matches!(
            project.config().trainer,
            TrainerSource::Sources { .. }
        ));
        assert_eq!(project.component_path(), None);
    }

    #[test]
    fn prebuilt_needs_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("t.wasm");
        assert!(Project::prebuilt(&file).is_err());
        std::fs::write(&file, "x").unwrap();
        let project = Project::prebuilt(&file).unwrap();
        assert_eq!(project.root(), folder.path().canonicalize().unwrap());
        let built = project.build(&mut |_| {}).unwrap();
        assert_eq!(built.artifact, Artifact::Wasm(file.canonicalize().unwrap()));
    }
}
