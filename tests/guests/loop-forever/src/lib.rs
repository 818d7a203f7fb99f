//! A loop that computes without end and never calls its host.

use arkor_guest::prelude::*;

#[derive(Default)]
struct LoopForever;

impl Trainer for LoopForever {
    fn describe() -> Result<Spec> {
        Ok(guest_common::spec("loop-forever"))
    }
}

impl TrainingLoop for LoopForever {
    fn run(_: Spec) -> Result<()> {
        let mut n = 1u64;
        loop {
            n = std::hint::black_box(n.wrapping_mul(3));
        }
    }
}

arkor_guest::export_loop!(LoopForever);
