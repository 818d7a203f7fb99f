//! The writer of one run.

use arkor_types::{
    ArtifactRecord, ArtifactWritten, CheckpointRecord, CheckpointWritten, Event, EventRecord,
    RunId, RunRecord, RunStatus,
};
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, TransactionBehavior, params};

use crate::blob::{Blob, BlobWriter};
use crate::lock::Lock;
use crate::store::to_json;
use crate::{Store, StoreError, id, query};

/// Appends to one run and holds its lock. There is at most one at a time, in all processes.
#[derive(Debug)]
pub struct RunHandle {
    store: Store,
    record: RunRecord,
    previous: Option<RunStatus>,
    ended: bool,
    _lock: Lock,
    _store_lock: Option<Lock>,
}

/// A checkpoint whose content is written and which is about to count.
#[derive(Debug, Clone)]
pub struct NewCheckpoint {
    /// Optimizer steps finished.
    pub step: u64,
    /// The evaluation loss it is judged by.
    pub eval_loss: Option<f64>,
    /// The engine's state.
    pub state: Blob,
    /// The rest: position and guest state.
    pub progress: Blob,
}

/// Appends events after `last_seq` and brings the run's row up to date, with whatever `also` adds,
/// in one transaction.
pub(crate) fn append(
    store: &Store,
    run: &RunId,
    last_seq: u64,
    events: Vec<Event>,
    also: impl FnOnce(&Transaction<'_>, &EventRecord) -> rusqlite::Result<()>,
) -> Result<Vec<EventRecord>, StoreError> {
    let time = Timestamp::now();
    let mut records = Vec::with_capacity(events.len());
    let mut bodies = Vec::with_capacity(events.len());
    for (seq, event) in (last_seq + 1..).zip(events) {
        bodies.push(to_json(&event, &store.shared.db_path)?);
        records.push(EventRecord {
            seq,
            run: run.clone(),
            time,
            event,
        });
    }
    store
        .shared
        .blobs
        .reserve(bodies.iter().map(|body| body.len() as u64).sum())?;
    let mut db = store.db();
    let write = || -> rusqlite::Result<()> {
        let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for (record, body) in records.iter().zip(&bodies) {
            tx.prepare_cached("INSERT INTO events (run, seq, time, body) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![run.as_str(), record.seq, time.to_string(), body])?;
            update_run(&tx, record)?;
        }
        if let Some(record) = records.last() {
            also(&tx, record)?;
        }
        tx.commit()
    };
    // A closure borrows the connection mutably, so it is called once and its error mapped here.
    let mut write = Some(write);
    write
        .take()
        .map_or(Ok(()), |write| write())
        .map_err(|source| StoreError::database(&store.shared.db_path, source))?;
    Ok(records)
}

fn update_run(tx: &Transaction<'_>, record: &EventRecord) -> rusqlite::Result<()> {
    let (step, loss, eval_loss) = match &record.event {
        Event::Started(event) => (Some(event.step), None, None),
        Event::Log(event) => (Some(event.step), event.loss, None),
        Event::Evaluation(event) => (Some(event.step), None, Some(event.loss)),
        Event::Checkpoint(event) => (Some(event.step), None, None),
        Event::Completed(event) | Event::Stopped(event) => {
            (Some(event.step), event.loss, event.eval_loss)
        }
        Event::Failed(event) => (Some(event.step), None, None),
        _ => (None, None, None),
    };
    let status = match &record.event {
        Event::Completed(_) => RunStatus::Completed,
        Event::Stopped(_) => RunStatus::Stopped,
        Event::Failed(_) => RunStatus::Failed,
        Event::Interrupted(_) => RunStatus::Interrupted,
        _ => RunStatus::Running,
    };
    tx.prepare_cached(
        "UPDATE runs SET last_seq = ?2, updated = ?3, status = ?4, step = coalesce(?5, step), \
         loss = coalesce(?6, loss), eval_loss = coalesce(?7, eval_loss) WHERE id = ?1",
    )?
    .execute(params![
        record.run.as_str(),
        record.seq,
        record.time.to_string(),
        status.name(),
        step,
        loss,
        eval_loss,
    ])?;
    Ok(())
}

impl RunHandle {
    pub(crate) fn new(
        store: Store,
        record: RunRecord,
        previous: Option<RunStatus>,
        lock: Lock,
        store_lock: Option<Lock>,
    ) -> Self {
        Self {
            store,
            record,
            previous,
            ended: false,
            _lock: lock,
            _store_lock: store_lock,
        }
    }

    /// The run's id.
    pub fn id(&self) -> &RunId {
        &self.record.id
    }

    /// The run as it was when this attempt began.
    pub fn record(&self) -> &RunRecord {
        &self.record
    }

    /// The store it belongs to.
    pub fn store(&self) -> &Store {
        &self.store
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
    /// [`StoreError::Ended`] after a terminal event; otherwise if it cannot be written.
    pub fn append(&mut self, event: Event) -> Result<EventRecord, StoreError> {
        self.append_with(event, |_, _| Ok(()))
    }

    fn append_with(
        &mut self,
        event: Event,
        also: impl FnOnce(&Transaction<'_>, &EventRecord) -> rusqlite::Result<()>,
    ) -> Result<EventRecord, StoreError> {
        let ended = || StoreError::Ended {
            run: self.record.id.to_string(),
        };
        if self.ended {
            return Err(ended());
        }
        let terminal = event.is_terminal();
        let last_seq = self.record.last_seq;
        let mut records = append(&self.store, &self.record.id, last_seq, vec![event], also)?;
        let record = records.pop().ok_or_else(ended)?;
        self.record.last_seq = record.seq;
        self.ended = terminal;
        Ok(record)
    }

    /// Begins content that will belong to this run. Can be written on any thread.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn begin_blob(&self) -> Result<BlobWriter, StoreError> {
        self.store.shared.blobs.begin()
    }

    /// Makes a checkpoint count: its row and its event, in one transaction.
    ///
    /// # Errors
    ///
    /// As [`Self::append`].
    pub fn commit_checkpoint(
        &mut self,
        new: &NewCheckpoint,
    ) -> Result<(EventRecord, CheckpointRecord), StoreError> {
        let seq = self.record.last_seq + 1;
        let id = id::checkpoint_id(&self.record.id, new.step, seq);
        let size = new.state.size + new.progress.size;
        let event = Event::Checkpoint(CheckpointWritten {
            step: new.step,
            id: id.clone(),
            size,
            eval_loss: new.eval_loss,
        });
        let record = self.append_with(event, |tx, record| {
            tx.prepare_cached(
                "INSERT INTO checkpoints (id, run, step, created, seq, state, progress, size, \
                 eval_loss) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                id,
                record.run.as_str(),
                new.step,
                record.time.to_string(),
                record.seq,
                new.state.digest,
                new.progress.digest,
                size,
                new.eval_loss,
            ])?;
            Ok(())
        })?;
        let checkpoint = CheckpointRecord {
            id,
            run: self.record.id.clone(),
            step: new.step,
            created: record.time,
            seq: record.seq,
            state: new.state.digest.clone(),
            progress: new.progress.digest.clone(),
            size,
            eval_loss: new.eval_loss,
        };
        Ok((record, checkpoint))
    }

    /// Writes a file of the run and its event. A name written again stands for the new content.
    ///
    /// # Errors
    ///
    /// As [`Self::append`].
    pub fn write_artifact(
        &mut self,
        step: u64,
        name: &str,
        content: &[u8],
    ) -> Result<(EventRecord, ArtifactRecord), StoreError> {
        let blob = self.store.put_blob(content)?;
        let event = Event::Artifact(ArtifactWritten {
            step,
            name: name.into(),
            size: blob.size,
            digest: blob.digest.clone(),
        });
        let record =
            self.append_with(event, |tx, record| {
                tx.prepare_cached(
                "INSERT OR REPLACE INTO artifacts (run, name, size, digest, seq) VALUES (?1, ?2, \
                 ?3, ?4, ?5)",
            )?
            .execute(params![record.run.as_str(), name, blob.size, blob.digest, record.seq])?;
                Ok(())
            })?;
        let artifact = ArtifactRecord {
            name: name.into(),
            size: blob.size,
            digest: blob.digest,
            seq: record.seq,
        };
        Ok((record, artifact))
    }

    /// Keeps content under a name of the run, in place of what the name stood for.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn put_named_state(&mut self, name: &str, blob: &Blob) -> Result<(), StoreError> {
        let old = self.named_state(name)?;
        self.store
            .db()
            .execute(
                "INSERT OR REPLACE INTO named_states (run, name, digest, size) VALUES (?1, ?2, ?3, \
                 ?4)",
                params![self.record.id.as_str(), name, blob.digest, blob.size],
            )
            .map_err(|source| self.store.failed(source))?;
        if let Some(old) = old {
            self.store.remove_unreferenced(&[old.digest])?;
        }
        Ok(())
    }

    /// What a name of the run stands for.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn named_state(&self, name: &str) -> Result<Option<Blob>, StoreError> {
        self.store
            .db()
            .query_row(
                "SELECT digest, size FROM named_states WHERE run = ?1 AND name = ?2",
                params![self.record.id.as_str(), name],
                |row| {
                    Ok(Blob {
                        digest: row.get(0)?,
                        size: row.get(1)?,
                    })
                },
            )
            .optional()
            .map_err(|source| self.store.failed(source))
    }

    /// Removes the oldest checkpoints until `save_total_limit` are left (0: removes none). The one
    /// with the lowest evaluation loss and the newest always stay.
    ///
    /// # Errors
    ///
    /// If the store cannot be written.
    pub fn prune(&mut self, save_total_limit: u32) -> Result<Vec<CheckpointRecord>, StoreError> {
        let limit = usize::try_from(save_total_limit).unwrap_or(usize::MAX);
        let all = query::checkpoints(&self.store.db(), &self.store.shared.db_path, self.id())?;
        let excess = all.len().saturating_sub(limit);
        if limit == 0 || excess == 0 {
            return Ok(Vec::new());
        }
        // Of equal losses the newest counts: it has seen more.
        let best = all
            .iter()
            .filter_map(|checkpoint| checkpoint.eval_loss.map(|loss| (loss, checkpoint)))
            .rev()
            .min_by(|(a, _), (b, _)| a.total_cmp(b))
            .map(|(_, checkpoint)| checkpoint.id.clone());
        let newest = all.last().map(|checkpoint| checkpoint.id.clone());
        let removed: Vec<CheckpointRecord> = all
            .into_iter()
            .filter(|one| Some(&one.id) != best.as_ref() && Some(&one.id) != newest.as_ref())
            .take(excess)
            .collect();
        {
            let mut db = self.store.db();
            let delete = |tx: Transaction<'_>| -> rusqlite::Result<()> {
                for checkpoint in &removed {
                    tx.execute("DELETE FROM checkpoints WHERE id = ?1", [&checkpoint.id])?;
                }
                tx.commit()
            };
            db.transaction_with_behavior(TransactionBehavior::Immediate)
                .and_then(delete)
                .map_err(|source| self.store.failed(source))?;
        }
        // Rows first: a row without its file would be a checkpoint that cannot be resumed from; a
        // file without its row is swept later.
        let digests: Vec<String> = removed
            .iter()
            .flat_map(|checkpoint| [checkpoint.state.clone(), checkpoint.progress.clone()])
            .collect();
        self.store.remove_unreferenced(&digests)?;
        Ok(removed)
    }
}
