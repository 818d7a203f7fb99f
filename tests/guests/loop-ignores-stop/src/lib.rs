//! A loop that goes on calling its host after it was told to return.

use arkor_guest::prelude::*;

#[derive(Default)]
struct LoopIgnoresStop;

impl Trainer for LoopIgnoresStop {
    fn describe() -> Result<Spec> {
        Ok(guest_common::spec("loop-ignores-stop"))
    }

    fn on_log(&mut self, _: &LogRecord) -> Result<Actions> {
        Ok(vec![Action::stop("enough")])
    }
}

impl TrainingLoop for LoopIgnoresStop {
    fn run(_: Spec) -> Result<()> {
        hooks::log(0, Progress::default(), &[])?;
        loop {
            let _ = hooks::checkpoint(0, &[]);
            let _ = hooks::log(0, Progress::default(), &[]);
            let _ = dataset::batch(0);
            let _ = session::model();
        }
    }
}

arkor_guest::export_loop!(LoopIgnoresStop);
