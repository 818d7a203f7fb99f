//! What others can do between two slices.

use super::*;
use crate::lock::Lock;
use crate::place::name;
use crate::store::tests::{log, new_run, open};

/// Gives a run events past its log.
fn fill(store: &Store, run: &RunId, count: u32, length: u32) {
    let insert = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2) \
                  INSERT OR REPLACE INTO events SELECT ?1, i, '', printf('%.*c', ?3, 'x') FROM n";
    let params = params![run.as_str(), count, length];
    store
        .write(Durability::Process, |tx| tx.execute(insert, params))
        .unwrap();
}

fn rows(store: &Store, run: &RunId) -> u64 {
    let count = "SELECT (SELECT count(*) FROM events WHERE run = ?1) + \
                 (SELECT count(*) FROM contents WHERE run = ?1)";
    let count = |db: &Connection| db.query_row(count, [run.as_str()], |row| row.get(0));
    store.read(count).unwrap()
}

#[test]
fn while_a_run_with_many_events_is_removed_others_begin_runs_and_write() {
    let (_folder, mut run) = open();
    let store = run.store().clone();
    let id = run.id().clone();
    for number in 0..50 {
        let content = format!("content {number}");
        run.write_artifact(1, &content.replace(' ', "-"), content.as_bytes())
            .unwrap();
    }
    drop(run);
    fill(&store, &id, 10_000, 100);
    let mut other = store.create_run(new_run()).unwrap();

    let mut left = rows(&store, &id);
    let mut slices = 0;
    let removed = store.remove_run_pausing(&id, |slice, _| {
        slices += 1;
        assert!(slice.rows <= ROWS);
        left -= slice.rows as u64;
        assert_eq!(rows(&store, &id), left);
        let gate = Lock::try_take(store.locks().unwrap(), &name("gate").unwrap()).unwrap();
        assert!(gate.is_some(), "whoever begins a run waits for it");
        drop(gate);
        other.append(log(1)).unwrap();
        // The run is gone from the first moment.
        assert!(matches!(store.run(&id), Err(StoreError::NoSuchRun { .. })));
        assert!(matches!(
            store.resume_run(&id),
            Err(StoreError::NoSuchRun { .. })
        ));
        assert_eq!(store.events(&id, 0, 10).unwrap(), []);
        assert_eq!(store.events_of(&id, &["log"], 0, 10).unwrap(), []);
        assert_eq!(store.artifacts(&id).unwrap(), []);
        assert_eq!(store.checkpoints(&id).unwrap(), []);
        assert_eq!(store.take_damage(), [] as [String; 0]);
    });
    assert_eq!(removed.unwrap().bytes, 10 * 9 + 40 * 10);
    assert!(slices > 10, "{slices}");
    assert_eq!(left, 0);
    drop(store.create_run(new_run()).unwrap());
}

#[test]
fn a_slice_ends_when_its_events_are_long() {
    let (_folder, run) = open();
    let store = run.store().clone();
    let id = run.id().clone();
    drop(run);
    fill(&store, &id, 12, 1 << 20);
    let mut slices = Vec::new();
    store
        .remove_run_pausing(&id, |slice, _| slices.push(slice.rows))
        .unwrap();
    assert_eq!(slices, [4, 4, 4]);
}

#[test]
fn what_is_left_of_a_removed_run_goes_with_the_next_sweeps() {
    let (_folder, mut run) = open();
    let store = run.store().clone();
    let id = run.id().clone();
    let (_, artifact) = run.write_artifact(1, "a", b"content").unwrap();
    drop(run);
    let mut other = store.create_run(new_run()).unwrap();
    other.append(log(1)).unwrap();
    fill(&store, &id, 25_000, 10);
    // Here the process that removes it dies.
    store.remove_row(&id).unwrap();
    assert_eq!(rows(&store, &id), 25_001);
    store.sweep().unwrap();
    assert!(!store.blob_path(&artifact.digest).exists());
    assert!(
        rows(&store, &id) > 1000,
        "whoever opens the store waits long"
    );
    store.sweep().unwrap();
    assert_eq!(rows(&store, &id), 0);
    assert_eq!(rows(&store, other.id()), 1, "of a run that is there");
}
