//! Trains as `counts` does, and panics whenever a checkpoint was written.

use arkor_guest::prelude::*;

#[derive(Default)]
struct PanicsAtCheckpoint;

impl Trainer for PanicsAtCheckpoint {
    fn describe() -> Result<Spec> {
        let mut spec = guest_common::counted();
        spec.hyperparameters.save_steps = Some(0);
        Ok(spec)
    }

    fn on_checkpoint(&mut self, _: &Checkpoint) -> Result<Actions> {
        panic!("not now");
    }
}

arkor_guest::export!(PanicsAtCheckpoint);
