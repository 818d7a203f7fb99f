//! From a wasm error to what went wrong, in words for the trainer's author.

use std::collections::BTreeSet;

use arkor_types::FaultCause;
use wasmtime::{Error, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::limits::Limiter;

/// Most frames that are told.
const FRAMES: usize = 30;

/// Ends a guest whose time is up; made by the epoch callback.
#[derive(Debug, thiserror::Error)]
#[error("the deadline has passed")]
pub(super) struct DeadlinePassed;

/// What the host knows besides the error itself.
pub(super) struct Circumstances<'a> {
    pub(super) limiter: &'a Limiter,
    pub(super) memory_limit: u64,
    pub(super) timeout_ms: u64,
    /// Lines on standard error since a panic began.
    pub(super) panic: &'a [String],
    /// The guest ended the call itself, knowing that its time was over.
    pub(super) told_overdue: bool,
}

pub(super) fn cause(error: &Error, around: &Circumstances<'_>) -> FaultCause {
    if error.downcast_ref::<DeadlinePassed>().is_some() {
        return FaultCause::Deadline(around.timeout_ms);
    }
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return FaultCause::Exit(exit.0);
    }
    let trap = error.downcast_ref::<Trap>().copied();
    if around.told_overdue && trap == Some(Trap::UnreachableCodeReached) {
        return FaultCause::Deadline(around.timeout_ms);
    }
    if trap == Some(Trap::StackOverflow)
        || (trap == Some(Trap::MemoryOutOfBounds) && is_deep_recursion(error))
    {
        return FaultCause::Stack;
    }
    // A guest learns of refused memory by a return value and gives up in its own way.
    if let Some(wanted) = around.limiter.refused_memory
        && trap.is_some()
    {
        return FaultCause::Memory {
            wanted,
            limit: around.memory_limit,
        };
    }
    if let Some(message) = panic_message(around.panic) {
        return FaultCause::Panic(message);
    }
    match trap {
        Some(trap) => FaultCause::Trap(trap.to_string()),
        None => FaultCause::Trap(format!("{:#}", error.root_cause())),
    }
}

/// Whether the innermost frames are a few functions over and over.
///
/// Compilers keep part of a guest's stack at the bottom of its memory; a recursion that outgrows
/// that part traps below address 0 before wasmtime's own stack is full.
fn is_deep_recursion(error: &Error) -> bool {
    const FRAMES: usize = 16;
    const FUNCTIONS: usize = 4;
    error.downcast_ref::<WasmBacktrace>().is_some_and(|trace| {
        let innermost = || trace.frames().iter().take(FRAMES);
        let functions: BTreeSet<u32> = innermost().map(|frame| frame.func_index()).collect();
        innermost().count() == FRAMES && functions.len() <= FUNCTIONS
    })
}

/// Joins the lines of a panic: `<where>: <what>`.
fn panic_message(lines: &[String]) -> Option<String> {
    let at = lines
        .iter()
        .position(|line| line.contains("panicked at "))?;
    let place = lines
        .get(at)?
        .split_once("panicked at ")?
        .1
        .trim_end_matches(':');
    let what: Vec<&str> = lines
        .get(at + 1..)?
        .iter()
        .map(String::as_str)
        .take_while(|line| !line.starts_with("note: ") && !line.starts_with("stack backtrace:"))
        .collect();
    Some(format!("{} (at {place})", what.join(" ").trim()))
}

/// Function names of the guest's stack, innermost first; repeated ones once, with their number.
pub(super) fn backtrace(error: &Error) -> Vec<String> {
    let Some(trace) = error.downcast_ref::<WasmBacktrace>() else {
        return Vec::new();
    };
    fold(trace.frames().iter().flat_map(places))
}

/// A frame of wasm, and before it those of the functions that were compiled into it.
fn places(frame: &wasmtime::FrameInfo) -> Vec<String> {
    let name = frame.func_name().map_or_else(
        || format!("function {}", frame.func_index()),
        |name| format!("{:#}", rustc_demangle::demangle(name)),
    );
    let symbols = frame.symbols();
    let Some(outermost) = symbols.len().checked_sub(1) else {
        return vec![name];
    };
    let lines = symbols.iter().enumerate().map(|(index, symbol)| {
        let inlined = symbol.name().filter(|_| index < outermost);
        let name = inlined.map_or_else(
            || name.clone(),
            |inlined| format!("{:#}", rustc_demangle::demangle(inlined)),
        );
        match (symbol.file(), symbol.line()) {
            (Some(file), Some(line)) => format!("{name} at {file}:{line}"),
            (Some(file), None) => format!("{name} at {file}"),
            (None, _) => name,
        }
    });
    lines.collect()
}

/// Lines of a backtrace; one that comes again and again once, with the number of times.
pub(crate) fn fold(frames: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<(String, usize)> = Vec::new();
    for line in frames {
        match lines.last_mut() {
            Some((last, times)) if *last == line => *times += 1,
            _ => lines.push((line, 1)),
        }
    }
    lines
        .into_iter()
        .take(FRAMES)
        .map(|(line, times)| match times {
            1 => line,
            _ => format!("{line} ({times} times)"),
        })
        .collect()
}
