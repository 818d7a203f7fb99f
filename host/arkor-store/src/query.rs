//! Rows to records.
//!
//! Somebody else may have written them. A row that this program cannot have written is left out and named,
//! for it must not keep the others from being read.

use arkor_types::{
    ArtifactRecord, CheckpointRecord, Event, EventRecord, RunId, RunRecord, RunStatus, shown_line,
};
use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use crate::id::{self, Digest};
use crate::schema;

const RUN: &str = "SELECT id, name, status, created, updated, attempt, spec, config, component, \
                   parent, step, last_seq, loss, eval_loss FROM runs";

/// Rows that could be read, and what the others were.
pub(crate) struct Found<T> {
    pub(crate) rows: Vec<T>,
    pub(crate) damaged: Vec<String>,
}

/// Most damaged rows of one answer that are named; the others are passed over too.
const MOST_NAMED: usize = 100;

fn find<T>(
    db: &Connection,
    sql: &str,
    params: impl Params,
    limit: usize,
    kind: &str,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Found<T>> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Found {
        rows: Vec::new(),
        damaged: Vec::new(),
    };
    while found.rows.len() < limit
        && let Some(row) = rows.next()?
    {
        match read(row) {
            Ok(record) => found.rows.push(record),
            Err(error) if found.damaged.len() < MOST_NAMED => {
                let name = match row.get_ref(0)? {
                    rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                    rusqlite::types::ValueRef::Text(text) => {
                        shown_line(&String::from_utf8_lossy(text)).to_string()
                    }
                    _ => "?".into(),
                };
                found.damaged.push(format!("{kind} `{name}`: {error}"));
            }
            Err(_) => {}
        }
    }
    Ok(found)
}

/// Text of a column, turned into what it stands for.
fn parsed<T>(
    row: &Row<'_>,
    column: usize,
    parse: impl Fn(&str) -> Result<T, String>,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    parse(&text).map_err(|error| {
        let error = std::io::Error::new(std::io::ErrorKind::InvalidData, error);
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}

fn time(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|error: jiff::Error| error.to_string())
}

fn json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn event(text: &str) -> Result<Event, String> {
    Event::from_json(text).map_err(|error| error.to_string())
}

fn status(text: &str) -> Result<RunStatus, String> {
    serde_json::from_value(serde_json::Value::String(text.into())).map_err(|e| e.to_string())
}

fn run_id(text: &str) -> Result<RunId, String> {
    let id = RunId::new(text).ok().filter(id::is_own);
    id.ok_or_else(|| "it is no id of a run".into())
}

fn digest(text: &str) -> Result<String, String> {
    let digest = Digest::parse(text).map(|digest| digest.as_str().to_owned());
    digest.ok_or_else(|| "it is no digest".into())
}

fn checkpoint_id(text: &str) -> Result<String, String> {
    let id = id::is_checkpoint_id(text).then(|| text.to_owned());
    id.ok_or_else(|| "it is no id of a checkpoint".into())
}

fn artifact_name(text: &str) -> Result<String, String> {
    let name = id::is_artifact_name(text).then(|| text.to_owned());
    name.ok_or_else(|| "it is no name of an artifact".into())
}

/// No run counts this far, and sums of such numbers stay numbers.
pub(crate) const MOST: u64 = 1 << 53;

fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: u64 = row.get(column)?;
    if number <= MOST {
        return Ok(number);
    }
    let number = i64::try_from(number).unwrap_or(i64::MAX);
    Err(rusqlite::Error::IntegralValueOutOfRange(column, number))
}

fn run_row(row: &Row<'_>) -> rusqlite::Result<RunRecord> {
    Ok(RunRecord {
        id: parsed(row, 0, run_id)?,
        name: row.get::<_, String>(1)?.into(),
        status: parsed(row, 2, status)?,
        created: parsed(row, 3, time)?,
        updated: parsed(row, 4, time)?,
        attempt: row.get(5)?,
        spec: parsed(row, 6, json)?,
        config: row.get(7)?,
        component: row.get(8)?,
        parent: match row.get_ref(9)?.data_type() {
            Type::Null => None,
            _ => Some(parsed(row, 9, run_id)?),
        },
        step: count(row, 10)?,
        last_seq: count(row, 11)?,
        loss: row.get(12)?,
        eval_loss: row.get(13)?,
    })
}

fn checkpoint_row(row: &Row<'_>) -> rusqlite::Result<CheckpointRecord> {
    Ok(CheckpointRecord {
        id: parsed(row, 0, checkpoint_id)?,
        run: parsed(row, 1, run_id)?,
        step: count(row, 2)?,
        created: parsed(row, 3, time)?,
        seq: count(row, 4)?,
        state: parsed(row, 5, digest)?,
        progress: parsed(row, 6, digest)?,
        size: count(row, 7)?,
        eval_loss: row.get(8)?,
        score: row.get(9)?,
    })
}

/// The newest first.
pub(crate) fn runs(db: &Connection) -> rusqlite::Result<Found<RunRecord>> {
    let sql = format!("{RUN} ORDER BY number DESC");
    find(db, &sql, [], usize::MAX, "run", run_row)
}

pub(crate) fn run(db: &Connection, id: &RunId) -> rusqlite::Result<Option<RunRecord>> {
    db.prepare_cached(&format!("{RUN} WHERE id = ?1"))
        .and_then(|mut statement| statement.query_row([id.as_str()], run_row).optional())
}

/// Whether a run is there. What is left of one that is being removed is no run's, and nobody's to see.
pub(crate) fn has_run(db: &Connection, run: &RunId) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT 1 FROM runs WHERE id = ?1")?
        .exists([run.as_str()])
}

/// Rows of the run `?1`, if it is there; see [`has_run`].
const OF_RUN: &str = "run = ?1 AND EXISTS (SELECT 1 FROM runs WHERE id = ?1)";

pub(crate) fn events(
    db: &Connection,
    run: &RunId,
    after: u64,
    limit: usize,
) -> rusqlite::Result<Found<EventRecord>> {
    let sql =
        format!("SELECT seq, time, body FROM events WHERE {OF_RUN} AND seq > ?2 ORDER BY seq");
    // SQLite's integers are signed; no run gets as far as the difference.
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let params = params![run.as_str(), after];
    find(db, &sql, params, limit, &event_of(run), |row| {
        record(row, run)
    })
}

/// Events whose JSON form has one of these types.
pub(crate) fn events_of(
    db: &Connection,
    run: &RunId,
    kinds: &[&str],
    after: u64,
    limit: usize,
) -> rusqlite::Result<Found<EventRecord>> {
    // SQLite ends the whole query where it meets a text that is no JSON.
    let sql = format!(
        "SELECT seq, time, body FROM events WHERE {OF_RUN} AND seq > ?2 \
         AND CASE WHEN json_valid(body) THEN body ->> 'type' END \
         IN (SELECT value FROM json_each(?3)) ORDER BY seq"
    );
    let kinds = serde_json::to_string(kinds).unwrap_or_default();
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let params = params![run.as_str(), after, kinds];
    find(db, &sql, params, limit, &event_of(run), |row| {
        record(row, run)
    })
}

fn event_of(run: &RunId) -> String {
    format!("event of run {run}")
}

fn record(row: &Row<'_>, run: &RunId) -> rusqlite::Result<EventRecord> {
    Ok(EventRecord {
        seq: count(row, 0)?,
        run: run.clone(),
        time: parsed(row, 1, time)?,
        event: parsed(row, 2, event)?,
    })
}

/// The oldest first.
pub(crate) fn checkpoints(
    db: &Connection,
    run: &RunId,
) -> rusqlite::Result<Found<CheckpointRecord>> {
    // What is only read is not brought up to date.
    let score = if schema::has_scores(db)? {
        "score"
    } else {
        "eval_loss"
    };
    let sql = format!(
        "SELECT id, run, step, created, seq, state, progress, size, eval_loss, {score} \
         FROM checkpoints WHERE {OF_RUN} ORDER BY seq"
    );
    let params = [run.as_str()];
    find(db, &sql, params, usize::MAX, "checkpoint", checkpoint_row)
}

pub(crate) fn artifacts(db: &Connection, run: &RunId) -> rusqlite::Result<Found<ArtifactRecord>> {
    let sql = format!("SELECT name, size, digest, seq FROM artifacts WHERE {OF_RUN} ORDER BY name");
    let params = [run.as_str()];
    find(db, &sql, params, usize::MAX, "artifact", |row| {
        Ok(ArtifactRecord {
            name: parsed(row, 0, artifact_name)?.into(),
            size: count(row, 1)?,
            digest: parsed(row, 2, digest)?,
            seq: count(row, 3)?,
        })
    })
}
