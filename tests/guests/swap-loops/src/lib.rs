//! In the place of `counts`: does not come back from its first event.

use arkor_guest::prelude::*;
use guest_common::Counts;

#[derive(Default)]
struct Next(Counts);

impl Trainer for Next {
    fn describe() -> Result<Spec> {
        Ok(guest_common::counted())
    }

    fn on_log(&mut self, event: &LogRecord) -> Result<Actions> {
        self.0.logs += 1;
        while self.0.logs < std::hint::black_box(u64::MAX) {
            self.0.logs += std::hint::black_box(event.at.seq as u64) & 1;
        }
        Ok(vec![])
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
