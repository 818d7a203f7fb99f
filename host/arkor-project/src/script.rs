//! Trainers in script languages: from an entry file to all files that it needs.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use arkor_types::{Program, ScriptLanguage};

use crate::inputs::Question;
use crate::process::BuildLimits;
use crate::{BuildLine, InputRecorder, ProjectError};

mod files;
mod javascript;
mod place;
mod python;
mod resolve;

pub use javascript::{serve_parser, use_parser_process};

/// All files that a script trainer consists of.
pub(crate) fn program(
    root: &Path,
    language: ScriptLanguage,
    entry: &Path,
    is_untrusted: bool,
    limits: &BuildLimits,
    inputs: &InputRecorder,
    progress: &mut dyn FnMut(BuildLine),
) -> Result<Program, ProjectError> {
    let named = root.join(entry);
    inputs.ask(&named, Question::Entry);
    inputs.ask(&named, Question::Kind);
    crate::project::require("entry", &named)?;
    let entry = crate::paths::resolve_inside(root, entry)?;
    let program = match language {
        ScriptLanguage::JavaScript => {
            javascript::program(root, &entry, is_untrusted, limits, inputs)
        }
        ScriptLanguage::Python => python::install(root, is_untrusted, limits, inputs, progress)
            .and_then(|packages| python::program(root, &entry, packages, limits, inputs)),
    };
    if program.is_err() {
        // It may have failed before it was read, and is what is saved next all the same.
        inputs.ask(&entry, Question::Content);
    }
    program
}

/// The build of a script did not come to an end in time, or nobody wants it any more.
fn stopped(name: &str, limits: &BuildLimits) -> ProjectError {
    let command = format!("parse {name}");
    if limits.stop.load(Ordering::Acquire) {
        return ProjectError::BuildStopped { command };
    }
    ProjectError::BuildTimeout {
        command,
        seconds: limits.timeout.as_secs(),
        output: String::new(),
    }
}

/// Most bytes of one file of a program.
const FILE_SIZE: u64 = 16 << 20;

fn read(path: &Path, inputs: &InputRecorder) -> Result<Vec<u8>, ProjectError> {
    match arkor_files::read_resolved(path, FILE_SIZE) {
        Ok(bytes) => {
            inputs.read(path, &bytes);
            Ok(bytes)
        }
        Err(source) => {
            inputs.ask(path, Question::Content);
            Err(ProjectError::Io {
                action: "read",
                path: path.into(),
                source,
            })
        }
    }
}

/// See [`crate::fuzzing`].
#[cfg(fuzzing)]
pub(crate) mod fuzzing {
    pub(crate) use super::javascript::fuzzing::{parser_frames, translate as javascript};
    pub(crate) use super::python::fuzz_imports as python_imports;
    pub(crate) use super::python::fuzz_requirements as requirements;
    pub(crate) use super::resolve::fuzz as package_json;
}

/// A path with `/` between parts.
fn slashed(path: &Path) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

/// The folders from a file upwards, nearest first.
fn folder_of(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("/")).to_path_buf()
}
