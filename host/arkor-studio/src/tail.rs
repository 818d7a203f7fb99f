//! The newest events of the run in flight, as they go over the wire, so that many readers cost the
//! store one reading.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arkor_store::Line;
use arkor_types::RunId;
use bytes::{BufMut, Bytes, BytesMut};
use tokio::sync::watch;

/// Events that are kept. Who is further behind reads the store.
const KEPT: usize = 2048;

/// Most bytes that are kept, whatever the events are.
const KEPT_BYTES: usize = 16 << 20;

/// Most bytes that are handed to a reader at once.
const CHUNK: usize = 256 << 10;

/// A part of an event stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// In the form of an event stream.
    pub(crate) bytes: Bytes,
    /// Number of its last event.
    pub(crate) last: u64,
}

#[derive(Debug)]
pub(crate) struct Tail {
    run: RunId,
    events: Mutex<Newest>,
    last: watch::Sender<u64>,
}

/// Events, oldest first, and the bytes of all of them.
#[derive(Debug, Default)]
struct Newest {
    lines: VecDeque<(u64, Bytes)>,
    bytes: usize,
}

impl Newest {
    fn push(&mut self, seq: u64, line: Bytes) {
        self.bytes += line.len();
        self.lines.push_back((seq, line));
        // The newest is always there.
        while self.lines.len() > 1 && (self.lines.len() > KEPT || self.bytes > KEPT_BYTES) {
            let oldest = self.lines.pop_front();
            self.bytes -= oldest.map_or(0, |(_, line)| line.len());
        }
    }
}

/// An event in the form of an event stream: its number, so that a reader can say where it stopped,
/// and its JSON, which has no line breaks.
pub(crate) fn line(line: &Line) -> Bytes {
    format!("id: {}\ndata: {}\n\n", line.record.seq, line.json).into()
}

impl Tail {
    pub(crate) fn new(run: RunId, after: u64) -> Self {
        Self {
            run,
            events: Mutex::default(),
            last: watch::Sender::new(after),
        }
    }

    pub(crate) fn run(&self) -> &RunId {
        &self.run
    }

    fn events(&self) -> MutexGuard<'_, Newest> {
        // Nothing in here is left half done by a panic.
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Events that are in the store by now, in order.
    pub(crate) fn push(&self, lines: &[Arc<Line>]) {
        let Some(newest) = lines.last() else {
            return;
        };
        {
            let mut events = self.events();
            for one in lines {
                events.push(one.record.seq, line(one));
            }
        }
        self.last.send_replace(newest.record.seq);
    }

    /// Changes with every event.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.last.subscribe()
    }

    /// What follows this event, if that is still here; nothing for who has all.
    pub(crate) fn after(&self, seq: u64) -> Option<Chunk> {
        let events = self.events();
        let (first, _) = events.lines.front()?;
        if *first > seq.saturating_add(1) {
            return None;
        }
        let skip = usize::try_from(seq.saturating_add(1).saturating_sub(*first)).ok()?;
        let mut bytes = BytesMut::new();
        let mut last = seq;
        for (seq, line) in events.lines.iter().skip(skip) {
            if !bytes.is_empty() && bytes.len() + line.len() > CHUNK {
                break;
            }
            bytes.put_slice(line);
            last = *seq;
        }
        Some(Chunk {
            bytes: bytes.freeze(),
            last,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arkor_types::{At, Event, EventRecord};

    fn of(seq: u64, event: Event) -> Arc<Line> {
        let record = EventRecord {
            seq,
            run: RunId::new("r").unwrap(),
            time: jiff::Timestamp::UNIX_EPOCH,
            event,
        };
        Arc::new(Line::of(record).unwrap())
    }

    fn records(numbers: std::ops::RangeInclusive<u64>) -> Vec<Arc<Line>> {
        numbers
            .map(|seq| of(seq, Event::Paused(At { step: seq })))
            .collect()
    }

    fn ids(chunk: &Chunk) -> Vec<u64> {
        let text = std::str::from_utf8(&chunk.bytes).unwrap();
        text.lines()
            .filter_map(|line| line.strip_prefix("id: "))
            .map(|id| id.parse().unwrap())
            .collect()
    }

    #[test]
    fn a_reader_gets_each_event_once_wherever_it_stands() {
        let tail = Tail::new(RunId::new("r").unwrap(), 0);
        assert_eq!(tail.after(0), None);
        tail.push(&records(1..=3));
        let chunk = tail.after(1).unwrap();
        assert_eq!((ids(&chunk), chunk.last), (vec![2, 3], 3));
        let nothing = tail.after(3).unwrap();
        assert!(nothing.bytes.is_empty() && nothing.last == 3);
        for future in [9, u64::MAX] {
            assert!(tail.after(future).unwrap().bytes.is_empty());
        }
        tail.push(&records(4..=3000));
        assert_eq!(tail.after(3), None, "the store has them");
        let mut last = 952;
        let mut seen = Vec::new();
        while last < 3000 {
            let chunk = tail.after(last).unwrap();
            assert!(chunk.bytes.len() <= CHUNK);
            seen.extend(ids(&chunk));
            last = chunk.last;
        }
        assert_eq!(seen, (953..=3000).collect::<Vec<_>>());
    }

    #[test]
    fn large_events_are_kept_up_to_a_number_of_bytes() {
        use arkor_types::{Level, Message, MessageSource};
        let tail = Tail::new(RunId::new("r").unwrap(), 0);
        for seq in 1..=100 {
            let event = Event::Message(Message {
                step: 1,
                level: Level::Info,
                source: MessageSource::Message,
                text: "x".repeat(1 << 20).into(),
            });
            tail.push(&[of(seq, event)]);
            assert!(tail.events().bytes <= KEPT_BYTES + CHUNK);
        }
        let kept: usize = tail.events().lines.iter().map(|(_, line)| line.len()).sum();
        assert_eq!(kept, tail.events().bytes);
        assert_eq!(tail.after(50), None, "the store has them");
        assert_eq!(tail.after(99).unwrap().last, 100);
        // One that is larger than all that is kept is there all the same.
        tail.push(&records(101..=101));
        assert_eq!(tail.after(100).unwrap().last, 101);
    }
}
