//! Events of a newer version of this program: kept, shown and passed over, and never taken for damage.

use serde::{Deserialize, Serialize};

use super::{
    ActionTaken, ArtifactWritten, At, CallbackFailed, CheckpointWritten, Ended, Ending, Evaluation,
    Event, EventRecord, Failed, Interrupted, LogRecord, Message, RolledBack, Started, SwapRejected,
    Swapped,
};
use crate::{RunId, UntrustedText};

/// See [`Event::Unknown`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct UnknownEvent(serde_json::Map<String, serde_json::Value>);

impl UnknownEvent {
    /// Its type, as it says.
    pub fn kind(&self) -> UntrustedText {
        let kind = self.0.get("type").and_then(serde_json::Value::as_str);
        UntrustedText::cut(kind.unwrap_or_default(), 100)
    }

    /// Optimizer steps finished, if it says so.
    pub fn step(&self) -> u64 {
        self.0
            .get("step")
            .and_then(serde_json::Value::as_u64)
            .unwrap_or(0)
    }
}

/// The types that this version knows.
#[cfg(test)]
const KINDS: [&str; 18] = [
    "started",
    "log",
    "evaluation",
    "checkpoint",
    "artifact",
    "message",
    "action",
    "callback-failed",
    "swapped",
    "swap-rejected",
    "rolled-back",
    "paused",
    "continued",
    "ending",
    "completed",
    "stopped",
    "failed",
    "interrupted",
];

/// What is wrong with an event that could not be read; none if its type is not known.
fn problem(kind: &str, text: &str) -> Option<Option<serde_json::Error>> {
    fn of<T: serde::de::DeserializeOwned>(text: &str) -> Option<serde_json::Error> {
        serde_json::from_str::<T>(text).err()
    }
    Some(match kind {
        "started" => of::<Started>(text),
        "log" => of::<LogRecord>(text),
        "evaluation" => of::<Evaluation>(text),
        "checkpoint" => of::<CheckpointWritten>(text),
        "artifact" => of::<ArtifactWritten>(text),
        "message" => of::<Message>(text),
        "action" => of::<ActionTaken>(text),
        "callback-failed" => of::<CallbackFailed>(text),
        "swapped" => of::<Swapped>(text),
        "swap-rejected" => of::<SwapRejected>(text),
        "rolled-back" => of::<RolledBack>(text),
        "paused" | "continued" => of::<At>(text),
        "ending" => of::<Ending>(text),
        "completed" | "stopped" => of::<Ended>(text),
        "failed" => of::<Failed>(text),
        "interrupted" => of::<Interrupted>(text),
        _ => return None,
    })
}

impl Event {
    /// Reads an event's JSON. One of an unknown type is [`Event::Unknown`].
    ///
    /// # Errors
    ///
    /// If the text is no JSON object with a `type`, or one of a known type lacks something.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text).or_else(|error| unknown(text, error))
    }
}

/// The event if its type is not known, and else what is wrong with it.
fn unknown(text: &str, error: serde_json::Error) -> Result<Event, serde_json::Error> {
    let Ok(mut fields) = serde_json::from_str::<serde_json::Map<_, _>>(text) else {
        return Err(error);
    };
    // These are the record's.
    for field in ["seq", "run", "time"] {
        fields.remove(field);
    }
    let Some(kind) = fields.get("type").and_then(serde_json::Value::as_str) else {
        return Err(error);
    };
    match problem(kind, text) {
        Some(problem) => Err(problem.unwrap_or(error)),
        None => Ok(Event::Unknown(UnknownEvent(fields))),
    }
}

impl EventRecord {
    /// Reads a record's JSON. An event of an unknown type is [`Event::Unknown`].
    ///
    /// # Errors
    ///
    /// As [`Event::from_json`], and if `seq`, `run` or `time` are missing.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Place {
            seq: u64,
            run: RunId,
            time: jiff::Timestamp,
        }
        serde_json::from_str(text).or_else(|error| {
            let event = unknown(text, error)?;
            let Place { seq, run, time } = serde_json::from_str(text)?;
            Ok(Self {
                seq,
                run,
                time,
                event,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FailureCode;

    const PLACE: &str =
        r#""seq":7,"run":"20261123-101500-k2vq","time":"2026-11-24T12:00:00Z","step":3"#;

    #[test]
    fn an_event_of_an_unknown_type_is_kept_as_it_is() {
        let text = format!(r#"{{{PLACE},"type":"levitated","height":{{"m":1.5}}}}"#);
        let record = EventRecord::from_json(&text).unwrap();
        let Event::Unknown(event) = &record.event else {
            panic!("{record:?}");
        };
        assert_eq!((event.kind().as_str(), event.step()), ("levitated", 3));
        assert!(!record.event.is_terminal());
        let again: serde_json::Value =
            serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap();
        let before: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(again, before);
        // As the store has it, without its place.
        let body = r#"{"type":"levitated","step":3}"#;
        assert!(matches!(Event::from_json(body), Ok(Event::Unknown(_))));
    }

    #[test]
    fn a_known_type_that_lacks_something_is_damaged_and_says_what() {
        for kind in KINDS {
            let error = Event::from_json(&format!(r#"{{"type":"{kind}"}}"#)).unwrap_err();
            assert!(
                error.to_string().contains("missing field"),
                "{kind}: {error}"
            );
        }
        for bad in [r#"{"step":3}"#, r#"{"type":7}"#, "[]", "null", ""] {
            assert!(Event::from_json(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn fields_of_a_newer_version_are_passed_over() {
        let text = format!(r#"{{{PLACE},"type":"paused","reason":"tired"}}"#);
        let record = EventRecord::from_json(&text).unwrap();
        assert_eq!(record.event, Event::Paused(At { step: 3 }));
    }

    #[test]
    fn an_unknown_code_of_a_failure_is_internal() {
        let text = r#"{"type":"failed","step":1,"message":"m","code":"melted","hint":null,"checkpoint":null}"#;
        let Event::Failed(failed) = Event::from_json(text).unwrap() else {
            panic!("{text}");
        };
        assert_eq!(failed.code, FailureCode::Internal);
    }
}
