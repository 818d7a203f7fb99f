//! What `dev` prints. The session has more to do than to wait for a reader: what finds no place is kept, an
//! event as its place in the store, and printed when there is room again, in the same order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use arkor_store::{Line, Store};
use arkor_types::{RunId, json_text};
use serde::Serialize;

use crate::commands::run::{print, stored};
use crate::output::Printer;

/// How long the end of a process waits for a reader.
const PATIENCE: Duration = Duration::from_secs(2);

/// Most states that wait. Each tells all there is to tell, so the oldest can go.
const STATES: usize = 256;

/// Most last words of runs that wait. A run takes longer than to say them.
const LAST_WORDS: usize = 10_000;

enum Waiting {
    /// Events of a run after this one, to that one.
    Events { run: RunId, after: u64, last: u64 },
    /// A line of JSON: how it is now.
    State(String),
    /// A line of JSON: how a run ended, which nothing else says.
    LastWord(String),
}

impl Waiting {
    fn line(&mut self) -> Option<&mut String> {
        match self {
            Self::State(line) | Self::LastWord(line) => Some(line),
            Self::Events { .. } => None,
        }
    }
}

pub(super) struct Voice {
    /// It never waits.
    printer: Printer,
    store: Store,
    waiting: VecDeque<Waiting>,
}

impl Voice {
    pub(super) fn new(printer: &Printer, store: Store) -> Self {
        Self {
            printer: printer.without_waiting(),
            store,
            waiting: VecDeque::new(),
        }
    }

    /// Whether something waits for room.
    pub(super) fn is_behind(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(super) fn events(&mut self, lines: &[Arc<Line>]) -> Result<()> {
        self.catch_up()?;
        for line in lines {
            let (run, seq) = (&line.record.run, line.record.seq);
            match self.waiting.back_mut() {
                None if self.printer.has_room() => print(line, &self.printer),
                Some(Waiting::Events {
                    run: known, last, ..
                }) if known == run => *last = seq,
                _ => self.waiting.push_back(Waiting::Events {
                    run: run.clone(),
                    after: seq - 1,
                    last: seq,
                }),
            }
        }
        Ok(())
    }

    pub(super) fn state(&mut self, value: &impl Serialize) {
        self.object(value, Waiting::State, STATES);
    }

    pub(super) fn last_word(&mut self, value: &impl Serialize) {
        self.object(value, Waiting::LastWord, LAST_WORDS);
    }

    fn object(&mut self, value: &impl Serialize, kind: fn(String) -> Waiting, most: usize) {
        let Ok(line) = json_text(value) else { return };
        if self.waiting.is_empty() && self.printer.has_room() {
            self.printer.json_line(line);
            return;
        }
        let object = kind(line);
        let same = std::mem::discriminant(&object);
        let is_same = |waiting: &Waiting| std::mem::discriminant(waiting) == same;
        if self.waiting.iter().filter(|one| is_same(one)).count() >= most
            && let Some(oldest) = self.waiting.iter().position(is_same)
        {
            self.waiting.remove(oldest);
            self.merge(oldest);
        }
        self.waiting.push_back(object);
    }

    /// Events of one run that came to stand beside each other are one place in the store.
    fn merge(&mut self, at: usize) {
        let before = at.checked_sub(1).and_then(|at| self.waiting.get(at));
        if let (
            Some(Waiting::Events {
                run: known,
                last: end,
                ..
            }),
            Some(Waiting::Events { run, after, .. }),
        ) = (before, self.waiting.get(at))
            && known == run
            && end == after
            && let Some(Waiting::Events { last: newest, .. }) = self.waiting.remove(at)
            && let Some(Waiting::Events { last, .. }) = self.waiting.get_mut(at - 1)
        {
            *last = newest;
        }
    }

    /// The end: what waits is printed as long as somebody reads.
    pub(super) async fn finish(&mut self) -> Result<()> {
        let mut last_room = Instant::now();
        while self.is_behind() && last_room.elapsed() < PATIENCE {
            if self.printer.has_room() {
                last_room = Instant::now();
            }
            self.catch_up()?;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// Prints what waits, as long as there is room.
    pub(super) fn catch_up(&mut self) -> Result<()> {
        while self.printer.has_room()
            && let Some(next) = self.waiting.front_mut()
        {
            if let Some(line) = next.line() {
                self.printer.json_line(std::mem::take(line));
                self.waiting.pop_front();
                continue;
            }
            match next {
                Waiting::State(_) | Waiting::LastWord(_) => {}
                Waiting::Events { run, after, last } => {
                    let page = stored(&self.store, run, *after)?;
                    let mut is_over = page.is_empty();
                    for line in page {
                        if line.record.seq > *last {
                            is_over = true;
                            break;
                        }
                        // What finds no place would be left out.
                        if !self.printer.has_room() {
                            return Ok(());
                        }
                        print(&line, &self.printer);
                        *after = line.record.seq;
                    }
                    if is_over || after == last {
                        self.waiting.pop_front();
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use arkor_store::StoreOptions;
    use serde_json::json;

    use super::*;

    /// A reader that stalls for long learns how each run ended, and how it is now.
    #[test]
    fn states_give_way_to_newer_ones_and_last_words_stay() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join(".arkor"), StoreOptions::default()).unwrap();
        let mut voice = Voice::new(&Printer::start(true).unwrap(), store);
        let events = |after, last| Waiting::Events {
            run: RunId::new("r").unwrap(),
            after,
            last,
        };
        voice.waiting.push_back(events(0, 3));
        voice.state(&json!({ "state": 0 }));
        voice.waiting.push_back(events(3, 5));
        voice.last_word(&json!({ "type": "finished" }));
        for state in 1..=2 * STATES {
            voice.state(&json!({ "state": state }));
        }
        assert_eq!(voice.waiting.len(), 2 + STATES);
        let all = &voice.waiting[0];
        assert!(matches!(
            all,
            Waiting::Events {
                after: 0,
                last: 5,
                ..
            }
        ));
        assert!(matches!(&voice.waiting[1], Waiting::LastWord(line) if line.contains("finished")));
        let newest = format!("{{\"state\":{}}}", 2 * STATES);
        assert!(matches!(voice.waiting.back(), Some(Waiting::State(line)) if *line == newest));
    }
}
