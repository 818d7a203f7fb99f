//! Any sequence of calls against a model of what they should do.

use std::collections::HashMap;

use arkor_store::{RunHandle, Store, StoreError};
use arkor_types::{CheckpointRecord, Event, EventRecord, Metric, RunId, RunStatus};
use proptest::prelude::*;

use crate::common::*;

#[derive(Debug, Clone)]
enum Step {
    Append,
    AppendAll(usize),
    Checkpoint {
        loss: Option<u8>,
        content: u8,
    },
    Artifact {
        name: u8,
        content: u8,
    },
    Named {
        content: u8,
    },
    Prune(u32),
    End(RunStatus),
    /// The writer goes away, and the run is resumed, perhaps after someone marked it.
    Resume {
        marked: bool,
        reopened: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let status = prop_oneof![
        Just(RunStatus::Stopped),
        Just(RunStatus::Failed),
        Just(RunStatus::Interrupted)
    ];
    prop_oneof![
        4 => Just(Step::Append),
        1 => (0..4usize).prop_map(Step::AppendAll),
        4 => (proptest::option::of(0..5u8), 0..4u8)
            .prop_map(|(loss, content)| Step::Checkpoint { loss, content }),
        1 => (0..2u8, 0..4u8).prop_map(|(name, content)| Step::Artifact { name, content }),
        1 => (0..4u8).prop_map(|content| Step::Named { content }),
        2 => (0..4u32).prop_map(Step::Prune),
        1 => status.prop_map(Step::End),
        2 => (any::<bool>(), any::<bool>())
            .prop_map(|(marked, reopened)| Step::Resume { marked, reopened }),
    ]
}

/// What should be in the store.
#[derive(Default)]
struct Model {
    events: Vec<EventRecord>,
    attempt: u32,
    ended: Option<RunStatus>,
    checkpoints: Vec<CheckpointRecord>,
    /// The best evaluation loss of all checkpoints ever, and of which that is true the newest.
    best: Option<(f64, String)>,
    artifacts: HashMap<String, Vec<u8>>,
    named: Option<Vec<u8>>,
    /// What the name stood for at the newest checkpoint: there again after a resume.
    named_then: Option<Vec<u8>>,
}

fn content(seed: u8) -> Vec<u8> {
    (0..100).map(|byte| byte ^ seed).collect()
}

fn ending(status: RunStatus) -> Event {
    match status {
        RunStatus::Stopped => stopped(1),
        RunStatus::Failed => failed(1),
        _ => interrupted(1, None),
    }
}

impl Model {
    /// An append by the run's writer is taken if and only if the attempt has not ended.
    fn appended<T>(&mut self, outcome: Result<T, StoreError>) -> Option<T> {
        match (outcome, self.ended) {
            (Ok(done), None) => Some(done),
            (Err(StoreError::Ended { .. }), Some(_)) => None,
            (Ok(_), Some(_)) => panic!("appended after the end"),
            (Err(error), _) => panic!("{error}"),
        }
    }

    fn apply(&mut self, run: &mut RunHandle, step: &Step) {
        match step {
            Step::Append => {
                let outcome = run.append(log(1));
                let record = self.appended(outcome);
                self.events.extend(record);
            }
            Step::AppendAll(count) => {
                let outcome = run.append_all(vec![log(2); *count]);
                let records = self.appended(outcome);
                self.events.extend(records.into_iter().flatten());
            }
            Step::End(status) => {
                let outcome = run.append(ending(*status));
                if let Some(record) = self.appended(outcome) {
                    self.events.push(record);
                    self.ended = Some(*status);
                }
            }
            Step::Checkpoint {
                loss,
                content: seed,
            } => {
                let loss = loss.map(f64::from);
                let state = put(run, &content(*seed));
                let progress = put(run, &content(*seed + 100));
                let outcome = run.commit_checkpoint(arkor_store::NewCheckpoint {
                    step: 3,
                    eval_loss: loss,
                    score: loss.map(|value| Metric {
                        name: "loss".into(),
                        value,
                    }),
                    metrics: Vec::new(),
                    state,
                    progress,
                });
                if let Some((event, checkpoint)) = self.appended(outcome) {
                    if let Some(loss) = loss
                        && self.best.as_ref().is_none_or(|(best, _)| loss < *best)
                    {
                        self.best = Some((loss, checkpoint.id.clone()));
                    }
                    self.events.push(event);
                    self.checkpoints.push(checkpoint);
                    self.named_then.clone_from(&self.named);
                }
            }
            Step::Artifact {
                name,
                content: seed,
            } => {
                let name = format!("file-{name}");
                let outcome = run.write_artifact(1, &name, &content(*seed));
                if let Some((event, _)) = self.appended(outcome) {
                    self.events.push(event);
                    self.artifacts.insert(name, content(*seed));
                }
            }
            Step::Named { content: seed } => {
                let blob = put(run, &content(*seed));
                run.put_named_state("base", blob).unwrap();
                self.named = Some(content(*seed));
            }
            Step::Prune(limit) => self.prune(run, *limit),
            Step::Resume { .. } => {}
        }
    }

    fn prune(&mut self, run: &mut RunHandle, limit: u32) {
        let newest = self.checkpoints.last().map(|last| last.id.clone());
        let best = self.best.as_ref().map(|(_, id)| id.clone());
        let before = self.checkpoints.len();
        let removed = run.prune(limit, false).unwrap();
        for checkpoint in &removed {
            assert_ne!(Some(&checkpoint.id), newest.as_ref(), "the newest");
            assert_ne!(Some(&checkpoint.id), best.as_ref(), "the best");
            let oldest_of_the_rest = self
                .checkpoints
                .iter()
                .position(|one| Some(&one.id) != best.as_ref())
                .unwrap();
            assert_eq!(&self.checkpoints.remove(oldest_of_the_rest), checkpoint);
        }
        let protected =
            usize::from(newest.is_some()) + usize::from(best.is_some_and(|id| Some(id) != newest));
        let expected = match limit {
            0 => before,
            limit => before.min((limit as usize).max(protected)),
        };
        assert_eq!(self.checkpoints.len(), expected);
    }

    fn resume(
        &mut self,
        project: &Project,
        store: &mut Store,
        id: &RunId,
        step: &Step,
    ) -> RunHandle {
        let Step::Resume { marked, reopened } = step else {
            panic!("{step:?}");
        };
        if *reopened {
            *store = project.open();
        }
        if *marked {
            let marked = store.mark_interrupted().unwrap();
            assert_eq!(marked.is_empty(), self.ended.is_some());
        }
        let run = store.resume_run(id).unwrap();
        let previous = self.ended.take().unwrap_or_else(|| {
            let seq = self.events.len() as u64;
            self.events.extend(store.events(id, seq, 2).unwrap());
            let Event::Interrupted(event) = &self.events[seq as usize].event else {
                panic!("no terminal event");
            };
            let newest = self.checkpoints.last().map(|last| last.id.clone());
            assert_eq!(event.checkpoint, newest);
            RunStatus::Interrupted
        });
        assert_eq!(run.previous_status(), Some(previous));
        self.attempt += 1;
        self.named.clone_from(&self.named_then);
        run
    }

    fn check(&self, project: &Project, store: &Store, run: &RunHandle) {
        let id = run.id();
        assert_eq!(all_events(store, id), self.events);
        assert_eq!(store.checkpoints(id).unwrap(), self.checkpoints);
        let record = store.run(id).unwrap();
        assert_eq!(&record, run.record());
        assert_eq!(record.last_seq, self.events.len() as u64);
        assert_eq!(record.attempt, self.attempt);
        assert_eq!(record.status, self.ended.unwrap_or(RunStatus::Running));
        let terminal = self.events.iter().filter(|one| one.event.is_terminal());
        assert_eq!(
            terminal.count() as u32,
            self.attempt - u32::from(self.ended.is_none()),
            "one terminal event for each attempt"
        );
        let mut kept = std::collections::HashSet::new();
        let mut expect = |digest: &str, expected: Option<&Vec<u8>>| {
            let content = store.read_blob(digest).unwrap();
            assert!(expected.is_none_or(|expected| *expected == content));
            kept.insert(digest.to_owned());
        };
        for checkpoint in &self.checkpoints {
            expect(&checkpoint.state, None);
            expect(&checkpoint.progress, None);
        }
        let artifacts = store.artifacts(id).unwrap();
        assert_eq!(artifacts.len(), self.artifacts.len());
        for artifact in artifacts {
            expect(
                &artifact.digest,
                Some(&self.artifacts[artifact.name.as_str()]),
            );
        }
        let named = run.named_state("base").unwrap();
        assert_eq!(named.is_some(), self.named.is_some());
        if let Some(blob) = named {
            expect(&blob.digest, self.named.as_ref());
        }
        for digest in &kept {
            assert!(project.blob_files().contains(digest));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_sequence_of_calls_leaves_what_the_model_has(steps in proptest::collection::vec(step(), 1..30)) {
        let project = Project::new();
        let mut store = project.open();
        let mut run = Some(store.create_run(new_run()).unwrap());
        let id = run.as_ref().unwrap().id().clone();
        let mut model = Model { attempt: 1, ..Model::default() };
        for step in &steps {
            if let Step::Resume { .. } = step {
                drop(run.take());
                run = Some(model.resume(&project, &mut store, &id, step));
            }
            model.apply(run.as_mut().unwrap(), step);
            model.check(&project, &store, run.as_ref().unwrap());
        }
        // With the writer gone, a sweep leaves exactly what is referred to.
        drop(run);
        store = project.open();
        store.remove_run(&id).unwrap();
        prop_assert_eq!(project.blob_files(), [] as [String; 0]);
    }
}
