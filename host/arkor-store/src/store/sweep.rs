//! Removing content that nothing refers to.

use std::collections::HashSet;

use arkor_files::Name;
use arkor_types::{RunId, shown_line};
use rusqlite::{Connection, OptionalExtension};

use super::{Durability, Store};
use crate::StoreError;
use crate::id::{self, Digest};

impl Store {
    /// Removes what processes that died left half-done. May run while others write.
    pub(crate) fn sweep(&self) -> Result<(), StoreError> {
        self.sweep_dead_writers()?;
        let referenced = self.read(referenced)?;
        let orphans: Vec<Digest> = self
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
        let own = |owner: &String| RunId::new(owner.as_str()).ok().filter(id::is_own);
        let strange = pinned.iter().filter(|owner| own(owner).is_none());
        self.shared.damage.note(
            strange
                .map(|owner| format!("a pin of `{}`, which is no run", shown_line(owner)))
                .collect(),
        );
        let temporaries = blobs.temporaries();
        let owners: HashSet<RunId> = temporaries
            .iter()
            .filter_map(|temporary| temporary.run.clone())
            .chain(pinned.iter().filter_map(own))
            .collect();
        for temporary in &temporaries {
            if temporary.run.is_none() {
                blobs.delete(&temporary.name);
            }
        }
        if owners.is_empty() {
            return Ok(());
        }
        let _gate = self.gate()?;
        for owner in owners {
            let Some(lock) = self.lock_run(&owner)? else {
                continue;
            };
            let exists = self.write(Durability::Process, |tx| {
                let key = [owner.as_str()];
                tx.execute("DELETE FROM pins WHERE run = ?1", key)?;
                tx.query_row("SELECT 1 FROM runs WHERE id = ?1", key, |_| Ok(()))
                    .optional()
            })?;
            // Listed anew: what was seen above may be gone, and a later attempt have its own.
            for temporary in blobs.temporaries() {
                if temporary.run.as_ref() == Some(&owner) {
                    blobs.delete(&temporary.name);
                }
            }
            drop(lock);
            if exists.is_none() {
                self.remove_lock(&owner)?;
            }
        }
        Ok(())
    }

    /// Removes those of the digests that no row refers to any more; returns the bytes freed.
    pub(crate) fn remove_unreferenced(&self, digests: &[Digest]) -> Result<u64, StoreError> {
        let retired = self.retire_unreferenced(digests)?;
        Ok(self.delete_retired(&retired))
    }

    /// Takes them out of their places, which is quick.
    ///
    /// That no row refers to them must be durable first: after a loss of power, a row without its file would
    /// be a checkpoint that cannot be resumed from, while a file without its row is swept. Whoever removed
    /// the row may not have waited for the disk, or have died before it could.
    pub(crate) fn retire_unreferenced(&self, digests: &[Digest]) -> Result<Vec<Name>, StoreError> {
        let blobs = &self.shared.blobs;
        // Nothing is written here; the transaction keeps every writer from pinning meanwhile.
        self.write(Durability::Process, |tx| {
            let referenced = referenced(tx)?;
            let mut unreferenced = digests
                .iter()
                .filter(|digest| !referenced.contains(*digest))
                .peekable();
            if unreferenced.peek().is_some()
                && let Err(error) = self.sync_log()
            {
                return Ok(Err(error));
            }
            Ok(Ok(unreferenced
                .filter_map(|digest| blobs.retire(digest))
                .collect()))
        })?
    }

    /// Deletes them, which can take its time.
    pub(crate) fn delete_retired(&self, retired: &[Name]) -> u64 {
        let blobs = &self.shared.blobs;
        retired
            .iter()
            .map(|file| blobs.delete(file))
            .fold(0, u64::saturating_add)
    }
}

/// Of a text that is no digest there is no file.
fn referenced(db: &Connection) -> rusqlite::Result<HashSet<Digest>> {
    let mut statement = db.prepare_cached("SELECT DISTINCT digest FROM contents")?;
    let mut rows = statement.query([])?;
    let mut all = HashSet::new();
    while let Some(row) = rows.next()? {
        all.extend(row.get_ref(0)?.as_str().ok().and_then(Digest::parse));
    }
    Ok(all)
}
