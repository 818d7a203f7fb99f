//! One file for each verb.

pub(crate) mod build;
pub(crate) mod completions;
pub(crate) mod dev;
pub(crate) mod docs;
pub(crate) mod inspect;
pub(crate) mod new;
pub(crate) mod replay;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod toolchain;

use anyhow::Result;
use arkor_project::{Artifact, BuildLine, Built, Project};
use arkor_runtime::{LanguageRuntime, Runtime, TrainerComponent};
use arkor_types::ScriptLanguage;

use crate::output::Printer;

/// Builds a project's trainer, or finds the one it has. What the build says is shown only if it
/// takes a while or fails.
pub(crate) fn build_trainer(project: &Project, printer: &Printer) -> Result<Built> {
    crate::place::check(project)?;
    Ok(project.build(&mut |line: BuildLine| build_line(&line, printer))?)
}

/// Compiles what a build left, or takes it from the cache.
pub(crate) fn load_trainer(
    runtime: &Runtime,
    artifact: &Artifact,
    printer: &Printer,
) -> Result<TrainerComponent> {
    Ok(match artifact {
        Artifact::Wasm(path) => runtime.load(path)?,
        Artifact::Program(program) => {
            let language = language_runtime(program.language);
            if program.language == ScriptLanguage::Python {
                toolchain::announce(runtime, &language, printer);
            }
            runtime.load_program(&language, program)?
        }
    })
}

/// What a build left as one component that needs nothing else.
pub(crate) fn component_bytes(artifact: &Artifact) -> Result<Vec<u8>> {
    Ok(match artifact {
        Artifact::Wasm(path) => arkor_runtime::read_component(path)?,
        Artifact::Program(program) => {
            arkor_runtime::standalone(&language_runtime(program.language), program)?
        }
    })
}

/// What runs trainers in a script language.
fn language_runtime(language: ScriptLanguage) -> LanguageRuntime {
    match language {
        ScriptLanguage::JavaScript => LanguageRuntime::javascript(),
        ScriptLanguage::Python => LanguageRuntime::python(),
    }
}

/// A failed build's own words are in its error, so here they only show that something happens.
pub(crate) fn build_line(line: &BuildLine, printer: &Printer) {
    match line {
        BuildLine::Command(command) => printer.note(&format!("building: {command}")),
        BuildLine::Output(text) => printer.status(text),
    }
}
