//! The folder that a project's packages are installed in: its virtual environment's, or one that is made
//! of its `requirements.txt`.
//!
//! Both lie in the project, so that anybody may have filled them: no link in them is followed. pip is started
//! so that the project has no say in what it does: in an empty folder, by an isolated interpreter, with
//! an environment that has only what the user's pip needs, and with a file that this host wrote.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use arkor_files::{Folder, Kind, Name};

use super::requirements;
use crate::inputs::Question;
use crate::process::{BuildLimits, Stdout, run};
use crate::project::STORE_FOLDER;
use crate::{BuildLine, InputRecorder, ProjectError};

/// Names of virtual environments in a project.
const ENVIRONMENTS: [&str; 3] = [".venv", "venv", "env"];

const REQUIREMENTS: &str = "requirements.txt";

/// Begins the name of a folder that packages are installed into.
const STAGING: &str = "installing-";

/// Most entries of a folder of packages, and of all together.
const ENTRIES: usize = 20_000;
const FILES: usize = 100_000;

/// Most bytes of all packages, and how deeply their folders nest.
const SIZE: u64 = 2 << 30;
const DEPTH: usize = 40;

/// Variables that pip, its Python and their network need, or in which a user says where packages come from.
const VARIABLES: &[&str] = &[
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "TEMP",
    "TMP",
    "USERPROFILE",
    "APPDATA",
    "LOCALAPPDATA",
    "PROGRAMDATA",
    "SYSTEMROOT",
    "NETRC",
    "XDG_CONFIG_HOME",
    "XDG_CONFIG_DIRS",
    "XDG_CACHE_HOME",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "PIP_CONFIG_FILE",
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_TRUSTED_HOST",
    "PIP_CERT",
    "PIP_CLIENT_CERT",
    "PIP_PROXY",
    "PIP_CACHE_DIR",
    "PIP_NO_INDEX",
    "PIP_FIND_LINKS",
    "PIP_DEFAULT_TIMEOUT",
    "PIP_RETRIES",
    "PYENV_ROOT",
    "PYENV_VERSION",
];

/// The folder with the packages of a project, if it has any. What its `requirements.txt` names is
/// installed into the store folder, once for each content of it, unless there is a virtual environment.
/// For a project that is not trusted nothing is installed.
pub(crate) fn install(
    root: &Path,
    is_untrusted: bool,
    limits: &BuildLimits,
    inputs: &InputRecorder,
    progress: &mut dyn FnMut(BuildLine),
) -> Result<Option<Folder>, ProjectError> {
    let project = Folder::open(root).map_err(io("open", root))?;
    if let Some(folder) = environment(&project, inputs)? {
        return Ok(Some(folder));
    }
    let path = root.join(REQUIREMENTS);
    let bytes = project.read(&name(REQUIREMENTS)?, requirements::SIZE);
    match &bytes {
        Ok(bytes) => inputs.read(&path, bytes),
        Err(_) => drop(inputs.ask(&path, Question::Content)),
    }
    let bytes = match bytes {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io("read", &path)(error)),
    };
    let asked = requirements::parse(Path::new(REQUIREMENTS), &bytes)?;
    if asked.is_empty() {
        return Ok(None);
    }
    if is_untrusted {
        return Err(ProjectError::Untrusted {
            what: format!(
                "its {REQUIREMENTS} names {} packages, which would be downloaded and unpacked on this machine",
                asked.len()
            ),
            hint: "have its author build it with its packages to one file, `arkor-host build`, or do that in a \
                   container, and give the .wasm file to --untrusted"
                .into(),
        });
    }
    let store = name(STORE_FOLDER)?;
    let store = project.folder_or_new(&store);
    let store = store.map_err(io("open", &root.join(STORE_FOLDER)))?;
    let kept = store.folder_or_new(&name("python")?);
    let kept = kept.map_err(io("open", &store.path().join("python")))?;
    let asked = asked.join("\n");
    let digest = blake3::hash(asked.as_bytes()).to_hex();
    let target = name(digest.get(..16).unwrap_or_default())?;
    match kept.folder(&target) {
        Ok(folder) => return Ok(Some(folder)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(io("open", &kept.path_of(&target))(error)),
    }
    sweep(&kept);
    // In a place of this user's alone: pip goes by paths, and whoever can exchange folders of the project
    // would lead it elsewhere.
    let place = tempfile::tempdir().map_err(io("create", &std::env::temp_dir()))?;
    let fresh = place.path().join("packages");
    std::fs::create_dir(&fresh).map_err(io("create", &fresh))?;
    install_into(&fresh, &asked, limits, progress)?;
    let fresh = Folder::open(&fresh).map_err(io("open", &fresh))?;
    check(&fresh, 0, &mut (FILES, SIZE)).map_err(io("take the packages in", fresh.path()))?;
    let staged = staging_name()?;
    let staging = kept.folder_or_new(&staged);
    let staging = staging.map_err(io("create", &kept.path_of(&staged)))?;
    let taken = copy(&fresh, &staging)
        .map_err(io("take the packages in to", staging.path()))
        // Only what is whole gets the name; who comes second finds it.
        .and_then(|()| match kept.rename(&staged, &kept, &target) {
            Err(error) if kept.folder(&target).is_err() => {
                Err(io("rename to", &kept.path_of(&target))(error))
            }
            renamed => Ok(renamed.is_ok()),
        });
    if !matches!(taken, Ok(true)) {
        let _ = kept.remove_folder(&staged);
    }
    taken?;
    let folder = kept.folder(&target);
    folder.map(Some).map_err(io("open", &kept.path_of(&target)))
}

fn install_into(
    folder: &Path,
    asked: &str,
    limits: &BuildLimits,
    progress: &mut dyn FnMut(BuildLine),
) -> Result<(), ProjectError> {
    let place = tempfile::tempdir().map_err(io("create", &std::env::temp_dir()))?;
    let file = place.path().join(REQUIREMENTS);
    std::fs::write(&file, asked).map_err(io("write", &file))?;
    let empty = place.path().join("empty");
    std::fs::create_dir(&empty).map_err(io("create", &empty))?;
    let mut pip = python(&empty)?;
    pip.args(["-m", "pip", "install", "--disable-pip-version-check"])
        .args(["--no-input", "--no-compile", "--quiet", "--target"])
        .arg(folder)
        // Only what runs everywhere, sources of which nothing is run to install them.
        .args(["--only-binary", ":all:", "--platform", "any"])
        .args(["--implementation", "py", "--abi", "none"])
        .args(["--python-version", "3.14", "--requirement"])
        .arg(&file);
    run(pip, limits, progress, Stdout::Output).map_err(|error| match error {
        ProjectError::BuildFailed { output, .. } => ProjectError::Packages { output },
        other => other,
    })?;
    Ok(())
}

fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> ProjectError + use<> {
    let path = path.to_path_buf();
    move |source| ProjectError::Io {
        action,
        path,
        source,
    }
}

fn name(text: impl Into<OsString>) -> Result<Name, ProjectError> {
    let text = text.into();
    Name::new(text.clone()).map_err(|error| io("open", Path::new(&text))(error.into()))
}

/// A name that no other installation has.
fn staging_name() -> Result<Name, ProjectError> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.unwrap_or_default().as_nanos();
    name(format!("{STAGING}{}-{now}", std::process::id()))
}

/// Copies files and folders, which were checked to be no more than these.
fn copy(from: &Folder, to: &Folder) -> std::io::Result<()> {
    for entry in from.entries(ENTRIES)? {
        if entry.kind == Kind::Folder {
            copy(&from.folder(&entry.name)?, &to.folder_or_new(&entry.name)?)?;
        } else {
            std::io::copy(
                &mut from.open_file(&entry.name)?,
                &mut to.create_new(&entry.name)?,
            )?;
        }
    }
    Ok(())
}

/// What installations left that were killed. One that is at work is younger.
fn sweep(kept: &Folder) {
    const OLD: std::time::Duration = std::time::Duration::from_secs(24 * 3600);
    for entry in kept.entries(ENTRIES).unwrap_or_default() {
        let is_staging = entry.kind == Kind::Folder
            && entry
                .name
                .as_str()
                .is_some_and(|name| name.starts_with(STAGING));
        let age = kept.path_of(&entry.name).symlink_metadata();
        let age = age.and_then(|meta| meta.modified());
        let age = age.map(|time| time.elapsed().unwrap_or_default());
        if is_staging && age.is_ok_and(|age| age > OLD) {
            let _ = kept.remove_folder(&entry.name);
        }
    }
}

/// Whether what pip left is files and folders only, and not too much.
fn check(folder: &Folder, depth: usize, left: &mut (usize, u64)) -> std::io::Result<()> {
    let too_much = || {
        std::io::Error::other(format!(
            "there are more than {FILES} files, or {SIZE} bytes"
        ))
    };
    if depth > DEPTH {
        return Err(std::io::Error::other("folders nest too deeply"));
    }
    for entry in folder.entries(ENTRIES)? {
        left.0 = left.0.checked_sub(1).ok_or_else(too_much)?;
        left.1 = left.1.checked_sub(entry.size).ok_or_else(too_much)?;
        match entry.kind {
            Kind::File => {}
            Kind::Folder => check(&folder.folder(&entry.name)?, depth + 1, left)?,
            Kind::Other => {
                return Err(std::io::Error::other(format!(
                    "{:?} is a link or no file, which no wheel has",
                    folder.path_of(&entry.name)
                )));
            }
        }
    }
    Ok(())
}

fn environment(project: &Folder, inputs: &InputRecorder) -> Result<Option<Folder>, ProjectError> {
    for environment in ENVIRONMENTS {
        let environment = name(environment)?;
        let path = project.path_of(&environment);
        // A link is an environment if it leads to one; that is told instead of passed over.
        inputs.ask(&path, Question::Entry);
        if !inputs.is_file(&path.join("pyvenv.cfg")) {
            continue;
        }
        let linked = |error: std::io::Error| match arkor_files::is_foreign(&error) {
            true => ProjectError::LinkedPackages { path: path.clone() },
            false => io("open", &path)(error),
        };
        let folder = project.folder(&environment).map_err(linked)?;
        for lib in ["lib", "Lib"] {
            inputs.ask(&path.join(lib), Question::Entry);
        }
        let on_windows = folder
            .folder(&name("Lib")?)
            .and_then(|lib| lib.folder(&Name::new("site-packages")?));
        if !cfg!(unix)
            && let Ok(found) = on_windows
        {
            return Ok(Some(found));
        }
        let lib = match folder.folder(&name("lib")?) {
            Ok(lib) => lib,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(linked(error)),
        };
        let site = name("site-packages")?;
        inputs.ask(lib.path(), Question::Names);
        let mut versions = lib.entries(ENTRIES).map_err(linked)?;
        versions.retain(|entry| entry.kind == Kind::Folder);
        // The newest, were there several.
        for version in versions.iter().rev() {
            let version = lib.folder(&version.name).map_err(linked)?;
            inputs.ask(&version.path_of(&site), Question::Entry);
            match version.folder(&site) {
                Ok(found) => return Ok(Some(found)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(linked(error)),
            }
        }
        return Ok(None);
    }
    Ok(None)
}

/// A Python that has pip, to be started in a folder: isolated from what lies there and from the variables
/// that change what a Python does.
fn python(folder: &Path) -> Result<Command, ProjectError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // A relative folder of the PATH is one of the project, as a rule.
    let folders: Vec<PathBuf> = std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .collect();
    for program in ["python3", "python"] {
        let program = format!("{program}{}", std::env::consts::EXE_SUFFIX);
        for found in folders.iter().map(|folder| folder.join(&program)) {
            if !found.is_file() {
                continue;
            }
            let command = || {
                let mut command = Command::new(&found);
                command.arg("-I").current_dir(folder).env_clear();
                command
                    .envs(std::env::vars_os().filter(|(name, _)| is_kept(&name.to_string_lossy())));
                command
            };
            let has_pip = command()
                .args(["-m", "pip", "--version"])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success());
            if has_pip {
                return Ok(command());
            }
        }
    }
    Err(ProjectError::NoPip)
}

fn is_kept(variable: &str) -> bool {
    VARIABLES
        .iter()
        .any(|kept| kept.eq_ignore_ascii_case(variable))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_environment_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let limits = BuildLimits::default();
        let find = || {
            let found =
                install(root, false, &limits, &InputRecorder::default(), &mut |_| {}).unwrap();
            found.map(|folder| folder.path().to_path_buf())
        };
        assert_eq!(find(), None);
        std::fs::write(root.join(REQUIREMENTS), "# nothing yet\n\n").unwrap();
        assert_eq!(find(), None);
        let site = root.join(".venv/lib/python3.12/site-packages");
        std::fs::create_dir_all(&site).unwrap();
        assert_eq!(find(), None);
        std::fs::write(root.join(".venv/pyvenv.cfg"), "").unwrap();
        std::fs::write(root.join(REQUIREMENTS), "something\n").unwrap();
        assert_eq!(find(), Some(site));
    }

    #[cfg(unix)]
    #[test]
    fn an_environment_that_is_a_link_is_not_followed() {
        use std::os::unix::fs::symlink;
        let outside = tempfile::tempdir().unwrap();
        let site = outside.path().join("lib/python3.12/site-packages");
        std::fs::create_dir_all(&site).unwrap();
        std::fs::write(outside.path().join("pyvenv.cfg"), "").unwrap();
        for link in [".venv", ".venv/lib", ".venv/lib/python3.12/site-packages"] {
            let folder = tempfile::tempdir().unwrap();
            let at = folder.path().join(link);
            std::fs::create_dir_all(at.parent().unwrap()).unwrap();
            let rest = Path::new(link).strip_prefix(".venv").unwrap();
            symlink(outside.path().join(rest), &at).unwrap();
            if link != ".venv" {
                std::fs::write(folder.path().join(".venv/pyvenv.cfg"), "").unwrap();
            }
            let error = install(
                folder.path(),
                false,
                &BuildLimits::default(),
                &InputRecorder::default(),
                &mut |_| {},
            )
            .unwrap_err();
            assert!(
                matches!(error, ProjectError::LinkedPackages { .. }),
                "{link}: {error}"
            );
            assert!(error.hint().is_some(), "{link}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_pip_left_is_files_of_a_bounded_number() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("one/two")).unwrap();
        std::fs::write(folder.path().join("one/two/file"), "12345").unwrap();
        let staging = Folder::open(folder.path()).unwrap();
        check(&staging, 0, &mut (3, 5)).unwrap();
        assert!(check(&staging, 0, &mut (2, 5)).is_err());
        assert!(check(&staging, 0, &mut (3, 4)).is_err());
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("one/link")).unwrap();
        let error = check(&staging, 0, &mut (9, 99)).unwrap_err().to_string();
        assert!(error.contains("one/link"), "{error}");
    }

    #[test]
    fn variables_that_change_what_python_does_do_not_reach_it() {
        for variable in [
            "PYTHONPATH",
            "PYTHONSTARTUP",
            "PIP_TARGET",
            "PIP_NO_BINARY",
            "LD_PRELOAD",
            "TOKEN",
        ] {
            assert!(!is_kept(variable), "{variable}");
        }
        for variable in ["PATH", "https_proxy", "PIP_INDEX_URL"] {
            assert!(is_kept(variable), "{variable}");
        }
    }
}
