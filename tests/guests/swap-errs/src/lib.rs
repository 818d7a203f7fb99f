//! In the place of `counts`: answers every log event with an error.

use arkor_guest::prelude::*;
use guest_common::Counts;

#[derive(Default)]
struct Next(Counts);

impl Trainer for Next {
    fn describe() -> Result<Spec> {
        Ok(guest_common::counted())
    }

    fn on_log(&mut self, event: &LogRecord) -> Result<Actions> {
        self.0.logs += 1000;
        Err(format!("not ready for event {}", event.at.seq).into())
    }

    fn save_state(&self) -> Result<Vec<u8>> {
        Ok(self.0.save())
    }

    fn load_state(&mut self, state: &[u8]) -> Result<()> {
        self.0 = Counts::load(state)?;
        Ok(())
    }
}

arkor_guest::export!(Next);
