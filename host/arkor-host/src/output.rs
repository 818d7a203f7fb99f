//! Standard output is for results, standard error for everything else. Nothing is printed elsewhere.
#![expect(clippy::print_stderr, reason = "this is the one place that prints")]

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
        if let Ok(line) = serde_json::to_string(value) {
            let mut out = std::io::stdout().lock();
            let _ = writeln!(out, "{line}");
            let _ = out.flush();
        }
    }

    /// A line for people, as the result of a command.
    pub(crate) fn line(&self, text: &str) {
        if !self.json {
            self.bar.suspend(|| {
                let mut out = std::io::stdout().lock();
                let _ = writeln!(out, "{text}");
            });
        }
    }

    /// A line about what is going on.
    pub(crate) fn note(&self, text: &str) {
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
        self.bar.set_message(text.to_owned());
    }

    pub(crate) fn error(&self, message: &str, backtrace: &[String], hint: Option<&str>) {
        // A run goes on beside the error of a build.
        if !self.shows_run.load(Ordering::Acquire) {
            self.bar.finish_and_clear();
        }
        self.bar.suspend(|| {
            eprintln!("error: {message}");
            for frame in backtrace {
                eprintln!("    in {frame}");
            }
            if let Some(hint) = hint {
                eprintln!("hint: {hint}");
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
        self.bar.set_message(message);
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
