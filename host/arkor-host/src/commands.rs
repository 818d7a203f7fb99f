//! One file for each verb.

pub(crate) mod build;
pub(crate) mod completions;
pub(crate) mod dev;
pub(crate) mod inspect;
pub(crate) mod replay;
pub(crate) mod run;
pub(crate) mod runs;

use std::path::PathBuf;

use anyhow::Result;
use arkor_project::{BuildLine, Built, Project};

use crate::output::Printer;

/// Builds a project's trainer, or finds the one it has. What the build says is shown only if it
/// takes a while or fails.
pub(crate) fn build_trainer(project: &Project, printer: &Printer) -> Result<(PathBuf, Built)> {
    let built = project.build(&mut |line: BuildLine| build_line(&line, printer))?;
    Ok((built.artifact.clone(), built))
}

/// A failed build's own words are in its error, so here they only show that something happens.
pub(crate) fn build_line(line: &BuildLine, printer: &Printer) {
    match line {
        BuildLine::Command(command) => printer.note(&format!("building: {command}")),
        BuildLine::Output(text) => printer.status(text),
    }
}
