//! Checkpoints, artifacts and named states, and the content behind them.

use std::io::Write;
use std::thread;

use arkor_store::{Blob, NewCheckpoint, RunHandle, StoreError};
use arkor_types::Event;

use crate::common::*;

#[test]
fn a_checkpoint_is_an_event_a_row_and_two_blobs() {
    let project = Project::new();
    let store = project.open();
    let mut run = store.create_run(new_run()).unwrap();
    run.append(started(0, 1)).unwrap();
    let (event, checkpoint) = save(&mut run, 10, Some(1.5), b"abc");
    let Event::Checkpoint(written) = &event.event else {
        panic!("{event:?}");
    };
    assert_eq!((event.seq, checkpoint.seq), (2, 2));
    assert_eq!(written.id, checkpoint.id);
    assert_eq!(
        (written.step, written.size, written.eval_loss),
        (10, 6, Some(1.5))
    );
    assert_eq!(
        store.checkpoints(run.id()).unwrap(),
        std::slice::from_ref(&checkpoint)
    );
    assert_eq!(
        store.latest_checkpoint(run.id()).unwrap(),
        Some(checkpoint.clone())
    );
    assert_eq!(
        checkpoint.state,
        blake3::hash(b"abc").to_hex().to_string(),
        "the name is the blake3 of the content"
    );
    assert_eq!(store.read_blob(&checkpoint.state).unwrap(), b"abc");
    assert_eq!(store.read_blob(&checkpoint.progress).unwrap(), b"cba");
    assert_eq!(run.record().step, 10);

    // The same step, saved by another attempt, is another checkpoint.
    let (_, again) = save(&mut run, 10, Some(f64::NAN), b"abc");
    assert_ne!(again.id, checkpoint.id);
    assert_eq!(again.eval_loss, None);
    assert_eq!(store.latest_checkpoint(run.id()).unwrap(), Some(again));
}

#[test]
fn no_checkpoint_counts_without_its_content() {
    let project = Project::new();
    let store = project.open();
    let mut run = store.create_run(new_run()).unwrap();
    let here = put(&run, b"here");
    let absent = Blob {
        digest: blake3::hash(b"absent").to_hex().to_string(),
        size: 6,
    };
    for (state, progress) in [(&here, &absent), (&absent, &here)] {
        let error = run
            .commit_checkpoint(NewCheckpoint {
                step: 1,
                eval_loss: None,
                score: None,
                metrics: Vec::new(),
                state: state.clone(),
                progress: progress.clone(),
            })
            .unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    }
    let error = run.put_named_state("base", absent).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    assert_eq!(all_events(&store, run.id()), []);
    assert_eq!(store.checkpoints(run.id()).unwrap(), []);
}

#[test]
fn pruning_keeps_the_best_and_the_newest() {
    let project = Project::new();
    let store = project.open();
    let mut run = store.create_run(new_run()).unwrap();
    let losses = [Some(3.0), Some(1.0), None, Some(2.0), Some(2.5)];
    for (step, loss) in losses.into_iter().enumerate() {
        save(&mut run, step as u64, loss, &[step as u8; 10]);
    }
    let steps = |run: &arkor_store::RunHandle| -> Vec<u64> {
        let checkpoints = run.store().checkpoints(run.id()).unwrap();
        checkpoints.iter().map(|one| one.step).collect()
    };
    assert_eq!(run.prune(0, false).unwrap(), []);
    assert_eq!(run.prune(5, false).unwrap(), []);
    let removed: Vec<u64> = run
        .prune(3, false)
        .unwrap()
        .iter()
        .map(|one| one.step)
        .collect();
    assert_eq!(removed, [0, 2]);
    assert_eq!(steps(&run), [1, 3, 4]);
    // The bytes of state and progress are equal here: one file for each checkpoint.
    assert_eq!(project.blob_files().len(), 3);
    run.prune(1, false).unwrap();
    assert_eq!(steps(&run), [1, 4], "neither can go, whatever the limit");
    for checkpoint in store.checkpoints(run.id()).unwrap() {
        store.read_blob(&checkpoint.state).unwrap();
    }
    // Of equal losses the older one is the best: the other is no improvement.
    save(&mut run, 9, Some(1.0), b"newer");
    run.prune(1, false).unwrap();
    assert_eq!(steps(&run), [1, 9]);
    // What is compared may be better if it is greater.
    save(&mut run, 10, Some(5.0), b"greater");
    save(&mut run, 11, Some(3.0), b"newest");
    run.prune(1, true).unwrap();
    assert_eq!(steps(&run), [10, 11]);
    // And it may be measured after the checkpoint was written.
    let newest = run.store().checkpoints(run.id()).unwrap().pop().unwrap();
    run.score_checkpoint(&newest.id, None, Some(7.0)).unwrap();
    save(&mut run, 12, Some(1.0), b"last");
    run.prune(1, true).unwrap();
    let kept = run.store().checkpoints(run.id()).unwrap();
    let kept: Vec<_> = kept
        .iter()
        .map(|one| (one.step, one.eval_loss, one.score))
        .collect();
    assert_eq!(
        kept,
        [(11, Some(3.0), Some(7.0)), (12, Some(1.0), Some(1.0))]
    );
}

#[test]
fn content_that_something_still_refers_to_survives_a_prune() {
    let project = Project::new();
    let store = project.open();
    let mut run = store.create_run(new_run()).unwrap();
    save(&mut run, 1, None, b"weights");
    run.write_artifact(1, "weights.bin", b"weights").unwrap();
    let named = put(&run, b"sthgiew");
    run.put_named_state("start", named.clone()).unwrap();
    save(&mut run, 2, None, b"others");
    run.prune(1, false).unwrap();
    assert_eq!(store.checkpoints(run.id()).unwrap().len(), 1);
    let artifact = store.artifacts(run.id()).unwrap().remove(0);
    assert_eq!(store.read_blob(&artifact.digest).unwrap(), b"weights");
    assert_eq!(store.read_blob(&named.digest).unwrap(), b"sthgiew");
}

#[test]
fn an_artifact_written_again_replaces_the_first() {
    let project = Project::new();
    let store = project.open();
    let mut run = store.create_run(new_run()).unwrap();
    run.write_artifact(1, "b.txt", b"first").unwrap();
    let (event, artifact) = run.write_artifact(2, "b.txt", b"second").unwrap();
    run.write_artifact(2, "a.txt", b"").unwrap();
    assert_eq!((event.seq, artifact.seq), (2, 2));
    let artifacts = store.artifacts(run.id()).unwrap();
    assert_eq!(artifacts.len(), 2);
    assert_eq!(artifacts[1], artifact);
    assert_eq!(store.read_blob(&artifact.digest).unwrap(), b"second");
    assert_eq!(store.read_blob(&artifacts[0].digest).unwrap(), b"");
    assert_eq!(project.blob_files().len(), 2, "the first is gone");
    // Equal content written again is not taken for the old one and removed.
    run.write_artifact(3, "b.txt", b"second").unwrap();
    assert_eq!(store.read_blob(&artifact.digest).unwrap(), b"second");
}

#[test]
fn a_resumed_run_finds_the_named_states_of_its_checkpoint() {
    let project = Project::new();
    let store = project.open();
    let mut run = store.create_run(new_run()).unwrap();
    let id = run.id().clone();
    let name = |run: &mut RunHandle, content: &[u8]| {
        let blob = put(run, content);
        run.put_named_state("best", blob.clone()).unwrap();
        blob
    };
    let at_checkpoint = name(&mut run, b"one");
    save(&mut run, 1, None, b"weights");
    let between = name(&mut run, b"two");
    let last = name(&mut run, b"three");
    assert_eq!(run.named_state("best").unwrap(), Some(last.clone()));
    assert!(!store.blob_path(&between.digest).exists(), "nobody can ask");
    drop(run);
    let mut run = store.resume_run(&id).unwrap();
    assert_eq!(
        run.named_state("best").unwrap(),
        Some(at_checkpoint.clone())
    );
    assert!(!store.blob_path(&last.digest).exists(), "it is undone");
    let again = name(&mut run, b"four");
    save(&mut run, 2, None, b"weight");
    drop(run);
    let mut run = store.resume_run(&id).unwrap();
    assert_eq!(run.named_state("best").unwrap(), Some(again));
    name(&mut run, b"five");
    assert!(!store.blob_path(&at_checkpoint.digest).exists());
    // Before the first checkpoint there is nothing to go back to.
    let mut other = store.create_run(new_run()).unwrap();
    name(&mut other, b"six");
    let id = other.id().clone();
    drop(other);
    let other = store.resume_run(&id).unwrap();
    assert_eq!(other.named_state("best").unwrap(), None);
}

#[test]
fn a_named_state_is_the_run_s_own_and_outlives_the_attempt() {
    let project = Project::new();
    let store = project.open();
    let mut run = store.create_run(new_run()).unwrap();
    let id = run.id().clone();
    assert_eq!(run.named_state("base").unwrap(), None);
    let first = put(&run, b"one");
    run.put_named_state("base", first.clone()).unwrap();
    let second = put(&run, b"two");
    run.put_named_state("base", second.clone()).unwrap();
    assert_eq!(run.named_state("base").unwrap(), Some(second.clone()));
    assert!(!store.blob_path(&first.digest).exists());
    save(&mut run, 1, None, b"weights");
    drop(run);
    let run = store.resume_run(&id).unwrap();
    assert_eq!(run.named_state("base").unwrap(), Some(second));
    let other = store.create_run(new_run()).unwrap();
    assert_eq!(other.named_state("base").unwrap(), None);
}

#[test]
fn content_dropped_or_never_committed_leaves_nothing() {
    let project = Project::new();
    let store = project.open();
    let mut run = store.create_run(new_run()).unwrap();
    let id = run.id().clone();
    let mut writer = run.begin_blob().unwrap();
    writer.write_all(&[1; 5000]).unwrap();
    writer.flush().unwrap();
    assert_eq!(project.temporary_files().len(), 1);
    // Neither a sweep by another process nor a prune touches what a live writer has.
    let pending = put(&run, b"pending");
    save(&mut run, 1, None, b"x");
    save(&mut run, 2, None, b"y");
    drop(project.open());
    run.prune(1, false).unwrap();
    assert!(store.blob_path(&pending.digest).exists());
    assert_eq!(project.temporary_files().len(), 1);

    drop(writer);
    assert_eq!(project.temporary_files(), [] as [String; 0]);
    drop(run);
    drop(project.open());
    assert!(
        !store.blob_path(&pending.digest).exists(),
        "swept once its writer is gone"
    );
    let left = store.checkpoints(&id).unwrap().remove(0);
    assert_eq!(store.read_blob(&left.state).unwrap(), b"y");
}

#[test]
fn a_writer_keeps_its_run_locked() {
    let project = Project::new();
    let store = project.open();
    let run = store.create_run(new_run()).unwrap();
    let id = run.id().clone();
    let writer = run.begin_blob().unwrap();
    drop(run);
    assert!(matches!(
        store.resume_run(&id),
        Err(StoreError::RunLive { .. })
    ));
    // From any thread.
    thread::spawn(move || writer.finish().unwrap())
        .join()
        .unwrap();
    store.resume_run(&id).unwrap();
}

/// Two runs write and remove the same few contents over and over: what one has committed must be
/// there, whatever the other removes at the same moment.
#[test]
fn equal_content_of_two_runs_is_never_removed_under_one_of_them() {
    let project = Project::new();
    drop(project.open());
    let trainer = |offset: u64| {
        let store = project.open();
        let mut run = store.create_run(new_run()).unwrap();
        for step in 0..150 {
            let content = [((step + offset) % 2) as u8; 32];
            let (_, checkpoint) = save(&mut run, step, None, &content);
            store.read_blob(&checkpoint.state).unwrap();
            run.prune(1, false).unwrap();
            store.read_blob(&checkpoint.state).unwrap();
        }
    };
    thread::scope(|scope| {
        for offset in 0..3 {
            let trainer = &trainer;
            scope.spawn(move || trainer(offset));
        }
    });
}
