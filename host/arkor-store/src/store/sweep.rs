//! Removing content that nothing refers to.

use std::collections::HashSet;

use arkor_types::RunId;
use rusqlite::{Connection, OptionalExtension};

use super::{Durability, Store};
use crate::StoreError;

impl Store {
    /// Removes what processes that died left half-done. May run while others write.
    pub(crate) fn sweep(&self) -> Result<(), StoreError> {
        self.sweep_dead_writers()?;
        let referenced = self.read(referenced)?;
        let orphans: Vec<String> = self
            .shared
            .blobs
            .digests()
            .into_iter()
            .filter(|digest| !referenced.contains(digest))
            .collect();
        // Most often there are none, and then nobody has to wait for this. Some of them may have
        // been written since the look at the rows: the removal looks again.
        if !orphans.is_empty() {
            self.remove_unreferenced(&orphans)?;
        }
        Ok(())
    }

    /// Removes the pins and temporary files of runs that have no writer.
    fn sweep_dead_writers(&self) -> Result<(), StoreError> {
        let blobs = &self.shared.blobs;
        let pinned = self.read(|db| {
            db.prepare("SELECT DISTINCT run FROM pins")?
                .query_map([], |row| row.get(0))?
                .collect::<rusqlite::Result<HashSet<String>>>()
        })?;
        let temporaries = blobs.temporaries();
        let owners: HashSet<String> = temporaries
            .iter()
            .filter_map(|temporary| temporary.run.clone())
            .chain(pinned)
            .collect();
        for temporary in &temporaries {
            if temporary.run.is_none() {
                let _ = std::fs::remove_file(&temporary.path);
            }
        }
        if owners.is_empty() {
            return Ok(());
        }
        let _gate = self.gate()?;
        for owner in owners {
            let id = RunId::new(owner.as_str());
            let Some(lock) = self.lock_run(&id)? else {
                continue;
            };
            let exists = self.write(Durability::Process, |tx| {
                tx.execute("DELETE FROM pins WHERE run = ?1", [&owner])?;
                tx.query_row("SELECT 1 FROM runs WHERE id = ?1", [&owner], |_| Ok(()))
                    .optional()
            })?;
            // Listed anew: what was seen above may be gone, and a later attempt have its own.
            for temporary in blobs.temporaries() {
                if temporary.run.as_ref() == Some(&owner) {
                    let _ = std::fs::remove_file(&temporary.path);
                }
            }
            drop(lock);
            if exists.is_none() {
                let _ = std::fs::remove_file(self.lock_path(&id));
            }
        }
        Ok(())
    }

    /// Removes those of the digests that no row refers to any more; returns the bytes freed.
    ///
    /// The rows must be gone durably: after a loss of power, a row without its file would be a
    /// checkpoint that cannot be resumed from, while a file without its row is swept.
    pub(crate) fn remove_unreferenced(&self, digests: &[String]) -> Result<u64, StoreError> {
        let blobs = &self.shared.blobs;
        // Nothing is written here; the transaction keeps every writer from pinning meanwhile.
        let retired = self.write(Durability::Process, |tx| {
            let referenced = referenced(tx)?;
            Ok(digests
                .iter()
                .filter(|digest| !referenced.contains(*digest))
                .filter_map(|digest| blobs.retire(digest))
                .collect::<Vec<_>>())
        })?;
        Ok(retired.iter().map(|file| blobs.delete(file)).sum())
    }
}

fn referenced(db: &Connection) -> rusqlite::Result<HashSet<String>> {
    db.prepare_cached("SELECT DISTINCT digest FROM contents")?
        .query_map([], |row| row.get(0))?
        .collect()
}
