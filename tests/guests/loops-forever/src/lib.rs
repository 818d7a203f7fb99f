//! Never comes back from on-log.

use arkor_guest::prelude::*;

#[derive(Default)]
struct LoopsForever;

impl Trainer for LoopsForever {
    fn describe() -> Result<Spec> {
        Ok(guest_common::spec("loops-forever"))
    }

    fn on_log(&mut self, event: &LogRecord) -> Result<Actions> {
        let mut n = event.at.step;
        loop {
            n = std::hint::black_box(n.wrapping_mul(3));
        }
    }
}

arkor_guest::export!(LoopsForever);
