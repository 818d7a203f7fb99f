//! Where a guest's text goes: one bounded queue, read by whoever drives the run.
//!
//! A guest that writes faster than its rate, or than the run's log can take, waits inside the call
//! that writes. Nothing is dropped; text that ends without a line break is told when the call ends.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arkor_types::{Level, MessageSource};
use tokio::sync::mpsc;

use crate::guest::GuestRequest;

/// Longer lines are cut.
const LINE: usize = 64 << 10;

/// Text for people, not yet placed in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestText {
    /// How much it matters.
    pub level: Level,
    /// Where it came from.
    pub source: MessageSource,
    /// One line, or what a message held.
    pub text: String,
}

#[derive(Clone)]
pub(crate) struct Console {
    shared: Arc<Mutex<Shared>>,
    requests: mpsc::Sender<GuestRequest>,
    messages_per_second: u32,
}

struct Shared {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// Lines that wait for a place in the queue.
    waiting: VecDeque<GuestText>,
    /// A panic in progress: its lines belong to the fault, if there is one.
    panic: Vec<String>,
    bucket: Bucket,
}

/// Allows a burst of one second's worth.
struct Bucket {
    rate: f64,
    tokens: f64,
    last: Instant,
}

impl Bucket {
    fn new(per_second: u32) -> Self {
        let rate = f64::from(per_second.max(1));
        Self {
            rate,
            tokens: rate,
            last: Instant::now(),
        }
    }

    /// Takes one token for each line and one more for each KiB; says how long to wait for them.
    fn take(&mut self, bytes: usize) -> Duration {
        let now = Instant::now();
        let gained = now.duration_since(self.last).as_secs_f64() * self.rate;
        self.last = now;
        let cost = 1.0 + f64::from(u32::try_from(bytes / 1024).unwrap_or(u32::MAX));
        self.tokens = (self.tokens + gained).min(self.rate) - cost;
        if self.tokens >= 0.0 {
            Duration::ZERO
        } else {
            Duration::from_secs_f64(-self.tokens / self.rate)
        }
    }
}

impl Console {
    pub(crate) fn new(requests: mpsc::Sender<GuestRequest>, messages_per_second: u32) -> Self {
        let shared = Shared {
            stdout: Vec::new(),
            stderr: Vec::new(),
            waiting: VecDeque::new(),
            panic: Vec::new(),
            bucket: Bucket::new(messages_per_second),
        };
        Self {
            shared: Arc::new(Mutex::new(shared)),
            requests,
            messages_per_second,
        }
    }

    /// One for another instance of the same trainer, so that their half lines do not mix.
    pub(crate) fn another(&self) -> Self {
        Self::new(self.requests.clone(), self.messages_per_second)
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes bytes of a stream and keeps the lines that are complete for [`Self::drain`].
    pub(crate) fn output(&self, source: MessageSource, bytes: &[u8]) {
        let mut shared = self.lock();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let buffer = shared.buffer(source);
            buffer.extend_from_slice(piece);
            if piece.ends_with(b"\n") || buffer.len() >= LINE {
                shared.end_line(source);
            }
        }
    }

    pub(crate) fn is_waiting(&self) -> bool {
        !self.lock().waiting.is_empty()
    }

    /// Waits until every complete line is in the queue.
    pub(crate) async fn drain(&self) {
        loop {
            // The lock is not held while waiting: the guest is, inside the call that led here.
            let (text, wait) = {
                let mut shared = self.lock();
                let Some(text) = shared.waiting.pop_front() else {
                    return;
                };
                let wait = shared.bucket.take(text.text.len());
                (text, wait)
            };
            self.put(text, wait).await;
        }
    }

    /// A message of `hooks.message`.
    pub(crate) async fn message(&self, level: Level, mut text: String) {
        cut(&mut text);
        self.drain().await;
        let wait = self.lock().bucket.take(text.len());
        self.put(
            GuestText {
                level,
                source: MessageSource::Message,
                text,
            },
            wait,
        )
        .await;
    }

    /// A line of the host's own about the guest; not counted against its rate.
    pub(crate) async fn notice(&self, level: Level, text: String) {
        self.put(
            GuestText {
                level,
                source: MessageSource::Host,
                text,
            },
            Duration::ZERO,
        )
        .await;
    }

    async fn put(&self, text: GuestText, wait: Duration) {
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        // Nobody reads any more only if the run is over.
        let _ = self.requests.send(GuestRequest::Text(text)).await;
    }

    /// At the end of a call: tells what is left, without the lines of a panic, which are returned.
    pub(crate) async fn end_call(&self) -> Vec<String> {
        let panic = {
            let mut shared = self.lock();
            for source in [MessageSource::Stdout, MessageSource::Stderr] {
                if !shared.buffer(source).is_empty() {
                    shared.end_line(source);
                }
            }
            std::mem::take(&mut shared.panic)
        };
        self.drain().await;
        panic
    }

    /// Tells lines that looked like a panic and were none.
    pub(crate) async fn release(&self, lines: Vec<String>) {
        for text in lines {
            let text = GuestText {
                level: Level::Warn,
                source: MessageSource::Stderr,
                text,
            };
            self.put(text, Duration::ZERO).await;
        }
    }
}

impl Shared {
    fn buffer(&mut self, source: MessageSource) -> &mut Vec<u8> {
        if source == MessageSource::Stdout {
            &mut self.stdout
        } else {
            &mut self.stderr
        }
    }

    fn end_line(&mut self, source: MessageSource) {
        let bytes = std::mem::take(self.buffer(source));
        let mut text = String::from_utf8_lossy(&bytes).into_owned();
        while text.ends_with(['\n', '\r']) {
            text.pop();
        }
        let stderr = source == MessageSource::Stderr;
        // Most lines a panic leaves: where, what, and a note.
        const PANIC_LINES: usize = 50;
        let panics = !self.panic.is_empty()
            || text.contains("panicked at ")
            || text.starts_with("memory allocation of ");
        if stderr && panics && self.panic.len() < PANIC_LINES {
            self.panic.push(text);
            return;
        }
        if stderr && text.is_empty() {
            return;
        }
        let level = if stderr { Level::Warn } else { Level::Info };
        self.waiting.push_back(GuestText {
            level,
            source,
            text,
        });
    }
}

/// Cuts a text to the longest line, at a character's boundary.
fn cut(text: &mut String) {
    if text.len() > LINE {
        text.truncate(text.floor_char_boundary(LINE));
        text.push('…');
    }
}
