//! How runs begin, go on, are found dead and are removed.

use std::sync::Arc;

use arkor_types::{Event, Interrupted, RunId, RunRecord, RunStatus, Spec};
use jiff::Timestamp;
use rusqlite::params;

use super::{Durability, Store};
use crate::blob::Reservation;
use crate::id::Digest;
use crate::lock::Lock;
use crate::run::{append_events, encode_spec, undo_named_states};
use crate::{RunHandle, StoreError, id};

/// What a new run is.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRun {
    /// Name of the training job.
    pub name: String,
    /// What is trained.
    pub spec: Spec,
    /// Hash of the configuration.
    pub config: String,
    /// Digest of the trainer's component.
    pub component: String,
    /// The run this one continues, if any.
    pub parent: Option<RunId>,
}

impl Store {
    /// Makes a new run and becomes its writer.
    ///
    /// # Errors
    ///
    /// If the spec could not be read back, or the store cannot be written; [`StoreError::NoSuchRun`] if the
    /// parent has an id that no run has.
    pub fn create_run(&self, new: NewRun) -> Result<RunHandle, StoreError> {
        let spec = encode_spec(&new.spec).map_err(|error| StoreError::Io {
            action: "encode a spec for",
            path: self.shared.db_path.clone(),
            source: error.into(),
        })?;
        // A row that names such a run would pass for damage.
        if let Some(parent) = new.parent.as_ref().filter(|parent| !id::is_own(parent)) {
            return Err(StoreError::NoSuchRun {
                wanted: parent.to_string(),
                count: self.runs()?.len(),
            });
        }
        let mut reservation = Reservation::new(Arc::clone(&self.shared.blobs.quota));
        self.reserve(spec.len() as u64)?;
        reservation.add(spec.len() as u64);
        let _gate = self.gate()?;
        loop {
            let now = Timestamp::now();
            let id = id::run_id(now, id::draw()).map_err(|error| StoreError::Io {
                action: "draw an id for a run in",
                path: self.shared.db_path.clone(),
                source: std::io::Error::other(error),
            })?;
            let Some(lock) = self.lock_run(&id)? else {
                continue;
            };
            let inserted = self.write(Durability::Process, |tx| {
                tx.execute(
                    "INSERT INTO runs (id, name, status, created, updated, attempt, spec, config, \
                     component, parent) VALUES (?1, ?2, 'running', ?3, ?3, 1, ?4, ?5, ?6, ?7) \
                     ON CONFLICT (id) DO NOTHING",
                    params![
                        id.as_str(),
                        new.name,
                        now.to_string(),
                        spec,
                        new.config,
                        new.component,
                        new.parent.as_ref().map(RunId::as_str),
                    ],
                )
            })?;
            // Two runs of one moment can draw the same id; then the later one draws again.
            if inserted == 1 {
                reservation.keep();
                let record = self.run(&id)?;
                return Ok(RunHandle::new(self.with_own_reader()?, record, None, lock));
            }
        }
    }

    /// Becomes the writer of a run for another attempt at it, however the last one ended.
    ///
    /// # Errors
    ///
    /// [`StoreError::RunLive`] if it has a writer; [`StoreError::NoSuchRun`]; or if the store
    /// cannot be written.
    pub fn resume_run(&self, id: &RunId) -> Result<RunHandle, StoreError> {
        let (gate, lock) = self.lock_dead_run(id)?;
        // The lock is a writer's now, and what follows can take its time.
        drop(gate);
        let mut before = self.run(id)?;
        if before.status == RunStatus::Running {
            self.interrupt(&mut before)?;
        }
        let undone = self.write(Durability::Process, |tx| {
            // Content that the last attempt wrote and did not come to commit belongs to nobody.
            tx.execute("DELETE FROM pins WHERE run = ?1", [id.as_str()])?;
            let undone = undo_named_states(tx, id)?;
            tx.execute(
                "UPDATE runs SET status = 'running', attempt = attempt + 1, updated = ?2 \
                 WHERE id = ?1",
                params![id.as_str(), Timestamp::now().to_string()],
            )?;
            Ok(undone)
        })?;
        // The next sweep finds what cannot be removed now.
        let _ = self.remove_unreferenced(&digests(undone));
        let record = self.run(id)?;
        Ok(RunHandle::new(
            self.with_own_reader()?,
            record,
            Some(before.status),
            lock,
        ))
    }

    /// Finds runs that claim to be running and that nobody trains, gives each its terminal event
    /// and returns their ids.
    ///
    /// # Errors
    ///
    /// If the store cannot be read or written.
    pub fn mark_interrupted(&self) -> Result<Vec<RunId>, StoreError> {
        let is_running = |run: &RunRecord| run.status == RunStatus::Running;
        let mut marked = Vec::new();
        for run in self.runs()?.into_iter().filter(is_running) {
            // One at a time: others wait for the gate, and there can be many.
            let _gate = self.gate()?;
            let Some(lock) = self.lock_run(&run.id)? else {
                continue;
            };
            // It may have ended or been removed between the look and the lock.
            match self.run(&run.id) {
                Ok(mut run) if is_running(&run) => {
                    self.interrupt(&mut run)?;
                    marked.push(run.id);
                }
                Ok(_) => {}
                Err(StoreError::NoSuchRun { .. }) => {
                    drop(lock);
                    self.remove_lock(&run.id)?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(marked)
    }

    fn interrupt(&self, run: &mut RunRecord) -> Result<(), StoreError> {
        let checkpoint = self.latest_checkpoint(&run.id)?;
        let event = Event::Interrupted(Interrupted {
            step: run.step,
            checkpoint: checkpoint.map(|checkpoint| checkpoint.id),
        });
        append_events(self, run, vec![event], Durability::Process, |_, _| Ok(())).map(|_| ())
    }

    /// Takes the lock of a run that exists and has no writer.
    pub(super) fn lock_dead_run(&self, id: &RunId) -> Result<(Lock, Lock), StoreError> {
        let gate = self.gate()?;
        self.run(id)?;
        let lock = self.lock_run(id)?.ok_or_else(|| StoreError::RunLive {
            run: id.to_string(),
        })?;
        Ok((gate, lock))
    }
}

/// What else stood in the rows had no files.
fn digests(texts: Vec<String>) -> Vec<Digest> {
    texts
        .iter()
        .filter_map(|text| Digest::parse(text))
        .collect()
}
