//! A loop that sleeps for an hour, outside of wasm, where no epoch reaches it.

use arkor_guest::prelude::*;

#[derive(Default)]
struct LoopSleeps;

impl Trainer for LoopSleeps {
    fn describe() -> Result<Spec> {
        Ok(guest_common::spec("loop-sleeps"))
    }
}

impl TrainingLoop for LoopSleeps {
    fn run(_: Spec) -> Result<()> {
        std::thread::sleep(std::time::Duration::from_secs(3600));
        Ok(())
    }
}

arkor_guest::export_loop!(LoopSleeps);
