//! Removing content that nothing refers to.

use std::collections::HashSet;

use arkor_files::Name;
use arkor_types::{RunId, shown_line};
use rusqlite::Connection;

use super::{Durability, Store};
use crate::StoreError;
use crate::id::{self, Digest};
use crate::query;

/// Most files that one transaction takes out of their places.
const REMOVED_AT_ONCE: usize = 1000;

impl Store {
    /// Removes what processes that died left half-done. May run while others write.
    pub(crate) fn sweep(&self) -> Result<(), StoreError> {
        self.sweep_dead_writers()?;
        self.sweep_remains()?;
        let referenced = self.read(referenced)?;
        let orphans: Vec<Digest> = self
            .shared
            .blobs
            .digests()
            .into_iter()
            .filter(|digest| !referenced.contains(digest))
            .collect();
        // Some of them may have been written since the look at the rows: the removal looks again. Every
        // writer waits for a removal, so there are several if there is much.
        for part in orphans.chunks(REMOVED_AT_ONCE) {
            self.remove_unreferenced(part)?;
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
        for owner in owners {
            for file in self.sweep_dead_writer(&owner)? {
                blobs.delete(&file);
            }
        }
        Ok(())
    }

    /// Removes the pins of a run, if it has no writer, and returns its temporary files. Their names are drawn
    /// for each, so that a later writer has none of them; they are deleted when nobody waits for it.
    fn sweep_dead_writer(&self, owner: &RunId) -> Result<Vec<Name>, StoreError> {
        let _gate = self.gate()?;
        let Some(lock) = self.lock_run(owner)? else {
            return Ok(Vec::new());
        };
        let exists = self.write(Durability::Process, |tx| {
            let key = [owner.as_str()];
            tx.execute("DELETE FROM pins WHERE run = ?1", key)?;
            query::has_run(tx, owner)
        })?;
        // Listed anew: what was seen before may be gone, and a later attempt have had its own.
        let temporaries = self.shared.blobs.temporaries().into_iter();
        let dead = temporaries.filter(|temporary| temporary.run.as_ref() == Some(owner));
        let dead = dead.map(|temporary| temporary.name).collect();
        drop(lock);
        if !exists {
            self.remove_lock(owner)?;
        }
        Ok(dead)
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
