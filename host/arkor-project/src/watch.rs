//! Sees when something of a project changes that could change its trainer.
//!
//! There is no debounce delay: the first notice counts, and all that come before it was looked at are
//! one. A notice after which the files are what they were, for an editor's second rename or a file that
//! came and went, is none. What a change means is decided by content, by those who build.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use ignore::WalkBuilder;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use notify::{Config, Event, EventKind, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher};

use crate::{Project, ProjectError, STORE_FOLDER};

/// How often files are looked at where the system cannot tell of changes.
const POLL: Duration = Duration::from_millis(500);

/// Most bytes of a list of ignored files.
const LIST_SIZE: u64 = 1 << 20;

/// Folders that are outputs or belong to tools, wherever they are.
const OUTPUTS: &[&str] = &[
    STORE_FOLDER,
    "target",
    ".git",
    "node_modules",
    ".venv",
    "__pycache__",
];

/// Why somebody looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Notice {
    /// A file may have changed.
    Files,
    /// Somebody wants it so, whether or not a file changed.
    Asked,
}

/// Makes a watcher tell of a change.
#[derive(Debug, Clone)]
pub struct WatchWaker {
    notices: SyncSender<Notice>,
    asked: Arc<AtomicBool>,
}

impl WatchWaker {
    /// As if a file had changed.
    pub fn wake(&self) {
        self.asked.store(true, Ordering::Release);
        // A notice that waits already does as well.
        let _ = self.notices.try_send(Notice::Asked);
    }
}

/// Watches a project until it is dropped.
pub struct ProjectWatcher {
    _watcher: Box<dyn Watcher + Send>,
    changes: Receiver<Notice>,
    waker: WatchWaker,
    filter: Filter,
    /// Of the files when the last change was told.
    stamp: u64,
    /// Why the system's notices are not used, if they are not.
    polls: Option<String>,
}

impl std::fmt::Debug for ProjectWatcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProjectWatcher")
            .field("polls", &self.polls)
            .finish_non_exhaustive()
    }
}

impl ProjectWatcher {
    /// Begins to watch. Changes from here on are told by [`Self::changed`].
    ///
    /// # Errors
    ///
    /// [`ProjectError::Watch`] if neither the system's notices nor looking at the files works.
    pub fn start(project: &Project) -> Result<Self, ProjectError> {
        // One place: a notice that waits to be taken stands for all that come after it.
        let (notices, changes) = sync_channel(1);
        let waker = WatchWaker {
            notices: notices.clone(),
            asked: Arc::default(),
        };
        let filter = Filter::of(project);
        let root = project.root().to_path_buf();
        let (watcher, polls) = match recommended(&root, filter.clone(), notices.clone()) {
            Ok(watcher) => (watcher, None),
            Err(error) => {
                let watcher =
                    polling(&root, filter, notices).map_err(|source| ProjectError::Watch {
                        path: root.clone(),
                        source,
                    })?;
                (watcher, Some(error.to_string()))
            }
        };
        let filter = Filter::of(project);
        Ok(Self {
            _watcher: watcher,
            changes,
            waker,
            stamp: filter.stamp(),
            filter,
            polls,
        })
    }

    /// Why files are looked at twice a second instead of being told of by the system.
    pub fn polls(&self) -> Option<&str> {
        self.polls.as_deref()
    }

    /// For whoever wants a build though no file changed.
    pub fn waker(&self) -> WatchWaker {
        self.waker.clone()
    }

    /// Waits for a change, at most so long. Whether there was one.
    pub fn changed(&mut self, timeout: Duration) -> bool {
        match self.changes.recv_timeout(timeout) {
            Ok(_) => {
                let asked = self.waker.asked.swap(false, Ordering::AcqRel);
                let stamp = self.filter.stamp();
                std::mem::replace(&mut self.stamp, stamp) != stamp || asked
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => false,
        }
    }
}

fn recommended(
    root: &Path,
    filter: Filter,
    notices: SyncSender<Notice>,
) -> notify::Result<Box<dyn Watcher + Send>> {
    let config = Config::default().with_follow_symlinks(false);
    let mut watcher = RecommendedWatcher::new(handler(filter, notices), config)?;
    watcher.watch(root, RecursiveMode::Recursive)?;
    Ok(Box::new(watcher))
}

fn polling(
    root: &Path,
    filter: Filter,
    notices: SyncSender<Notice>,
) -> notify::Result<Box<dyn Watcher + Send>> {
    let config = Config::default()
        .with_poll_interval(POLL)
        .with_compare_contents(true)
        .with_follow_symlinks(false);
    let mut watcher = PollWatcher::new(handler(filter, notices), config)?;
    watcher.watch(root, RecursiveMode::Recursive)?;
    Ok(Box::new(watcher))
}

fn handler(
    filter: Filter,
    notices: SyncSender<Notice>,
) -> impl FnMut(notify::Result<Event>) + Send + 'static {
    move |event| {
        let matters = match &event {
            // Notices were lost, so anything may have changed.
            Ok(event) if event.need_rescan() => true,
            Ok(event) => {
                !matches!(event.kind, EventKind::Access(_))
                    && event.paths.iter().any(|path| filter.passes(path))
            }
            Err(_) => true,
        };
        if matters {
            let _ = notices.try_send(Notice::Files);
        }
    }
}

/// Which paths can change a trainer.
#[derive(Clone)]
struct Filter {
    root: PathBuf,
    /// A finished component counts, though it may lie in an ignored folder of outputs.
    component: Option<PathBuf>,
    ignored: Gitignore,
}

impl Filter {
    fn of(project: &Project) -> Self {
        let root = project.root().to_path_buf();
        let mut builder = GitignoreBuilder::new(&root);
        let list = arkor_files::read_regular(&root.join(".gitignore"), LIST_SIZE);
        for line in String::from_utf8_lossy(&list.unwrap_or_default()).lines() {
            // A line that is no pattern ignores nothing.
            let _ = builder.add_line(None, line);
        }
        // With a build command the component is an output: to watch it would build for ever.
        let is_prebuilt = matches!(project.config().trainer, crate::TrainerSource::Component(_));
        Self {
            component: project.component_path().filter(|_| is_prebuilt),
            ignored: builder.build().unwrap_or_else(|_| Gitignore::empty()),
            root,
        }
    }

    /// A hash of names, sizes and times of all files that pass. Of this process only.
    fn stamp(&self) -> u64 {
        let mut walk = WalkBuilder::new(&self.root);
        walk.hidden(false)
            .require_git(false)
            .parents(false)
            .git_exclude(false)
            .sort_by_file_path(Path::cmp)
            .filter_entry(|entry| {
                let is_output = OUTPUTS.iter().any(|output| entry.file_name() == *output);
                !is_output && has_readable_lists(entry.path())
            });
        if !has_readable_lists(&self.root) {
            walk.standard_filters(false);
        }
        let walked = walk.build().filter_map(Result::ok);
        let files = walked.map(ignore::DirEntry::into_path);
        let mut hasher = DefaultHasher::new();
        for path in files.chain(self.component.clone()) {
            let Ok(meta) = path.metadata() else {
                continue;
            };
            if meta.is_file() {
                (path, meta.len(), meta.modified().ok()).hash(&mut hasher);
            }
        }
        hasher.finish()
    }

    fn passes(&self, path: &Path) -> bool {
        if self.component.as_deref() == Some(path) {
            return true;
        }
        let Ok(relative) = path.strip_prefix(&self.root) else {
            return false;
        };
        let is_output = relative.components().any(|part| {
            OUTPUTS
                .iter()
                .any(|output| part.as_os_str() == std::ffi::OsStr::new(output))
        });
        let is_folder = path.is_dir();
        !is_output
            && !is_folder
            && !self
                .ignored
                .matched_path_or_any_parents(relative, false)
                .is_ignore()
    }
}

/// Whether the lists of ignored files in a folder are files, and small: they are read on every look.
fn has_readable_lists(folder: &Path) -> bool {
    [".gitignore", ".ignore"].iter().all(|name| {
        folder
            .join(name)
            .symlink_metadata()
            .map_or(true, |meta| meta.is_file() && meta.len() <= LIST_SIZE)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_secs(20);
    const SHORT: Duration = Duration::from_millis(300);

    fn project() -> (tempfile::TempDir, Project) {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("arkor.toml", "[trainer]\nlanguage = \"rust\"\n");
        write(".gitignore", "*.log\n/data\n");
        write("src/lib.rs", "");
        write("data/text.txt", "");
        write(".arkor/arkor.db", "");
        let project = Project::load(folder.path()).unwrap();
        (folder, project)
    }

    fn sees_what_matters(watcher: &mut ProjectWatcher, folder: &Path) {
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
        write(".arkor/arkor.db", "1");
        write("data/text.txt", "2");
        write("src/noise.log", "3");
        assert!(!watcher.changed(SHORT), "outputs and ignored files");
        write("src/lib.rs", "4");
        assert!(watcher.changed(WAIT));
        while watcher.changed(SHORT) {}
        // As many editors save: a file beside it, renamed over it.
        // Of another size: the time of both can be the same.
        write("src/lib.rs.new", "55");
        std::fs::rename(folder.join("src/lib.rs.new"), folder.join("src/lib.rs")).unwrap();
        assert!(watcher.changed(WAIT));
        while watcher.changed(SHORT) {}
        // A folder that appears later, with a file in it.
        std::fs::create_dir(folder.join("src/more")).unwrap();
        write("src/more/mod.rs", "6");
        write("arkor.toml", "[trainer]\nlanguage = \"rust\"\n# 7\n");
        assert!(watcher.changed(WAIT));
    }

    #[test]
    fn the_system_tells_of_sources_and_of_nothing_else() {
        let (folder, project) = project();
        let mut watcher = ProjectWatcher::start(&project).unwrap();
        assert_eq!(watcher.polls(), None);
        sees_what_matters(&mut watcher, &folder.path().canonicalize().unwrap());
    }

    #[cfg(unix)]
    #[test]
    fn links_lead_nowhere_and_lists_that_are_no_files_are_not_read() {
        use std::os::unix::fs::symlink;
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("file"), "").unwrap();
        let (folder, project) = project();
        let root = folder.path().canonicalize().unwrap();
        symlink("/", root.join("everything")).unwrap();
        symlink("/dev/zero", root.join("zero")).unwrap();
        symlink("..", root.join("src/up")).unwrap();
        symlink(outside.path(), root.join("outside")).unwrap();
        for name in [".ignore", "src/.gitignore"] {
            let made = std::process::Command::new("mkfifo")
                .arg(root.join(name))
                .status();
            assert!(made.unwrap().success());
        }
        std::fs::remove_file(root.join(".gitignore")).unwrap();
        symlink("/dev/zero", root.join(".gitignore")).unwrap();
        let mut watcher = ProjectWatcher::start(&project).unwrap();
        assert_eq!(watcher.polls(), None);
        std::fs::write(outside.path().join("file"), "1").unwrap();
        assert!(!watcher.changed(SHORT), "outside");
        std::fs::write(root.join("arkor.toml"), "# 1\n").unwrap();
        assert!(watcher.changed(WAIT));
    }

    #[test]
    fn case_37_looking_at_the_files_sees_the_same() {
        let (folder, project) = project();
        let (notices, changes) = sync_channel(1);
        let waker = WatchWaker {
            notices: notices.clone(),
            asked: Arc::default(),
        };
        let root = project.root().to_path_buf();
        let watcher = polling(&root, Filter::of(&project), notices).unwrap();
        let mut watcher = ProjectWatcher {
            _watcher: watcher,
            changes,
            waker,
            stamp: 0,
            filter: Filter::of(&project),
            polls: Some("asked to".into()),
        };
        sees_what_matters(&mut watcher, &folder.path().canonicalize().unwrap());
    }
}
