//! Allocates without end in on-log.

use arkor_guest::prelude::*;

#[derive(Default)]
struct Allocates;

impl Trainer for Allocates {
    fn describe() -> Result<Spec> {
        Ok(guest_common::spec("allocates"))
    }

    fn on_log(&mut self, event: &LogRecord) -> Result<Actions> {
        let mut kept = vec![vec![event.at.step; 1]];
        loop {
            kept.push(std::hint::black_box(vec![1u32; 1 << 18]));
        }
    }
}

arkor_guest::export!(Allocates);
