//! In the place of `loop-remembers`: takes its memory, gives one of another form, and its loop fails.

use arkor_guest::prelude::*;

#[derive(Default)]
struct Upgrades {
    logs: u8,
}

impl Trainer for Upgrades {
    fn describe() -> Result<Spec> {
        Ok(guest_common::spec("loop-remembers"))
    }

    fn on_log(&mut self, _: &LogRecord) -> Result<Actions> {
        self.logs = self.logs.wrapping_add(1);
        Ok(vec![Action::metric("second", f64::from(self.logs))])
    }

    fn save_state(&self) -> Result<Vec<u8>> {
        Ok(vec![2, self.logs])
    }

    fn load_state(&mut self, state: &[u8]) -> Result<()> {
        match state {
            [1 | 2, logs] => self.logs = *logs,
            _ => return Err("a form of memory that this code does not know".into()),
        }
        Ok(())
    }
}

impl TrainingLoop for Upgrades {
    fn run(_: Spec) -> Result<()> {
        Err("the new loop is not ready".into())
    }
}

arkor_guest::export_loop!(Upgrades);
