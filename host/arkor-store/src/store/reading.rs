//! Everything that only reads.

use std::path::PathBuf;

use arkor_types::{ArtifactRecord, CheckpointRecord, EventRecord, RunId, RunRecord};

use rusqlite::Connection;

use super::Store;
use crate::query::Found;
use crate::{StoreError, query};

impl Store {
    /// All runs, the newest first. Damaged rows are passed over here and below, see
    /// [`Self::take_damage`].
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn runs(&self) -> Result<Vec<RunRecord>, StoreError> {
        self.good(query::runs)
    }

    fn good<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<Found<T>>,
    ) -> Result<Vec<T>, StoreError> {
        let found = self.read(work)?;
        self.shared.damage.note(found.damaged);
        Ok(found.rows)
    }

    /// One run.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSuchRun`], or if the store cannot be read.
    pub fn run(&self, id: &RunId) -> Result<RunRecord, StoreError> {
        if let Some(run) = self.read(|db| query::run(db, id))? {
            return Ok(run);
        }
        Err(StoreError::NoSuchRun {
            wanted: id.to_string(),
            count: self.runs()?.len(),
        })
    }

    /// A run by its id, by the beginning or the end of its id if no other has it, or `latest`: the one
    /// created last, dry runs left aside if there are others.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSuchRun`] or [`StoreError::Ambiguous`], or if the store cannot be read.
    pub fn find_run(&self, wanted: &str) -> Result<RunRecord, StoreError> {
        // A whole id needs no other run.
        if let Ok(id) = RunId::new(wanted)
            && let Ok(Some(run)) = self.read(|db| query::run(db, &id))
        {
            return Ok(run);
        }
        let mut runs = self.runs()?;
        let count = runs.len();
        let none = || StoreError::NoSuchRun {
            wanted: wanted.into(),
            count,
        };
        if wanted == "latest" {
            // One that trained nothing is not what anybody wants to go on with, or to look at.
            let trained = runs.iter().position(|run| !run.spec.dry_run).unwrap_or(0);
            return runs.into_iter().nth(trained).ok_or_else(none);
        }
        // The beginning is a time, and what tells two of a day apart is the end.
        let is_it = |id: &str| id.starts_with(wanted) || id.ends_with(wanted);
        runs.retain(|run| !wanted.is_empty() && is_it(run.id.as_str()));
        if runs.len() > 1 {
            return Err(StoreError::Ambiguous {
                wanted: wanted.into(),
                candidates: runs.iter().map(|run| run.id.to_string()).collect(),
            });
        }
        runs.pop().ok_or_else(none)
    }

    /// Up to `limit` events of a run whose number is greater than `after`, in order. Empty for a
    /// run that does not exist.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn events(
        &self,
        run: &RunId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<EventRecord>, StoreError> {
        self.good(|db| query::events(db, run, after, limit))
    }

    /// The same, but only events of these kinds ([`arkor_types::Event::kind`]).
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn events_of(
        &self,
        run: &RunId,
        kinds: &[&str],
        after: u64,
        limit: usize,
    ) -> Result<Vec<EventRecord>, StoreError> {
        self.good(|db| query::events_of(db, run, kinds, after, limit))
    }

    /// The checkpoints of a run, the oldest first.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn checkpoints(&self, run: &RunId) -> Result<Vec<CheckpointRecord>, StoreError> {
        self.good(|db| query::checkpoints(db, run))
    }

    /// The checkpoint of a run that was written last.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn latest_checkpoint(&self, run: &RunId) -> Result<Option<CheckpointRecord>, StoreError> {
        Ok(self.checkpoints(run)?.pop())
    }

    /// The artifacts of a run, by name.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn artifacts(&self, run: &RunId) -> Result<Vec<ArtifactRecord>, StoreError> {
        self.good(|db| query::artifacts(db, run))
    }

    /// Where the content of this digest lies, if it is in the store. A text that is no digest
    /// leads to a file that never exists, and never out of the store; so does one whose file is a link.
    pub fn blob_path(&self, digest: &str) -> PathBuf {
        self.shared.blobs.path(digest)
    }

    /// Content by its digest, checked.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] if it is not there or is something else.
    pub fn read_blob(&self, digest: &str) -> Result<Vec<u8>, StoreError> {
        self.shared.blobs.read(digest)
    }

    /// Checks content by its digest without taking it into memory.
    ///
    /// # Errors
    ///
    /// As [`Self::read_blob`].
    pub fn check_blob(&self, digest: &str) -> Result<(), StoreError> {
        self.shared.blobs.check(digest)
    }
}
