//! A run in a file: its events, one JSON object a line, as `arkor-host run --json` prints them.

use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use arkor_types::EventRecord;
use serde_json::error::Category;

/// Whether an argument means a file. The id of a run has neither a dot nor a slash; a file without either is named
/// as `./tape`, since a project could bring one that is called as a run, or `latest`.
pub(super) fn file(argument: &str) -> Option<&Path> {
    argument
        .contains(['.', '/', '\\'])
        .then_some(Path::new(argument))
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

/// Most bytes of a file.
const SIZE: u64 = 256 << 20;

/// Most bytes of a line: an event with the longest texts that are stored has less.
const LINE: u64 = 8 << 20;

/// Most events; each takes some hundred bytes of memory.
const EVENTS: usize = 2_000_000;

/// The events in a file, which lies at a path without links. Lines that are no events (`finished` for one) are
/// passed over.
pub(super) fn read(path: &Path) -> Result<Vec<EventRecord>, TapeError> {
    let error = |what: String| TapeError {
        path: path.into(),
        what,
    };
    let unreadable = |why: &std::io::Error| error(format!("cannot be read: {why}"));
    let file = arkor_files::open_resolved(path).map_err(|why| unreadable(&why))?;
    let size = file.metadata().map_err(|why| unreadable(&why))?.len();
    if size > SIZE {
        return Err(error(format!(
            "has {size} bytes, and at most {SIZE} are read"
        )));
    }
    // It may grow meanwhile.
    events(BufReader::new(file.take(SIZE))).map_err(error)
}

/// The events in what a tape holds, or what is wrong with it.
pub(super) fn events(mut tape: impl BufRead) -> Result<Vec<EventRecord>, String> {
    let mut events: Vec<EventRecord> = Vec::new();
    let mut line = Vec::new();
    for number in 1.. {
        let line_error = |what: String| format!("is broken in line {number}: {what}");
        line.clear();
        let read = (&mut tape).take(LINE + 1).read_until(b'\n', &mut line);
        if read.map_err(|why| format!("cannot be read: {why}"))? == 0 {
            break;
        }
        if line.len() as u64 > LINE {
            return Err(line_error(format!("it has more than {LINE} bytes")));
        }
        let Ok(text) = std::str::from_utf8(&line) else {
            return Err(line_error("it is not UTF-8".into()));
        };
        let text = text.trim();
        if text.is_empty() {
            continue;
        }
        let head: Head = serde_json::from_str(text).map_err(|why| {
            let is_object = text.starts_with('{');
            line_error(match why.classify() {
                Category::Data if !is_object => "it is not an object with a `type`".into(),
                _ => why.to_string(),
            })
        })?;
        if head.kind.is_none() {
            return Err(line_error("it is not an object with a `type`".into()));
        }
        // Every event is numbered, and nothing else that the program prints is.
        if head.seq.is_none() {
            continue;
        }
        let event = EventRecord::from_json(text).map_err(|why| line_error(why.to_string()))?;
        if let Some(before) = events.last().filter(|before| before.run != event.run) {
            return Err(line_error(format!(
                "it is of run {}, and the events before are of run {}",
                event.run, before.run
            )));
        }
        if events.len() >= EVENTS {
            return Err(line_error(format!("more than {EVENTS} events")));
        }
        events.push(event);
    }
    if events.is_empty() {
        return Err("has no event".into());
    }
    Ok(events)
}

/// What tells an event from other lines.
#[derive(serde::Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: Option<String>,
    seq: Option<serde::de::IgnoredAny>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"seq":1,"run":"20261123-101500-k2vq","time":"2026-11-23T10:15:00Z","type":"paused","step":3}"#;

    fn tape(text: &str) -> Result<Vec<EventRecord>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tape.jsonl");
        std::fs::write(&path, text).unwrap();
        read(&path).map_err(|error| error.what)
    }

    #[test]
    fn what_is_no_event_is_passed_over() {
        let text = format!("{{\"type\":\"dev\"}}\n{EVENT}\n\n{{\"type\":\"finished\"}}\n");
        assert_eq!(tape(&text).unwrap().len(), 1);
    }

    #[test]
    fn a_line_that_cannot_be_read_has_its_number() {
        for (bad, part) in [
            ("{", "line 2: EOF"),
            ("7", "line 2: it is not an object"),
            (r#"{"type":"log","seq":2}"#, "line 2: missing field"),
        ] {
            let found = tape(&format!("{EVENT}\n{bad}\n")).unwrap_err();
            assert!(found.contains(part), "{found}");
        }
        let other = EVENT.replace("k2vq", "zzzz");
        let found = tape(&format!("{EVENT}\n{other}\n")).unwrap_err();
        assert!(found.contains("the events before are of run"), "{found}");
    }

    #[test]
    fn a_tape_has_events() {
        assert_eq!(tape("").unwrap_err(), "has no event");
        assert_eq!(file("latest"), None);
        assert_eq!(file("20261123-101500-k2vq"), None);
        assert_eq!(file("tests/tape"), Some(Path::new("tests/tape")));
    }

    #[test]
    fn lines_and_nesting_are_bounded() {
        let long = format!("{{\"type\":\"{}\"}}", "x".repeat(8 << 20));
        let deep = format!("{{\"type\":\"log\",\"seq\":{}", "[".repeat(1 << 20));
        for (bad, part) in [
            (long.as_bytes(), "line 2: it has more than 8388608 bytes"),
            (deep.as_bytes(), "line 2: "),
            (b"\xff\xfe", "line 2: it is not UTF-8"),
            (b"[\"type\"]", "line 2: it is not an object"),
        ] {
            let tape = [EVENT.as_bytes(), b"\n", bad].concat();
            let found = events(tape.as_slice()).unwrap_err();
            assert!(found.contains(part), "{found}");
        }
        let nested = format!(
            "{{\"type\":\"log\",\"seq\":2,\"run\":{}{}}}",
            "[".repeat(9000),
            "]".repeat(9000)
        );
        assert!(events(nested.as_bytes()).is_err());
    }

    #[test]
    fn files_that_do_not_end_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let sparse = folder.path().join("sparse");
        std::fs::File::create(&sparse)
            .unwrap()
            .set_len(1 << 40)
            .unwrap();
        let found = read(&sparse).unwrap_err().what;
        assert_eq!(
            found,
            "has 1099511627776 bytes, and at most 268435456 are read"
        );
        let found = read(folder.path()).unwrap_err().what;
        assert!(found.contains("it is a folder"), "{found}");
    }

    #[cfg(unix)]
    #[test]
    fn devices_and_fifos_are_no_tapes() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status();
        assert!(made.unwrap().success());
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        for path in [Path::new("/dev/zero"), Path::new("/dev/tty"), &fifo, &link] {
            let found = read(path).unwrap_err().what;
            assert!(found.starts_with("cannot be read: "), "{found}");
        }
    }
}
