//! Files of a run.

use arkor_types::{ArtifactRecord, ArtifactWritten, Event, EventRecord, shown_line};
use rusqlite::{OptionalExtension, params};

use super::{RunHandle, unpin, unstorable};
use crate::StoreError;
use crate::blob::Blob;
use crate::id::{self, Digest};
use crate::store::Durability;

impl RunHandle {
    /// Writes a file of the run and its event. A name written again stands for the new content.
    ///
    /// # Errors
    ///
    /// As [`Self::append`]; [`StoreError::Unstorable`] if the name is none that an artifact can have.
    pub fn write_artifact(
        &mut self,
        step: u64,
        name: &str,
        content: &[u8],
    ) -> Result<(EventRecord, ArtifactRecord), StoreError> {
        if !id::is_artifact_name(name) {
            let what = format!("`{}` is no name of an artifact", shown_line(name));
            return Err(unstorable(self.id(), "artifact", what));
        }
        let blob = self.put_blob(content)?;
        self.commit_artifact(step, name, &blob).inspect_err(|_| {
            // Nothing will ever refer to it, and whoever is told so may go on and write more.
            self.discard(&blob);
        })
    }

    fn commit_artifact(
        &mut self,
        step: u64,
        name: &str,
        blob: &Blob,
    ) -> Result<(EventRecord, ArtifactRecord), StoreError> {
        let event = Event::Artifact(ArtifactWritten {
            step,
            name: name.into(),
            size: blob.size,
            digest: blob.digest.clone(),
        });
        let run = self.id().clone();
        let mut old = None;
        // What is replaced is removed then, and must not come back.
        let durability = self.store.read(|db| {
            let known = "SELECT 1 FROM artifacts WHERE run = ?1 AND name = ?2";
            let known = db.prepare_cached(known)?.exists([run.as_str(), name])?;
            Ok(if known {
                Durability::Power
            } else {
                Durability::Process
            })
        })?;
        let record = self.append_with(event, durability, |tx, record| {
            old = tx
                .prepare_cached("SELECT digest FROM artifacts WHERE run = ?1 AND name = ?2")?
                .query_row([run.as_str(), name], |row| row.get::<_, String>(0))
                .optional()?;
            tx.prepare_cached(
                "INSERT OR REPLACE INTO artifacts (run, name, size, digest, seq) \
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                run.as_str(),
                name,
                blob.size,
                blob.digest,
                record.seq
            ])?;
            unpin(tx, &run, blob)
        })?;
        self.remove_replaced(old, blob);
        let artifact = ArtifactRecord {
            name: name.into(),
            size: blob.size,
            digest: blob.digest.clone(),
            seq: record.seq,
        };
        Ok((record, artifact))
    }

    fn put_blob(&self, content: &[u8]) -> Result<Blob, StoreError> {
        let mut writer = self.begin_blob()?;
        std::io::Write::write_all(&mut writer, content).map_err(|error| writer.explain(error))?;
        writer.finish()
    }

    /// Takes content back that was written and that no row came to refer to.
    fn discard(&self, blob: &Blob) {
        let unpinned = self
            .store
            .write(Durability::Process, |tx| unpin(tx, self.id(), blob));
        // If it stays, the sweep finds it that comes after this writer.
        if unpinned.is_ok()
            && let Some(digest) = Digest::parse(&blob.digest)
        {
            let _ = self.store.remove_unreferenced(&[digest]);
        }
    }
}
