//! Opens projects, as their user trusts them.

use std::path::{Component, Path, PathBuf};

use anyhow::{Result, bail};
use arkor_project::{CONFIG_FILE, Project, ProjectError, STORE_FOLDER, UntrustedOptions};
use arkor_types::RunId;

use crate::arguments::TrustArguments;
use crate::output::{self, Printer};

/// The project that a path on the command line means: a folder in it, its file, or a bare component or
/// script; of an untrusted one only what the path names.
pub(crate) fn open(path: &Path, trust: &TrustArguments, printer: &Printer) -> Result<Project> {
    if !trust.untrusted {
        let project = trusted(path)?;
        crate::settings::check_folders(project.root())?;
        return Ok(project);
    }
    output::trusts_nothing();
    expect_no_links(path)?;
    let folder = match root(path)? {
        file if file.is_file() => file.parent().unwrap_or(&file).to_path_buf(),
        folder => folder,
    };
    for named in [&trust.config, &trust.store].into_iter().flatten() {
        resolved_outside(&folder, named)?;
    }
    let project = untrusted(path, trust.config.clone(), trust.store.clone())?;
    crate::settings::check_folders(project.root())?;
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

/// The same for who waits until the trainer of a project is there.
pub(crate) fn open_awaiting(
    path: &Path,
    trust: &TrustArguments,
    printer: &Printer,
) -> Result<Project> {
    let project = match open(path, trust, printer) {
        Err(error) if !trust.untrusted && is_without_trainer(&error) => {
            Project::discover_awaiting(path)?
        }
        project => return project,
    };
    crate::settings::check_folders(project.root())?;
    Ok(project)
}

fn is_without_trainer(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref::<ProjectError>(),
        Some(ProjectError::InvalidTrainer { .. })
    )
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
        && let Ok(home) = arkor_project::resolved_as_far_as_possible(home.home_dir())
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

/// What a path means, before a project is opened.
fn root(path: &Path) -> Result<PathBuf> {
    path.metadata().map_err(|source| ProjectError::Io {
        action: "open",
        path: path.into(),
        source,
    })?;
    let resolved = arkor_project::resolved_as_far_as_possible(path)?;
    Ok(match resolved.file_name() {
        Some(name) if name == CONFIG_FILE => resolved.parent().unwrap_or(&resolved).to_path_buf(),
        _ => resolved,
    })
}

/// The folder with the runs of a project.
pub(crate) fn store_folder(path: &Path, untrusted: bool, store: Option<&Path>) -> Result<PathBuf> {
    if !untrusted {
        let project = match trusted(path) {
            // Runs of a bare script or component are kept beside it, where no project is.
            // And those of a project are there though its file cannot be read just now.
            Err(_) if path.join(STORE_FOLDER).is_dir() => {
                let folder = path.canonicalize()?;
                crate::settings::check_folders(&folder)?;
                return Ok(folder.join(STORE_FOLDER));
            }
            project => project?,
        };
        crate::settings::check_folders(project.root())?;
        return Ok(project.store_dir());
    }
    let root = root(path)?;
    crate::settings::check_folders(&root)?;
    match store {
        Some(folder) => resolved_outside(&root, folder),
        None => default_store(path),
    }
}

/// A component that the command line names, where no project is opened for it.
pub(crate) fn component(path: &Path, trust: &TrustArguments) -> Result<PathBuf> {
    let cannot = |source| ProjectError::Io {
        action: "open",
        path: path.into(),
        source,
    };
    let resolved = path.canonicalize().map_err(cannot)?;
    if trust.untrusted {
        expect_no_links(path)?;
    }
    let beside = folder_of(path).canonicalize().map_err(cannot)?;
    if trust.untrusted && resolved.parent() != Some(&beside) {
        bail!(
            "not trusted: `{}` is a link, and leads to `{}`: name that, if it is meant",
            path.display(),
            resolved.display()
        );
    }
    crate::settings::check_folders(&beside)?;
    Ok(resolved)
}

/// An error if a part of a relative path is a link: who typed it may have meant a folder of what they were
/// given, and the link brings another. An absolute path leads through links of the machine's own.
fn expect_no_links(path: &Path) -> Result<()> {
    let mut at = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => at.push(name),
            Component::ParentDir => at.push(".."),
            Component::CurDir => continue,
            Component::RootDir | Component::Prefix(_) => return Ok(()),
        }
        if at.is_symlink() {
            let leads = at.canonicalize();
            bail!(
                "not trusted: `{}` is a link, and leads to `{}`: name that, if it is meant",
                at.display(),
                leads.unwrap_or_default().display()
            );
        }
    }
    Ok(())
}

/// The folder that a file of the command line is in: that of a bare name is the one we work in.
pub(crate) fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Where a path leads that the command line names. In an untrusted project links lead nowhere else: who typed
/// the path did not see them.
pub(crate) fn resolved(project: &Project, path: &Path) -> Result<PathBuf> {
    if project.is_untrusted() {
        return resolved_outside(project.root(), path);
    }
    Ok(arkor_project::resolved_as_far_as_possible(path)?)
}

/// The same of a folder that is not trusted.
fn resolved_outside(root: &Path, path: &Path) -> Result<PathBuf> {
    let absolute = std::path::absolute(path)?;
    let mut at = PathBuf::new();
    for part in absolute.components() {
        let is_inside = at.starts_with(root);
        match part {
            Component::ParentDir => {
                at.pop();
            }
            part => {
                at.push(part);
                if let Ok(real) = arkor_project::resolved_as_far_as_possible(&at) {
                    at = real;
                }
                if is_inside && !at.starts_with(root) {
                    bail!(
                        "not trusted: `{}` leads out of the project by a link, to `{}`: name that, if it is \
                         meant",
                        path.display(),
                        at.display()
                    );
                }
            }
        }
    }
    Ok(at)
}

/// One for each project, named so that a person finds it and two projects never share it.
fn default_store(path: &Path) -> Result<PathBuf> {
    let root = root(path)?;
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

/// How a run of this command line is gone on with.
#[derive(Debug, Clone)]
pub(crate) struct Again {
    path: PathBuf,
    trust: TrustArguments,
}

impl Again {
    pub(crate) fn of(path: &Path, trust: &TrustArguments) -> Self {
        Self {
            path: path.into(),
            trust: trust.clone(),
        }
    }

    /// The command, for a shell: trusting no more than this one.
    pub(crate) fn command(&self, run: &RunId) -> String {
        let mut line = String::from("arkor-host run");
        if self.trust.untrusted {
            line += " --untrusted";
            for (option, value) in [
                ("--config", &self.trust.config),
                ("--store", &self.trust.store),
            ] {
                if let Some(value) = value {
                    line += &format!(" {option} {}", quoted(value));
                }
            }
        }
        line += &format!(" --resume {run}");
        if self.path != Path::new(".") {
            line += &format!(" {}", quoted(&self.path));
        }
        line
    }
}

pub(crate) fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+,:@%=\\".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.into_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}
