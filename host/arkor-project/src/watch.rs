//! Sees when something changes that the last build read or looked for.
//!
//! ```text
//!            ┌───────────── begin: what is known to be as it was ─────────────┐
//!            ▼                                                                │
//!   build ──Inputs──▶ follow ──folders──▶ the system ──notices──▶ look ──differs──▶ changed
//!                                                                  ▲
//!                            polling: all inputs, twice a second ──┘
//! ```
//!
//! There is no debounce delay: the first notice is looked at, and a change is one if content differs from what the
//! build read. A notice after which everything is what it was, for an editor's second rename or a touched file, is
//! none. Notices that come while a build is at work wait for its list of inputs. Whoever has a build that failed
//! waits a moment with [`ProjectWatcher::settle`], for files that are being written look broken.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLockWriteGuard};
use std::time::{Duration, Instant};

use notify::{Config, ErrorKind, RecommendedWatcher, RecursiveMode, Watcher};

use crate::{InputRecorder, Inputs};

mod echo;
mod notices;
mod places;

use echo::Echo;
use notices::{Notices, listener};
use places::{Places, Surveyor};

/// How often files are looked at where the system cannot tell of changes.
const POLL: Duration = Duration::from_millis(500);

/// Of the time, so much is spent on that at most: one part in this many.
const SHARE: u32 = 10;

/// How often a way is looked for again because folders on it were not watched yet.
const ROUNDS: usize = 10;

/// Makes a watcher tell of a change.
#[derive(Debug, Clone)]
pub struct WatchWaker(Arc<Notices>);

impl WatchWaker {
    /// As if an input had changed.
    pub fn wake(&self) {
        self.0.ask();
    }
}

/// Watches what builds read, until it is dropped.
pub struct ProjectWatcher {
    /// None: files are looked at instead.
    system: Option<Box<dyn Watcher + Send>>,
    notices: Arc<Notices>,
    inputs: Arc<Inputs>,
    watched: HashSet<PathBuf>,
    /// Folders of which the system tells nothing, though it tells of others.
    blind: HashSet<PathBuf>,
    /// Inputs that differ from what was read.
    changed: BTreeSet<PathBuf>,
    asked: bool,
    /// What began the build that is at work, or was last.
    cause: BTreeSet<PathBuf>,
    echo: Echo,
    /// Why the system's notices are not used, if they are not.
    polls: Option<String>,
    next_poll: Instant,
}

impl std::fmt::Debug for ProjectWatcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProjectWatcher")
            .field("inputs", &self.inputs.len())
            .field("watched", &self.watched.len())
            .field("changed", &self.changed)
            .field("polls", &self.polls)
            .finish_non_exhaustive()
    }
}

impl Default for ProjectWatcher {
    fn default() -> Self {
        Self::new()
    }
}

impl ProjectWatcher {
    /// One that knows of no inputs yet: see [`Self::follow`].
    pub fn new() -> Self {
        let notices = Arc::<Notices>::default();
        let config = Config::default().with_follow_symlinks(false);
        match RecommendedWatcher::new(listener(Arc::clone(&notices)), config) {
            Ok(system) => Self::with(Some(Box::new(system)), notices, None),
            Err(error) => Self::with(None, notices, Some(error.to_string())),
        }
    }

    fn with(
        system: Option<Box<dyn Watcher + Send>>,
        notices: Arc<Notices>,
        polls: Option<String>,
    ) -> Self {
        Self {
            system,
            notices,
            inputs: Arc::default(),
            watched: HashSet::new(),
            blind: HashSet::new(),
            changed: BTreeSet::new(),
            asked: false,
            cause: BTreeSet::new(),
            echo: Echo::default(),
            polls,
            next_poll: Instant::now(),
        }
    }

    /// Why inputs are looked at twice a second instead of being told of by the system. May be so from any
    /// [`Self::follow`] on.
    pub fn polls(&self) -> Option<&str> {
        self.polls.as_deref()
    }

    /// For whoever wants a build though nothing changed.
    pub fn waker(&self) -> WatchWaker {
        WatchWaker(Arc::clone(&self.notices))
    }

    /// A build begins. What it asks of files that are known to be unchanged is answered without reading them.
    pub fn begin(&mut self) -> InputRecorder {
        self.look();
        self.cause = std::mem::take(&mut self.changed);
        if std::mem::take(&mut self.asked) {
            self.cause.clear();
        }
        if self.polls.is_some() {
            return InputRecorder::default();
        }
        let mut doubtful: HashSet<Arc<Path>> = self
            .cause
            .iter()
            .map(|path| Arc::from(path.as_path()))
            .collect();
        if !self.blind.is_empty() {
            doubtful.extend(self.places().shown_in(&self.blind));
        }
        InputRecorder::knowing(Arc::clone(&self.inputs), doubtful)
    }

    /// The build is over, and this is what it depends on: changes of it from when it was read are told. Of a
    /// build that failed, what the one before read counts as well.
    ///
    /// Returns what builds are now known to change themselves.
    pub fn follow(&mut self, mut inputs: Inputs, failed: bool) -> Vec<PathBuf> {
        if failed {
            inputs.carry(&self.inputs, &self.cause);
        }
        let runs_command = inputs.runs_command();
        self.inputs = Arc::new(inputs);
        self.changed.clear();
        if self.places().len() > 2 * self.inputs.len() + 1000 {
            self.forget();
        }
        let mut fresh: HashSet<Arc<Path>> = {
            let places = self.places();
            let paths = self.inputs.paths().filter(|path| {
                !places.has(path) || (self.inputs.lists(path) && !places.lists(path))
            });
            let fresh = paths.cloned().collect();
            drop(places);
            fresh
        };
        for (tree, _) in self.inputs.trees() {
            fresh.insert(tree.root().into());
        }
        if runs_command {
            self.catch_up(&mut fresh);
        }
        // What is watched from now on only may have changed before.
        self.look_at(fresh);
        self.look();
        if !runs_command {
            return Vec::new();
        }
        let verdict = self.echo.built(&self.cause, &self.changed);
        if !verdict.accepted.is_empty() {
            let inputs = Arc::make_mut(&mut self.inputs);
            for path in &verdict.accepted {
                inputs.accept(path);
                self.changed.remove(path);
            }
        }
        verdict.found.into_iter().collect()
    }

    /// Waits for a change, at most so long. Whether there is one.
    pub fn changed(&mut self, timeout: Duration) -> bool {
        let end = Instant::now() + timeout;
        loop {
            let before = self.changed.clone();
            if self.look() {
                for path in self.changed.difference(&before) {
                    self.echo.edited(path);
                }
                return true;
            }
            if Instant::now() >= end {
                return false;
            }
            let wake = if self.is_polling() {
                end.min(self.next_poll)
            } else {
                end
            };
            self.notices.wait(wake);
        }
    }

    /// Waits until nothing happened for so long, or something changed. Whether something did.
    pub fn settle(&mut self, quiet: Duration) -> bool {
        let end = Instant::now() + 100 * quiet;
        while !self.look() {
            let until = Instant::now() + quiet;
            if until > end || !self.notices.wait(until) {
                if self.is_polling() {
                    self.next_poll = Instant::now();
                }
                return self.look();
            }
        }
        true
    }

    fn is_polling(&self) -> bool {
        self.polls.is_some() || !self.blind.is_empty()
    }

    fn places(&self) -> std::sync::RwLockReadGuard<'_, Places> {
        self.notices
            .places
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn places_mut(&self) -> RwLockWriteGuard<'_, Places> {
        self.notices
            .places
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up what the system told of. Whether a build is due.
    fn look(&mut self) -> bool {
        let waiting = self.notices.take();
        self.asked |= waiting.asked;
        let mut inputs = HashSet::new();
        if waiting.all {
            inputs.extend(self.inputs.paths().cloned());
            inputs.extend(
                self.inputs
                    .trees()
                    .iter()
                    .map(|(tree, _)| tree.root().into()),
            );
            self.unwatch(|_| true);
        }
        for entry in &waiting.entries {
            let places = self.places();
            inputs.extend(places.affected(entry));
            if places.is_folder(entry) {
                drop(places);
                // What is watched may be another folder now than the one of that name.
                self.unwatch(|folder| folder.starts_with(entry));
            }
        }
        if self.is_polling() && Instant::now() >= self.next_poll {
            let begin = Instant::now();
            if self.polls.is_some() {
                inputs.extend(self.inputs.paths().cloned());
                inputs.extend(
                    self.inputs
                        .trees()
                        .iter()
                        .map(|(tree, _)| tree.root().into()),
                );
            } else {
                inputs.extend(self.places().shown_in(&self.blind));
            }
            self.look_at(inputs);
            self.next_poll = Instant::now() + POLL.max(begin.elapsed() * SHARE);
        } else if !inputs.is_empty() {
            self.look_at(inputs);
        }
        self.asked || !self.changed.is_empty()
    }

    /// Compares these with what was read, where the system tells of further changes.
    fn look_at(&mut self, mut inputs: HashSet<Arc<Path>>) {
        // An input of an earlier build, whose places are still watched.
        inputs.retain(|path| {
            let mut trees = self.inputs.trees().iter();
            self.inputs.has(path) || trees.any(|(tree, _)| tree.root() == &**path)
        });
        self.watch(&inputs);
        let all = Arc::clone(&self.inputs);
        for path in &inputs {
            let mut differs = all.differs(path);
            for (tree, names) in all.trees() {
                differs |= tree.root() == &**path && tree.walk().names() != *names;
            }
            if differs {
                self.changed.insert(path.to_path_buf());
            } else {
                self.changed.remove(&**path);
            }
        }
    }

    /// Watches all places of these, as they are now.
    fn watch(&mut self, inputs: &HashSet<Arc<Path>>) {
        if self.system.is_none() {
            return;
        }
        // A folder can be exchanged between the look for it and its watch; then its way is looked for again.
        for _ in 0..ROUNDS {
            let mut surveyor = Surveyor::default();
            let all = Arc::clone(&self.inputs);
            let mut places = self.places_mut();
            for input in inputs {
                places.place(input, &mut surveyor);
                if all.lists(input) {
                    places.list(input, input, &mut surveyor);
                }
                for (tree, _) in all.trees() {
                    if tree.root() == &**input {
                        for folder in tree.walk().folders {
                            places.list(&folder, input, &mut surveyor);
                        }
                    }
                }
            }
            let mut missing: Vec<PathBuf> = places
                .folders()
                .iter()
                .filter(|folder| !self.watched.contains(*folder) && !self.blind.contains(*folder))
                .cloned()
                .collect();
            drop(places);
            missing.sort();
            if !self.watch_folders(missing) {
                return;
            }
        }
    }

    /// Whether one of them was not watched before and is now.
    fn watch_folders(&mut self, folders: Vec<PathBuf>) -> bool {
        let Some(system) = &mut self.system else {
            return false;
        };
        let mut is_new = false;
        let mut failed = None;
        let mut paths = system.paths_mut();
        for folder in folders {
            match paths.add(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    is_new = true;
                    self.watched.insert(folder);
                }
                Err(error) if matches!(error.kind, ErrorKind::MaxFilesWatch) => {
                    failed = Some(error.to_string());
                    break;
                }
                // It went away: what is above tells when it comes back.
                Err(error) if is_missing(&error) => {}
                Err(_) => {
                    self.blind.insert(folder);
                }
            }
        }
        if let Err(error) = paths.commit() {
            failed = Some(error.to_string());
        }
        if failed.is_some() {
            self.polls = failed;
            self.system = None;
            self.watched.clear();
            self.next_poll = Instant::now();
        }
        is_new
    }

    fn unwatch(&mut self, is_meant: impl Fn(&Path) -> bool) {
        let Some(system) = &mut self.system else {
            return;
        };
        let stale: Vec<PathBuf> = self
            .watched
            .extract_if(|folder| is_meant(folder))
            .chain(self.blind.extract_if(|folder| is_meant(folder)))
            .collect();
        let mut paths = system.paths_mut();
        for folder in stale {
            // The system may have noticed by itself that it is gone.
            let _ = paths.remove(&folder);
        }
        let _ = paths.commit();
    }

    /// Begins anew, without the places of inputs that are none any more.
    fn forget(&mut self) {
        *self.places_mut() = Places::default();
        self.unwatch(|_| true);
    }

    /// What happened until now is among the notices, or among these inputs.
    fn catch_up(&mut self, inputs: &mut HashSet<Arc<Path>>) {
        if cfg!(target_os = "linux")
            && let Some(system) = &mut self.system
            && let Some(folder) = self.watched.iter().next()
        {
            // The thread that hears of changes answers this one, and may do so before it takes up what it has
            // heard in the same turn; not so the second time.
            for _ in 0..2 {
                let _ = system.watch(folder, RecursiveMode::NonRecursive);
            }
            return;
        }
        inputs.extend(self.inputs.paths().cloned());
    }
}

fn is_missing(error: &notify::Error) -> bool {
    match &error.kind {
        ErrorKind::PathNotFound => true,
        ErrorKind::Io(error) => matches!(
            error.kind(),
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
        ),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
