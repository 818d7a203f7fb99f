//! What waits to be printed.
//!
//! A terminal, a pager or a pipe may stop reading at any time. So whoever has something to say puts it here, and a
//! thread of its own prints it. When more waits than is kept, lines for people are left out, and told of; for a
//! script, whose lines are the result, whoever prints may wait.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::signals;

/// Most bytes that wait.
const LIMIT: usize = 4 << 20;

/// How long a process that was told to end waits for a reader.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

const TICK: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(super) enum Item {
    /// A line of standard output.
    Out(String),
    /// Lines of standard error.
    Error(String),
    /// The live line: what is going on.
    Status(String),
    /// The live line: a run of so many steps begins.
    Start(Option<u64>),
    /// The live line: it begins at this step.
    From(u64),
    /// The live line goes.
    End,
    /// The live line goes, unless it shows a run.
    Clear,
}

impl Item {
    fn bytes(&self) -> usize {
        64 + match self {
            Self::Out(text) | Self::Error(text) | Self::Status(text) => text.len(),
            _ => 0,
        }
    }
}

/// How far a run is, for the live line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) step: u64,
    /// What goes on in it.
    pub(super) text: String,
    /// Whether it waits for a user: there is no telling when it ends.
    pub(super) is_paused: bool,
}

/// What the thread takes.
#[derive(Debug)]
pub(super) enum Next {
    Item(Item),
    /// How far a run is. Older ones were never shown.
    Progress(Progress),
    /// So many lines did not fit.
    LeftOut(usize),
}

#[derive(Debug, Default)]
struct State {
    items: VecDeque<Item>,
    bytes: usize,
    progress: Option<Progress>,
    left_out: usize,
    /// Something is being printed.
    is_busy: bool,
    /// Somebody waited for a reader, in a process that was told to end, and nothing was taken since.
    gave_up: bool,
    /// Why standard output takes nothing any more.
    failed: Option<std::io::ErrorKind>,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    came: Condvar,
    went: Condvar,
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here is left half done by a panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts something at the end. If that is full, it waits for a place, or leaves it out.
    pub(super) fn push(&self, item: Item, waits: bool) {
        let begin = Instant::now();
        let mut state = self.state();
        while state.bytes > LIMIT {
            let over = signals::told_to_end() && begin.elapsed() > PATIENCE;
            if !waits || over || state.gave_up {
                state.gave_up |= over;
                state.left_out += 1;
                return;
            }
            state = self.wait(state);
        }
        state.bytes += item.bytes();
        state.items.push_back(item);
        self.came.notify_one();
    }

    /// Whether something would find a place.
    pub(super) fn has_room(&self) -> bool {
        self.state().bytes <= LIMIT
    }

    pub(super) fn progress(&self, progress: Progress) {
        self.state().progress = Some(progress);
        self.came.notify_one();
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let waited = self.went.wait_timeout(state, TICK);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// The next one to print; the one before was printed. Waits for it.
    pub(super) fn next(&self) -> Next {
        let mut state = self.state();
        state.is_busy = false;
        state.gave_up = false;
        self.went.notify_all();
        loop {
            let next = if let Some(item) = state.items.pop_front() {
                state.bytes -= item.bytes();
                Some(Next::Item(item))
            } else if state.left_out > 0 {
                Some(Next::LeftOut(std::mem::take(&mut state.left_out)))
            } else {
                let progress = state.progress.take();
                progress.map(Next::Progress)
            };
            if let Some(next) = next {
                state.is_busy = true;
                return next;
            }
            state = self
                .came
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(super) fn fail(&self, why: std::io::ErrorKind) {
        self.state().failed.get_or_insert(why);
    }

    /// Waits until all is printed; once this process was told to end, or with a `limit`, not for long. Why
    /// standard output failed, if it did.
    pub(super) fn flush(&self, limit: Option<Duration>) -> Option<std::io::ErrorKind> {
        let begin = Instant::now();
        let mut state = self.state();
        while state.is_busy || !state.items.is_empty() || state.left_out > 0 {
            let limit = limit.or_else(|| signals::told_to_end().then_some(PATIENCE));
            if state.gave_up || limit.is_some_and(|limit| begin.elapsed() > limit) {
                break;
            }
            state = self.wait(state);
        }
        state.failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_takes_is_bounded_and_told() {
        let queue = Queue::default();
        let line = "x".repeat(1 << 20);
        for _ in 0..100 {
            queue.push(Item::Error(line.clone()), false);
        }
        assert!(queue.state().bytes < 2 * LIMIT);
        let left_out = queue.state().left_out;
        let mut printed = 0;
        while let Next::Item(_) = queue.next() {
            printed += 1;
            if printed + left_out == 100 {
                break;
            }
        }
        assert!(matches!(queue.next(), Next::LeftOut(count) if count == left_out));
    }

    #[test]
    fn who_waits_for_a_place_gets_it_and_of_progress_the_newest_is_shown() {
        let queue = std::sync::Arc::new(Queue::default());
        let line = "x".repeat(LIMIT + 1);
        queue.push(Item::Out(line), true);
        let other = std::sync::Arc::clone(&queue);
        let waiting = std::thread::spawn(move || other.push(Item::Out("second".into()), true));
        let progress = |step, text: &str| Progress {
            step,
            text: text.into(),
            is_paused: false,
        };
        queue.progress(progress(1, "one"));
        queue.progress(progress(2, "two"));
        assert!(matches!(queue.next(), Next::Item(Item::Out(_))));
        waiting.join().unwrap();
        assert!(matches!(queue.next(), Next::Item(Item::Out(text)) if text == "second"));
        assert!(matches!(queue.next(), Next::Progress(newest) if newest == progress(2, "two")));
        // The last one is still being printed.
        queue.progress(progress(3, "three"));
        assert_eq!(queue.flush(Some(Duration::ZERO)), None);
        queue.fail(std::io::ErrorKind::StorageFull);
        let failed = queue.flush(Some(Duration::ZERO));
        assert_eq!(failed, Some(std::io::ErrorKind::StorageFull));
    }
}
