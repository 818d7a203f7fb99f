//! Returns an error from on-log, with the errors that led to it, and lives on.

use arkor_guest::prelude::*;

#[derive(Default)]
struct Fails;

impl Trainer for Fails {
    fn describe() -> Result<Spec> {
        Ok(guest_common::spec("fails"))
    }

    fn on_log(&mut self, _: &LogRecord) -> Result<Actions> {
        let number: u32 = "twelve".parse()?;
        println!("never reached: {number}");
        Ok(vec![])
    }
}

arkor_guest::export!(Fails);
