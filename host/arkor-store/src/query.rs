//! Rows to records.

use arkor_types::{
    ArtifactRecord, CheckpointRecord, Event, EventRecord, RunId, RunRecord, RunStatus,
};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

const RUN: &str = "SELECT id, name, status, created, updated, attempt, spec, config, component, \
                   parent, step, last_seq, loss, eval_loss FROM runs";

/// Text of a column, turned into what it stands for.
fn parsed<T>(
    row: &Row<'_>,
    column: usize,
    parse: impl Fn(&str) -> Result<T, String>,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    parse(&text).map_err(|error| {
        let error = std::io::Error::new(std::io::ErrorKind::InvalidData, error);
        rusqlite::Error::FromSqlConversionFailure(
            column,
            rusqlite::types::Type::Text,
            Box::new(error),
        )
    })
}

fn time(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|error: jiff::Error| error.to_string())
}

fn json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn status(text: &str) -> Result<RunStatus, String> {
    serde_json::from_value(serde_json::Value::String(text.into())).map_err(|e| e.to_string())
}

fn run_row(row: &Row<'_>) -> rusqlite::Result<RunRecord> {
    Ok(RunRecord {
        id: RunId::new(row.get::<_, String>(0)?),
        name: row.get::<_, String>(1)?.into(),
        status: parsed(row, 2, status)?,
        created: parsed(row, 3, time)?,
        updated: parsed(row, 4, time)?,
        attempt: row.get(5)?,
        spec: parsed(row, 6, json)?,
        config: row.get(7)?,
        component: row.get(8)?,
        parent: row.get::<_, Option<String>>(9)?.map(RunId::new),
        step: row.get(10)?,
        last_seq: row.get(11)?,
        loss: row.get(12)?,
        eval_loss: row.get(13)?,
    })
}

fn checkpoint_row(row: &Row<'_>) -> rusqlite::Result<CheckpointRecord> {
    Ok(CheckpointRecord {
        id: row.get(0)?,
        run: RunId::new(row.get::<_, String>(1)?),
        step: row.get(2)?,
        created: parsed(row, 3, time)?,
        seq: row.get(4)?,
        state: row.get(5)?,
        progress: row.get(6)?,
        size: row.get(7)?,
        eval_loss: row.get(8)?,
    })
}

/// The newest first.
pub(crate) fn runs(db: &Connection) -> rusqlite::Result<Vec<RunRecord>> {
    db.prepare_cached(&format!("{RUN} ORDER BY number DESC"))
        .and_then(|mut statement| statement.query_map([], run_row)?.collect())
}

pub(crate) fn run(db: &Connection, id: &RunId) -> rusqlite::Result<Option<RunRecord>> {
    db.prepare_cached(&format!("{RUN} WHERE id = ?1"))
        .and_then(|mut statement| statement.query_row([id.as_str()], run_row).optional())
}

pub(crate) fn events(
    db: &Connection,
    run: &RunId,
    after: u64,
    limit: usize,
) -> rusqlite::Result<Vec<EventRecord>> {
    db.prepare_cached(
        "SELECT seq, time, body FROM events WHERE run = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
    )
    .and_then(|mut statement| {
        // SQLite's integers are signed; no run gets as far as the difference.
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        statement
            .query_map(params![run.as_str(), after, limit], |row| record(row, run))?
            .collect()
    })
}

/// Events whose JSON form has one of these types.
pub(crate) fn events_of(
    db: &Connection,
    run: &RunId,
    kinds: &[&str],
    after: u64,
    limit: usize,
) -> rusqlite::Result<Vec<EventRecord>> {
    let kinds = serde_json::to_string(kinds).unwrap_or_default();
    db.prepare_cached(
        "SELECT seq, time, body FROM events WHERE run = ?1 AND seq > ?2 \
         AND body ->> 'type' IN (SELECT value FROM json_each(?4)) ORDER BY seq LIMIT ?3",
    )
    .and_then(|mut statement| {
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        statement
            .query_map(params![run.as_str(), after, limit, kinds], |row| {
                record(row, run)
            })?
            .collect()
    })
}

fn record(row: &rusqlite::Row<'_>, run: &RunId) -> rusqlite::Result<EventRecord> {
    Ok(EventRecord {
        seq: row.get(0)?,
        run: run.clone(),
        time: parsed(row, 1, time)?,
        event: parsed(row, 2, json::<Event>)?,
    })
}

/// The oldest first.
pub(crate) fn checkpoints(db: &Connection, run: &RunId) -> rusqlite::Result<Vec<CheckpointRecord>> {
    db.prepare_cached(
        "SELECT id, run, step, created, seq, state, progress, size, eval_loss FROM checkpoints \
         WHERE run = ?1 ORDER BY seq",
    )
    .and_then(|mut statement| {
        statement
            .query_map([run.as_str()], checkpoint_row)?
            .collect()
    })
}

pub(crate) fn artifacts(db: &Connection, run: &RunId) -> rusqlite::Result<Vec<ArtifactRecord>> {
    db.prepare_cached("SELECT name, size, digest, seq FROM artifacts WHERE run = ?1 ORDER BY name")
        .and_then(|mut statement| {
            statement
                .query_map([run.as_str()], |row| {
                    Ok(ArtifactRecord {
                        name: row.get::<_, String>(0)?.into(),
                        size: row.get(1)?,
                        digest: row.get(2)?,
                        seq: row.get(3)?,
                    })
                })?
                .collect()
        })
}
