//! Strange rows in a store.

use std::path::Path;

use rusqlite::Connection;

use crate::random::Random;

const STATEMENTS: &[&str] = &[
    "UPDATE runs SET id = '../../outside/letter.txt'",
    "UPDATE runs SET id = '/' || hex(randomblob(4))",
    "UPDATE runs SET name = char(27) || ']52;c;aGk=' || char(7) || char(10) || '::error::x'",
    "UPDATE runs SET status = 'running'",
    "UPDATE runs SET spec = '[]'",
    "UPDATE runs SET created = 'never', step = -5, last_seq = 9223372036854775807",
    "UPDATE runs SET parent = '../../outside'",
    "UPDATE checkpoints SET state = '../../../outside/letter.txt', progress = '..'",
    "UPDATE checkpoints SET id = '../x', size = -1",
    "UPDATE events SET body = replace(body, 'loss', char(8238))",
    "UPDATE events SET body = 'no json', seq = seq + 1000000",
    "INSERT INTO pins (run, digest, count) SELECT '../../outside/keys', '../../outside/keys/id', 1",
    "INSERT INTO pins (run, digest, count) SELECT id, '../../../outside/letter.txt', 1 FROM runs",
    "INSERT OR IGNORE INTO artifacts (run, name, size, digest, seq) SELECT id, '../../outside/a', 1, '../../../outside/letter.txt', 1 FROM runs",
    "CREATE TRIGGER t AFTER INSERT ON events BEGIN DELETE FROM runs; END",
    "CREATE VIEW contents2 AS SELECT * FROM runs",
    "DROP TABLE pins",
    "ALTER TABLE runs ADD COLUMN extra TEXT",
    "PRAGMA user_version = 1000",
    "PRAGMA application_id = 7",
    "CREATE TABLE large (x); INSERT INTO large VALUES (zeroblob(10000000))",
];

/// Changes a store as somebody who sends it could have. A database that is no more does not matter.
pub(crate) fn plant(database: &Path, random: &mut Random) -> String {
    let statement = *random.of(STATEMENTS);
    if let Ok(meta) = database.symlink_metadata()
        && meta.is_file()
        && let Ok(db) = Connection::open(database)
    {
        let _ = db.pragma_update(None, "foreign_keys", false);
        let _ = db.execute_batch(statement);
    }
    statement.into()
}
