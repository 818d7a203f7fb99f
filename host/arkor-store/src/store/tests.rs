//! What cannot be brought about from outside.

use std::io;

use arkor_types::{Event, LogRecord};

use super::*;
use crate::{NewRun, RunHandle};

pub(super) fn open() -> (tempfile::TempDir, RunHandle) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join(".arkor"), StoreOptions::default()).unwrap();
    let run = store.create_run(new_run());
    (folder, run.unwrap())
}

pub(super) fn new_run() -> NewRun {
    let spec = serde_json::json!({
        "name": "tiny",
        "model": {"hub": {"name": "some/model", "revision": "main"}},
        "tokenizer": "model",
        "dataset": {"source": {"file": "data.txt"}, "eval_fraction": 0.1}, "own_loop": false,
        "lora": null,
        "hyperparameters": {
            "max_steps": 1, "num_train_epochs": 1.0, "learning_rate": 0.1,
            "per_device_train_batch_size": 1, "gradient_accumulation_steps": 1, "max_length": 8,
            "lr_scheduler_type": "linear", "warmup_steps": 0, "weight_decay": 0.0,
            "max_grad_norm": 1.0, "adam_beta1": 0.9, "adam_beta2": 0.999, "adam_epsilon": 1e-8,
            "logging_steps": 1, "eval_steps": 0, "save_steps": 0, "save_total_limit": 0,
            "seed": 1, "early_stopping_patience": 0, "early_stopping_threshold": 0.0
        }
    });
    NewRun {
        name: "tiny".into(),
        spec: serde_json::from_value(spec).unwrap(),
        config: String::new(),
        component: String::new(),
        parent: None,
    }
}

pub(super) fn log(metrics: usize) -> Event {
    let metric = arkor_types::Metric {
        name: "m".repeat(100).into(),
        value: 1.0,
    };
    Event::Log(LogRecord {
        metrics: vec![metric; metrics],
        ..LogRecord::default()
    })
}

#[test]
fn a_full_database_takes_nothing_and_goes_on_when_there_is_room() {
    let (_folder, mut run) = open();
    let store = run.store().clone();
    let limit = |pages: u32| {
        let db = store.writer().unwrap();
        db.pragma_update(None, "max_page_count", pages).unwrap();
    };
    run.append(log(1)).unwrap();
    limit(1); // SQLite takes this for the size that it has.
    let error = (0..1000).find_map(|_| run.append(log(10)).err()).unwrap();
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    let seq = run.last_seq();
    assert_eq!(store.run(run.id()).unwrap().last_seq, seq);
    limit(1_000_000);
    assert_eq!(run.append(log(10)).unwrap().seq, seq + 1);
    let events = store.events(run.id(), 0, usize::MAX).unwrap();
    assert_eq!(events.len() as u64, seq + 1);
}

#[test]
fn room_for_what_could_not_be_written_is_given_back() {
    let (_folder, mut run) = open();
    let store = run.store().clone();
    let used = || store.shared.blobs.quota.used();
    let before = used();
    store
        .write(Durability::Process, |tx| {
            tx.execute("UPDATE runs SET last_seq = 5", [])
        })
        .unwrap();
    assert!(run.append(log(1)).is_err());
    assert_eq!(used(), before, "an event");
    store
        .write(Durability::Process, |tx| {
            tx.execute("UPDATE runs SET last_seq = 0", [])
        })
        .unwrap();
    run.append(log(1)).unwrap();
    let after = used();
    assert!(after > before, "events count");
    // Neither a run nor a checkpoint that did not come to be.
    let locked = Connection::open(&store.shared.db_path).unwrap();
    locked.execute_batch("BEGIN IMMEDIATE").unwrap();
    let db = store.writer().unwrap();
    db.busy_timeout(std::time::Duration::from_millis(1))
        .unwrap();
    drop(db);
    assert!(store.create_run(new_run()).is_err());
    assert!(run.write_artifact(1, "a", b"content").is_err());
    assert!(run.append_all(vec![log(1), log(2)]).is_err());
    assert_eq!(used(), after);
}

#[test]
fn a_failed_transaction_leaves_no_trace() {
    let (_folder, mut run) = open();
    let store = run.store().clone();
    for durability in [Durability::Process, Durability::Power] {
        let outcome: Result<(), _> = store.write(durability, |tx| {
            tx.execute("DELETE FROM runs", [])?;
            Err(rusqlite::Error::InvalidQuery)
        });
        assert!(outcome.is_err());
        let synchronous: i64 = store
            .writer()
            .unwrap()
            .pragma_query_value(None, "synchronous", |row| row.get(0))
            .unwrap();
        assert_eq!(synchronous, 1, "NORMAL again");
    }
    run.append(log(1)).unwrap();
}

#[test]
fn a_log_that_someone_else_wrote_to_is_not_written_to() {
    let (_folder, mut run) = open();
    run.append(log(1)).unwrap();
    run.store()
        .write(Durability::Process, |tx| {
            tx.execute("UPDATE runs SET last_seq = 5", [])
        })
        .unwrap();
    assert!(run.append(log(1)).is_err());
    let events = run.store().events(run.id(), 0, 10).unwrap();
    assert_eq!(events.len(), 1, "the transaction was undone");
}

#[test]
fn a_database_that_another_process_keeps_locked_is_busy() {
    let (_folder, mut run) = open();
    let store = run.store().clone();
    let other = Connection::open(&store.shared.db_path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    store
        .writer()
        .unwrap()
        .busy_timeout(Duration::from_millis(1))
        .unwrap();
    let error = run.append(log(1)).unwrap_err();
    assert!(matches!(error, StoreError::Busy { .. }), "{error}");
    assert!(error.hint().is_some());
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(run.append(log(1)).unwrap().seq, 1);
}

#[test]
fn errors_of_the_system_are_told_by_what_they_mean() {
    use io::ErrorKind::*;
    let error = |kind: io::ErrorKind| StoreError::io("write", Path::new("f"), kind.into());
    for kind in [StorageFull, QuotaExceeded] {
        assert!(matches!(error(kind), StoreError::Full { .. }));
    }
    for kind in [PermissionDenied, ReadOnlyFilesystem] {
        assert!(matches!(error(kind), StoreError::ReadOnly { .. }));
    }
    let other = error(NotFound);
    assert!(matches!(other, StoreError::Io { .. }));
    assert!(other.to_string().starts_with("cannot write `f`: "));
    assert_eq!(other.hint(), None);
}

/// Whoever reads for long, or much, holds up no checkpoint.
#[test]
fn the_writer_of_a_run_waits_for_no_reader() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join(".arkor"), StoreOptions::default()).unwrap();
    let mut run = store.create_run(new_run()).unwrap();
    let (reads, reading) = std::sync::mpsc::channel();
    let (done, is_done) = std::sync::mpsc::channel::<()>();
    let reader = std::thread::spawn(move || {
        let read = store.read(|_| {
            reads.send(()).unwrap();
            Ok(is_done.recv_timeout(Duration::from_secs(60)))
        });
        read.unwrap().is_ok()
    });
    reading.recv().unwrap();
    let blob = |text: &str| {
        let mut writer = run.begin_blob().unwrap();
        io::Write::write_all(&mut writer, text.as_bytes()).unwrap();
        writer.finish().unwrap()
    };
    let new = crate::NewCheckpoint {
        step: 1,
        eval_loss: None,
        score: None,
        metrics: Vec::new(),
        state: blob("state"),
        progress: blob("progress"),
    };
    let named = blob("named");
    run.commit_checkpoint(new).unwrap();
    run.prune(1, false).unwrap();
    run.put_named_state("it", named.clone()).unwrap();
    assert_eq!(run.named_state("it").unwrap(), Some(named));
    run.write_artifact(1, "a", b"content").unwrap();
    let _ = done.send(());
    assert!(reader.join().unwrap(), "it read all the time");
}
