//! Python.

use std::path::Path;

use arkor_types::Program;

use crate::ProjectError;

pub(super) fn program(_root: &Path, _entry: &Path) -> Result<Program, ProjectError> {
    Err(ProjectError::Source {
        problems: "Python".into(),
        hint: None,
    })
}
