//! What the system told of since somebody looked.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use notify::{Event, EventKind};

use super::places::Places;

/// Most entries that are kept apart; with more, everything is looked at.
const ENTRIES: usize = 20_000;

#[derive(Debug, Default)]
pub(super) struct Notices {
    /// What matters, for the thread that hears from the system.
    pub(super) places: RwLock<Places>,
    waiting: Mutex<Waiting>,
    came: Condvar,
}

/// What waits to be looked at.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) entries: HashSet<PathBuf>,
    /// Notices were lost, so anything may have changed.
    pub(super) all: bool,
    /// Somebody wants a build, whether or not a file changed.
    pub(super) asked: bool,
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.entries.is_empty() && !self.all && !self.asked
    }
}

impl Notices {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn ask(&self) {
        self.waiting().asked = true;
        self.came.notify_all();
    }

    /// Takes all that waits.
    pub(super) fn take(&self) -> Waiting {
        std::mem::take(&mut *self.waiting())
    }

    /// Waits until there is something, or until then. Whether there is.
    pub(super) fn wait(&self, until: Instant) -> bool {
        let mut waiting = self.waiting();
        while waiting.is_empty() {
            let Some(left) = until.checked_duration_since(Instant::now()) else {
                return false;
            };
            if left.is_zero() {
                return false;
            }
            let waited = self.came.wait_timeout(waiting, left);
            waiting = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn hear(&self, event: notify::Result<Event>) {
        let event = match event {
            Ok(event) if event.need_rescan() => None,
            Ok(event) if matches!(event.kind, EventKind::Access(_)) => return,
            Ok(event) => Some(event),
            Err(_) => None,
        };
        let mut waiting = match event {
            None => {
                let mut waiting = self.waiting();
                waiting.all = true;
                waiting
            }
            Some(event) => {
                let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
                let mut entries = event.paths.into_iter();
                let Some(first) = entries.find(|entry| places.matters(entry)) else {
                    return;
                };
                let more: Vec<PathBuf> = entries.filter(|entry| places.matters(entry)).collect();
                drop(places);
                let mut waiting = self.waiting();
                waiting.entries.insert(first);
                waiting.entries.extend(more);
                waiting
            }
        };
        if waiting.entries.len() > ENTRIES {
            waiting.entries.clear();
            waiting.all = true;
        }
        drop(waiting);
        self.came.notify_all();
    }
}

/// What the system calls.
pub(super) fn listener(
    notices: Arc<Notices>,
) -> impl FnMut(notify::Result<Event>) + Send + 'static {
    move |event| notices.hear(event)
}
