//! One transaction for events and the facts they tell of.

use std::sync::Arc;

use arkor_types::{Event, EventRecord, RunRecord, RunStatus};
use jiff::Timestamp;
use rusqlite::{Transaction, params};

use crate::blob::Reservation;
use crate::store::Durability;
use crate::{Store, StoreError, query};

use super::unstorable;

/// Appends events to the log of the run that `run` describes and brings its row up to date, with
/// whatever `also` adds, in one transaction. `run` changes only if that succeeds. Returns the records with
/// their JSON as it is stored.
pub(crate) fn append_events(
    store: &Store,
    run: &mut RunRecord,
    events: Vec<Event>,
    durability: Durability,
    also: impl FnOnce(&Transaction<'_>, &EventRecord) -> rusqlite::Result<()>,
) -> Result<Vec<(EventRecord, String)>, StoreError> {
    let time = Timestamp::now();
    let mut after = run.clone();
    let mut records = Vec::with_capacity(events.len());
    let mut bodies = Vec::with_capacity(events.len());
    for event in events {
        bodies.push(encode(run, &event)?);
        let record = EventRecord {
            seq: after.last_seq + 1,
            run: run.id.clone(),
            time,
            event,
        };
        apply(&mut after, &record);
        records.push(record);
    }
    let Some(last) = records.last() else {
        return Ok(Vec::new());
    };
    // A row with a larger number would pass for damage, and the run with it.
    if after.step > query::MOST {
        let what = format!(
            "its step is {}, and {} is the last",
            after.step,
            query::MOST
        );
        return Err(unstorable(&run.id, last.event.kind(), what));
    }
    // What is written to a database that was removed is lost, and nobody is told.
    if !store.shared.db_path.exists() {
        return Err(StoreError::Gone {
            path: store.shared.dir.clone(),
        });
    }
    // A run that met the limit must still be able to say so.
    let mut reservation = Reservation::new(Arc::clone(&store.shared.blobs.quota));
    if !last.event.is_terminal() && !matches!(last.event, Event::Ending(_)) {
        let bytes = bodies.iter().map(|body| body.len() as u64).sum();
        store.reserve(bytes)?;
        reservation.add(bytes);
    }
    let time = time.to_string();
    store.write(durability, |tx| {
        let mut insert =
            tx.prepare_cached("INSERT INTO events (run, seq, time, body) VALUES (?1, ?2, ?3, ?4)")?;
        for (record, body) in records.iter().zip(&bodies) {
            insert.execute(params![run.id.as_str(), record.seq, time, body])?;
        }
        let changed = tx
            .prepare_cached(
                "UPDATE runs SET last_seq = ?3, updated = ?4, status = ?5, step = ?6, loss = ?7, \
                 eval_loss = ?8 WHERE id = ?1 AND last_seq = ?2",
            )?
            .execute(params![
                run.id.as_str(),
                run.last_seq,
                after.last_seq,
                time,
                after.status.name(),
                after.step,
                after.loss,
                after.eval_loss,
            ])?;
        if changed != 1 {
            // Someone else wrote in spite of the lock, on a file system without locks for one.
            return Err(rusqlite::Error::StatementChangedRows(changed));
        }
        also(tx, last)
    })?;
    reservation.keep();
    *run = after;
    Ok(records.into_iter().zip(bodies).collect())
}

/// The event as text that can be read back: JSON has no word for NaN or infinity, and a log that
/// holds `null` in the place of a number would be unreadable for ever.
fn encode(run: &RunRecord, event: &Event) -> Result<String, StoreError> {
    let unstorable =
        |error: serde_json::Error| unstorable(&run.id, event.kind(), error.to_string());
    let body = serde_json::to_string(event).map_err(unstorable)?;
    serde_json::from_str::<Event>(&body).map_err(unstorable)?;
    Ok(body)
}

/// What an event means for the run's row.
fn apply(run: &mut RunRecord, record: &EventRecord) {
    run.last_seq = record.seq;
    run.updated = record.time;
    run.step = match &record.event {
        // A resumed run goes back to its checkpoint, and so does one whose new loop failed.
        Event::Started(_)
        | Event::Log(_)
        | Event::Evaluation(_)
        | Event::Checkpoint(_)
        | Event::Ending(_)
        | Event::Completed(_)
        | Event::Stopped(_)
        | Event::Failed(_)
        | Event::Interrupted(_) => step(&record.event),
        // A message about an event of some time ago does not.
        event => run.step.max(step(event)),
    };
    let (loss, eval_loss) = match &record.event {
        Event::Log(event) => (event.loss, None),
        Event::Evaluation(event) => (None, event.loss),
        Event::Completed(event) | Event::Stopped(event) => (event.loss, event.eval_loss),
        _ => (None, None),
    };
    let finite = |value: &f64| value.is_finite();
    run.loss = loss.filter(finite).or(run.loss);
    run.eval_loss = eval_loss.filter(finite).or(run.eval_loss);
    run.status = match &record.event {
        Event::Completed(_) => RunStatus::Completed,
        Event::Stopped(_) => RunStatus::Stopped,
        Event::Failed(_) => RunStatus::Failed,
        Event::Interrupted(_) => RunStatus::Interrupted,
        _ => RunStatus::Running,
    };
}

fn step(event: &Event) -> u64 {
    match event {
        Event::Started(event) => event.step,
        Event::Log(event) => event.step,
        Event::Evaluation(event) => event.step,
        Event::Checkpoint(event) => event.step,
        Event::Artifact(event) => event.step,
        Event::Message(event) => event.step,
        Event::Action(event) => event.step,
        Event::CallbackFailed(event) => event.step,
        Event::Swapped(event) => event.step,
        Event::SwapRejected(event) => event.step,
        Event::RolledBack(event) => event.step,
        Event::Paused(event) | Event::Continued(event) => event.step,
        Event::Ending(event) => event.step,
        Event::Completed(event) | Event::Stopped(event) => event.step,
        Event::Failed(event) => event.step,
        Event::Interrupted(event) => event.step,
        Event::Unknown(event) => event.step(),
    }
}
