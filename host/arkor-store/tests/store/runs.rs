//! Runs as a whole: made, found, resumed, found dead, removed.

use arkor_store::{NewRun, Store, StoreError, StoreOptions};
use arkor_types::{Event, RunId, RunStatus};

use crate::common::*;

#[test]
fn a_new_store_is_private_and_ignored_by_git() {
    let project = Project::new();
    drop(project.open());
    let ignore = std::fs::read_to_string(project.dir().join(".gitignore")).unwrap();
    assert_eq!(ignore, "*\n");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: std::path::PathBuf| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(project.dir()), 0o700);
        assert_eq!(mode(project.dir().join("arkor.db")), 0o600);
    }
    // What a user wrote there stays.
    std::fs::write(project.dir().join(".gitignore"), "mine").unwrap();
    drop(project.open());
    let ignore = std::fs::read_to_string(project.dir().join(".gitignore")).unwrap();
    assert_eq!(ignore, "mine");
}

#[test]
fn a_run_is_what_it_was_made_of() {
    let project = Project::new();
    let store = project.open();
    let parent = RunId::new("20200101-000000-0000").unwrap();
    let new = NewRun {
        name: "another name".into(),
        parent: Some(parent.clone()),
        ..new_run()
    };
    let run = store.create_run(new.clone()).unwrap();
    assert_eq!(run.previous_status(), None);
    let record = store.run(run.id()).unwrap();
    assert_eq!(&record, run.record());
    assert_eq!(record.name, "another name");
    assert_eq!(record.spec, new.spec);
    assert_eq!(
        (record.config, record.component),
        (new.config, new.component)
    );
    assert_eq!(record.parent, Some(parent));
    assert_eq!(record.created, record.updated);
    assert_eq!(project.open().run(run.id()).unwrap(), *run.record());
}

#[test]
fn many_runs_of_one_second_have_ids_of_their_own_and_are_listed_newest_first() {
    let project = Project::new();
    let store = project.open();
    let mut made: Vec<RunId> = (0..200)
        .map(|_| store.create_run(new_run()).unwrap().id().clone())
        .collect();
    made.reverse();
    let listed: Vec<RunId> = store
        .runs()
        .unwrap()
        .into_iter()
        .map(|run| run.id)
        .collect();
    assert_eq!(listed, made);
    made.sort();
    made.dedup();
    assert_eq!(made.len(), 200);
}

#[test]
fn a_run_is_found_by_id_by_prefix_and_as_the_latest() {
    let project = Project::new();
    let store = project.open();
    let none = store.find_run("latest").unwrap_err();
    assert!(matches!(none, StoreError::NoSuchRun { count: 0, .. }));
    let first = store.create_run(new_run()).unwrap().id().clone();
    let second = store.create_run(new_run()).unwrap().id().clone();

    assert_eq!(store.find_run("latest").unwrap().id, second);
    assert_eq!(store.find_run(first.as_str()).unwrap().id, first);
    let shared = first
        .as_str()
        .bytes()
        .zip(second.as_str().bytes())
        .take_while(|(a, b)| a == b)
        .count();
    let unique = &first.as_str()[..=shared];
    assert_eq!(store.find_run(unique).unwrap().id, first);

    let both = &first.as_str()[..shared];
    let error = store.find_run(both).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, StoreError::Ambiguous { .. }), "{text}");
    assert!(text.contains(first.as_str()) && text.contains(second.as_str()));

    for absent in ["1999", "", "%", "../x"] {
        let error = store.find_run(absent).unwrap_err();
        let StoreError::NoSuchRun { wanted, count } = &error else {
            panic!("{error}");
        };
        assert_eq!((wanted.as_str(), *count), (absent, 2));
    }
}

#[test]
fn a_run_that_lost_its_writer_is_interrupted_once() {
    let project = Project::new();
    let store = project.open();
    let mut lost = store.create_run(new_run()).unwrap();
    lost.append_all(vec![started(0, 1), log(3)]).unwrap();
    let (_, checkpoint) = save(&mut lost, 3, None, b"state");
    lost.append(log(7)).unwrap();
    let mut done = store.create_run(new_run()).unwrap();
    done.append(stopped(1)).unwrap();
    let alive = store.create_run(new_run()).unwrap();
    assert_eq!(store.mark_interrupted().unwrap(), [], "all have writers");

    let id = lost.id().clone();
    drop((lost, done));
    assert_eq!(store.mark_interrupted().unwrap(), std::slice::from_ref(&id));
    assert_eq!(store.mark_interrupted().unwrap(), []);
    let events = all_events(&store, &id);
    assert_eq!(
        events.last().unwrap().event,
        interrupted(7, Some(checkpoint.id))
    );
    let record = store.run(&id).unwrap();
    assert_eq!(record.status, RunStatus::Interrupted);
    assert_eq!(record.last_seq, events.len() as u64);
    assert_eq!(store.run(alive.id()).unwrap().status, RunStatus::Running);
}

#[test]
fn a_resumed_run_continues_its_log() {
    let project = Project::new();
    let store = project.open();
    let mut run = store.create_run(new_run()).unwrap();
    let id = run.id().clone();
    run.append(log(1)).unwrap();
    drop(run);

    let mut run = store.resume_run(&id).unwrap();
    assert_eq!(run.previous_status(), Some(RunStatus::Interrupted));
    assert_eq!((run.record().attempt, run.last_seq()), (2, 2));
    assert_eq!(run.record().status, RunStatus::Running);
    run.append_all(vec![started(0, 2), stopped(1)]).unwrap();
    drop(run);

    let mut run = store.resume_run(&id).unwrap();
    assert_eq!(run.previous_status(), Some(RunStatus::Stopped));
    assert_eq!((run.record().attempt, run.last_seq()), (3, 4));
    run.append(failed(1)).unwrap();
    assert_eq!(store.run(&id).unwrap().status, RunStatus::Failed);
    let kinds: Vec<_> = all_events(&store, &id)
        .iter()
        .map(|record| record.event.kind())
        .collect();
    assert_eq!(
        kinds,
        ["log", "interrupted", "started", "stopped", "failed"]
    );
}

#[test]
fn an_id_from_outside_cannot_lead_out_of_the_store() {
    let project = Project::new();
    let store = project.open();
    for id in ["../../escape", "/tmp/escape", ""] {
        assert!(RunId::new(id).is_err(), "{id}");
    }
    for id in ["gate", "removed", "20200101-000000-0000"] {
        let id = RunId::new(id).unwrap();
        assert!(matches!(
            store.resume_run(&id),
            Err(StoreError::NoSuchRun { .. })
        ));
        assert!(matches!(
            store.remove_run(&id),
            Err(StoreError::NoSuchRun { .. })
        ));
    }
    let outside = project.dir().parent().unwrap().join("secret");
    std::fs::write(&outside, "s").unwrap();
    for digest in ["../../secret", "..", "", "ab", "é", &"A".repeat(64)] {
        assert!(!store.blob_path(digest).exists(), "{digest}");
        assert!(store.blob_path(digest).starts_with(project.dir()));
        assert!(matches!(
            store.read_blob(digest),
            Err(StoreError::Corrupt { .. })
        ));
    }
}

#[test]
fn removing_a_run_frees_what_only_it_refers_to() {
    let project = Project::new();
    let store = project.open();
    let mut kept = store.create_run(new_run()).unwrap();
    save(&mut kept, 1, None, b"shared content");
    let mut run = store.create_run(new_run()).unwrap();
    let id = run.id().clone();
    save(&mut run, 1, None, b"shared content");
    save(&mut run, 2, None, &[7; 1000]);
    run.write_artifact(2, "notes.txt", b"0123456789").unwrap();
    let named = put(&run, &[8; 100]);
    run.put_named_state("base", named).unwrap();

    assert!(matches!(
        store.remove_run(&id),
        Err(StoreError::RunLive { .. })
    ));
    drop(run);
    let lock = project.dir().join("locks").join(id.as_str());
    assert!(lock.exists());
    assert_eq!(store.remove_run(&id).unwrap().bytes, 1000 + 10 + 100);
    assert!(!lock.exists());
    assert!(matches!(store.run(&id), Err(StoreError::NoSuchRun { .. })));
    assert_eq!(store.events(&id, 0, 10).unwrap(), []);
    assert_eq!(store.checkpoints(&id).unwrap(), []);
    assert_eq!(store.artifacts(&id).unwrap(), []);
    assert_eq!(
        project.blob_files().len(),
        2,
        "the other run's state and progress"
    );
    for checkpoint in store.checkpoints(kept.id()).unwrap() {
        assert_eq!(
            store.read_blob(&checkpoint.state).unwrap(),
            b"shared content"
        );
    }
    let again = store.remove_run(&id).unwrap_err();
    assert!(matches!(again, StoreError::NoSuchRun { count: 1, .. }));
}

#[test]
fn a_store_is_opened_by_many_at_once() {
    for _ in 0..5 {
        let project = Project::new();
        let dir = project.dir();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let store = Store::open(&dir, StoreOptions::default()).unwrap();
                    let mut run = store.create_run(new_run()).unwrap();
                    run.append(log(1)).unwrap();
                });
            }
        });
        let store = project.open();
        assert_eq!(store.runs().unwrap().len(), 8);
        assert_eq!(store.mark_interrupted().unwrap().len(), 8);
    }
}

#[test]
fn an_event_reads_the_same_as_json_of_its_record() {
    let project = Project::new();
    let store = project.open();
    let mut run = store.create_run(new_run()).unwrap();
    let record = run.append(log(2)).unwrap();
    let json = serde_json::to_value(&record).unwrap();
    assert_eq!(json["type"], "log");
    assert_eq!(json["seq"], 1);
    assert_eq!(json["run"], run.id().as_str());
    let body: String = project
        .raw()
        .query_row("SELECT body FROM events", [], |row| row.get(0))
        .unwrap();
    assert_eq!(
        serde_json::from_str::<Event>(&body).unwrap(),
        record.event,
        "the stored form is the shown form without its place"
    );
}

// Other systems have file systems whose names are text.
#[cfg(target_os = "linux")]
#[test]
fn a_store_is_where_its_path_says_whatever_bytes_the_path_has() {
    use arkor_store::MadeBy;
    use std::os::unix::ffi::OsStrExt;

    let folder = tempfile::tempdir().unwrap();
    let names: [&[u8]; 4] = [b"\xff", "\u{fffd}".as_bytes(), b"a?mode=memory#1%41", b"a"];
    let dir = |name| {
        let project = folder.path().join(std::ffi::OsStr::from_bytes(name));
        project.join(".arkor")
    };
    let made = names.map(|name| {
        let store = Store::open(&dir(name), StoreOptions::default()).unwrap();
        let mut run = store.create_run(new_run()).unwrap();
        save(&mut run, 1, None, name);
        run.id().clone()
    });
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 4);
    for (name, id) in names.into_iter().zip(made) {
        assert!(dir(name).join("arkor.db").is_file());
        let store = Store::open_read_only(&dir(name), &MadeBy::Anyone).unwrap();
        assert_eq!(store.runs().unwrap().len(), 1);
        let checkpoint = store.latest_checkpoint(&id).unwrap().unwrap();
        assert_eq!(store.read_blob(&checkpoint.state).unwrap(), name);
        assert!(store.blob_path(&checkpoint.state).is_file());
        let keys = folder.path().join("keys");
        assert_eq!(Store::adopt(&dir(name), &keys).unwrap().runs, 1);
    }
}
