//! The writer of one run.

use std::sync::Arc;

use arkor_types::{
    CheckpointRecord, CheckpointWritten, Event, EventRecord, Metric, RunId, RunRecord, RunStatus,
    Spec,
};
use rusqlite::{OptionalExtension, Transaction, params};

use crate::blob::{Blob, BlobWriter};
use crate::id::Digest;
use crate::lock::Lock;
use crate::store::Durability;
use crate::tail::{Line, Tail};
use crate::{Store, StoreError, id};

mod append;
mod artifact;
mod prune;

pub(crate) use append::append_events;

/// Appends to one run and holds its lock. There is at most one at a time, in all processes.
///
/// Dropped before a terminal event was appended, it leaves a run that
/// [`Store::mark_interrupted`] finds.
#[derive(Debug)]
pub struct RunHandle {
    store: Store,
    record: RunRecord,
    previous: Option<RunStatus>,
    ended: bool,
    lock: Arc<Lock>,
    tail: Arc<Tail>,
}

/// A checkpoint whose content is written and which is about to count.
#[derive(Debug, Clone, PartialEq)]
pub struct NewCheckpoint {
    /// Optimizer steps finished.
    pub step: u64,
    /// The evaluation loss of its weights. One that is not finite is as good as none.
    pub eval_loss: Option<f64>,
    /// What it is compared by. One that is not finite is as good as none.
    pub score: Option<Metric>,
    /// What else was measured of its weights.
    pub metrics: Vec<Metric>,
    /// The engine's state.
    pub state: Blob,
    /// The rest: position and guest state.
    pub progress: Blob,
}

impl RunHandle {
    pub(crate) fn new(
        store: Store,
        record: RunRecord,
        previous: Option<RunStatus>,
        lock: Lock,
    ) -> Self {
        Self {
            store,
            record,
            previous,
            ended: false,
            lock: Arc::new(lock),
            tail: Arc::default(),
        }
    }

    /// The run's id.
    pub fn id(&self) -> &RunId {
        &self.record.id
    }

    /// The run as of the last event.
    pub fn record(&self) -> &RunRecord {
        &self.record
    }

    /// The store it belongs to.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The newest events of this attempt.
    pub fn tail(&self) -> Arc<Tail> {
        Arc::clone(&self.tail)
    }

    /// How the attempt before this one ended; none for a new run.
    pub fn previous_status(&self) -> Option<RunStatus> {
        self.previous
    }

    /// Number of the last event; 0 if there is none.
    pub fn last_seq(&self) -> u64 {
        self.record.last_seq
    }

    /// Whether the terminal event of this attempt is written.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Appends an event and gives it the next number.
    ///
    /// # Errors
    ///
    /// [`StoreError::Ended`] after a terminal event; [`StoreError::Unstorable`] if it could not be
    /// read back; [`StoreError::Full`] and others if it cannot be written. Nothing is appended
    /// then, and the next event may be.
    pub fn append(&mut self, event: Event) -> Result<EventRecord, StoreError> {
        self.append_with(event, Durability::Process, |_, _| Ok(()))
    }

    /// Appends several events in one transaction: all or none. A terminal one can only be the
    /// last.
    ///
    /// # Errors
    ///
    /// As [`Self::append`].
    pub fn append_all(&mut self, events: Vec<Event>) -> Result<Vec<EventRecord>, StoreError> {
        self.append_all_with(events, Durability::Process, |_, _| Ok(()))
    }

    fn append_with(
        &mut self,
        event: Event,
        durability: Durability,
        also: impl FnOnce(&Transaction<'_>, &EventRecord) -> rusqlite::Result<()>,
    ) -> Result<EventRecord, StoreError> {
        let mut records = self.append_all_with(vec![event], durability, also)?;
        records.pop().ok_or_else(|| self.ended_error())
    }

    fn append_all_with(
        &mut self,
        events: Vec<Event>,
        durability: Durability,
        also: impl FnOnce(&Transaction<'_>, &EventRecord) -> rusqlite::Result<()>,
    ) -> Result<Vec<EventRecord>, StoreError> {
        let terminal = events.iter().position(Event::is_terminal);
        if self.ended || terminal.is_some_and(|at| at + 1 < events.len()) {
            return Err(self.ended_error());
        }
        let appended = append_events(&self.store, &mut self.record, events, durability, also)?;
        self.ended = terminal.is_some();
        let mut records = Vec::with_capacity(appended.len());
        for (record, body) in appended {
            self.tail.push(Line::stored(record.clone(), &body));
            records.push(record);
        }
        Ok(records)
    }

    fn ended_error(&self) -> StoreError {
        StoreError::Ended {
            run: self.record.id.to_string(),
        }
    }

    /// Begins content that will belong to this run. Can be written on any thread.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn begin_blob(&self) -> Result<BlobWriter, StoreError> {
        if self.store.shared.blobs.quota.is_stale() {
            self.store.measure()?;
        }
        BlobWriter::new(
            self.store.clone(),
            self.record.id.clone(),
            Arc::clone(&self.lock),
        )
    }

    /// Makes a checkpoint count: its row and its event, in one transaction, safe from a loss of
    /// power too.
    ///
    /// # Errors
    ///
    /// As [`Self::append`]; [`StoreError::Corrupt`] if the content is not in the store.
    pub fn commit_checkpoint(
        &mut self,
        new: NewCheckpoint,
    ) -> Result<(EventRecord, CheckpointRecord), StoreError> {
        let eval_loss = new.eval_loss.filter(|loss| loss.is_finite());
        let score = new.score.filter(|score| score.value.is_finite());
        let score_value = score.as_ref().map(|score| score.value);
        let size = new.state.size + new.progress.size;
        let seq = self.last_seq() + 1;
        let id = id::checkpoint_id(self.id(), new.step, seq);
        let event = Event::Checkpoint(CheckpointWritten {
            step: new.step,
            id: id.clone(),
            size,
            eval_loss,
            score,
            metrics: new.metrics,
        });
        let run = self.id().clone();
        for blob in [&new.state, &new.progress] {
            self.store.shared.blobs.expect(blob)?;
        }
        let record = self.append_with(event, Durability::Power, |tx, record| {
            tx.prepare_cached(
                "INSERT INTO checkpoints (id, run, step, created, seq, state, progress, size, \
                 eval_loss, score) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            .execute(params![
                id,
                run.as_str(),
                new.step,
                record.time.to_string(),
                record.seq,
                new.state.digest,
                new.progress.digest,
                size,
                eval_loss,
                score_value,
            ])?;
            unpin(tx, &run, &new.state)?;
            unpin(tx, &run, &new.progress)
        })?;
        let checkpoint = CheckpointRecord {
            id,
            run: run.clone(),
            step: new.step,
            created: record.time,
            seq,
            state: new.state.digest.clone(),
            progress: new.progress.digest.clone(),
            size,
            eval_loss,
            score: score_value,
        };
        Ok((record, checkpoint))
    }

    /// From here on the run has this spec: an attempt may have another length than the one before.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn set_spec(&mut self, spec: &Spec) -> Result<(), StoreError> {
        let run = self.id().clone();
        let text =
            encode_spec(spec).map_err(|error| unstorable(&run, "spec", error.to_string()))?;
        self.store.write(Durability::Process, |tx| {
            tx.execute(
                "UPDATE runs SET spec = ?2 WHERE id = ?1",
                params![run.as_str(), text],
            )?;
            Ok(())
        })?;
        self.record.spec = spec.clone();
        Ok(())
    }

    /// Notes what was measured of a checkpoint's weights after it was written. What is not given stays as it
    /// is.
    ///
    /// # Errors
    ///
    /// If the store cannot be written.
    pub fn score_checkpoint(
        &mut self,
        id: &str,
        eval_loss: Option<f64>,
        score: Option<f64>,
    ) -> Result<(), StoreError> {
        let run = self.id().clone();
        self.store.write(Durability::Process, |tx| {
            tx.execute(
                "UPDATE checkpoints SET eval_loss = coalesce(?3, eval_loss), \
                 score = coalesce(?4, score) WHERE id = ?1 AND run = ?2",
                params![id, run.as_str(), eval_loss, score],
            )?;
            Ok(())
        })
    }

    /// Keeps content under a name of the run, in place of what the name stood for. What it stood
    /// for at the newest checkpoint is kept besides, for [`crate::Store::resume_run`].
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] if the content is not in the store; or if it cannot be written.
    pub fn put_named_state(&mut self, name: &str, blob: Blob) -> Result<(), StoreError> {
        self.store.shared.blobs.expect(&blob)?;
        let run = self.id();
        let seq = self.last_seq();
        let old = self.store.write(Durability::Power, |tx| {
            let old = take_named_states(tx, run, name)?;
            tx.execute(
                "INSERT OR REPLACE INTO named_states (run, name, seq, digest, size) \
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![run.as_str(), name, seq, blob.digest, blob.size],
            )?;
            unpin(tx, run, &blob)?;
            Ok(old)
        })?;
        for old in old {
            self.remove_replaced(Some(old), &blob);
        }
        Ok(())
    }

    /// What a name of the run stands for.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn named_state(&self, name: &str) -> Result<Option<Blob>, StoreError> {
        self.store.read(|db| named_state(db, self.id(), name))
    }

    /// The names of the run that stand for something, in their order.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn named_states(&self) -> Result<Vec<String>, StoreError> {
        self.store.read(|db| {
            let mut names = db.prepare_cached(
                "SELECT DISTINCT name FROM named_states WHERE run = ?1 ORDER BY name",
            )?;
            let names = names.query_map([self.id().as_str()], |row| row.get(0))?;
            names.collect()
        })
    }

    /// Goes back to what each name stood for at the newest checkpoint, as [`crate::Store::resume_run`] does.
    ///
    /// # Errors
    ///
    /// If the store cannot be written.
    pub fn undo_named_states(&mut self) -> Result<(), StoreError> {
        let run = self.id();
        let undone = self
            .store
            .write(Durability::Process, |tx| undo_named_states(tx, run))?;
        let digests: Vec<Digest> = undone
            .iter()
            .filter_map(|text| Digest::parse(text))
            .collect();
        // The next sweep finds what cannot be removed now.
        let _ = self.store.remove_unreferenced(&digests);
        Ok(())
    }

    /// What is new is written and acknowledged. That the old stays until the next sweep if this
    /// fails is no reason to call it a failure.
    fn remove_replaced(&self, old: Option<String>, new: &Blob) {
        let old = old.filter(|old| *old != new.digest);
        if let Some(old) = old.as_deref().and_then(Digest::parse) {
            let _ = self.store.remove_unreferenced(&[old]);
        }
    }
}

/// The spec as text that can be read back.
pub(crate) fn encode_spec(spec: &Spec) -> Result<String, serde_json::Error> {
    let text = serde_json::to_string(spec)?;
    serde_json::from_str::<Spec>(&text)?;
    Ok(text)
}

fn unstorable(run: &RunId, kind: &'static str, what: String) -> StoreError {
    StoreError::Unstorable {
        run: run.to_string(),
        kind,
        what,
    }
}

/// A row refers to the content now; see `blob`.
fn unpin(tx: &Transaction<'_>, run: &RunId, blob: &Blob) -> rusqlite::Result<()> {
    let key = [run.as_str(), &blob.digest];
    tx.prepare_cached("UPDATE pins SET count = count - 1 WHERE run = ?1 AND digest = ?2")?
        .execute(key)?;
    tx.prepare_cached("DELETE FROM pins WHERE run = ?1 AND digest = ?2 AND count <= 0")?
        .execute(key)?;
    Ok(())
}

/// Removes what a name stood for, but for the newest checkpoint, and returns the digests.
fn take_named_states(
    tx: &Transaction<'_>,
    run: &RunId,
    name: &str,
) -> rusqlite::Result<Vec<String>> {
    tx.prepare_cached(
        "DELETE FROM named_states WHERE run = ?1 AND name = ?2 AND seq IS NOT ( \
             SELECT max(seq) FROM named_states WHERE run = ?1 AND name = ?2 AND seq < ( \
                 SELECT max(seq) FROM checkpoints WHERE run = ?1)) \
         RETURNING digest",
    )?
    .query_map([run.as_str(), name], |row| row.get(0))?
    .collect()
}

/// Of each named state the one that the newest checkpoint knew stays: later ones are of a future that is
/// undone. Returns the digests of those.
pub(crate) fn undo_named_states(
    tx: &Transaction<'_>,
    run: &RunId,
) -> rusqlite::Result<Vec<String>> {
    tx.prepare(
        "DELETE FROM named_states AS old WHERE run = ?1 AND seq IS NOT ( \
             SELECT max(seq) FROM named_states AS kept \
             WHERE kept.run = ?1 AND kept.name = old.name AND kept.seq < ( \
                 SELECT max(seq) FROM checkpoints WHERE run = ?1)) \
         RETURNING digest",
    )?
    .query_map([run.as_str()], |row| row.get(0))?
    .collect()
}

fn named_state(
    db: &rusqlite::Connection,
    run: &RunId,
    name: &str,
) -> rusqlite::Result<Option<Blob>> {
    db.query_row(
        "SELECT digest, size FROM named_states WHERE run = ?1 AND name = ?2 \
         ORDER BY seq DESC LIMIT 1",
        [run.as_str(), name],
        |row| {
            Ok(Blob {
                digest: row.get(0)?,
                size: row.get(1)?,
            })
        },
    )
    .optional()
}
