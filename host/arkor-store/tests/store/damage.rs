//! Files that are not what the store wrote.

use std::fs;

use arkor_store::{MadeBy, Store, StoreError, StoreOptions};

use crate::common::*;

fn open_both(project: &Project) -> [StoreError; 2] {
    [
        Store::open(&project.dir(), StoreOptions::default()).unwrap_err(),
        Store::open_read_only(&project.dir(), &MadeBy::Anyone).unwrap_err(),
    ]
}

fn is_corrupt(error: &StoreError) -> bool {
    matches!(error, StoreError::Corrupt { .. }) && error.hint().is_some()
}

#[test]
fn a_file_that_is_no_database_is_named() {
    let project = Project::new();
    drop(project.open());
    let db = project.dir().join("arkor.db");
    fs::write(&db, "not a database, but a text ".repeat(100)).unwrap();
    for error in open_both(&project) {
        assert!(is_corrupt(&error), "{error}");
        assert!(
            error.to_string().contains(db.to_str().unwrap()),
            "which file: {error}"
        );
    }
    assert!(
        fs::read(&db).unwrap().starts_with(b"not a database"),
        "left as it was"
    );
}

#[test]
fn damaged_pages_are_named() {
    let project = Project::new();
    let store = project.open();
    let mut run = store.create_run(new_run()).unwrap();
    run.append_all((0..500).map(log).collect()).unwrap();
    let id = run.id().clone();
    drop((run, store));
    let db = project.dir().join("arkor.db");
    let mut bytes = fs::read(&db).unwrap();
    for byte in bytes.iter_mut().skip(4096) {
        *byte = 0xa5;
    }
    fs::write(&db, bytes).unwrap();
    let outcome = Store::open(&project.dir(), StoreOptions::default())
        .and_then(|store| store.events(&id, 0, 1000));
    let error = outcome.unwrap_err();
    assert!(is_corrupt(&error), "{error}");
}

#[test]
fn a_database_of_a_later_version_is_left_alone() {
    let project = Project::new();
    drop(project.open());
    project
        .raw()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    for error in open_both(&project) {
        assert!(
            matches!(error, StoreError::NewerSchema { found: 99, .. }),
            "{error}"
        );
        assert!(error.hint().is_some());
    }
}

#[test]
fn somebody_else_s_database_is_left_alone() {
    let project = Project::new();
    fs::create_dir_all(project.dir()).unwrap();
    project
        .raw()
        .execute_batch("CREATE TABLE theirs (x INTEGER)")
        .unwrap();
    for error in open_both(&project) {
        assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
        assert!(error.hint().is_some());
    }
    let tables: u32 = project
        .raw()
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .unwrap();
    assert_eq!(tables, 1);
}

#[test]
fn events_of_a_newer_version_are_no_damage() {
    let project = Project::new();
    let store = project.open();
    let mut run = store.create_run(new_run()).unwrap();
    run.append_all(vec![log(1), log(2), log(3)]).unwrap();
    let newer = "UPDATE events SET body = '{\"type\": \"unheard-of\", \"a\": [1]}' WHERE seq = 2";
    project.raw().execute_batch(newer).unwrap();
    let events = store.events(run.id(), 0, 10).unwrap();
    let kinds: Vec<_> = events.iter().map(|event| event.event.kind()).collect();
    assert_eq!(kinds, ["log", "unknown", "log"]);
    let json = serde_json::to_value(&events[1]).unwrap();
    assert_eq!(
        (&json["type"], &json["a"][0]),
        (&"unheard-of".into(), &1.into())
    );
    assert!(store.take_damage().is_empty());
}

#[test]
fn rows_that_cannot_be_understood_are_damage() {
    let damages = [
        "UPDATE events SET body = '{\"type\": \"log\"' WHERE seq = 2",
        "UPDATE events SET body = '{\"type\": \"paused\"}' WHERE seq = 2",
        "UPDATE events SET time = 'yesterday' WHERE seq = 2",
    ];
    for damage in damages {
        let project = Project::new();
        let store = project.open();
        let mut run = store.create_run(new_run()).unwrap();
        run.append_all(vec![log(1), log(2), log(3)]).unwrap();
        project.raw().execute_batch(damage).unwrap();
        assert_eq!(store.events(run.id(), 2, 10).unwrap().len(), 1);
        let events = store.events(run.id(), 0, 2).unwrap();
        let numbers: Vec<u64> = events.iter().map(|event| event.seq).collect();
        assert_eq!(numbers, [1, 3], "{damage}: the others are there");
        let named = store.take_damage();
        assert_eq!(named.len(), 1, "{named:?}");
        assert!(named[0].contains("`2`"), "{named:?}");
        // Told once, however often it is met.
        store.events(run.id(), 0, 10).unwrap();
        assert!(store.take_damage().is_empty());
        let kinds = ["log"];
        let logs = store.events_of(run.id(), &kinds, 0, 10).unwrap();
        assert_eq!(logs.len(), 2, "{damage}");
    }
    let damages = [
        "UPDATE runs SET spec = '{}'",
        "UPDATE runs SET status = 'dreaming'",
        "UPDATE runs SET step = -1",
        "DROP TABLE runs",
    ];
    for damage in damages {
        let project = Project::new();
        let store = project.open();
        let run = store.create_run(new_run()).unwrap();
        project.raw().execute_batch(damage).unwrap();
        let error = store.run(run.id()).unwrap_err();
        assert!(is_corrupt(&error), "{damage}: {error}");
    }
}

#[test]
fn one_strange_row_hides_no_other() {
    let outside = "../../../outside/letter.txt";
    for damage in [
        "UPDATE runs SET id = '../../outside' WHERE number = 1",
        "UPDATE runs SET id = 'gate' WHERE number = 1",
        "UPDATE runs SET created = 'never' WHERE number = 1",
        "UPDATE runs SET parent = '/etc' WHERE number = 1",
        "UPDATE runs SET spec = '[]' WHERE number = 1",
        "UPDATE runs SET attempt = -1 WHERE number = 1",
    ] {
        let project = Project::new();
        let store = project.open();
        drop(store.create_run(new_run()).unwrap());
        let other = store.create_run(new_run()).unwrap();
        let raw = project.raw();
        raw.pragma_update(None, "foreign_keys", false).unwrap();
        raw.execute_batch(damage).unwrap();
        let runs = store.runs().unwrap();
        assert_eq!(runs.len(), 1, "{damage}");
        assert_eq!(&runs[0].id, other.id());
        assert_eq!(&store.find_run("latest").unwrap().id, other.id());
        assert_eq!(store.take_damage().len(), 1, "{damage}");
        drop(store);
        // Nor does it keep the store from being opened, or runs from being begun.
        let store = project.open();
        store.mark_interrupted().unwrap();
        drop(store.create_run(new_run()).unwrap());
    }
    let project = Project::new();
    let store = project.open();
    let mut run = store.create_run(new_run()).unwrap();
    save(&mut run, 1, None, b"one");
    let (_, kept) = save(&mut run, 2, None, b"two");
    save(&mut run, 3, None, b"three");
    run.write_artifact(3, "a", b"a").unwrap();
    run.write_artifact(3, "b", b"b").unwrap();
    let raw = project.raw();
    for damage in [
        "UPDATE checkpoints SET state = ?1 WHERE step = 3",
        "UPDATE checkpoints SET id = ?1 WHERE step = 1",
        "UPDATE artifacts SET digest = ?1 WHERE name = 'a'",
    ] {
        raw.execute(damage, [outside]).unwrap();
    }
    let id = run.id().clone();
    assert_eq!(store.checkpoints(&id).unwrap(), std::slice::from_ref(&kept));
    assert_eq!(store.latest_checkpoint(&id).unwrap(), Some(kept));
    let artifacts = store.artifacts(&id).unwrap();
    assert_eq!(artifacts.len(), 1);
    assert_eq!(artifacts[0].name, "b");
    assert_eq!(store.take_damage().len(), 3);
    run.prune(1, false).unwrap();
    drop(run);
    store.remove_run(&id).unwrap();
    assert!(store.runs().unwrap().is_empty());
}

#[test]
fn damaged_and_missing_content_is_told_and_mended_by_writing_it_again() {
    let project = Project::new();
    let store = project.open();
    let mut run = store.create_run(new_run()).unwrap();
    let (_, checkpoint) = save(&mut run, 1, None, &[9; 4096]);
    let path = store.blob_path(&checkpoint.state);
    let mut bytes = fs::read(&path).unwrap();
    bytes[2000] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let error = store.read_blob(&checkpoint.state).unwrap_err();
    assert!(is_corrupt(&error), "{error}");
    assert!(error.to_string().contains(path.to_str().unwrap()));

    put(&run, &[9; 4096]);
    assert_eq!(store.read_blob(&checkpoint.state).unwrap(), [9; 4096]);
    fs::remove_file(&path).unwrap();
    let error = store.read_blob(&checkpoint.state).unwrap_err();
    assert!(is_corrupt(&error), "{error}");
}

#[test]
fn files_that_are_not_the_store_s_are_left_alone() {
    let project = Project::new();
    drop(project.open());
    let blobs = project.dir().join("blobs");
    fs::create_dir_all(blobs.join("ab")).unwrap();
    let strange = [
        blobs.join("ab/readme.txt"),
        blobs.join("tmp/.hidden"),
        blobs.join("tmp/..odd"),
    ];
    for file in &strange {
        fs::write(file, "?").unwrap();
    }
    drop(project.open());
    for file in &strange {
        assert!(file.exists(), "{}", file.display());
    }
}

#[test]
fn there_is_no_store_to_read_where_none_was_made() {
    let project = Project::new();
    let error = Store::open_read_only(&project.dir(), &MadeBy::Anyone).unwrap_err();
    assert!(matches!(error, StoreError::Missing { .. }), "{error}");
    assert!(!project.dir().exists());
}
