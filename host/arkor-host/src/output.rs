//! Standard output is for results, standard error for everything else. Nothing is printed elsewhere.
//!
//! What is printed went through [`safe_text`] or [`json_text`]: no terminal and no CI system acts on what a
//! guest or a project made somebody say, and no second line of a text passes for a line of the host. One
//! thread prints, so that nobody else waits for a reader ([`queue`]).

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context, Result};
use arkor_types::{GUEST_MARK, UntrustedText, acts, json_text, safe_text, shown_line};
use serde::Serialize;

mod painter;
mod queue;

use painter::Painter;
use queue::{Item, Progress, Queue};

/// The thread's name.
const PRINTING: &str = "printing";

/// Where the log and panics go, too.
static QUEUE: OnceLock<Arc<Queue>> = OnceLock::new();

/// How a command says things.
#[derive(Debug, Clone)]
pub(crate) struct Printer {
    json: bool,
    /// Whether there is a live line.
    live: bool,
    /// Whether lines for a script wait for their reader.
    waits: bool,
    queue: Arc<Queue>,
}

/// Whether a project's `arkor.toml` decides nothing here.
static UNTRUSTED: AtomicBool = AtomicBool::new(false);

/// From now on messages that name `arkor.toml` say what stands in its place.
pub(crate) fn trusts_nothing() {
    UNTRUSTED.store(true, Ordering::Relaxed);
}

impl Printer {
    /// Starts to print.
    pub(crate) fn start(json: bool) -> Result<Self> {
        // One without control sequences cannot draw a line again.
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let live = !json && !is_dumb && std::io::stderr().is_terminal();
        let queue = Arc::clone(QUEUE.get_or_init(Arc::default));
        let painter = Painter::new(live, json, Arc::clone(&queue));
        std::thread::Builder::new()
            .name(PRINTING.into())
            .spawn(move || painter.work())
            .context("the thread that prints cannot be started")?;
        Ok(Self {
            json,
            live,
            waits: true,
            queue,
        })
    }

    /// The same for who must not wait, whatever is lost.
    pub(crate) fn without_waiting(&self) -> Self {
        Self {
            waits: false,
            ..self.clone()
        }
    }

    pub(crate) fn json(&self) -> bool {
        self.json
    }

    /// Whether there is a live line.
    pub(crate) fn live(&self) -> bool {
        self.live
    }

    /// One line of JSON.
    pub(crate) fn object(&self, value: &impl Serialize) {
        if let Ok(line) = json_text(value) {
            self.queue.push(Item::Out(line), self.waits);
        }
    }

    /// One line of JSON that was made already, by [`json_text`].
    pub(crate) fn json_line(&self, line: String) {
        self.queue.push(Item::Out(line), self.waits);
    }

    /// Whether there is room for what nobody waits for and nothing of which may be left out.
    pub(crate) fn has_room(&self) -> bool {
        self.queue.has_room()
    }

    /// A line for people, as the result of a command.
    pub(crate) fn line(&self, text: &str) {
        if !self.json {
            // The results of a short command are not left out; a run has more to do than to print.
            self.queue
                .push(Item::Out(safe_text(text)), !self.live && self.waits);
        }
    }

    /// A line about what is going on.
    pub(crate) fn note(&self, text: &str) {
        self.queue.push(Item::Error(safe_text(text)), false);
    }

    /// What is going on just now; the next one takes its place.
    pub(crate) fn status(&self, text: &str) {
        if self.live {
            let text = shown_line(text).to_string();
            self.queue.push(Item::Status(text), false);
        }
    }

    pub(crate) fn error(&self, message: &str, backtrace: &[UntrustedText], hint: Option<&str>) {
        self.queue.push(Item::Clear, false);
        let mut text = safe_text(&format!("error: {message}"));
        for frame in backtrace {
            text += &format!("\n{GUEST_MARK}in {}", frame.line());
        }
        if let Some(hint) = hint {
            text += "\n";
            text += &safe_text(&format!("hint: {hint}"));
        }
        // What is to be written there is no use in the file of the project.
        let names_file = |hint: &str| hint.contains("arkor.toml") && !hint.contains("[trainer]");
        if UNTRUSTED.load(Ordering::Relaxed) && hint.is_some_and(names_file) {
            text +=
                "\nhint: with --untrusted, the file of --config FILE says what arkor.toml would";
        }
        self.queue.push(Item::Error(text), false);
    }

    /// Shows the live line for a run of so many steps.
    pub(crate) fn start_progress(&self, total: Option<u64>) {
        self.queue.push(Item::Start(total), false);
    }

    pub(crate) fn progress(&self, step: u64, message: &str, is_paused: bool) {
        if self.live {
            self.queue.progress(Progress {
                step,
                text: shown_line(message).to_string(),
                is_paused,
            });
        }
    }

    /// A resumed run has not done its first steps in this time.
    pub(crate) fn progress_from(&self, step: u64) {
        self.queue.push(Item::From(step), false);
    }

    pub(crate) fn end_progress(&self) {
        self.queue.push(Item::End, false);
    }

    /// Waits until all is printed, as long as nobody asked this process to end. False if standard output
    /// failed, and not since its reader has gone.
    pub(crate) fn finish(&self) -> bool {
        let failed = self.queue.flush(None);
        failed.is_none_or(|why| why == std::io::ErrorKind::BrokenPipe)
    }

    /// Waits for so long at most.
    pub(crate) fn finish_within(&self, limit: Duration) {
        let _ = self.queue.flush(Some(limit));
    }
}

/// A line of standard error from who has no printer.
pub(crate) fn tell(text: String) {
    match QUEUE.get() {
        Some(queue) => queue.push(Item::Error(text), false),
        // Nobody prints yet.
        None => {
            let _ = writeln!(std::io::stderr(), "{text}");
        }
    }
}

/// Standard error for the log: each event is made safe as a whole.
#[derive(Debug)]
pub(crate) struct LogOutput;

impl Write for LogOutput {
    fn write(&mut self, event: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        tell(safe_text(text.trim_end_matches('\n')));
        Ok(event.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Tells of a panic as Rust does.
pub(crate) fn panicked(panic: &std::panic::PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("<unnamed>");
    tell(safe_text(&format!("thread '{name}' {panic}")));
    let trace = std::backtrace::Backtrace::capture();
    if trace.status() == std::backtrace::BacktraceStatus::Captured {
        tell(trace.to_string());
    }
    // This may be the last that the process does.
    if name != PRINTING
        && let Some(queue) = QUEUE.get()
    {
        let _ = queue.flush(Some(Duration::from_secs(1)));
    }
}

/// Arguments that make no sense, as the parser tells it. It repeats what was given, which may be the name of
/// somebody's file: if that holds what acts, this tells it, and is true.
pub(crate) fn wrong_usage(text: &str) -> bool {
    let mut arguments = std::env::args_os().skip(1);
    let is_plain = |argument: std::ffi::OsString| !argument.to_string_lossy().contains(acts);
    if arguments.all(is_plain) {
        return false;
    }
    tell(safe_text(text.trim_end()));
    true
}
