//! What the tests share.

use std::hash::{BuildHasher, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};

use arkor_store::{Blob, NewCheckpoint, NewRun, RunHandle, Store, StoreOptions};
use arkor_types::{
    CheckpointRecord, DatasetDraft, DatasetSource, EndReason, Ended, Event, EventRecord, Failed,
    HeldOut, HubRepository, Interrupted, LogRecord, Metric, ModelSource, RunId, Spec, SpecDraft,
    Started,
};
use tempfile::TempDir;

/// A folder for one test, removed at its end.
pub(crate) struct Project {
    folder: TempDir,
}

impl Project {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Where syncs cost nothing, if there is such a place.
    #[cfg(target_os = "linux")]
    pub(crate) fn in_memory() -> Self {
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        Self {
            folder: folder.unwrap(),
        }
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.folder.path().join(".arkor")
    }

    pub(crate) fn open(&self) -> Store {
        self.open_limited(None)
    }

    pub(crate) fn open_limited(&self, max_size: Option<u64>) -> Store {
        Store::open(
            &self.dir(),
            StoreOptions {
                max_size,
                ..StoreOptions::default()
            },
        )
        .unwrap()
    }

    /// The names of the files in `blobs`, but for the folder each is in.
    pub(crate) fn blob_files(&self) -> Vec<String> {
        files(&self.dir().join("blobs"))
    }

    pub(crate) fn temporary_files(&self) -> Vec<String> {
        files(&self.dir().join("blobs"))
            .into_iter()
            .filter(|name| name.contains('.'))
            .collect()
    }

    /// A connection past the store, to do damage with.
    pub(crate) fn raw(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.dir().join("arkor.db")).unwrap()
    }
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .flat_map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap())
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

pub(crate) fn spec() -> Spec {
    let draft = SpecDraft {
        description: Some("über alles".into()),
        tags: vec!["a".into()],
        extras: Some(r#"{"rewards": [1, 0.5]}"#.into()),
        ..SpecDraft::new(
            "tiny",
            ModelSource::Hub(HubRepository {
                name: "some/model".into(),
                revision: "main".into(),
            }),
            Some(DatasetDraft {
                held_out: Some(HeldOut::Share(0.1)),
                ..DatasetSource::File("data.txt".into()).into()
            }),
        )
    };
    draft.resolve().unwrap()
}

pub(crate) fn new_run() -> NewRun {
    let spec = spec();
    NewRun {
        name: "tiny".into(),
        config: spec.config_hash().unwrap(),
        spec,
        component: "c".repeat(64),
        parent: None,
    }
}

pub(crate) fn started(step: u64, attempt: u32) -> Event {
    Event::Started(Started {
        step,
        attempt,
        generation: 1,
        parent: None,
        resumed_from: (step > 0).then_some(step),
        total_steps: Some(100),
        component: "c".repeat(64),
        config: "d".repeat(64),
        parameters: 1000,
        unigram_entropy: None,
        weights_from: None,
    })
}

pub(crate) fn log(step: u64) -> Event {
    Event::Log(LogRecord {
        step,
        loss: Some(1.0 / (step + 1) as f64),
        tokens: step * 7,
        ..LogRecord::default()
    })
}

pub(crate) fn stopped(step: u64) -> Event {
    Event::Stopped(Ended {
        step,
        reason: EndReason::User,
        checkpoint: None,
        loss: Some(0.5),
        eval_loss: Some(0.75),
        best_score: None,
        best_checkpoint: None,
        metrics: Vec::new(),
    })
}

pub(crate) fn failed(step: u64) -> Event {
    Event::Failed(Failed {
        step,
        message: "no".into(),
        hint: None,
        checkpoint: None,
        code: Default::default(),
    })
}

pub(crate) fn interrupted(step: u64, checkpoint: Option<String>) -> Event {
    Event::Interrupted(Interrupted { step, checkpoint })
}

pub(crate) fn put(run: &RunHandle, content: &[u8]) -> Blob {
    let mut writer = run.begin_blob().unwrap();
    writer.write_all(content).unwrap();
    writer.finish().unwrap()
}

/// A checkpoint whose content is `content` and `content` backwards.
pub(crate) fn save(
    run: &mut RunHandle,
    step: u64,
    eval_loss: Option<f64>,
    content: &[u8],
) -> (EventRecord, CheckpointRecord) {
    let backwards: Vec<u8> = content.iter().rev().copied().collect();
    let new = NewCheckpoint {
        step,
        eval_loss,
        score: eval_loss.map(|value| Metric {
            name: "loss".into(),
            value,
        }),
        metrics: Vec::new(),
        state: put(run, content),
        progress: put(run, &backwards),
    };
    run.commit_checkpoint(new).unwrap()
}

pub(crate) fn all_events(store: &Store, run: &RunId) -> Vec<EventRecord> {
    let events = store.events(run, 0, usize::MAX).unwrap();
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event.seq, index as u64 + 1, "the numbers are not dense");
    }
    events
}

/// This test binary again, running one of its tests with `role` in its environment, as a program
/// of its own whose output and input are pipes. `ROLE` is how that test knows.
pub(crate) fn process(test: &str, role: &Path) -> std::process::Command {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(ROLE, role)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped());
    command
}

pub(crate) const ROLE: &str = "ARKOR_STORE_TEST_FOLDER";

/// The folder to work in, if this process is one that [`process`] began.
pub(crate) fn role() -> Option<PathBuf> {
    std::env::var_os(ROLE).map(PathBuf::from)
}

/// xorshift64 (Marsaglia 2003), begun from the standard library's random keys.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new() -> Self {
        let mut hasher = std::hash::RandomState::new().build_hasher();
        hasher.write_u32(std::process::id());
        Self(hasher.finish() | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
