//! The thread that prints.

use std::io::Write;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::queue::{Item, Next, Progress, Queue};
use crate::signals;

/// What the terminal shows, and where lines go.
pub(super) struct Painter {
    queue: Arc<Queue>,
    json: bool,
    /// Whether someone is looking.
    live: bool,
    /// The live line; hidden unless someone is looking, and something goes on.
    bar: ProgressBar,
    /// Whether the line shows a run: what else goes on must not take its place.
    shows_run: bool,
    /// Whether the run's number of steps is known, and whether it waits.
    is_bounded: bool,
    is_paused: bool,
    out_failed: bool,
    error_failed: bool,
}

impl Painter {
    pub(super) fn new(live: bool, json: bool, queue: Arc<Queue>) -> Self {
        Self {
            queue,
            json,
            live,
            bar: ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()),
            shows_run: false,
            is_bounded: false,
            is_paused: false,
            out_failed: false,
            error_failed: false,
        }
    }

    /// Prints for ever.
    pub(super) fn work(mut self) {
        loop {
            match self.queue.next() {
                Next::Item(item) => self.item(item),
                Next::Progress(progress) => self.progress(progress),
                Next::LeftOut(count) if self.json => {
                    self.out(&format!("{{\"type\":\"left-out\",\"lines\":{count}}}"));
                }
                Next::LeftOut(count) => {
                    self.error(&format!(
                        "{count} lines were left out, since nobody read them"
                    ));
                }
            }
        }
    }

    fn item(&mut self, item: Item) {
        match item {
            Item::Out(text) => self.out(&text),
            Item::Error(text) => self.error(&text),
            Item::Status(text) if !self.shows_run => {
                if let Ok(style) = ProgressStyle::with_template("  {wide_msg}") {
                    self.bar.set_style(style);
                }
                self.show();
                self.bar.set_message(text);
            }
            Item::Status(_) => {}
            Item::Start(total) => self.start(total),
            Item::From(step) => {
                self.bar.set_position(step);
                self.bar.reset_eta();
            }
            Item::End => {
                self.shows_run = false;
                self.hide();
            }
            // A run goes on beside the error of a build.
            Item::Clear if !self.shows_run => self.hide(),
            Item::Clear => {}
        }
    }

    fn show(&mut self) {
        if self.live && self.bar.is_hidden() {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }

    /// A line that is finished would be drawn again beside each text.
    fn hide(&mut self) {
        self.bar.finish_and_clear();
        self.bar.set_draw_target(ProgressDrawTarget::hidden());
    }

    fn progress(&mut self, progress: Progress) {
        self.bar.set_position(progress.step);
        self.bar.set_message(progress.text);
        if self.is_paused != progress.is_paused {
            self.is_paused = progress.is_paused;
            self.style();
            if !self.is_paused {
                // Steps that nobody did meanwhile say nothing of how long the others take.
                self.bar.reset_eta();
            }
        }
    }

    fn style(&self) {
        if let Ok(style) = ProgressStyle::with_template(template(self.is_bounded, self.is_paused)) {
            self.bar.set_style(style.progress_chars("━╸ "));
        }
    }

    fn start(&mut self, total: Option<u64>) {
        self.shows_run = true;
        self.is_bounded = total.is_some();
        self.is_paused = false;
        self.show();
        self.bar.reset();
        self.style();
        if let Some(total) = total {
            self.bar.set_length(total);
        }
        self.bar
            .enable_steady_tick(std::time::Duration::from_millis(200));
    }

    fn out(&mut self, line: &str) {
        if self.out_failed {
            return;
        }
        let written = self.bar.suspend(|| {
            let mut out = std::io::stdout().lock();
            writeln!(out, "{line}").and_then(|()| out.flush())
        });
        if let Err(error) = written {
            self.out_failed = true;
            self.queue.fail(error.kind());
            // Of a short command that is nothing: somebody has read enough.
            if error.kind() != std::io::ErrorKind::BrokenPipe || signals::somebody_listens() {
                self.error(&format!("standard output cannot be written: {error}"));
            }
            self.missed();
        }
    }

    fn error(&mut self, text: &str) {
        if self.error_failed {
            return;
        }
        let written = self
            .bar
            .suspend(|| writeln!(std::io::stderr().lock(), "{text}"));
        if written.is_err() {
            self.error_failed = true;
            self.missed();
        }
    }

    /// Something was printed for nobody. The absence of one reader ends nothing.
    fn missed(&self) {
        if self.out_failed && self.error_failed {
            signals::nobody_reads();
        }
    }
}

/// The live line of a run.
fn template(is_bounded: bool, is_paused: bool) -> &'static str {
    match (is_bounded, is_paused) {
        (true, false) => "step {pos}/{len} {bar:24} {msg} · {eta} left",
        (true, true) => "step {pos}/{len} {bar:24} paused · {msg}",
        (false, false) => "step {pos} {spinner} {msg} · {elapsed}",
        (false, true) => "step {pos} paused · {msg}",
    }
}
