//! Components from elsewhere are compiled in a process of their own.

use std::time::Duration;

use wasmtime::Engine;
use wasmtime::component::Component;

use super::process::{self, Ended, Task};
use super::{bounds, engine, exported, guard};
use crate::error::RuntimeError;

/// What the process is started for.
const TASK: Task = Task {
    kind: "compile",
    time: Duration::from_secs(300),
    answer: 256 << 20,
};

/// Bytes in front of the component: of the wasm stack that its code is compiled for.
const HEAD: usize = size_of::<u64>();

/// What an answer begins with.
const COMPILED: u8 = 0;
const REFUSED: u8 = 1;

/// Compiles the component on standard input, and writes its code, or why there is none, to standard output.
pub(super) fn serve() -> std::io::Result<()> {
    let input = process::input(&TASK, bounds::FILE_SIZE * 2 + HEAD as u64)?;
    let (head, component) = input
        .split_first_chunk::<HEAD>()
        .ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let stack = usize::try_from(u64::from_le_bytes(*head)).map_err(std::io::Error::other)?;
    let compile = || {
        let problem = |error: wasmtime::Error| RuntimeError::Compile {
            name: String::new(),
            reason: format!("{error:#}"),
        };
        let engine = engine::configure(stack, engine::Use::Compile).map_err(problem)?;
        let component = Component::new(&engine, component).map_err(problem)?;
        // Before there is so much code that who takes it in would pay for it.
        exported::check("", &engine, &component)?;
        component.serialize().map_err(problem)
    };
    match guard::guarded("", compile) {
        Ok(code) => process::answer(COMPILED, &code),
        Err(
            RuntimeError::Compile { reason, .. }
            | RuntimeError::Invalid {
                problem: reason, ..
            }
            | RuntimeError::TooLarge {
                problem: reason, ..
            },
        ) => process::answer(REFUSED, reason.as_bytes()),
        Err(error) => process::answer(REFUSED, error.to_string().as_bytes()),
    }
}

/// The serialized machine code of a component, for the engine of this process.
pub(super) fn compile(name: &str, stack: usize, component: &[u8]) -> Result<Vec<u8>, RuntimeError> {
    let head = (stack as u64).to_le_bytes();
    let reason = match process::run(&TASK, &[&head, component])? {
        Ended::Answered(mut answer) => match answer.first() {
            Some(&COMPILED) => {
                answer.drain(..1);
                return Ok(answer);
            }
            Some(&REFUSED) => {
                String::from_utf8_lossy(answer.get(1..).unwrap_or_default()).into_owned()
            }
            _ => "what compiles it gave no answer".into(),
        },
        Ended::Failed(how) => format!(
            "what compiles it may take 4 GiB of memory and {} s, and {how}",
            TASK.time.as_secs()
        ),
    };
    Err(RuntimeError::Compile {
        name: name.into(),
        reason,
    })
}

/// Takes in what [`compile`] gave.
#[expect(unsafe_code, reason = "see docs/adr/0003-compiled-code-cache.md")]
pub(super) fn take_in(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `Component::deserialize` runs what it is given as machine code, so the bytes must be the unchanged
    // output of `Component::serialize`. These are: a process of this very program wrote them into a pipe that
    // nobody else holds, by the lines above, and it is a process of this user, which nobody else can change.
    unsafe { Component::deserialize(engine, code) }
}
