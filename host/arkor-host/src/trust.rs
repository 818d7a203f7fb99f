//! Opens projects, as their user trusts them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use arkor_project::{CONFIG_FILE, Project, ProjectError, UntrustedOptions};

use crate::arguments::TrustArguments;
use crate::output::Printer;

/// The project that a path on the command line means: a folder in it, its file, or a bare component or
/// script; of an untrusted one only what the path names.
pub(crate) fn open(path: &Path, trust: &TrustArguments, printer: &Printer) -> Result<Project> {
    if !trust.untrusted {
        let project = trusted(path)?;
        crate::settings::check_folders(&project)?;
        return Ok(project);
    }
    let project = untrusted(path, trust.config.clone(), trust.store.clone())?;
    crate::settings::check_folders(&project)?;
    if !project.ignored().is_empty() {
        let hint = match trust.config {
            Some(_) => "the file of --config grants less",
            None => "--config FILE grants it",
        };
        printer.note(&format!(
            "not trusted: ignored in {CONFIG_FILE}: {}; {hint}",
            project.ignored().join(", ")
        ));
    }
    Ok(project)
}

fn trusted(path: &Path) -> Result<Project, ProjectError> {
    let is_wasm = path
        .extension()
        .is_some_and(|ending| ending == "wasm" || ending == "wat");
    let is_config = path.file_name().is_some_and(|name| name == CONFIG_FILE);
    if is_wasm || (path.is_file() && !is_config) {
        return Project::prebuilt(path);
    }
    if is_config {
        Project::load(path)
    } else {
        Project::discover(path)
    }
}

fn untrusted(path: &Path, config: Option<PathBuf>, store: Option<PathBuf>) -> Result<Project> {
    let store = match store {
        Some(folder) => folder,
        None => default_store(path)?,
    };
    let project = Project::open_untrusted(path, UntrustedOptions { config, store })?;
    // What lies beside a bare file is its project, and can be its data.
    if let Some(home) = directories::BaseDirs::new()
        && let Ok(home) = home.home_dir().canonicalize()
        && home.starts_with(project.root())
    {
        bail!(
            "`{}` holds all of a user's files, and an untrusted trainer can read the files of its folder as \
             data: put it into a folder of its own",
            project.root().display()
        );
    }
    Ok(project)
}

/// The folder with the runs of a project.
pub(crate) fn store_folder(path: &Path, untrusted: bool, store: Option<&Path>) -> Result<PathBuf> {
    if !untrusted {
        let project = trusted(path)?;
        crate::settings::check_folders(&project)?;
        return Ok(project.store_dir());
    }
    match store {
        // As where the project is opened: a link is the user's own.
        Some(folder) => Ok(arkor_project::resolved_as_far_as_possible(folder)?),
        None => default_store(path),
    }
}

/// One for each project, named so that a person finds it and two projects never share it.
fn default_store(path: &Path) -> Result<PathBuf> {
    let resolved = path
        .canonicalize()
        .with_context(|| format!("cannot open `{}`", path.display()))?;
    let root = match resolved.file_name() {
        Some(name) if name == CONFIG_FILE => resolved.parent().unwrap_or(&resolved),
        _ => &resolved,
    };
    let digest = blake3::hash(root.as_os_str().as_encoded_bytes()).to_hex();
    let name: String = root
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        .take(40)
        .collect();
    let digest = digest.get(..16).unwrap_or_default();
    Ok(crate::settings::data_folder()?
        .join("untrusted")
        .join(format!("{name}-{digest}")))
}
