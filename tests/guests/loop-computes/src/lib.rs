//! A loop that computes for seconds between two calls of its host, and does what it is told at each.

use std::time::{Duration, Instant};

use arkor_guest::prelude::*;

#[derive(Default)]
struct LoopComputes;

impl Trainer for LoopComputes {
    fn describe() -> Result<Spec> {
        Ok(guest_common::spec("loop-computes"))
    }
}

impl TrainingLoop for LoopComputes {
    fn run(_: Spec) -> Result<()> {
        loop {
            let wishes = hooks::log(0, Progress::default(), &[])?;
            if wishes.checkpoint && hooks::checkpoint(0, b"")? != Directive::Proceed {
                return Ok(());
            }
            let begin = Instant::now();
            let mut n = 1u64;
            while begin.elapsed() < Duration::from_millis(3500) {
                for _ in 0..100_000 {
                    n = std::hint::black_box(n.wrapping_mul(3));
                }
            }
        }
    }
}

arkor_guest::export_loop!(LoopComputes);
