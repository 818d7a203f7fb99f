//! A run in a file: its events, one JSON object a line, as `arkor-host run --json` prints them.

use std::fmt;
use std::path::{Path, PathBuf};

use arkor_types::EventRecord;
use serde_json::Value;

/// Whether an argument means a file. The id of a run has neither a dot nor a slash.
pub(super) fn file(argument: &str) -> Option<&Path> {
    let path = Path::new(argument);
    (argument.contains(['.', '/', '\\']) || path.is_file()).then_some(path)
}

/// A file that cannot be shown to anyone.
#[derive(Debug)]
pub(crate) struct TapeError {
    path: PathBuf,
    what: String,
}

impl fmt::Display for TapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the tape `{}` {}", self.path.display(), self.what)
    }
}

impl std::error::Error for TapeError {}

impl TapeError {
    /// What to do.
    pub(crate) fn hint() -> String {
        "a tape is what `arkor-host run --json` or `arkor-host runs events --json` prints".into()
    }
}

/// The events in a file. Lines that are no events (`finished` for one) are passed over.
pub(super) fn read(path: &Path) -> Result<Vec<EventRecord>, TapeError> {
    let error = |what: String| TapeError {
        path: path.into(),
        what,
    };
    let text =
        std::fs::read_to_string(path).map_err(|why| error(format!("cannot be read: {why}")))?;
    let mut events: Vec<EventRecord> = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let line_error = |what: String| error(format!("is broken in line {number}: {what}"));
        if line.trim().is_empty() {
            continue;
        }
        let value: Value = serde_json::from_str(line).map_err(|why| line_error(why.to_string()))?;
        if value.get("type").and_then(Value::as_str).is_none() {
            return Err(line_error("it is not an object with a `type`".into()));
        }
        // Every event is numbered, and nothing else that the program prints is.
        if value.get("seq").is_none() {
            continue;
        }
        let event: EventRecord =
            serde_json::from_value(value).map_err(|why| line_error(why.to_string()))?;
        if let Some(before) = events.last().filter(|before| before.run != event.run) {
            return Err(line_error(format!(
                "it is of run {}, and the events before are of run {}",
                event.run, before.run
            )));
        }
        events.push(event);
    }
    if events.is_empty() {
        return Err(error("has no event".into()));
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"seq":1,"run":"20261123-101500-k2vq","time":"2026-11-23T10:15:00Z","type":"paused","step":3}"#;

    fn tape(text: &str) -> Result<Vec<EventRecord>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tape.jsonl");
        std::fs::write(&path, text).unwrap();
        read(&path).map_err(|error| error.what)
    }

    #[test]
    fn what_is_no_event_is_passed_over() {
        let text = format!("{{\"type\":\"dev\"}}\n{LINE}\n\n{{\"type\":\"finished\"}}\n");
        assert_eq!(tape(&text).unwrap().len(), 1);
    }

    #[test]
    fn a_line_that_cannot_be_read_has_its_number() {
        for (bad, part) in [
            ("{", "line 2: EOF"),
            ("7", "line 2: it is not an object"),
            (r#"{"type":"log","seq":2}"#, "line 2: missing field"),
        ] {
            let found = tape(&format!("{LINE}\n{bad}\n")).unwrap_err();
            assert!(found.contains(part), "{found}");
        }
        let other = LINE.replace("k2vq", "zzzz");
        let found = tape(&format!("{LINE}\n{other}\n")).unwrap_err();
        assert!(found.contains("the events before are of run"), "{found}");
    }

    #[test]
    fn a_tape_has_events() {
        assert_eq!(tape("").unwrap_err(), "has no event");
        assert_eq!(file("latest"), None);
        assert_eq!(file("20261123-101500-k2vq"), None);
        assert_eq!(file("tests/tape"), Some(Path::new("tests/tape")));
    }
}
