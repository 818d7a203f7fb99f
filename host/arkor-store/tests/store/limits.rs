//! A store that may not grow for ever.

use std::io::Write;

use arkor_store::StoreError;
use arkor_types::{Event, Level, Message, MessageSource};

use crate::common::*;

const LIMIT: u64 = 400_000;

fn long_message() -> Event {
    Event::Message(Message {
        step: 1,
        level: Level::Info,
        source: MessageSource::Stdout,
        text: "x".repeat(10_000).into(),
    })
}

fn is_full(error: &StoreError) -> bool {
    matches!(error, StoreError::Full { .. }) && error.to_string().contains("400000")
}

#[test]
fn events_stop_at_the_limit_and_the_last_word_is_still_heard() {
    let project = Project::new();
    let store = project.open_limited(Some(LIMIT));
    let mut run = store.create_run(new_run()).unwrap();
    let mut written = 0;
    let error = loop {
        match run.append(long_message()) {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
        assert!(written < 100, "the limit is never met");
    };
    assert!(is_full(&error), "{error}");
    assert!(error.hint().is_some());
    assert!(written > 10, "the limit is met too early");
    assert_eq!(run.last_seq(), written, "a refused event takes no number");
    run.append(failed(1)).unwrap();
    assert_eq!(all_events(&store, run.id()).len() as u64, written + 1);

    // The limit is the store's, and known to whoever opens it next.
    let other = project.open_limited(Some(LIMIT));
    assert!(is_full(&other.create_run(new_run()).unwrap_err()));
    let id = run.id().clone();
    drop(run);
    other.remove_run(&id).unwrap();
    drop(other);
    let other = project.open_limited(Some(LIMIT));
    let mut next = other.create_run(new_run()).unwrap();
    next.append_all(vec![long_message(); 9]).unwrap();
}

#[test]
fn content_stops_at_the_limit_and_gives_its_room_back() {
    let project = Project::new();
    let store = project.open_limited(Some(LIMIT));
    let mut run = store.create_run(new_run()).unwrap();
    let mut writer = run.begin_blob().unwrap();
    let error = loop {
        if let Err(error) = writer.write_all(&[3; 50_000]) {
            break error;
        }
    };
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    let error = writer.explain(error);
    assert!(is_full(&error), "{error}");
    // Other errors are told as what they are.
    let other = writer.explain(std::io::ErrorKind::PermissionDenied.into());
    assert!(matches!(other, StoreError::ReadOnly { .. }), "{other}");
    drop(writer);
    assert_eq!(project.blob_files(), [] as [String; 0]);

    for step in 0..20 {
        save(&mut run, step, None, &[step as u8; 50_000]);
        run.prune(1, false).unwrap();
    }
    let error = run
        .write_artifact(20, "big", &vec![1; 500_000])
        .unwrap_err();
    assert!(is_full(&error), "{error}");
    // Content that is there already takes no room.
    for _ in 0..20 {
        put(&run, &[19; 50_000]);
    }
    run.append(long_message()).unwrap();
    assert_eq!(all_events(&store, run.id()).len(), 21);
}

#[test]
fn another_process_s_removals_count() {
    let project = Project::new();
    let store = project.open_limited(Some(LIMIT));
    let mut run = store.create_run(new_run()).unwrap();
    let mut old = store.create_run(new_run()).unwrap();
    let id = old.id().clone();
    save(&mut old, 1, None, &[1; 150_000]);
    drop(old);
    let big = vec![2; 250_000];
    assert!(is_full(&run.write_artifact(1, "big", &big).unwrap_err()));
    let other = project.open();
    other.remove_run(&id).unwrap();
    run.write_artifact(1, "big", &big).unwrap();
}

#[test]
fn an_artifact_whose_event_is_refused_takes_no_room() {
    let project = Project::new();
    let store = project.open_limited(Some(LIMIT));
    let mut run = store.create_run(new_run()).unwrap();
    run.write_artifact(1, "kept", b"kept").unwrap();
    run.append(failed(1)).unwrap();
    for number in 0..10 {
        let error = run.write_artifact(1, "a", &[number; 150_000]).unwrap_err();
        assert!(matches!(error, StoreError::Ended { .. }), "{error}");
        assert_eq!(project.blob_files().len(), 1, "its content stays");
    }
    // What something else refers to stays.
    run.write_artifact(1, "a", b"kept").unwrap_err();
    let kept = store.artifacts(run.id()).unwrap().remove(0);
    assert_eq!(store.read_blob(&kept.digest).unwrap(), b"kept");
}
