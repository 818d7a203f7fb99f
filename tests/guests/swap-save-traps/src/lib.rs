//! In the place of `counts`: traps when it is asked for its memory.

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
        println!("next: {} logs, event {}", self.0.logs, event.at.seq);
        Ok(vec![Action::metric("next", self.0.logs as f64)])
    }

    fn save_state(&self) -> Result<Vec<u8>> {
        panic!("it is gone")
    }

    fn load_state(&mut self, state: &[u8]) -> Result<()> {
        self.0 = Counts::load(state)?;
        Ok(())
    }
}

arkor_guest::export!(Next);
