//! Removing a run, a slice at a time.
//!
//! A run can have millions of events, and nobody should wait for them to go. So its row goes first, by itself,
//! and with it the run: what else is in the database under its id, its *remains*, is shown to no reader. The
//! remains then go in many small transactions, with a pause after each in which others write. What a process
//! that died has left of them the next sweeps remove.

use std::time::{Duration, Instant};

use arkor_types::RunId;
use rusqlite::{Connection, Transaction, params};

use super::{Durability, Store};
use crate::id::{self, Digest};
use crate::{StoreError, query};

/// What [`Store::remove_run`] freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removed {
    /// Bytes of content that nothing else refers to.
    pub bytes: u64,
}

/// Most rows that one transaction removes.
const ROWS: usize = 1000;

/// A slice of events ends with the one that makes it this large. The pages of long texts are freed one by one.
const BYTES: u64 = 4 << 20;

/// Most slices of what others left that one sweep removes: who opens a store waits for it.
const SWEPT: usize = 20;

/// Of the remains of a run `?1`, the first `?2` rows of each table but the events. They return the digests of
/// content that they referred to.
const FACTS: [&str; 4] = [
    "DELETE FROM checkpoints WHERE rowid IN \
     (SELECT rowid FROM checkpoints WHERE run = ?1 LIMIT ?2) RETURNING state, progress",
    "DELETE FROM artifacts WHERE rowid IN \
     (SELECT rowid FROM artifacts WHERE run = ?1 LIMIT ?2) RETURNING digest",
    "DELETE FROM named_states WHERE rowid IN \
     (SELECT rowid FROM named_states WHERE run = ?1 LIMIT ?2) RETURNING digest",
    "DELETE FROM pins WHERE run = ?1 AND digest IN \
     (SELECT digest FROM pins WHERE run = ?1 LIMIT ?2) RETURNING digest",
];

/// What one transaction removed.
#[derive(Debug, Default)]
struct Slice {
    rows: usize,
    content: Vec<Digest>,
}

impl Store {
    /// Removes a run with its events, checkpoints and artifacts. Others can use the store meanwhile.
    ///
    /// # Errors
    ///
    /// [`StoreError::RunLive`] if it has a writer; [`StoreError::NoSuchRun`]; or if the store
    /// cannot be written.
    pub fn remove_run(&self, id: &RunId) -> Result<Removed, StoreError> {
        self.remove_run_pausing(id, |_, took| pause(took))
    }

    /// Calls `between` after each slice, with the time that it took.
    fn remove_run_pausing(
        &self,
        id: &RunId,
        mut between: impl FnMut(&Slice, Duration),
    ) -> Result<Removed, StoreError> {
        let (gate, lock) = self.lock_dead_run(id)?;
        self.remove_row(id)?;
        drop(lock);
        self.remove_lock(id)?;
        drop(gate);
        let mut bytes = 0_u64;
        // The run is gone. That some of its remains stay until the next sweep is no reason to call it a failure.
        while let Ok(Some((slice, freed, took))) = self.remove_slice(id) {
            bytes = bytes.saturating_add(freed);
            between(&slice, took);
        }
        Ok(Removed { bytes })
    }

    /// Removes what processes that died left of runs that they removed.
    pub(super) fn sweep_remains(&self) -> Result<(), StoreError> {
        let mut slices = 0;
        for run in self.read(runs_of_remains)? {
            while slices < SWEPT
                && let Some((_, _, took)) = self.remove_slice(&run)?
            {
                slices += 1;
                pause(took);
            }
        }
        Ok(())
    }

    /// Removes the row of a run and nothing else.
    fn remove_row(&self, id: &RunId) -> Result<(), StoreError> {
        let mut db = self.writer()?;
        let failed = |source| StoreError::database(&self.shared.db_path, source);
        // SQLite would remove in the same transaction whatever refers to it.
        db.pragma_update(None, "foreign_keys", false)
            .map_err(failed)?;
        let done = self.transact(&mut db, Durability::Power, |tx| {
            tx.execute("DELETE FROM runs WHERE id = ?1", [id.as_str()])
        });
        db.pragma_update(None, "foreign_keys", true)
            .map_err(failed)?;
        done.map(|_| ())
    }

    /// Removes a slice of the remains of a run with the content that only they referred to. Returns it, the
    /// bytes freed and the time that it took. None: there are no more.
    fn remove_slice(&self, run: &RunId) -> Result<Option<(Slice, u64, Duration)>, StoreError> {
        let begin = Instant::now();
        let slice = self.write(Durability::Process, |tx| remove_rows(tx, run))?;
        if slice.rows == 0 {
            return Ok(None);
        }
        let freed = match slice.content.as_slice() {
            [] => 0,
            content => self.remove_unreferenced(content)?,
        };
        Ok(Some((slice, freed, begin.elapsed())))
    }
}

/// Half of the time is for others, who look every few milliseconds whether it is their turn.
fn pause(took: Duration) {
    std::thread::sleep(took.min(Duration::from_millis(200)));
}

fn remove_rows(tx: &Transaction<'_>, run: &RunId) -> rusqlite::Result<Slice> {
    let mut slice = Slice::default();
    // What a run has that is there is not to be touched, whoever asks.
    if query::has_run(tx, run)? {
        return Ok(slice);
    }
    for sql in FACTS {
        let mut statement = tx.prepare_cached(sql)?;
        let columns = statement.column_count();
        let mut rows = statement.query(params![run.as_str(), ROWS - slice.rows])?;
        while let Some(row) = rows.next()? {
            slice.rows += 1;
            for column in 0..columns {
                let digest = row.get_ref(column)?.as_str().ok().and_then(Digest::parse);
                slice.content.extend(digest);
            }
        }
    }
    let mut last = None;
    let mut bytes = 0;
    let sql = "SELECT seq, octet_length(body) FROM events WHERE run = ?1 ORDER BY seq LIMIT ?2";
    let mut statement = tx.prepare_cached(sql)?;
    let mut rows = statement.query(params![run.as_str(), ROWS - slice.rows])?;
    while bytes < BYTES
        && let Some(row) = rows.next()?
    {
        last = Some(row.get::<_, i64>(0)?);
        bytes += row.get::<_, u64>(1)?;
    }
    if let Some(last) = last {
        slice.rows += tx
            .prepare_cached("DELETE FROM events WHERE run = ?1 AND seq <= ?2")?
            .execute(params![run.as_str(), last])?;
    }
    Ok(slice)
}

/// Ids under which there are rows and that no run has.
fn runs_of_remains(db: &Connection) -> rusqlite::Result<Vec<RunId>> {
    // From one run to the next: there are many more events than runs.
    let sql = "WITH RECURSIVE told (run) AS ( \
                   SELECT min(run) FROM events UNION ALL \
                   SELECT (SELECT min(run) FROM events WHERE run > told.run) FROM told \
                   WHERE run IS NOT NULL) \
               SELECT run FROM (SELECT run FROM told UNION SELECT run FROM contents) \
               WHERE run NOT IN (SELECT id FROM runs)";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let run = row.get_ref(0)?.as_str().ok();
        found.extend(run.and_then(|run| RunId::new(run).ok()).filter(id::is_own));
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
