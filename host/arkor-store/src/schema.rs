//! The database's tables, and how older ones are brought up to date.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::StoreError;

/// Each entry leads from the version of its index to the next. Entries are never changed.
///
/// `named_states` has the number of the last event at the time of saving, so that a resumed run finds
/// what its checkpoint knew: the rows below the checkpoint's `seq`.
/// `pins` counts content that a run has written and no other row refers to yet; see `blob`.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE runs (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
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
        seq INTEGER NOT NULL,
        digest TEXT NOT NULL,
        size INTEGER NOT NULL,
        PRIMARY KEY (run, name, seq)
    ) STRICT;
    CREATE TABLE pins (
        run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        digest TEXT NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (run, digest)
    ) STRICT, WITHOUT ROWID;
    CREATE VIEW contents (run, digest) AS
        SELECT run, state FROM checkpoints
        UNION SELECT run, progress FROM checkpoints
        UNION SELECT run, digest FROM artifacts
        UNION SELECT run, digest FROM named_states
        UNION SELECT run, digest FROM pins;
",
    "
    ALTER TABLE checkpoints ADD COLUMN score REAL;
    UPDATE checkpoints SET score = eval_loss;
",
];

/// Brings the database to the newest version, all or nothing.
pub(crate) fn migrate(db: &mut Connection, path: &Path) -> Result<(), StoreError> {
    apply(db, path, MIGRATIONS)
}

/// Whether checkpoints have a score of their own; until then they were compared by their loss.
pub(crate) fn has_scores(db: &Connection) -> rusqlite::Result<bool> {
    let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(version >= 2)
}

/// An error if the database is of a version that this program does not know, or has other tables,
/// columns, indexes, views or triggers than this program makes for its version.
pub(crate) fn check(db: &Connection, store: &Path, path: &Path) -> Result<(), StoreError> {
    let version = version(db, path, MIGRATIONS)?;
    let failed = |source| StoreError::database(path, source);
    let found = objects(db).map_err(failed)?;
    let expected = expected(MIGRATIONS.get(..version).unwrap_or_default()).map_err(failed)?;
    let strange = found.iter().find(|one| !expected.contains(one));
    let lacking = expected.iter().find(|one| !found.contains(one));
    let what = match (strange, lacking) {
        (None, None) if found.len() == expected.len() => return Ok(()),
        (Some(one), _) => format!("its {} is none that this program makes", one.title()),
        (None, Some(one)) => format!("it has no {}", one.title()),
        (None, None) => "it has something twice".into(),
    };
    Err(StoreError::Foreign {
        path: store.into(),
        what,
    })
}

/// A row of `sqlite_schema`.
#[derive(Debug, PartialEq)]
struct Object {
    kind: String,
    name: String,
    table: String,
    /// None for an index that comes with its table.
    sql: Option<String>,
}

impl Object {
    fn title(&self) -> String {
        let title = format!("{} `{}`", self.kind, self.name);
        arkor_types::shown_line(&title).to_string()
    }
}

/// More than any version has; one more than that is strange enough to be refused.
const MOST_OBJECTS: i64 = 100;

fn objects(db: &Connection) -> rusqlite::Result<Vec<Object>> {
    db.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name LIMIT ?1")?
        .query_map([MOST_OBJECTS], |row| {
            Ok(Object {
                kind: row.get(0)?,
                name: row.get(1)?,
                table: row.get(2)?,
                sql: row.get(3)?,
            })
        })?
        .collect()
}

/// What a database has after these migrations.
fn expected(migrations: &[&str]) -> rusqlite::Result<Vec<Object>> {
    let db = Connection::open_in_memory()?;
    for migration in migrations {
        db.execute_batch(migration)?;
    }
    objects(&db)
}

fn apply(db: &mut Connection, path: &Path, migrations: &[&str]) -> Result<(), StoreError> {
    if version(db, path, migrations)? == migrations.len() {
        return Ok(());
    }
    let failed = |source| StoreError::database(path, source);
    // Another process may be migrating too: the lock comes before the look.
    let tx = db
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed)?;
    let done = version(&tx, path, migrations)?;
    for (index, migration) in migrations.iter().enumerate().skip(done) {
        tx.execute_batch(migration).map_err(failed)?;
        tx.pragma_update(None, "user_version", index + 1)
            .map_err(failed)?;
    }
    tx.commit().map_err(failed)
}

fn version(db: &Connection, path: &Path, migrations: &[&str]) -> Result<usize, StoreError> {
    let failed = |source| StoreError::database(path, source);
    let found: i64 = db
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(failed)?;
    let known = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(StoreError::NewerSchema {
            path: path.into(),
            found,
            known,
        });
    }
    let tables: i64 = db
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(failed)?;
    // Version 0 is an empty file; one with tables in it is some other program's.
    if found < 0 || (found == 0) != (tables == 0) {
        return Err(StoreError::Foreign {
            path: path.into(),
            what: format!("it has {tables} tables and indexes and the version {found}"),
        });
    }
    Ok(usize::try_from(found).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (7);";
    const SECOND: &str = "ALTER TABLE a ADD COLUMN y INTEGER DEFAULT 8;";

    fn database() -> Connection {
        Connection::open_in_memory().unwrap()
    }

    #[test]
    fn an_older_database_gets_only_what_it_lacks() {
        let mut db = database();
        let path = Path::new("db");
        apply(&mut db, path, &[FIRST]).unwrap();
        apply(&mut db, path, &[FIRST, SECOND]).unwrap();
        apply(&mut db, path, &[FIRST, SECOND]).unwrap();
        let row: (i64, i64) = db
            .query_row("SELECT x, y FROM a", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .unwrap();
        assert_eq!(row, (7, 8));
        assert_eq!(version(&db, path, &[FIRST, SECOND]).unwrap(), 2);
    }

    #[test]
    fn a_failed_migration_changes_nothing() {
        let mut db = database();
        let path = Path::new("db");
        apply(&mut db, path, &[FIRST]).unwrap();
        let broken = "CREATE TABLE b (x INTEGER); CREATE TABLE a (x INTEGER);";
        assert!(apply(&mut db, path, &[FIRST, SECOND, broken]).is_err());
        assert_eq!(version(&db, path, &[FIRST, SECOND, broken]).unwrap(), 1);
        assert!(db.prepare("SELECT y FROM a").is_err(), "half applied");
    }

    #[test]
    fn a_newer_database_and_a_strange_one_are_refused() {
        let mut db = database();
        let path = Path::new("db");
        apply(&mut db, path, &[FIRST, SECOND]).unwrap();
        assert!(matches!(
            apply(&mut db, path, &[FIRST]),
            Err(StoreError::NewerSchema {
                found: 2,
                known: 1,
                ..
            })
        ));
        let mut strange = database();
        strange
            .execute_batch("CREATE TABLE theirs (x INTEGER)")
            .unwrap();
        let error = migrate(&mut strange, path).unwrap_err();
        assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    }

    #[test]
    fn what_a_version_does_not_have_is_refused() {
        let path = Path::new("db");
        for statement in [
            "CREATE TRIGGER t AFTER INSERT ON events BEGIN DELETE FROM runs; END",
            "CREATE VIEW more AS SELECT * FROM runs",
            "DROP VIEW contents; CREATE VIEW contents (run, digest) AS SELECT id, '../x' FROM runs",
            "CREATE TABLE more (x)",
            "CREATE VIRTUAL TABLE text USING fts5 (x)",
            "CREATE INDEX more ON runs (abs(step))",
            "ALTER TABLE runs ADD COLUMN extra TEXT",
            "ALTER TABLE runs ADD COLUMN extra TEXT GENERATED ALWAYS AS (hex(zeroblob(1000000))) VIRTUAL",
            "DROP TABLE pins",
            "DROP INDEX checkpoints_of_run",
            "PRAGMA writable_schema = 1; UPDATE sqlite_schema SET sql = replace(sql, 'REAL', 'TEXT') WHERE name = 'runs'",
        ] {
            let mut db = database();
            migrate(&mut db, path).unwrap();
            check(&db, path, path).unwrap();
            db.execute_batch(statement).unwrap();
            let error = check(&db, path, path).unwrap_err();
            assert!(
                matches!(error, StoreError::Foreign { .. }),
                "{statement}: {error}"
            );
            assert!(error.hint().is_some());
        }
    }
}
