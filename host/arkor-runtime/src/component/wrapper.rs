//! Core modules are made components in a process of their own.
//!
//! A core module says in a custom section what world it was built for. What reads that goes from package to
//! package by recursion, and a section in which packages depend on each other ends the process that reads it.

use std::time::Duration;

use super::process::{self, Ended, Task};
use super::{bounds, componentize};
use crate::error::RuntimeError;

/// What the process is started for.
pub(crate) const TASK: Task = Task {
    kind: "wrap",
    time: Duration::from_secs(60),
    answer: 2 * bounds::FILE_SIZE,
};

/// What an answer begins with.
const MADE: u8 = 0;
const REFUSED: u8 = 1;

/// Makes a component of the core module on standard input, and writes it, or why there is none, to standard
/// output.
pub(crate) fn serve() -> std::io::Result<()> {
    let bytes = process::input(&TASK, bounds::FILE_SIZE)?;
    match componentize::encode(&bytes) {
        Ok(component) => process::answer(MADE, &component),
        Err(reason) => process::answer(REFUSED, reason.as_bytes()),
    }
}

/// The component of a core module that was validated, or why there is none.
pub(super) fn wrap(name: &str, bytes: &[u8]) -> Result<Vec<u8>, RuntimeError> {
    let refused = |reason: String| RuntimeError::Componentize {
        name: name.into(),
        reason,
    };
    if !process::is_used() {
        return componentize::encode(bytes).map_err(refused);
    }
    let how = match process::run(&TASK, &[bytes])? {
        Ended::Answered(answer) => match answer.split_first() {
            Some((&MADE, component)) => return Ok(component.to_vec()),
            Some((&REFUSED, reason)) => {
                return Err(refused(String::from_utf8_lossy(reason).into_owned()));
            }
            _ => "gave no answer".into(),
        },
        Ended::Failed(how) => how,
    };
    Err(RuntimeError::Invalid {
        name: name.into(),
        problem: format!(
            "what reads the world it was built for {how}: packages in it may depend on each other"
        ),
    })
}
