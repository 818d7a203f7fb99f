//! Standard output is for results, standard error for everything else. Nothing is printed elsewhere.
//!
//! What is printed went through [`safe_text`] or [`json_text`]: no terminal and no CI system acts on what a
//! guest or a project made somebody say, and no second line of a text passes for a line of the host.
#![expect(clippy::print_stderr, reason = "this is the one place that prints")]

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arkor_types::{GUEST_MARK, UntrustedText, json_text, safe_text, shown_line};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

/// How a command says things.
#[derive(Debug, Clone)]
pub(crate) struct Printer {
    json: bool,
    /// The live line of a run; hidden unless someone is looking.
    bar: ProgressBar,
    /// Whether the line shows a run: what else goes on must not take its place.
    shows_run: Arc<AtomicBool>,
}

impl Printer {
    pub(crate) fn new(json: bool) -> Self {
        let shown = !json && std::io::stderr().is_terminal();
        let target = if shown {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        Self {
            json,
            bar: ProgressBar::with_draw_target(None, target),
            shows_run: Arc::default(),
        }
    }

    pub(crate) fn json(&self) -> bool {
        self.json
    }

    /// Whether there is a live line.
    pub(crate) fn live(&self) -> bool {
        !self.bar.is_hidden()
    }

    /// One line of JSON. A reader that has gone away ends nothing: the run is worth more.
    pub(crate) fn object(&self, value: &impl Serialize) {
        if let Ok(line) = json_text(value) {
            let mut out = std::io::stdout().lock();
            let _ = writeln!(out, "{line}");
            let _ = out.flush();
        }
    }

    /// A line for people, as the result of a command.
    pub(crate) fn line(&self, text: &str) {
        if !self.json {
            let text = safe_text(text);
            self.bar.suspend(|| {
                let mut out = std::io::stdout().lock();
                let _ = writeln!(out, "{text}");
            });
        }
    }

    /// A line about what is going on.
    pub(crate) fn note(&self, text: &str) {
        let text = safe_text(text);
        self.bar.suspend(|| eprintln!("{text}"));
    }

    /// What is going on just now; the next one takes its place.
    pub(crate) fn status(&self, text: &str) {
        if self.shows_run.load(Ordering::Acquire) {
            return;
        }
        if let Ok(style) = ProgressStyle::with_template("  {wide_msg}") {
            self.bar.set_style(style);
        }
        self.bar.set_message(shown_line(text).to_string());
    }

    pub(crate) fn error(&self, message: &str, backtrace: &[UntrustedText], hint: Option<&str>) {
        // A run goes on beside the error of a build.
        if !self.shows_run.load(Ordering::Acquire) {
            self.bar.finish_and_clear();
        }
        self.bar.suspend(|| {
            eprintln!("{}", safe_text(&format!("error: {message}")));
            for frame in backtrace {
                eprintln!("{GUEST_MARK}in {}", frame.line());
            }
            if let Some(hint) = hint {
                eprintln!("{}", safe_text(&format!("hint: {hint}")));
            }
        });
    }

    /// Shows the live line for a run of so many steps.
    pub(crate) fn start_progress(&self, total: Option<u64>) {
        self.shows_run.store(true, Ordering::Release);
        self.bar.reset();
        let template = match total {
            Some(_) => "step {pos}/{len} {bar:24} {msg} · {eta} left",
            None => "step {pos} {spinner} {msg} · {elapsed}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style.progress_chars("━╸ "));
        }
        if let Some(total) = total {
            self.bar.set_length(total);
        }
        self.bar
            .enable_steady_tick(std::time::Duration::from_millis(200));
    }

    pub(crate) fn progress(&self, step: u64, message: String) {
        self.bar.set_position(step);
        self.bar.set_message(shown_line(&message).to_string());
    }

    /// A resumed run has not done its first steps in this time.
    pub(crate) fn progress_from(&self, step: u64) {
        self.bar.set_position(step);
        self.bar.reset_eta();
    }

    pub(crate) fn end_progress(&self) {
        self.shows_run.store(false, Ordering::Release);
        self.bar.finish_and_clear();
    }
}

/// Standard error for the log: each event is made safe as a whole.
#[derive(Debug)]
pub(crate) struct LogOutput;

impl Write for LogOutput {
    fn write(&mut self, event: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        eprintln!("{}", safe_text(text.trim_end_matches('\n')));
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
    eprintln!("{}", safe_text(&format!("thread '{name}' {panic}")));
    let trace = std::backtrace::Backtrace::capture();
    if trace.status() == std::backtrace::BacktraceStatus::Captured {
        eprintln!("{trace}");
    }
}

/// Arguments that make no sense, as the parser tells it; it repeats what was given, which may be the name of
/// somebody's file. True if it was told.
pub(crate) fn wrong_usage(text: &str) -> bool {
    let is_safe = |letter: char| letter == '\n' || !arkor_types::acts(letter);
    if text.chars().all(is_safe) {
        return false;
    }
    for line in text.lines() {
        eprintln!("{}", safe_text(line));
    }
    true
}
