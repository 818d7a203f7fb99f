//! A project of somebody else: data, and code for the sandbox, and nothing that is run beside it.

use std::path::{Path, PathBuf};

use crate::config::{Config, TrainerSource};
use crate::inputs::Question;
use crate::paths::{canonical, resolve_inside, resolved_as_far_as_possible};
use crate::project::{CONFIG_FILE, CONFIG_SIZE, Project, read_text, require};
use crate::{InputRecorder, ProjectError, StoreConfig};

/// Most bytes in the store of an untrusted project, unless the user's file says another number.
const STORE_SIZE: u64 = 1 << 30;

/// What the user says about a project that is not trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UntrustedOptions {
    /// A file with `[capabilities]`, `[limits]`, `[engine]`, `[run]`, `[reload]` and `[store]`, as in
    /// `arkor.toml`. It lies outside of the project.
    pub config: Option<PathBuf>,
    /// Where runs are kept: outside of the project.
    pub store: PathBuf,
}

/// How a project is kept from what it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Restrictions {
    path: PathBuf,
    options: UntrustedOptions,
    /// What its `arkor.toml` asks for and does not get.
    ignored: Vec<&'static str>,
}

impl Restrictions {
    pub(crate) fn store(&self) -> &Path {
        &self.options.store
    }
}

impl Project {
    /// Opens a project that is not trusted, by its folder, its `arkor.toml`, a `.wasm` file or a script.
    /// Folders above it are not looked at.
    ///
    /// Its `arkor.toml` says where the trainer is and may ask for less than the user's file grants; what it
    /// asks for beyond that is ignored, see [`Self::ignored`]. [`Self::build`] runs no program: sources that
    /// need a compiler, a build command or packages to be installed are refused.
    ///
    /// # Errors
    ///
    /// Those of [`Self::load`]; [`ProjectError::Untrusted`] if the user's file or the store lies in the
    /// project.
    pub fn open_untrusted(path: &Path, options: UntrustedOptions) -> Result<Self, ProjectError> {
        Self::open_untrusted_recording(path, options, &InputRecorder::default())
    }

    fn open_untrusted_recording(
        path: &Path,
        options: UntrustedOptions,
        inputs: &InputRecorder,
    ) -> Result<Self, ProjectError> {
        require("path", path)?;
        let resolved = match path.file_name() {
            // A link to a file elsewhere would make that file's folder the project.
            Some(name) if !path.is_dir() => {
                let folder = path
                    .parent()
                    .filter(|folder| !folder.as_os_str().is_empty());
                let folder = canonical(folder.unwrap_or(Path::new(".")))?;
                resolve_inside(&folder, name)?;
                folder.join(name)
            }
            _ => canonical(path)?,
        };
        let is_config = resolved.file_name().is_some_and(|name| name == CONFIG_FILE);
        let mut project = if !resolved.is_dir() && !is_config {
            Self::prebuilt(&resolved)?
        } else {
            Self::load_recording(&resolved, inputs)?
        };
        let outside = |what: &'static str, place: &Path| {
            let place = resolved_as_far_as_possible(place)?;
            if place.starts_with(project.root()) {
                return Err(ProjectError::Untrusted {
                    what: format!("{what} `{}` lies in the project", place.display()),
                    hint: "name a place outside of it, which the project cannot have filled".into(),
                });
            }
            Ok(place)
        };
        let store = outside("the store", &options.store)?;
        let mut user = match &options.config {
            None => Config::nothing_said(project.config().trainer.clone()),
            Some(file) => {
                let file = outside("the file of --config", file)?;
                inputs.ask(&file, Question::Content);
                let text = read_text(&file, CONFIG_SIZE)?;
                Config::parse_user(&file, &text, project.config().trainer.clone())?
            }
        };
        let asked = project.config();
        let mut ignored = Vec::new();
        let mut note = |is_ignored: bool, what| {
            if is_ignored {
                ignored.push(what);
            }
        };
        let granted = &user.capabilities;
        let beyond = |asked: bool, granted: bool| asked && !granted;
        note(
            asked
                .capabilities
                .files
                .iter()
                .any(|one| !granted.files.contains(one)),
            "[capabilities] files",
        );
        note(
            asked
                .capabilities
                .env
                .iter()
                .any(|one| !granted.env.contains(one)),
            "[capabilities] env",
        );
        note(
            asked
                .capabilities
                .network
                .iter()
                .any(|one| !granted.network.contains(one)),
            "[capabilities] network",
        );
        note(
            beyond(
                asked.capabilities.clock != crate::ClockPrecision::Coarse,
                granted.clock != crate::ClockPrecision::Coarse,
            ),
            "[capabilities] clock",
        );
        note(
            beyond(
                asked.capabilities.random != crate::RandomSource::Seeded,
                granted.random != crate::RandomSource::Seeded,
            ),
            "[capabilities] random",
        );
        for key in asked.limits_said.beyond(&user.limits) {
            note(true, key);
        }
        note(
            asked.engine != user.engine && asked.engine != Default::default(),
            "[engine]",
        );
        note(asked.store.max_size.is_some(), "[store]");
        user.limits = user.limits.tightened(&asked.limits_said);
        user.store = StoreConfig {
            max_size: Some(user.store.max_size.unwrap_or(STORE_SIZE)),
        };
        // Neither reaches anything; the project may say how it wants to be developed.
        if options.config.is_none() {
            user.run = asked.run.clone();
            user.reload = asked.reload;
        }
        project.restrict(
            user,
            Restrictions {
                path: resolved,
                options: UntrustedOptions {
                    store,
                    config: options.config,
                },
                ignored,
            },
        );
        Ok(project)
    }

    /// Whether it was opened by [`Self::open_untrusted`].
    pub fn is_untrusted(&self) -> bool {
        self.restrictions().is_some()
    }

    /// Keys of its `arkor.toml` that ask for more than an untrusted project gets.
    pub fn ignored(&self) -> &[&'static str] {
        self.restrictions()
            .map_or(&[], |restrictions| restrictions.ignored.as_slice())
    }

    /// The same project, with what its files say now, which is taken down. Whether it is trusted does not change.
    ///
    /// # Errors
    ///
    /// As when it was opened.
    pub fn reload(&self, inputs: &InputRecorder) -> Result<Self, ProjectError> {
        match (self.restrictions(), self.config_file()) {
            (Some(now), _) => {
                Self::open_untrusted_recording(&now.path, now.options.clone(), inputs)
            }
            (None, Some(file)) => Self::load_recording(file, inputs),
            (None, None) => Ok(self.clone()),
        }
    }

    /// Refuses what would run a program of the project's outside of the sandbox, or read a file that is not
    /// the project's.
    pub(crate) fn check_build(&self) -> Result<(), ProjectError> {
        if !self.is_untrusted() {
            return Ok(());
        }
        let refused = |what: &str| {
            Err(ProjectError::Untrusted {
                what: what.into(),
                hint: "build it where its code may run, a container for example, with `arkor-host build`, \
                       and give the .wasm file to --untrusted"
                    .into(),
            })
        };
        match &self.config().trainer {
            TrainerSource::Sources { .. } => refused(
                "its trainer is built by cargo, which runs build scripts and macros of the project and of \
                 its dependencies on this machine",
            ),
            TrainerSource::Command { .. } => {
                refused("its arkor.toml names a build command, which would run on this machine")
            }
            TrainerSource::Component(component) => {
                // A component that is the project itself is named by its whole path.
                let path = component.strip_prefix(self.root()).unwrap_or(component);
                resolve_inside(self.root(), path).map(drop)
            }
            TrainerSource::Script { entry, folder, .. } => {
                resolve_inside(self.root(), folder)?;
                resolve_inside(self.root(), entry).map(drop)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Limits;

    struct Folder {
        _folder: tempfile::TempDir,
        root: PathBuf,
        project: PathBuf,
    }

    fn folder(config: &str) -> Folder {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let project = root.join("project");
        std::fs::create_dir(&project).unwrap();
        std::fs::write(project.join(CONFIG_FILE), config).unwrap();
        std::fs::write(project.join("trainer.js"), "").unwrap();
        Folder {
            _folder: folder,
            root,
            project,
        }
    }

    impl Folder {
        fn open(&self, config: Option<&str>) -> Result<Project, ProjectError> {
            let options = UntrustedOptions {
                config: config.map(|name| self.root.join(name)),
                store: self.root.join("store"),
            };
            Project::open_untrusted(&self.project, options)
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_project_file_is_a_file_of_the_folder() {
        use std::os::unix::fs::symlink;
        let here = folder("");
        let other = here.root.join("other");
        std::fs::create_dir(&other).unwrap();
        std::fs::write(
            other.join(CONFIG_FILE),
            "[capabilities]\nenv = [\"HOME\"]\n",
        )
        .unwrap();
        std::fs::write(other.join("trainer.js"), "").unwrap();
        let file = here.project.join(CONFIG_FILE);
        for target in [
            other.join(CONFIG_FILE),
            "/etc/passwd".into(),
            "/dev/zero".into(),
        ] {
            std::fs::remove_file(&file).unwrap();
            symlink(&target, &file).unwrap();
            for error in [
                here.open(None).unwrap_err(),
                Project::load(&here.project).unwrap_err(),
                Project::load(&file).unwrap_err(),
            ] {
                assert!(matches!(error, ProjectError::Outside { .. }), "{error}");
            }
        }
        std::fs::remove_file(&file).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&file).status();
        assert!(made.unwrap().success());
        let error = here.open(None).unwrap_err();
        assert!(matches!(error, ProjectError::Io { .. }), "{error}");
        // A bare file that is a link would bring the folder that it leads to.
        let link = here.project.join("link.js");
        symlink(other.join("trainer.js"), &link).unwrap();
        let options = UntrustedOptions {
            config: None,
            store: here.root.join("store"),
        };
        let error = Project::open_untrusted(&link, options).unwrap_err();
        assert!(matches!(error, ProjectError::Outside { .. }), "{error}");
    }

    #[test]
    fn it_gets_nothing_that_it_asks_for() {
        let here = folder(
            "[capabilities]\nfiles = [{ path = \"data\", mode = \"write\" }]\nenv = [\"HOME\"]\n\
             network = [\"example.org:443\"]\nclock = \"precise\"\nrandom = \"system\"\n\
             [limits]\nmemory = \"2 GiB\"\ncallback-timeout = \"1s\"\n\
             [engine]\nthreads = 100\n[store]\nmax-size = \"1000 GiB\"\n",
        );
        let project = here.open(None).unwrap();
        assert!(project.is_untrusted());
        assert_eq!(*project.capabilities(), crate::Capabilities::default());
        assert_eq!(project.limits().memory, Limits::default().memory);
        // To ask for less is no harm.
        assert_eq!(project.limits().callback_timeout.as_secs(), 1);
        assert_eq!(project.config().engine.threads, None);
        assert_eq!(project.config().store.max_size, Some(STORE_SIZE));
        assert_eq!(
            project.ignored(),
            [
                "[capabilities] files",
                "[capabilities] env",
                "[capabilities] network",
                "[capabilities] clock",
                "[capabilities] random",
                "[limits] memory",
                "[engine]",
                "[store]",
            ]
        );
        assert_eq!(project.store_dir(), here.root.join("store"));
        let unheard = InputRecorder::default();
        assert_eq!(project.reload(&unheard).unwrap(), project);
        std::fs::write(
            here.project.join(CONFIG_FILE),
            "[capabilities]\nenv = [\"A\"]\n",
        )
        .unwrap();
        let again = project.reload(&unheard).unwrap();
        assert_eq!(again.ignored(), ["[capabilities] env"]);
        assert!(again.is_untrusted() && again.capabilities().env.is_empty());
    }

    #[test]
    fn the_users_file_grants() {
        let here = folder("[capabilities]\nenv = [\"A\", \"B\"]\n[limits]\nmemory = \"300 MiB\"\n");
        std::fs::write(
            here.root.join("grants.toml"),
            "[capabilities]\nenv = [\"A\"]\n[limits]\nmemory = \"1 GiB\"\n[store]\nmax-size = \"2 GiB\"\n",
        )
        .unwrap();
        let project = here.open(Some("grants.toml")).unwrap();
        assert_eq!(project.capabilities().env, ["A"]);
        assert_eq!(project.limits().memory, 300 << 20);
        assert_eq!(project.config().store.max_size, Some(2 << 30));
        assert_eq!(project.ignored(), ["[capabilities] env"]);
    }

    #[test]
    fn the_users_file_is_not_the_projects() {
        let here = folder("");
        std::fs::write(here.project.join("grants.toml"), "").unwrap();
        let refused = |result: Result<Project, ProjectError>| {
            matches!(result, Err(ProjectError::Untrusted { .. }))
        };
        assert!(refused(here.open(Some("project/grants.toml"))));
        assert!(
            refused(here.open(Some("store/../project/grants.toml")))
                || !here.root.join("store").exists()
        );
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("project/grants.toml", here.root.join("link")).unwrap();
            assert!(refused(here.open(Some("link"))));
        }
        let store = UntrustedOptions {
            config: None,
            store: here.project.join("new/store"),
        };
        assert!(refused(Project::open_untrusted(&here.project, store)));
        std::fs::write(here.root.join("grants.toml"), "[trainer]\nbuild = \"x\"\n").unwrap();
        let error = here.open(Some("grants.toml")).unwrap_err();
        assert!(error.to_string().contains("`trainer`"), "{error}");
    }

    #[test]
    fn nothing_of_it_is_built_by_a_program() {
        let built = |config: &str| {
            let here = folder(config);
            std::fs::write(here.root.join("outside.wasm"), "").unwrap();
            here.open(None)?.build(&mut |_| {}).map(drop)
        };
        for config in [
            "[trainer]\nlanguage = \"rust\"\n",
            "[trainer]\nbuild = \"touch built\"\ncomponent = \"t.wasm\"\n",
        ] {
            let error = built(config).unwrap_err();
            assert!(matches!(error, ProjectError::Untrusted { .. }), "{error}");
        }
        for config in [
            "[trainer]\ncomponent = \"../outside.wasm\"\n",
            "[trainer]\ncomponent = \"/etc/passwd\"\n",
            "[trainer]\nentry = \"../outside.js\"\n",
            "[trainer]\npath = \"..\"\nlanguage = \"javascript\"\nentry = \"a.js\"\n",
        ] {
            let error = built(config).unwrap_err();
            assert!(
                matches!(
                    error,
                    ProjectError::Outside { .. } | ProjectError::Missing { .. }
                ),
                "{error}"
            );
        }
    }

    #[test]
    fn folders_above_are_not_looked_at() {
        let here = folder("");
        std::fs::write(here.root.join(CONFIG_FILE), "").unwrap();
        std::fs::create_dir(here.project.join("below")).unwrap();
        let options = UntrustedOptions {
            config: None,
            store: here.root.join("store"),
        };
        let error = Project::open_untrusted(&here.project.join("below"), options).unwrap_err();
        assert!(matches!(error, ProjectError::Missing { .. }), "{error}");
    }
}
