//! What a run's events add up to: its numbers over time, and the code that handled its callbacks.

use std::collections::{BTreeMap, BTreeSet};

use arkor_store::{Store, StoreError};
use arkor_types::{Event, EventRecord, Fault, RunId};
use serde::Serialize;

use crate::downsample::largest_triangle;

/// Events that are read at once.
const PAGE: usize = 4096;

/// Most names of one answer: nobody looks at more, and a trainer can have any number of them.
const SERIES: usize = 200;

/// Most that are counted beyond these.
const COUNTED: usize = 10_000;

/// A number over the steps of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Series {
    /// `loss`, `eval_loss`, `learning_rate`, `grad_norm`, `tokens_per_second`, or a metric of the
    /// trainer's own after `metrics/`.
    name: String,
    /// How many points there are in the log.
    total: usize,
    /// Step and value, at most as many as were asked for.
    points: Vec<(f64, f64)>,
}

/// Visits all events of these kinds.
fn visit(
    store: &Store,
    run: &RunId,
    kinds: &[&str],
    mut see: impl FnMut(EventRecord),
) -> Result<(), StoreError> {
    let mut after = 0;
    loop {
        let page = store.events_of(run, kinds, after, PAGE)?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = last.seq;
        page.into_iter().for_each(&mut see);
    }
}

/// The series of a run, of the first names that it has, and how many names more there are, as far as they were
/// counted.
#[expect(clippy::cast_precision_loss, reason = "no run does 2^52 steps")]
pub(crate) fn series(
    store: &Store,
    run: &RunId,
    wanted: usize,
) -> Result<(Vec<Series>, usize), StoreError> {
    let mut all: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    let mut others: BTreeSet<[u8; 32]> = BTreeSet::new();
    let mut put = |name: String, step: u64, value: Option<f64>| {
        let Some(value) = value.filter(|value| value.is_finite()) else {
            return;
        };
        if all.len() >= SERIES && !all.contains_key(&name) {
            if others.len() < COUNTED {
                others.insert(*blake3::hash(name.as_bytes()).as_bytes());
            }
            return;
        }
        let points = all.entry(name).or_default();
        // An attempt that was cut off trained steps that a later one trained again.
        while points.last().is_some_and(|last| last.0 >= step as f64) {
            points.pop();
        }
        points.push((step as f64, value));
    };
    visit(store, run, &["log", "evaluation"], |record| {
        match record.event {
            Event::Log(log) => {
                put("loss".into(), log.step, log.loss);
                put("learning_rate".into(), log.step, log.learning_rate);
                put("grad_norm".into(), log.step, log.grad_norm);
                put("tokens_per_second".into(), log.step, log.tokens_per_second);
                for metric in log.metrics {
                    put(
                        format!("metrics/{}", metric.name.as_str()),
                        log.step,
                        Some(metric.value),
                    );
                }
            }
            Event::Evaluation(evaluation) => {
                put("eval_loss".into(), evaluation.step, evaluation.loss);
                for metric in evaluation.metrics {
                    put(
                        format!("eval/{}", metric.name.as_str()),
                        evaluation.step,
                        Some(metric.value),
                    );
                }
            }
            _ => {}
        }
    })?;
    let thin = |(name, points): (String, Vec<(f64, f64)>)| Series {
        name,
        total: points.len(),
        points: largest_triangle(&points, wanted),
    };
    Ok((all.into_iter().map(thin).collect(), others.len()))
}

/// What became of new code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    /// It handles the callbacks.
    Active,
    /// Newer code took its place.
    Replaced,
    /// It failed at its first events.
    RolledBack,
    /// It was not taken.
    Rejected,
}

/// A callback instance of a run, or one that did not become one.
#[derive(Debug, Serialize)]
pub(crate) struct Generation {
    /// None if it was not taken.
    generation: Option<u32>,
    component: String,
    outcome: Outcome,
    /// Number and step of the event that tells of it.
    seq: u64,
    step: u64,
    time: jiff::Timestamp,
    /// Bytes of memory carried over.
    state_size: Option<u64>,
    load_ms: Option<f64>,
    start_ms: Option<f64>,
    state_ms: Option<f64>,
    wait_ms: Option<f64>,
    fault: Option<Fault>,
}

pub(crate) fn generations(store: &Store, run: &RunId) -> Result<Vec<Generation>, StoreError> {
    let mut all: Vec<Generation> = Vec::new();
    let kinds = ["started", "swapped", "swap-rejected", "rolled-back"];
    visit(store, run, &kinds, |record| {
        let new = |generation, component, outcome, step| Generation {
            generation,
            component,
            outcome,
            seq: record.seq,
            step,
            time: record.time,
            state_size: None,
            load_ms: None,
            start_ms: None,
            state_ms: None,
            wait_ms: None,
            fault: None,
        };
        let mut became = |outcome| {
            let active = all.iter_mut().find(|one| one.outcome == Outcome::Active);
            if let Some(active) = active {
                active.outcome = outcome;
            }
        };
        match record.event {
            Event::Started(event) => {
                became(Outcome::Replaced);
                let (generation, step) = (Some(event.generation), event.step);
                all.push(new(generation, event.component, Outcome::Active, step));
            }
            Event::Swapped(event) => {
                became(Outcome::Replaced);
                let generation = Some(event.generation);
                all.push(Generation {
                    state_size: event.state_size,
                    load_ms: Some(event.load_ms),
                    start_ms: Some(event.start_ms),
                    state_ms: Some(event.state_ms),
                    wait_ms: Some(event.wait_ms),
                    ..new(generation, event.component, Outcome::Active, event.step)
                });
            }
            Event::SwapRejected(event) => all.push(Generation {
                fault: Some(event.fault),
                ..new(None, event.component, Outcome::Rejected, event.step)
            }),
            Event::RolledBack(event) => {
                for one in all.iter_mut().rev() {
                    if one.generation == Some(event.failed) {
                        one.outcome = Outcome::RolledBack;
                        one.fault = Some(event.fault);
                        break;
                    }
                }
                let back = all
                    .iter_mut()
                    .rev()
                    .find(|one| one.generation == Some(event.generation));
                if let Some(back) = back {
                    back.outcome = Outcome::Active;
                }
            }
            _ => {}
        }
    })?;
    Ok(all)
}
