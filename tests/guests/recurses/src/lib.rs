//! Recurses without end in on-log.

use arkor_guest::prelude::*;

#[derive(Default)]
struct Recurses;

#[expect(unconditional_recursion, reason = "that is what it is for")]
fn down(n: u32) -> u32 {
    let block = std::hint::black_box([n; 32]);
    down(n + 1) + block[(n % 32) as usize]
}

impl Trainer for Recurses {
    fn describe() -> Result<Spec> {
        Ok(guest_common::spec("recurses"))
    }

    fn on_log(&mut self, event: &LogRecord) -> Result<Actions> {
        let depth = down(event.at.step);
        Err(format!("came back from {depth}").into())
    }
}

arkor_guest::export!(Recurses);
