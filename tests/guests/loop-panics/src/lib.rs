//! A loop that panics after a step.

use arkor_guest::prelude::*;

#[derive(Default)]
struct LoopPanics;

impl Trainer for LoopPanics {
    fn describe() -> Result<Spec> {
        Ok(guest_common::spec("loop-panics"))
    }
}

impl TrainingLoop for LoopPanics {
    fn run(_: Spec) -> Result<()> {
        let batch = dataset::batch(0)?;
        panic!("with {} examples in hand", batch.len());
    }
}

arkor_guest::export_loop!(LoopPanics);
