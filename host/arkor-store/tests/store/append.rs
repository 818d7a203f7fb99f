//! The log of a run, and the run's row that follows it.

use arkor_store::{NewRun, RunHandle, StoreError};
use arkor_types::{
    Action, ActionTaken, At, Evaluation, Event, Level, LogRecord, Message, MessageSource, Metric,
    RunId, RunStatus,
};

use crate::common::*;

fn message(step: u64) -> Event {
    Event::Message(Message {
        step,
        level: Level::Info,
        source: MessageSource::Stdout,
        text: "line\nwith \"quotes\" and \u{1f600}".into(),
    })
}

fn evaluation(step: u64, loss: f64) -> Event {
    Event::Evaluation(Evaluation {
        step,
        loss: Some(loss),
        perplexity: Some(loss.exp()),
        best_loss: Some(loss),
        score: None,
        best_score: None,
        is_best: false,
        metrics: Vec::new(),
        evaluations_without_improvement: 0,
    })
}

#[test]
fn events_are_numbered_from_one_and_read_back_as_they_were() {
    let project = Project::new();
    let store = project.open();
    let mut run = store.create_run(new_run()).unwrap();
    let mut written = vec![run.append(started(0, 1)).unwrap()];
    written.extend(
        run.append_all(vec![log(1), message(1), evaluation(1, 2.5)])
            .unwrap(),
    );
    written.push(run.append(Event::Paused(At { step: 1 })).unwrap());
    assert_eq!(run.append_all(Vec::new()).unwrap(), []);
    assert_eq!(run.last_seq(), 5);

    assert_eq!(all_events(&store, run.id()), written);
    assert_eq!(store.events(run.id(), 2, 2).unwrap(), written[2..4]);
    assert_eq!(store.events(run.id(), 5, 10).unwrap(), []);
    assert_eq!(store.events(run.id(), u64::MAX, 10).unwrap(), []);
}

#[test]
fn the_row_follows_the_log() {
    let project = Project::new();
    let store = project.open();
    let mut run = store.create_run(new_run()).unwrap();
    let created = store.run(run.id()).unwrap();
    assert_eq!(created.status, RunStatus::Running);
    assert_eq!((created.step, created.last_seq, created.attempt), (0, 0, 1));
    assert_eq!((created.loss, created.eval_loss), (None, None));

    run.append_all(vec![started(0, 1), log(4), evaluation(5, 2.5)])
        .unwrap();
    // A message of an earlier step, delivered late, does not turn the run back.
    run.append(message(3)).unwrap();
    let record = store.run(run.id()).unwrap();
    assert_eq!(record.step, 5);
    assert_eq!((record.loss, record.eval_loss), (Some(0.2), Some(2.5)));
    assert_eq!(&record, run.record());
    // A run whose new loop failed goes on from its checkpoint.
    run.append(log(2)).unwrap();
    assert_eq!(store.run(run.id()).unwrap().step, 2);

    run.append(stopped(6)).unwrap();
    let record = store.run(run.id()).unwrap();
    assert_eq!(record.status, RunStatus::Stopped);
    assert_eq!((record.loss, record.eval_loss), (Some(0.5), Some(0.75)));
    assert_eq!((record.step, record.last_seq), (6, 6));
    assert_eq!(&record, run.record());

    drop(run);
    let mut run = store.resume_run(&record.id).unwrap();
    run.append(started(2, 2)).unwrap();
    assert_eq!(store.run(run.id()).unwrap().step, 2, "back to a checkpoint");
}

#[test]
fn nothing_follows_a_terminal_event() {
    let project = Project::new();
    let store = project.open();
    let ended = |result: Result<_, StoreError>| matches!(result, Err(StoreError::Ended { .. }));
    for terminal in [stopped(1), failed(1), interrupted(1, None)] {
        let mut run = store.create_run(new_run()).unwrap();
        assert!(ended(run.append_all(vec![terminal.clone(), log(2)])));
        assert_eq!(run.last_seq(), 0, "the part before was appended");
        assert!(!run.has_ended());
        run.append_all(vec![log(1), terminal]).unwrap();
        assert!(run.has_ended());
        assert!(ended(run.append_all(vec![log(2)])));
        assert!(ended(run.append_all(Vec::new())));
        assert_eq!(all_events(&store, run.id()).len(), 2);
    }
}

#[test]
fn an_event_that_could_not_be_read_back_is_refused_and_the_log_goes_on() {
    let project = Project::new();
    let store = project.open();
    let mut run = store.create_run(new_run()).unwrap();
    let metric = |value| Metric {
        name: "reward".into(),
        value,
    };
    let bad = [
        match evaluation(1, 2.0) {
            Event::Evaluation(event) => Event::Evaluation(Evaluation {
                metrics: vec![metric(f64::NAN)],
                ..event
            }),
            event => event,
        },
        Event::Log(LogRecord {
            metrics: vec![metric(f64::INFINITY)],
            ..LogRecord::default()
        }),
        Event::Action(ActionTaken {
            step: 1,
            callback: None,
            action: Action::SetLearningRate(f64::NEG_INFINITY),
        }),
    ];
    for event in bad {
        let kind = event.kind();
        let error = run.append_all(vec![log(1), event]).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, StoreError::Unstorable { .. }), "{text}");
        assert!(
            text.contains(kind) && text.contains(run.id().as_str()),
            "{text}"
        );
    }
    // Where the format has room for "no number", that is what is stored.
    let diverged = Event::Log(LogRecord {
        step: 2,
        loss: Some(f64::NAN),
        ..LogRecord::default()
    });
    run.append(diverged).unwrap();
    let Event::Log(read) = all_events(&store, run.id()).remove(0).event else {
        panic!("not a log event");
    };
    assert_eq!(read.loss, None);
    assert_eq!(store.run(run.id()).unwrap().loss, None);
    assert_eq!(run.record().loss, None);
}

#[test]
fn doubles_survive_to_the_last_bit() {
    let project = Project::new();
    let store = project.open();
    let mut run = store.create_run(new_run()).unwrap();
    let odd = [
        0.1 + 0.2,
        f64::MIN_POSITIVE / 4.0,
        f64::MAX,
        5e-5,
        1.0 / 3.0,
    ];
    for value in odd {
        run.append(Event::Log(LogRecord {
            loss: Some(value),
            ..LogRecord::default()
        }))
        .unwrap();
        assert_eq!(store.run(run.id()).unwrap().loss, Some(value));
    }
    let read: Vec<f64> = all_events(&store, run.id())
        .into_iter()
        .map(|record| match record.event {
            Event::Log(log) => log.loss.unwrap(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(read, odd);
}

#[test]
fn a_handle_moves_between_threads() {
    fn is_send<T: Send + 'static>() {}
    fn is_shared<T: Send + Sync + Clone + 'static>() {}
    is_send::<RunHandle>();
    is_send::<arkor_store::BlobWriter>();
    is_shared::<arkor_store::Store>();
}

/// A row that was written and is passed over as damage when it is read is worse than none.
#[test]
fn what_would_pass_for_damage_when_it_is_read_is_refused_when_it_is_written() {
    let project = Project::new();
    let store = project.open();
    let mut run = store.create_run(new_run()).unwrap();
    let is_unstorable = |error: &StoreError| matches!(error, StoreError::Unstorable { .. });

    run.append(log(1 << 53)).unwrap();
    let error = run.append(log((1 << 53) + 1)).unwrap_err();
    assert!(is_unstorable(&error), "{error}");

    for name in ["", "../x", "/a", "a\\b", ".a", "a b", &"a".repeat(201)] {
        let error = run.write_artifact(1, name, b"content").unwrap_err();
        assert!(is_unstorable(&error), "{name:?}: {error}");
    }
    assert_eq!(project.blob_files(), [] as [String; 0]);
    run.write_artifact(1, &"a".repeat(200), b"content").unwrap();

    let mut bad = spec();
    bad.hyperparameters.learning_rate = f64::NAN;
    let error = run.set_spec(&bad).unwrap_err();
    assert!(is_unstorable(&error), "{error}");
    let with = |spec, parent| NewRun {
        spec,
        parent,
        ..new_run()
    };
    assert!(store.create_run(with(bad, None)).is_err());
    let parent = RunId::new("gate").unwrap();
    let error = store.create_run(with(spec(), Some(parent))).unwrap_err();
    assert!(matches!(error, StoreError::NoSuchRun { .. }), "{error}");

    assert_eq!(store.runs().unwrap(), std::slice::from_ref(run.record()));
    assert_eq!(store.artifacts(run.id()).unwrap().len(), 1);
    assert_eq!(all_events(&store, run.id()).len(), 2);
    assert_eq!(store.take_damage(), [] as [String; 0]);
}
