//! From a wasm error to what went wrong, in words for the trainer's author.

use std::collections::BTreeSet;

use arkor_types::{FaultCause, UntrustedText};
use wasmtime::{Error, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::limits::Limiter;

/// Most frames that are told.
const FRAMES: usize = 30;

/// Longest error, reason or message of a panic that is taken from a guest.
pub(crate) const WORDS: usize = 4 << 10;

/// Longest name of a function or a file.
pub(crate) const NAME: usize = 500;

/// A guest's text, cut where it comes in.
pub(crate) fn cut<T: From<String>>(text: impl Into<String>, limit: usize) -> T {
    UntrustedText::cut(text, limit).into_string().into()
}

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
        return FaultCause::Panic(cut(message, WORDS));
    }
    match trap {
        Some(trap) => FaultCause::Trap(cut(trap.to_string(), WORDS)),
        None => {
            let text = format!("{:#}", error.root_cause());
            FaultCause::Trap(match limit(&text) {
                Some(limit) => cut(limit, WORDS),
                None => cut(text, WORDS),
            })
        }
    }
}

/// The limit that wasmtime means, in words that an arkor.toml has.
fn limit(text: &str) -> Option<&'static str> {
    let known = [
        (
            "allocated for hostcalls",
            "passed more to the host in one call than limits.artifact-size and limits.state-size \
             leave room for",
        ),
        (
            "no free keys",
            "held more files, folders, sockets and streams at once than limits.resources allows",
        ),
        (
            "instance count too high",
            "has more core instances than limits.instances",
        ),
        (
            "memory count too high",
            "has more memories than limits.instances",
        ),
        (
            "table count too high",
            "has more tables than limits.instances",
        ),
    ];
    let mut found = known.iter().filter(|(words, _)| text.contains(words));
    found.next().map(|(_, meaning)| *meaning)
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
    let name = frame
        .func_name()
        .map_or_else(|| format!("function {}", frame.func_index()), readable);
    let symbols = frame.symbols();
    let Some(outermost) = symbols.len().checked_sub(1) else {
        return vec![name];
    };
    // A component may say that any number of functions was compiled into one.
    let innermost = symbols.iter().enumerate().take(FRAMES);
    let lines = innermost.map(|(index, symbol)| {
        let inlined = symbol.name().filter(|_| index < outermost);
        let name = inlined.map_or_else(|| name.clone(), readable);
        match (symbol.file(), symbol.line()) {
            (Some(file), Some(line)) => format!("{name} at {}:{line}", cut::<String>(file, NAME)),
            (Some(file), None) => format!("{name} at {}", cut::<String>(file, NAME)),
            (None, _) => name,
        }
    });
    lines.collect()
}

/// The name of a function as its author wrote it. Any length is possible, before and after.
fn readable(name: &str) -> String {
    let name = name.get(..name.floor_char_boundary(4 * NAME)).unwrap_or("");
    cut(format!("{:#}", rustc_demangle::demangle(name)), NAME)
}

/// Lines of a backtrace; one that comes again and again once, with the number of times.
pub(crate) fn fold(frames: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<(String, usize)> = Vec::new();
    for line in frames {
        let full = lines.len() == FRAMES;
        match lines.last_mut() {
            Some((last, times)) if *last == line => *times += 1,
            _ if full => break,
            _ => lines.push((line, 1)),
        }
    }
    lines
        .into_iter()
        .map(|(line, times)| match times {
            1 => line,
            _ => format!("{line} ({times} times)"),
        })
        .collect()
}
