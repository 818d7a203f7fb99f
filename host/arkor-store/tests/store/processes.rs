//! Several processes at one store.

use std::io::{BufRead, BufReader, Read, Write};

use arkor_store::{MadeBy, Store, StoreError};
use arkor_types::{Event, RunId, RunStatus};

use crate::common::*;

/// The other process of the test below: becomes a run's writer and stays so until its input ends.
#[test]
fn writer() {
    let Some(dir) = role() else { return };
    let store = Store::open(&dir, arkor_store::StoreOptions::default()).unwrap();
    let mut run = store.create_run(new_run()).unwrap();
    run.append(log(1)).unwrap();
    let pending = put(&run, b"pending in another process");
    println!("\nrun {} {}", run.id(), pending.digest);
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    // Without a last word, as if it had been killed.
    std::process::exit(7);
}

#[test]
fn a_run_has_one_writer_in_all_processes() {
    let project = Project::new();
    let mut child = process("processes::writer", &project.dir())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let line = output
        .lines()
        .map(|line| line.unwrap())
        .find(|line| line.starts_with("run "))
        .unwrap();
    let mut words = line.split(' ').skip(1);
    let id = RunId::new(words.next().unwrap()).unwrap();
    let digest = words.next().unwrap();

    let store = project.open();
    let is_live = |error: StoreError| {
        matches!(&error, StoreError::RunLive { run } if *run == id.as_str())
            && error.hint().is_some()
    };
    assert!(is_live(store.resume_run(&id).unwrap_err()));
    assert!(is_live(store.remove_run(&id).unwrap_err()));
    assert_eq!(store.mark_interrupted().unwrap(), []);
    assert_eq!(store.run(&id).unwrap().status, RunStatus::Running);
    assert!(
        store.blob_path(digest).exists(),
        "swept under a live process"
    );
    // A run of one's own goes on beside it.
    let mut own = store.create_run(new_run()).unwrap();
    own.append(log(1)).unwrap();

    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(7));
    assert_eq!(store.mark_interrupted().unwrap(), std::slice::from_ref(&id));
    let run = store.resume_run(&id).unwrap();
    assert_eq!(run.previous_status(), Some(RunStatus::Interrupted));
    assert!(
        is_live(store.resume_run(&id).unwrap_err()),
        "in one process"
    );
    drop(project.open());
    assert!(
        !store.blob_path(digest).exists(),
        "nobody will commit it any more"
    );
}

/// Looking after dead runs takes locks for a moment; nobody may take that for a live writer.
#[test]
fn a_dead_run_is_never_called_live() {
    let project = Project::new();
    let store = project.open();
    let id = store.create_run(new_run()).unwrap().id().clone();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let store = project.open();
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    store.mark_interrupted().unwrap();
                }
            });
        }
        let mut outcome = Ok(());
        for _ in 0..300 {
            outcome = store.resume_run(&id).map(drop);
            if outcome.is_err() {
                break;
            }
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        outcome.unwrap();
    });
}

#[test]
fn readers_see_a_log_that_only_grows_and_facts_together_with_their_events() {
    let project = Project::new();
    let store = project.open();
    let mut run = store.create_run(new_run()).unwrap();
    let id = run.id().clone();
    let read = |store: Store| {
        let mut seen = Vec::new();
        loop {
            // Rows read first: each must have its event by then.
            let record = store.run(&id).unwrap();
            let checkpoints = store.checkpoints(&id).unwrap();
            let after = seen.len() as u64;
            for event in store.events(&id, after, 1000).unwrap() {
                assert_eq!(event.seq, seen.len() as u64 + 1);
                seen.push(event);
            }
            assert!(record.last_seq <= seen.len() as u64);
            for checkpoint in checkpoints {
                let event = &seen[checkpoint.seq as usize - 1].event;
                assert!(matches!(event, Event::Checkpoint(written) if written.id == checkpoint.id));
            }
            // And the other way round.
            let checkpoints = store.checkpoints(&id).unwrap();
            for event in &seen {
                if let Event::Checkpoint(written) = &event.event {
                    assert!(checkpoints.iter().any(|one| one.id == written.id));
                }
            }
            if seen.last().is_some_and(|last| last.event.is_terminal()) {
                return seen;
            }
        }
    };
    std::thread::scope(|scope| {
        let readers = [
            Store::open_read_only(&project.dir(), &MadeBy::Anyone).unwrap(),
            project.open(),
            store.clone(),
        ]
        .map(|store| scope.spawn(|| read(store)));
        let mut written = Vec::new();
        for step in 0..1500 {
            written.push(run.append(log(step)).unwrap());
            if step % 100 == 0 {
                written.push(save(&mut run, step, None, &step.to_le_bytes()).0);
            }
        }
        written.push(run.append(stopped(1500)).unwrap());
        for reader in readers {
            assert_eq!(reader.join().unwrap(), written);
        }
    });
}

#[test]
fn a_lock_is_free_at_once_though_a_child_process_is_being_started() {
    let project = Project::new();
    let store = project.open();
    let id = store.create_run(new_run()).unwrap().id().clone();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let mut child = process("processes::writer", &project.dir())
                    .env_remove(ROLE)
                    .spawn()
                    .unwrap();
                child.stdin.take().unwrap().flush().unwrap();
                child.wait().unwrap();
            }
        });
        let mut outcome = Ok(());
        for _ in 0..200 {
            outcome = store.resume_run(&id).map(drop);
            if outcome.is_err() {
                break;
            }
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        outcome.unwrap();
    });
}
