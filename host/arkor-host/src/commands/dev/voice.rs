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

/// Most objects that wait. Each tells all there is to tell, so the oldest can go.
const OBJECTS: usize = 256;

enum Waiting {
    /// Events of a run after this one, to that one.
    Events { run: RunId, after: u64, last: u64 },
    /// A line of JSON.
    Object(String),
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

    pub(super) fn object(&mut self, value: &impl Serialize) {
        let Ok(line) = json_text(value) else { return };
        if self.waiting.is_empty() && self.printer.has_room() {
            self.printer.json_line(line);
            return;
        }
        let is_object = |waiting: &Waiting| matches!(waiting, Waiting::Object(_));
        if self.waiting.iter().filter(|one| is_object(one)).count() >= OBJECTS
            && let Some(oldest) = self.waiting.iter().position(is_object)
        {
            self.waiting.remove(oldest);
        }
        self.waiting.push_back(Waiting::Object(line));
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
            match next {
                Waiting::Object(line) => {
                    self.printer.json_line(std::mem::take(line));
                    self.waiting.pop_front();
                }
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
