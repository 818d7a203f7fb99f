//! The folder that a project's packages are installed in: its virtual environment's, or one that is made
//! of its `requirements.txt`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::process::{BuildLimits, Stdout, run};
use crate::project::STORE_FOLDER;
use crate::{BuildLine, ProjectError};

/// Names of virtual environments in a project.
const ENVIRONMENTS: [&str; 3] = [".venv", "venv", "env"];

const REQUIREMENTS: &str = "requirements.txt";

/// The folder with the packages of a project, if it has any. What its `requirements.txt` names is
/// installed into the store folder, once for each content of it, unless there is a virtual environment.
pub(crate) fn install(
    root: &Path,
    limits: &BuildLimits,
    progress: &mut dyn FnMut(BuildLine),
) -> Result<Option<PathBuf>, ProjectError> {
    if let Some(folder) = environment(root) {
        return Ok(Some(folder));
    }
    let file = root.join(REQUIREMENTS);
    let Ok(text) = std::fs::read_to_string(&file) else {
        return Ok(None);
    };
    if requirements(&text).next().is_none() {
        return Ok(None);
    }
    let io = |action: &'static str, path: &Path| {
        let path = path.to_path_buf();
        move |source| ProjectError::Io {
            action,
            path,
            source,
        }
    };
    let kept = root.join(STORE_FOLDER).join("python");
    let digest = blake3::hash(text.as_bytes()).to_hex();
    let target = kept.join(digest.get(..16).unwrap_or_default());
    if target.is_dir() {
        return Ok(Some(target));
    }
    std::fs::create_dir_all(&kept).map_err(io("create", &kept))?;
    let fresh = tempfile::Builder::new()
        .prefix("installing-")
        .tempdir_in(&kept)
        .map_err(io("create", &kept))?;
    let mut pip = Command::new(python()?);
    pip.current_dir(root)
        .args(["-m", "pip", "install", "--disable-pip-version-check"])
        .args(["--no-input", "--no-compile", "--quiet", "--target"])
        .arg(fresh.path())
        // Only what runs everywhere, sources of which nothing is run to install them.
        .args(["--only-binary", ":all:", "--platform", "any"])
        .args([
            "--implementation",
            "py",
            "--abi",
            "none",
            "--python-version",
            "3.14",
        ])
        .args(["--requirement", REQUIREMENTS]);
    run(pip, limits, progress, Stdout::Output).map_err(|error| match error {
        ProjectError::BuildFailed { output, .. } => ProjectError::Packages { output },
        other => other,
    })?;
    // Only what is whole gets the name.
    std::fs::rename(fresh.keep(), &target).map_err(io("rename to", &target))?;
    Ok(Some(target))
}

/// Lines of a requirements file that ask for something.
fn requirements(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().map(|line| line.trim());
    lines.filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn environment(root: &Path) -> Option<PathBuf> {
    let mut folders = ENVIRONMENTS.iter().map(|name| root.join(name));
    let environment = folders.find(|folder| folder.join("pyvenv.cfg").is_file())?;
    let on_windows = environment.join("Lib/site-packages");
    if on_windows.is_dir() {
        return Some(on_windows);
    }
    let mut versions: Vec<PathBuf> = std::fs::read_dir(environment.join("lib"))
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path().join("site-packages")))
        .filter(|folder| folder.is_dir())
        .collect();
    versions.sort();
    versions.pop()
}

/// A Python that has pip.
fn python() -> Result<&'static str, ProjectError> {
    let has_pip = |program: &&&str| {
        Command::new(program)
            .args(["-m", "pip", "--version"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    ["python3", "python"]
        .iter()
        .find(has_pip)
        .copied()
        .ok_or(ProjectError::NoPip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_environment_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let limits = BuildLimits::default();
        let find = || install(root, &limits, &mut |_| {}).unwrap();
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
}
