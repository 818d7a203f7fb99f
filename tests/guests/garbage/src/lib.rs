//! Returns actions that the contract does not allow.

use arkor_guest::prelude::*;

#[derive(Default)]
struct Garbage;

impl Trainer for Garbage {
    fn describe() -> Result<Spec> {
        Ok(guest_common::spec("garbage"))
    }

    fn on_log(&mut self, _: &LogRecord) -> Result<Actions> {
        Ok(vec![Action::Save, Action::SetLearningRate(f64::NAN)])
    }
}

arkor_guest::export!(Garbage);
