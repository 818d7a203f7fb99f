//! Where a guest's text goes: one bounded queue, read by whoever drives the run.
//!
//! A guest that writes faster than its rate, or than the run's log can take, waits inside the call
//! that writes. Text that ends without a line break is told when the call ends. What a guest left in the
//! queue when its call ended is told within [`LAST`]; the rest is cut, and that it was is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arkor_types::{Level, MessageSource};
use tokio::sync::mpsc;

use crate::protocol::{GuestRequest, GuestText};

/// Longer lines are cut.
const LINE: usize = 64 << 10;

/// Lines that wait for a place in the queue; more come only from a guest with many streams, and are cut.
const WAITING: usize = 8 << 10;

/// Longest time that the lines left at the end of a call may take.
const LAST: Duration = Duration::from_secs(1);

/// Lines that are told at the end of a call in any case.
const LAST_LINES: usize = 100;

/// How long lines that look like a panic wait for the trap that makes them one.
const PANIC: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub(crate) struct Console {
    shared: Arc<Mutex<Shared>>,
    messages_per_second: u32,
}

struct Shared {
    requests: mpsc::Sender<GuestRequest>,
    /// What the guest says was said before: nobody hears it.
    is_muted: bool,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// Lines that wait for a place in the queue.
    waiting: VecDeque<GuestText>,
    /// A panic in progress: its lines belong to the fault, if there is one.
    panic: Vec<String>,
    /// Counts the panics.
    panics: u64,
    /// Lines that found no place.
    cut: u64,
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
            requests,
            is_muted: false,
            stdout: Vec::new(),
            stderr: Vec::new(),
            waiting: VecDeque::new(),
            panic: Vec::new(),
            panics: 0,
            cut: 0,
            bucket: Bucket::new(messages_per_second),
        };
        Self {
            shared: Arc::new(Mutex::new(shared)),
            messages_per_second,
        }
    }

    /// One for another instance of the same trainer, so that their half lines do not mix.
    pub(crate) fn another(&self) -> Self {
        Self::new(self.lock().requests.clone(), self.messages_per_second)
    }

    /// From here on its text goes to another run.
    pub(crate) fn redirect(&self, requests: mpsc::Sender<GuestRequest>) {
        self.lock().requests = requests;
    }

    /// Whether what the guest says is left out.
    pub(crate) fn mute(&self, is_muted: bool) {
        self.lock().is_muted = is_muted;
    }

    pub(crate) fn is_muted(&self) -> bool {
        self.lock().is_muted
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes bytes of a stream and keeps the lines that are complete for [`Self::drain`].
    pub(crate) fn output(&self, source: MessageSource, bytes: &[u8]) {
        let mut shared = self.lock();
        let panics = shared.panics;
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let buffer = shared.buffer(source);
            buffer.extend_from_slice(piece);
            if piece.ends_with(b"\n") || buffer.len() >= LINE {
                shared.end_line(source);
            }
        }
        let began = (shared.panics != panics).then_some(shared.panics);
        drop(shared);
        if let Some(panic) = began {
            self.watch_panic(panic);
        }
    }

    /// Lets go of lines that looked like a panic and were none: whoever panics is gone soon.
    fn watch_panic(&self, panic: u64) {
        let Ok(executor) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let console = self.clone();
        executor.spawn(async move {
            tokio::time::sleep(PANIC).await;
            let lines = {
                let mut shared = console.lock();
                if shared.panics != panic {
                    return;
                }
                std::mem::take(&mut shared.panic)
            };
            console.release(lines).await;
        });
    }

    pub(crate) fn is_waiting(&self) -> bool {
        !self.lock().waiting.is_empty()
    }

    /// Waits until every complete line is in the queue.
    pub(crate) async fn drain(&self) {
        loop {
            // The lock is not held while waiting: the guest is, inside the call that led here. That may be cut
            // off meanwhile, so a line stays where it is until it has its place in the queue.
            let wait = {
                let mut shared = self.lock();
                let Some(text) = shared.waiting.front() else {
                    return;
                };
                let bytes = text.text.as_str().len();
                shared.bucket.take(bytes)
            };
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            let requests = self.lock().requests.clone();
            let place = requests.reserve().await;
            let mut shared = self.lock();
            let Some(text) = shared.waiting.pop_front() else {
                return;
            };
            // Nobody reads any more only if the run is over.
            if let Ok(place) = place
                && !shared.is_muted
            {
                place.send(GuestRequest::Text(text));
            }
        }
    }

    /// A message of `hooks.message`.
    pub(crate) async fn message(&self, level: Level, mut text: String) {
        cut(&mut text);
        self.drain().await;
        self.lock().waiting.push_back(GuestText {
            level,
            source: MessageSource::Message,
            text: text.into(),
        });
        self.drain().await;
    }

    /// A line of the host's own about the guest; not counted against its rate.
    pub(crate) async fn notice(&self, level: Level, text: String) {
        self.put(
            GuestText {
                level,
                source: MessageSource::Host,
                text: text.into(),
            },
            Duration::ZERO,
        )
        .await;
    }

    /// Waits as long as a message of so many bytes would.
    pub(crate) async fn pace(&self, bytes: usize) {
        let wait = self.lock().bucket.take(bytes);
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    async fn put(&self, text: GuestText, wait: Duration) {
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        let requests = {
            let shared = self.lock();
            if shared.is_muted {
                return;
            }
            shared.requests.clone()
        };
        // Nobody reads any more only if the run is over.
        let _ = requests.send(GuestRequest::Text(text)).await;
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
        self.drain_last().await;
        panic
    }

    async fn drain_last(&self) {
        let begin = Instant::now();
        let mut told = 0;
        loop {
            let next = {
                let mut shared = self.lock();
                let next = shared.waiting.pop_front();
                next.map(|text| (shared.bucket.take(text.text.as_str().len()), text))
            };
            let Some((wait, text)) = next else { break };
            let left = LAST.saturating_sub(begin.elapsed());
            if told < LAST_LINES {
                // They come in any case, on account of those that follow.
                self.put(text, Duration::ZERO).await;
            } else if wait <= left {
                self.put(text, wait).await;
            } else {
                let mut shared = self.lock();
                shared.cut += 1 + shared.waiting.len() as u64;
                shared.waiting.clear();
                break;
            }
            told += 1;
        }
        let cut = std::mem::take(&mut self.lock().cut);
        if cut > 0 {
            let text = format!(
                "{cut} lines of the trainer's output were left out: it wrote more than \
                 limits.messages-per-second = {} lets through",
                self.messages_per_second
            );
            self.notice(Level::Warn, text).await;
        }
    }

    /// Tells lines that looked like a panic and were none.
    pub(crate) async fn release(&self, lines: Vec<String>) {
        for text in lines {
            let text = GuestText {
                level: Level::Warn,
                source: MessageSource::Stderr,
                text: text.into(),
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
            if self.panic.is_empty() {
                self.panics += 1;
            }
            self.panic.push(text);
            return;
        }
        if stderr && text.is_empty() {
            return;
        }
        if self.waiting.len() >= WAITING {
            self.cut += 1;
            return;
        }
        let level = if stderr { Level::Warn } else { Level::Info };
        self.waiting.push_back(GuestText {
            level,
            source,
            text: text.into(),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn console(rate: u32) -> (Console, mpsc::Receiver<GuestRequest>) {
        let (requests, queue) = mpsc::channel(1 << 16);
        (Console::new(requests, rate), queue)
    }

    fn texts(queue: &mut mpsc::Receiver<GuestRequest>) -> Vec<GuestText> {
        let mut texts = Vec::new();
        while let Ok(GuestRequest::Text(text)) = queue.try_recv() {
            texts.push(text);
        }
        texts
    }

    #[tokio::test]
    async fn lines_left_at_the_end_of_a_call_are_told_within_a_bound() {
        let (console, mut queue) = console(1000);
        console.output(MessageSource::Stdout, &vec![b'\n'; 1 << 20]);
        assert!(console.lock().waiting.len() <= WAITING);
        let begin = Instant::now();
        console.end_call().await;
        assert!(begin.elapsed() < 3 * LAST, "{:?}", begin.elapsed());
        let told = texts(&mut queue);
        let last = told.last().unwrap();
        assert_eq!(last.source, MessageSource::Host);
        assert!(
            last.text
                .as_str()
                .contains("limits.messages-per-second = 1000"),
            "{}",
            last.text.line()
        );
        let told = told.len() as u64 - 1;
        let cut: u64 = last
            .text
            .as_str()
            .split(' ')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        assert_eq!(told + cut, 1 << 20);
        // The next call begins anew.
        console.output(MessageSource::Stdout, b"again\n");
        console.end_call().await;
        assert_eq!(texts(&mut queue)[0].text, "again");
    }

    #[tokio::test]
    async fn what_was_said_before_a_call_was_cut_off_is_told_at_its_end() {
        let (requests, mut queue) = mpsc::channel(1);
        let console = Console::new(requests, 1000);
        console.notice(Level::Info, "it is full".into()).await;
        console.output(MessageSource::Stdout, b"one\n");
        let moment = Duration::from_millis(10);
        let cut = tokio::time::timeout(moment, console.drain()).await;
        assert!(cut.is_err());
        let two = console.message(Level::Info, "two".into());
        assert!(tokio::time::timeout(moment, two).await.is_err());
        console.output(MessageSource::Stdout, b"three\n");
        let mut told = Vec::new();
        let read = async {
            while told.len() < 3 {
                if let Some(GuestRequest::Text(text)) = queue.recv().await {
                    told.push(text.text.as_str().to_owned());
                }
            }
        };
        let both = async { tokio::join!(read, console.end_call()) };
        let told_all = tokio::time::timeout(Duration::from_secs(10), both).await;
        assert!(told_all.is_ok(), "a line is lost");
        assert_eq!(told, ["it is full", "one", "three"]);
    }

    #[tokio::test]
    async fn a_few_lines_are_told_at_any_rate() {
        let (console, mut queue) = console(1);
        console.output(MessageSource::Stdout, b"one\ntwo\nthree\nfour");
        console.end_call().await;
        assert_eq!(texts(&mut queue).len(), 4);
    }

    #[tokio::test]
    async fn what_only_looks_like_a_panic_is_told_while_the_call_goes_on() {
        let (console, mut queue) = console(1000);
        console.output(
            MessageSource::Stderr,
            b"worker panicked at noon\nand went home\n",
        );
        assert!(texts(&mut queue).is_empty());
        let Some(GuestRequest::Text(first)) = queue.recv().await else {
            panic!("it is told")
        };
        assert_eq!(first.text, "worker panicked at noon");
        let Some(GuestRequest::Text(second)) = queue.recv().await else {
            panic!("it is told")
        };
        assert_eq!(second.text, "and went home");
        assert!(console.end_call().await.is_empty());
    }
}
