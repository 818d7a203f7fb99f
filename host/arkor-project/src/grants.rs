//! Which files of a project its trainer may be granted.
//!
//! What the host itself reads as an order is not among them: who can write `arkor.toml`, a build's sources or
//! a hook of git runs programs outside of the sandbox, and who can read the store has the Studio's token.

use std::path::{Component, Path, PathBuf};

use arkor_types::Program;

use crate::config::{FileAccess, FileGrant, TrainerSource};
use crate::paths::canonical;
use crate::{CONFIG_FILE, Project, ProjectError, STORE_FOLDER};

/// Something in a project that grants are kept from.
struct Guarded {
    path: PathBuf,
    holds: &'static str,
    /// Not to be read either.
    secret: bool,
    /// Nor is anything in it.
    whole: bool,
}

impl Project {
    /// The file or folder that a grant means, absolute, with links resolved.
    ///
    /// # Errors
    ///
    /// [`ProjectError::Outside`] if it leads out of the project; [`ProjectError::Grant`] if with it the
    /// trainer could change what is run outside of the sandbox, or read the store.
    pub fn granted(&self, grant: &FileGrant) -> Result<PathBuf, ProjectError> {
        let place = self.resolve(&grant.path)?;
        if self.is_untrusted() {
            // Who granted it named what they knew; the project decides where its links lead.
            let mut named = self.root().to_path_buf();
            named.extend(
                Path::new(&grant.path)
                    .components()
                    .filter(|part| *part != Component::CurDir),
            );
            if named != place {
                return Err(ProjectError::Untrusted {
                    what: format!(
                        "the grant of `{}` would lead by a link to `{}`",
                        grant.path,
                        place.display()
                    ),
                    hint: "grant that by its own name, if it is meant".into(),
                });
            }
        }
        let writes = grant.access == FileAccess::Write;
        for guarded in self.guarded() {
            if !writes && !guarded.secret {
                continue;
            }
            // It may be a link itself, or not be there yet.
            let resolved = canonical(&guarded.path).ok();
            let is_met = [Some(&guarded.path), resolved.as_ref()]
                .into_iter()
                .flatten()
                .any(|path| is_in(path, &place) || (guarded.whole && is_in(&place, path)));
            if is_met {
                return Err(ProjectError::Grant {
                    path: grant.path.clone(),
                    access: if writes { "write" } else { "read" },
                    holds: guarded.holds,
                });
            }
        }
        Ok(place)
    }

    /// Refuses to let a script change what it is made of: it would be read anew, with what it says then.
    pub(crate) fn check_modules(&self, program: &Program) -> Result<(), ProjectError> {
        let capabilities = self.capabilities();
        let writes = |grant: &&FileGrant| grant.access == FileAccess::Write;
        for grant in capabilities.files.iter().filter(writes) {
            let place = self.granted(grant)?;
            for module in &program.modules {
                // It may be there by a link.
                let path = self.root().join(&module.name);
                let resolved = canonical(&path).ok();
                if [Some(&path), resolved.as_ref()]
                    .into_iter()
                    .flatten()
                    .any(|path| is_in(path, &place))
                {
                    return Err(ProjectError::Grant {
                        path: grant.path.clone(),
                        access: "write",
                        holds: "the trainer's own code",
                    });
                }
            }
        }
        Ok(())
    }

    fn guarded(&self) -> Vec<Guarded> {
        let root = self.root();
        let sources = self.source_dir();
        let orders = |path: PathBuf, holds| Guarded {
            path,
            holds,
            secret: false,
            whole: false,
        };
        let mut all = vec![
            Guarded {
                path: root.join(STORE_FOLDER),
                holds: "the host's own files and the token of the Studio",
                secret: true,
                whole: true,
            },
            Guarded {
                path: root.join(".git"),
                holds: "a repository, whose hooks and settings are programs",
                secret: false,
                whole: true,
            },
            orders(root.join(CONFIG_FILE), "arkor.toml, which grants"),
            orders(
                root.join("requirements.txt"),
                "requirements.txt, from which packages are installed",
            ),
        ];
        let mut builds = |folder: &Path| {
            for name in ["Cargo.toml", "build.rs", ".cargo", "src"] {
                all.push(Guarded {
                    whole: true,
                    ..orders(
                        folder.join(name),
                        "sources that are built outside of the sandbox",
                    )
                });
            }
        };
        match &self.config().trainer {
            TrainerSource::Sources { .. } | TrainerSource::Command { .. } => {
                builds(root);
                builds(&sources);
            }
            TrainerSource::Script { entry, .. } => {
                all.push(orders(root.join(entry), "the trainer's own code"));
            }
            TrainerSource::Component(component) => {
                all.push(orders(root.join(component), "the trainer's own code"));
            }
        }
        all
    }
}

/// Whether a path is another or lies in it. Where file names have no case, neither has this.
fn is_in(path: &Path, folder: &Path) -> bool {
    if cfg!(any(windows, target_vendor = "apple")) {
        let lower = |path: &Path| PathBuf::from(path.to_string_lossy().to_lowercase());
        return lower(path).starts_with(lower(folder));
    }
    path.starts_with(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(project: &Project, path: &str, access: FileAccess) -> Option<String> {
        let path = path.to_owned();
        match project.granted(&FileGrant { path, access }) {
            Ok(_) => None,
            Err(error @ ProjectError::Grant { .. }) => Some(error.to_string()),
            Err(error) => panic!("{error}"),
        }
    }

    fn project(config: &str, files: &[&str]) -> (tempfile::TempDir, Project) {
        let folder = tempfile::tempdir().unwrap();
        for file in files
            .iter()
            .chain(&[CONFIG_FILE, "data/text.txt", ".git/config"])
        {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        std::fs::write(folder.path().join(CONFIG_FILE), config).unwrap();
        let project = Project::load(folder.path()).unwrap();
        (folder, project)
    }

    #[test]
    fn what_the_host_takes_as_an_order_is_not_written() {
        let (_folder, script) = project("", &["src/trainer.ts", "out/x"]);
        for path in [
            ".",
            "src",
            "src/trainer.ts",
            "./src/../.",
            ".git",
            ".git/hooks",
            ".arkor",
            CONFIG_FILE,
        ] {
            assert!(
                refused(&script, path, FileAccess::Write).is_some(),
                "{path}"
            );
        }
        for path in ["data", "out", "out/later", "src/data", "src2"] {
            assert_eq!(refused(&script, path, FileAccess::Write), None, "{path}");
        }
        let (_folder, crate_) = project("", &["Cargo.toml", "src/lib.rs"]);
        for path in [".", "src", "build.rs", ".cargo", ".arkor/target"] {
            assert!(
                refused(&crate_, path, FileAccess::Write).is_some(),
                "{path}"
            );
        }
        assert_eq!(refused(&crate_, "data", FileAccess::Write), None);
        let config = "[trainer]\ncomponent = \"out/t.wasm\"\n";
        let (_folder, component) = project(config, &["out/t.wasm"]);
        assert!(refused(&component, "out", FileAccess::Write).is_some());
    }

    #[test]
    fn the_store_is_not_read_and_the_rest_is() {
        let (_folder, script) = project("", &["trainer.ts", ".arkor/studio.json"]);
        for path in [
            ".",
            ".arkor",
            ".arkor/studio.json",
            ".arkor/later/on",
            "data/..",
        ] {
            let error = refused(&script, path, FileAccess::Read).unwrap();
            assert!(error.contains("token"), "{path}: {error}");
        }
        for path in ["data", "trainer.ts", ".git", "later"] {
            assert_eq!(refused(&script, path, FileAccess::Read), None, "{path}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_count_as_what_they_lead_to() {
        use std::os::unix::fs::symlink;
        let (folder, script) = project("", &["trainer.ts", ".arkor/studio.json"]);
        let link = |to: &str, name: &str| symlink(to, folder.path().join(name)).unwrap();
        link(".arkor", "data/store");
        link("../.arkor", "data/upward");
        link("..", "data/root");
        link("/etc", "data/etc");
        for path in ["data/upward", "data/root"] {
            assert!(refused(&script, path, FileAccess::Read).is_some(), "{path}");
        }
        let grant = |path: &str| FileGrant {
            path: path.into(),
            access: FileAccess::Read,
        };
        for path in ["data/etc", "data/store", "../x", "/etc"] {
            assert!(script.granted(&grant(path)).is_err(), "{path}");
        }
        // A store that is a link to what is granted.
        std::fs::remove_dir_all(folder.path().join(".arkor")).unwrap();
        link("data", ".arkor");
        assert!(refused(&script, "data", FileAccess::Read).is_some());
    }
}
