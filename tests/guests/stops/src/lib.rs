//! Asks to stop at the second log event.

use arkor_guest::prelude::*;

#[derive(Default)]
struct Stops {
    logs: u32,
}

impl Trainer for Stops {
    fn describe() -> Result<Spec> {
        Ok(guest_common::spec("stops"))
    }

    fn on_log(&mut self, _: &LogRecord) -> Result<Actions> {
        self.logs += 1;
        Ok(if self.logs == 2 {
            vec![Action::stop("seen enough")]
        } else {
            vec![]
        })
    }
}

arkor_guest::export!(Stops);
