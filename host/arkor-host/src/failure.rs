//! Errors as people and scripts see them: one line of what, one of why not, one of what to do.

use arkor_engine::EngineError;
use arkor_project::ProjectError;
use arkor_runtime::RuntimeError;
use arkor_store::StoreError;
use arkor_types::{FailureCode, RunStatus, UntrustedText};

use crate::commands::replay::TapeError;
use crate::commands::run::{Ended, NoSuchCheckpoint, without_outcome};
use crate::exit::Exit;
use crate::output::Printer;

/// What failed with all its causes, in one line.
pub(crate) fn message(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1) {
        let part = cause.to_string();
        if !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
    }
    shortened(text)
}

/// Most lines and bytes of a message: some tell what a file says.
const LINES: usize = 100;
const BYTES: usize = 16 << 10;

fn shortened(mut text: String) -> String {
    let line = text.match_indices('\n').nth(LINES - 1).map(|(at, _)| at);
    let end = line.unwrap_or(text.len()).min(BYTES);
    if end < text.len() {
        let left_out = text.len() - end;
        text.truncate(text.floor_char_boundary(end));
        text.push_str(&format!("\n({left_out} more bytes)"));
    }
    text
}

/// What to do about it, if anything in the chain knows.
pub(crate) fn hint(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(|cause| {
        None.or_else(|| cause.downcast_ref::<RuntimeError>()?.hint())
            .or_else(|| cause.downcast_ref::<ProjectError>()?.hint())
            .or_else(|| cause.downcast_ref::<StoreError>()?.hint())
            .or_else(|| cause.downcast_ref::<EngineError>()?.hint())
            .or_else(|| cause.downcast_ref::<TapeError>().map(|_| TapeError::hint()))
    })
}

/// The guest's own stack, if a guest failed.
fn backtrace(error: &anyhow::Error) -> &[UntrustedText] {
    error
        .chain()
        .find_map(|cause| match cause.downcast_ref::<RuntimeError>() {
            Some(RuntimeError::Guest(fault)) => Some(fault.backtrace.as_slice()),
            _ => None,
        })
        .unwrap_or_default()
}

/// Nothing there that could be run is a matter of usage; all else is a failure.
pub(crate) fn code(error: &anyhow::Error) -> Exit {
    let usage = error.chain().any(|cause| {
        let runtime = matches!(
            cause.downcast_ref::<RuntimeError>(),
            Some(
                RuntimeError::Read { .. }
                    | RuntimeError::NotWasm { .. }
                    | RuntimeError::Contract { .. }
                    | RuntimeError::Invalid { .. }
                    | RuntimeError::TooLarge { .. }
                    | RuntimeError::Compile { .. }
                    | RuntimeError::Componentize { .. }
            )
        );
        let project = cause
            .downcast_ref::<ProjectError>()
            .is_some_and(|error| !matches!(error, ProjectError::BuildFailed { .. }));
        let store = matches!(
            cause.downcast_ref::<StoreError>(),
            Some(
                StoreError::NoSuchRun { .. }
                    | StoreError::Ambiguous { .. }
                    | StoreError::NotYours { .. }
            )
        );
        let named = cause.is::<TapeError>() || cause.is::<NoSuchCheckpoint>();
        runtime || project || store || named
    });
    if usage { Exit::Usage } else { Exit::Failed }
}

/// What kind of failure it is, for programs.
fn failure_code(error: &anyhow::Error) -> Option<FailureCode> {
    error.chain().find_map(|cause| {
        let runtime = cause.downcast_ref::<RuntimeError>();
        let store = || {
            Some(RuntimeError::code_of_store(
                cause.downcast_ref::<StoreError>()?,
            ))
        };
        runtime.map(RuntimeError::code).or_else(store)
    })
}

pub(crate) fn report(error: &anyhow::Error, printer: &Printer) {
    let (message, hint) = (message(error), hint(error));
    printer.error(&message, backtrace(error), hint.as_deref());
    if printer.json() {
        let ended = Ended {
            status: RunStatus::Failed,
            error: Some(message),
            code: failure_code(error),
            hint,
        };
        printer.object(&without_outcome(ended));
    }
}
