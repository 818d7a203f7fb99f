//! A loop that goes on calling its host, and never offers a checkpoint.

use arkor_guest::prelude::*;

#[derive(Default)]
struct LoopDeaf;

impl Trainer for LoopDeaf {
    fn describe() -> Result<Spec> {
        Ok(guest_common::spec("loop-deaf"))
    }
}

impl TrainingLoop for LoopDeaf {
    fn run(_: Spec) -> Result<()> {
        loop {
            hooks::log(0, Progress::default(), &[])?;
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

arkor_guest::export_loop!(LoopDeaf);
