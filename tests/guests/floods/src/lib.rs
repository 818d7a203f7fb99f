//! Writes lines without end in on-log.

use arkor_guest::prelude::*;

#[derive(Default)]
struct Floods;

impl Trainer for Floods {
    fn describe() -> Result<Spec> {
        Ok(guest_common::spec("floods"))
    }

    fn on_log(&mut self, event: &LogRecord) -> Result<Actions> {
        loop {
            println!("line at step {}", event.at.step);
        }
    }
}

arkor_guest::export!(Floods);
