//! The files that a spec names: where they lie, and what of them is held out.

use std::path::{Path, PathBuf};

use arkor_engine::{EngineError, Text};
use arkor_types::{Dataset, DatasetFormat, DatasetSource, HeldOut};

use crate::error::RuntimeError;

/// Where the data of a run lies.
pub(super) struct DataFiles {
    /// As the spec names it.
    pub(super) named: String,
    /// The same of a file of what is held out, if it is one of its own.
    held_out_named: Option<String>,
    train: PathBuf,
    held_out: HeldOutFile,
}

enum HeldOutFile {
    /// A share of the same file, from its end.
    Share(f64),
    File(PathBuf),
}

impl DataFiles {
    pub(super) fn find(dataset: &Dataset, project: &Path) -> Result<Self, RuntimeError> {
        if dataset.format != DatasetFormat::Text {
            let what = format!("read a dataset of the format {}", dataset.format.name());
            return Err(EngineError::Unsupported { what }.into());
        }
        let (train, named) = file_of(&dataset.source, "dataset.source.file", project)?;
        let (held_out, held_out_named) = match &dataset.held_out {
            HeldOut::Share(share) => (HeldOutFile::Share(*share), None),
            HeldOut::Source(source) => {
                let (file, named) = file_of(source, "dataset.held-out.source.file", project)?;
                (HeldOutFile::File(file), Some(named))
            }
        };
        Ok(Self {
            named,
            held_out_named,
            train,
            held_out,
        })
    }

    /// What the files are called, to say that they are others now.
    pub(super) fn names(&self) -> String {
        match &self.held_out_named {
            Some(held_out) => format!("`{}` or `{held_out}`", self.named),
            None => format!("`{}`", self.named),
        }
    }

    pub(super) fn read(&self) -> Result<Text, EngineError> {
        match &self.held_out {
            HeldOutFile::Share(share) => Text::load(&self.train, *share),
            HeldOutFile::File(file) => Text::load_both(&self.train, file),
        }
    }
}

/// The file of a source, and its name in the spec.
fn file_of(
    source: &DatasetSource,
    field: &'static str,
    project: &Path,
) -> Result<(PathBuf, String), RuntimeError> {
    let what = match source {
        DatasetSource::File(path) => return Ok((inside(project, field, path)?, path.clone())),
        DatasetSource::Hub(hub) => format!("fetch the dataset {:?} from a hub", hub.name),
        DatasetSource::Url(file) => format!("fetch the dataset {:?}", file.url),
        DatasetSource::Other(source) => format!("read a dataset of the kind {:?}", source.name),
    };
    Err(EngineError::Unsupported { what }.into())
}

/// Names the dataset that is too short: who prepares it sees only its text.
pub(super) fn about(dataset: &str, error: EngineError) -> EngineError {
    match error {
        EngineError::DatasetTooShort { what } => EngineError::DatasetTooShort {
            what: format!("`{dataset}` {what}"),
        },
        error => error,
    }
}

/// A path of the spec, which must lead to something inside the project that is not hidden, links resolved.
/// Hidden are settings and secrets, of git, of the user, of the host: a trainer reads its dataset back.
pub(super) fn inside(
    project: &Path,
    field: &'static str,
    path: &str,
) -> Result<PathBuf, RuntimeError> {
    let problem = |problem: String| RuntimeError::Path {
        field,
        path: path.into(),
        problem,
    };
    let root = project
        .canonicalize()
        .map_err(|error| problem(format!("but the project's folder cannot be read: {error}")))?;
    let found = root
        .join(path)
        .canonicalize()
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                problem(format!("but there is no such file in `{}`", root.display()))
            }
            _ => problem(format!("which cannot be read: {error}")),
        })?;
    if !found.starts_with(&root) {
        return Err(problem(format!(
            "which leads out of the project, to `{}`",
            found.display()
        )));
    }
    let within = found.strip_prefix(&root).unwrap_or(&found);
    let mut parts = within.components();
    if let Some(hidden) = parts.find(|part| part.as_os_str().as_encoded_bytes().starts_with(b".")) {
        return Err(problem(format!(
            "which leads to {:?}, and hidden files and folders are not given to trainers",
            hidden.as_os_str()
        )));
    }
    Ok(found)
}
