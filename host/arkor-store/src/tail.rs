//! The newest events of a run in flight, with their JSON as it was made to store them: who keeps up with a
//! run reads them here, and costs the store nothing.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arkor_types::{EventRecord, json_text, safe_json};

/// Events that are kept. Who is further behind reads the store.
const KEPT: usize = 2048;

/// Most bytes of JSON that are kept, whatever the events are.
const KEPT_BYTES: usize = 16 << 20;

/// An event that is in the store, and its line of JSON, which can be shown as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The event.
    pub record: EventRecord,
    /// The record as one line, see [`json_text`].
    pub json: String,
}

impl Line {
    /// Of a record that was read.
    ///
    /// # Errors
    ///
    /// It has no JSON form; then it was never stored.
    pub fn of(record: EventRecord) -> Result<Self, serde_json::Error> {
        let json = json_text(&record)?;
        Ok(Self { record, json })
    }

    /// Of an event that was just stored as this JSON.
    pub(crate) fn stored(record: EventRecord, body: &str) -> Self {
        // An id holds nothing that JSON would escape.
        let place = format!(
            "{{\"seq\":{},\"run\":\"{}\",\"time\":\"{}\",",
            record.seq,
            record.run.as_str(),
            record.time
        );
        let json = safe_json(place + body.strip_prefix('{').unwrap_or(body));
        Self { record, json }
    }
}

/// See the module. Written by the run's [`crate::RunHandle`].
#[derive(Debug, Default)]
pub struct Tail(Mutex<Newest>);

/// Oldest first.
#[derive(Debug, Default)]
struct Newest {
    lines: VecDeque<Arc<Line>>,
    bytes: usize,
}

impl Tail {
    fn newest(&self) -> MutexGuard<'_, Newest> {
        // Nothing in here is left half done by a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn push(&self, line: Line) {
        let mut newest = self.newest();
        newest.bytes += line.json.len();
        newest.lines.push_back(Arc::new(line));
        // The newest is always there.
        while newest.lines.len() > 1 && (newest.lines.len() > KEPT || newest.bytes > KEPT_BYTES) {
            let oldest = newest.lines.pop_front();
            newest.bytes -= oldest.map_or(0, |line| line.json.len());
        }
    }

    /// All that follow this event, if they are still here; then who has all gets none.
    pub fn after(&self, seq: u64) -> Option<Vec<Arc<Line>>> {
        let newest = self.newest();
        let first = newest.lines.front()?.record.seq;
        let skip = usize::try_from(seq.saturating_add(1).checked_sub(first)?).ok()?;
        Some(newest.lines.iter().skip(skip).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arkor_types::{At, Event, Level, Message, MessageSource, RunId};

    fn record(seq: u64, event: Event) -> EventRecord {
        EventRecord {
            seq,
            run: RunId::new("r-1").unwrap(),
            time: jiff::Timestamp::UNIX_EPOCH,
            event,
        }
    }

    fn message(text: &str) -> Event {
        Event::Message(Message {
            step: 1,
            level: Level::Info,
            source: MessageSource::Message,
            text: text.into(),
        })
    }

    #[test]
    fn a_line_is_the_json_of_its_record() {
        for event in [
            Event::Paused(At { step: 3 }),
            message("\u{1b}[2J##x \"q\" é\n"),
        ] {
            let body = serde_json::to_string(&event).unwrap();
            let record = record(7, event);
            let line = Line::stored(record.clone(), &body);
            assert_eq!(line, Line::of(record).unwrap());
        }
    }

    #[test]
    fn who_keeps_up_reads_each_event_once_and_others_are_sent_to_the_store() {
        let tail = Tail::default();
        assert_eq!(tail.after(0), None);
        for seq in 1..=3000 {
            let line = Line::of(record(seq, Event::Paused(At { step: seq }))).unwrap();
            tail.push(line);
        }
        assert_eq!(tail.after(3), None, "the store has them");
        let read = tail.after(2990).unwrap();
        let seqs: Vec<u64> = read.iter().map(|line| line.record.seq).collect();
        assert_eq!(seqs, (2991..=3000).collect::<Vec<_>>());
        assert_eq!(tail.after(3000).unwrap(), []);
        assert_eq!(tail.after(u64::MAX).unwrap(), []);
    }

    #[test]
    fn large_events_are_kept_up_to_a_number_of_bytes() {
        let tail = Tail::default();
        let text = "x".repeat(1 << 20);
        for seq in 1..=100 {
            tail.push(Line::of(record(seq, message(&text))).unwrap());
            assert!(tail.newest().bytes <= KEPT_BYTES);
        }
        assert_eq!(tail.after(50), None);
        assert_eq!(tail.after(99).unwrap().len(), 1);
    }
}
