//! The database's tables, and how older ones are brought up to date.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::StoreError;

/// Each entry leads from the version of its index to the next. Entries are never changed.
const MIGRATIONS: [&str; 1] = ["
    CREATE TABLE runs (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        status TEXT NOT NULL,
        created TEXT NOT NULL,
        updated TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        spec TEXT NOT NULL,
        config TEXT NOT NULL,
        component TEXT NOT NULL,
        parent TEXT,
        step INTEGER NOT NULL DEFAULT 0,
        last_seq INTEGER NOT NULL DEFAULT 0,
        loss REAL,
        eval_loss REAL
    ) STRICT;
    CREATE TABLE events (
        run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        seq INTEGER NOT NULL,
        time TEXT NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (run, seq)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE checkpoints (
        id TEXT PRIMARY KEY,
        run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        step INTEGER NOT NULL,
        created TEXT NOT NULL,
        seq INTEGER NOT NULL,
        state TEXT NOT NULL,
        progress TEXT NOT NULL,
        size INTEGER NOT NULL,
        eval_loss REAL
    ) STRICT;
    CREATE INDEX checkpoints_of_run ON checkpoints (run, seq);
    CREATE TABLE artifacts (
        run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        name TEXT NOT NULL,
        size INTEGER NOT NULL,
        digest TEXT NOT NULL,
        seq INTEGER NOT NULL,
        PRIMARY KEY (run, name)
    ) STRICT;
    CREATE TABLE named_states (
        run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        name TEXT NOT NULL,
        digest TEXT NOT NULL,
        size INTEGER NOT NULL,
        PRIMARY KEY (run, name)
    ) STRICT;
"];

pub(crate) const VERSION: i64 = MIGRATIONS.len() as i64;

/// Brings the database to [`VERSION`], all or nothing.
pub(crate) fn migrate(db: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::database(path, source);
    if version(db, path)? == VERSION {
        return Ok(());
    }
    // Another process may be migrating too: the lock comes before the look.
    let tx = db
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed)?;
    let found = version(&tx, path)?;
    let done = usize::try_from(found).unwrap_or(0);
    for migration in MIGRATIONS.iter().skip(done) {
        tx.execute_batch(migration).map_err(failed)?;
    }
    tx.pragma_update(None, "user_version", VERSION)
        .map_err(failed)?;
    tx.commit().map_err(failed)
}

/// The database's version; an error if this program does not know it.
pub(crate) fn version(db: &Connection, path: &Path) -> Result<i64, StoreError> {
    let found: i64 = db
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(|source| StoreError::database(path, source))?;
    if found > VERSION {
        return Err(StoreError::Newer {
            path: path.into(),
            found,
            known: VERSION,
        });
    }
    Ok(found)
}
