//! Paths that must not leave the project.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use crate::ProjectError;

/// The absolute path of something inside a project, with all links resolved.
///
/// `relative` is taken from `root`. What it names need not exist yet: then the part that exists is
/// resolved, and the rest may not go upwards. The answer holds for the moment; a link made later can
/// lead elsewhere.
///
/// # Errors
///
/// [`ProjectError::Outside`] if it leads out of `root`, by `..`, as an absolute path or through a
/// link; [`ProjectError::Io`] if `root` or a link on the way cannot be resolved.
pub fn resolve_inside(root: &Path, relative: impl AsRef<Path>) -> Result<PathBuf, ProjectError> {
    let relative = relative.as_ref();
    let outside = || ProjectError::Outside {
        root: root.to_path_buf(),
        path: relative.display().to_string(),
    };
    if relative
        .components()
        .any(|part| matches!(part, Component::RootDir | Component::Prefix(_)))
    {
        return Err(outside());
    }
    let root = canonical(root)?;
    let mut existing = root.join(relative);
    let mut rest: Vec<OsString> = Vec::new();
    // A link whose target is missing counts as existing: it fails to resolve instead of being
    // taken for a file that is yet to be written.
    while existing.symlink_metadata().is_err() {
        match (existing.file_name(), existing.parent()) {
            (Some(name), Some(parent)) => {
                rest.push(name.to_os_string());
                existing = parent.to_path_buf();
            }
            _ => return Err(outside()),
        }
    }
    let mut resolved = canonical(&existing)?;
    resolved.extend(rest.iter().rev());
    if resolved.starts_with(&root) {
        Ok(resolved)
    } else {
        Err(outside())
    }
}

/// What exists of a path is resolved, the rest appended.
///
/// # Errors
///
/// [`ProjectError::Io`] if a link on the way cannot be resolved.
pub fn resolved_as_far_as_possible(path: &Path) -> Result<PathBuf, ProjectError> {
    let absolute = std::path::absolute(path).map_err(|source| ProjectError::Io {
        action: "resolve",
        path: path.into(),
        source,
    })?;
    let mut existing = absolute.as_path();
    let mut rest = Vec::new();
    while existing.symlink_metadata().is_err() {
        let (Some(name), Some(parent)) = (existing.file_name(), existing.parent()) else {
            break;
        };
        rest.push(name);
        existing = parent;
    }
    let mut resolved = canonical(existing)?;
    resolved.extend(rest.iter().rev());
    Ok(resolved)
}

/// The path with links resolved; on Windows without the `\\?\` that most programs do not take.
pub(crate) fn canonical(path: &Path) -> Result<PathBuf, ProjectError> {
    let resolved = path.canonicalize().map_err(|source| ProjectError::Io {
        action: "resolve",
        path: path.to_path_buf(),
        source,
    })?;
    Ok(
        match resolved.to_str().and_then(|p| p.strip_prefix(r"\\?\")) {
            Some(plain) if !plain.starts_with("UNC") => PathBuf::from(plain),
            _ => resolved,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outside(root: &Path, path: &str) -> bool {
        matches!(
            resolve_inside(root, path),
            Err(ProjectError::Outside { .. })
        )
    }

    #[test]
    fn stays_inside() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("project");
        std::fs::create_dir_all(root.join("data")).unwrap();
        std::fs::write(folder.path().join("secret"), "").unwrap();
        std::fs::write(root.join("data/x.txt"), "").unwrap();
        let real = root.canonicalize().unwrap();

        assert_eq!(
            resolve_inside(&root, "data/x.txt").unwrap(),
            real.join("data/x.txt")
        );
        assert_eq!(
            resolve_inside(&root, "data/../data/./x.txt").unwrap(),
            real.join("data/x.txt")
        );
        assert_eq!(
            resolve_inside(&root, "new/folder/y").unwrap(),
            real.join("new/folder/y")
        );
        assert_eq!(resolve_inside(&root, ".").unwrap(), real);
        assert!(outside(&root, "../secret"));
        assert!(outside(&root, "data/../../secret"));
        assert!(outside(&root, "new/../../secret"));
        assert!(outside(&root, "new/.."));
        assert!(outside(&root, "/etc/passwd"));
        assert!(outside(&root, "../project2"));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("project");
        std::fs::create_dir_all(root.join("data")).unwrap();
        std::fs::create_dir(folder.path().join("elsewhere")).unwrap();
        symlink("../elsewhere", root.join("out")).unwrap();
        symlink("data", root.join("in")).unwrap();
        symlink("../not-there", root.join("dangling")).unwrap();

        assert!(outside(&root, "out"));
        assert!(outside(&root, "out/new-file"));
        assert!(
            resolve_inside(&root, "in/new-file")
                .unwrap()
                .ends_with("data/new-file")
        );
        assert!(matches!(
            resolve_inside(&root, "dangling"),
            Err(ProjectError::Io { .. })
        ));
    }
}
