//! Connections to a database that somebody else may have written.
//!
//! As <https://www.sqlite.org/security.html> advises, and further: nothing in a file can make SQLite open
//! another one, run code of the file's own, take memory without a bound, or work without an end.

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};

/// How long a writer waits for another one. Transactions here take well under a millisecond.
pub(crate) const BUSY: Duration = Duration::from_secs(10);

/// How long one piece of work may keep SQLite busy: far longer than any of a sound database does.
pub(crate) const WORK: Duration = Duration::from_secs(300);

/// Most bytes of one row. The largest that are written are events with long texts, and specs.
const ROW: i32 = 64 << 20;

/// Instructions of SQLite's machine between two looks at the clock.
const INSTRUCTIONS: i32 = 20_000;

/// A connection, and the end of what it is just doing.
#[derive(Debug)]
pub(crate) struct Database {
    db: Connection,
    end: Arc<Mutex<Option<Instant>>>,
}

impl Deref for Database {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.db
    }
}

impl DerefMut for Database {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.db
    }
}

impl Database {
    /// Opens an existing file for reading and writing.
    pub(crate) fn writer(path: &Path) -> rusqlite::Result<Self> {
        Self::open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
    }

    /// Opens an existing file for reading.
    pub(crate) fn reader(path: &Path) -> rusqlite::Result<Self> {
        Self::open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
    }

    /// Opens an existing file for reading, of which nobody can change anything.
    pub(crate) fn immutable(path: &Path) -> rusqlite::Result<Self> {
        let Some(uri) = immutable_uri(path) else {
            return Err(rusqlite::Error::InvalidPath(path.into()));
        };
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        Self::open(Path::new(&uri), flags)
    }

    fn open(path: &Path, flags: OpenFlags) -> rusqlite::Result<Self> {
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let mut db = Connection::open_with_flags(path, flags)?;
        db.busy_timeout(BUSY)?;
        restrict(&db)?;
        let end = Arc::new(Mutex::new(Some(Instant::now() + WORK)));
        let until = Arc::clone(&end);
        db.progress_handler(
            INSTRUCTIONS,
            Some(move || {
                let end = *until.lock().unwrap_or_else(PoisonError::into_inner);
                end.is_some_and(|end| Instant::now() > end)
            }),
        )?;
        Ok(Self { db, end })
    }

    /// Gives what follows, up to the next call, its time.
    pub(crate) fn begin(&self, time: Duration) {
        let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        *end = Some(Instant::now() + time);
    }
}

/// What the host's own statements need is left, and no more.
pub(crate) fn restrict(db: &Connection) -> rusqlite::Result<()> {
    for (option, value) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_CREATE, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_WRITE, false),
    ] {
        db.set_db_config(option, value)?;
    }
    for (limit, value) in [
        (Limit::SQLITE_LIMIT_LENGTH, ROW),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, 100_000),
        (Limit::SQLITE_LIMIT_COLUMN, 100),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 50),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 10),
        (Limit::SQLITE_LIMIT_VDBE_OP, 25_000),
        (Limit::SQLITE_LIMIT_FUNCTION_ARG, 10),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 100),
        (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 100),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 10),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ] {
        db.set_limit(limit, value)?;
    }
    db.pragma_update(None, "cell_size_check", true)?;
    db.pragma_update(None, "mmap_size", 0)
}

/// As of <https://www.sqlite.org/uri.html>, which takes any byte as `%hh`. None if the path cannot be
/// said that way.
fn immutable_uri(path: &Path) -> Option<String> {
    #[cfg(unix)]
    let (bytes, begin) = (
        std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()).to_vec(),
        "file:",
    );
    #[cfg(not(unix))]
    let (bytes, begin) = {
        let path = path.to_str()?.replace('\\', "/");
        let begin = if path.starts_with('/') {
            "file:"
        } else {
            "file:/"
        };
        (path.into_bytes(), begin)
    };
    let mut uri = String::from(begin);
    if bytes.starts_with(b"//") {
        // What follows two slashes is the name of a host.
        uri.push_str("//");
    }
    for byte in bytes {
        match byte {
            0 => return None,
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b':' => {
                uri.push(char::from(byte));
            }
            _ => uri.push_str(&format!("%{byte:02x}")),
        }
    }
    Some(uri + "?immutable=1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_path_becomes_a_uri_byte_for_byte() {
        use std::os::unix::ffi::OsStrExt;
        let cases: [(&[u8], &str); 5] = [
            (b"//host/db", "file:////host/db?immutable=1"),
            (b"/a b/x.db", "file:/a%20b/x.db?immutable=1"),
            (b"/50%/#1?/db", "file:/50%25/%231%3f/db?immutable=1"),
            (b"/\xff\xc3\xa9/db", "file:/%ff%c3%a9/db?immutable=1"),
            (
                b"/x?vfs=other&mode=rwc",
                "file:/x%3fvfs%3dother%26mode%3drwc?immutable=1",
            ),
        ];
        for (path, uri) in cases {
            let path = Path::new(std::ffi::OsStr::from_bytes(path));
            assert_eq!(immutable_uri(path).as_deref(), Some(uri));
        }
    }

    // Other systems have file systems whose names are text.
    #[cfg(target_os = "linux")]
    #[test]
    fn whatever_bytes_a_path_has_it_leads_to_its_own_file() {
        use std::os::unix::ffi::OsStrExt;
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        // Each is followed by what it would be taken for, if it were read as text or as a URI.
        let names: [&[u8]; 12] = [
            b"\xff",
            "\u{fffd}".as_bytes(),
            b"50%25",
            b"50%",
            b"a?mode=memory",
            b"a",
            b"b#c",
            b"b",
            b"d&immutable=0",
            b"d",
            b"file:e",
            b"e",
        ];
        let path = |name| folder.join(std::ffi::OsStr::from_bytes(name));
        for name in names {
            std::fs::write(path(name), "").unwrap();
            let db = Database::writer(&path(name)).unwrap();
            db.execute_batch("CREATE TABLE names (name)").unwrap();
            db.execute("INSERT INTO names VALUES (?1)", [name]).unwrap();
        }
        for name in names {
            for open in [Database::writer, Database::reader, Database::immutable] {
                let db = open(&path(name)).unwrap();
                let found: Vec<u8> = db
                    .query_row("SELECT name FROM names", [], |row| row.get(0))
                    .unwrap();
                assert_eq!(found, name);
            }
        }
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), names.len());
    }

    #[test]
    fn work_without_an_end_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap().join("db");
        std::fs::write(&path, "").unwrap();
        let db = Database::writer(&path).unwrap();
        db.begin(Duration::from_millis(10));
        let endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
                       SELECT count(*) FROM n";
        let error = db
            .query_row(endless, [], |row| row.get::<_, i64>(0))
            .unwrap_err();
        let code = error.sqlite_error_code();
        assert_eq!(code, Some(rusqlite::ErrorCode::OperationInterrupted));
        db.begin(WORK);
        db.query_row("SELECT 1", [], |row| row.get::<_, i64>(0))
            .unwrap();
    }

    #[test]
    fn a_connection_reaches_no_other_file_and_grows_without_a_bound_in_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap().join("db");
        std::fs::write(&path, "").unwrap();
        let db = Database::writer(&path).unwrap();
        for statement in [
            "ATTACH 'other.db' AS other",
            "SELECT load_extension('x')",
            "SELECT \"a text\"",
            "PRAGMA writable_schema = 1; UPDATE sqlite_schema SET sql = ''",
            "CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(100000000))",
        ] {
            assert!(db.execute_batch(statement).is_err(), "{statement}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_database_is_not_opened_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        std::fs::write(folder.join("db"), "").unwrap();
        std::os::unix::fs::symlink("db", folder.join("link")).unwrap();
        Database::writer(&folder.join("db")).unwrap();
        assert!(Database::writer(&folder.join("link")).is_err());
        assert!(Database::reader(&folder.join("link")).is_err());
        assert!(Database::immutable(&folder.join("link")).is_err());
    }
}
