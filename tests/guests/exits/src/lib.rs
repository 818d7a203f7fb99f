//! Ends its process.

use arkor_guest::prelude::*;

#[derive(Default)]
struct Exits;

impl Trainer for Exits {
    fn describe() -> Result<Spec> {
        Ok(guest_common::spec("exits"))
    }

    fn on_started(&mut self, _: &Started) -> Result<Actions> {
        std::process::exit(7);
    }
}

arkor_guest::export!(Exits);
