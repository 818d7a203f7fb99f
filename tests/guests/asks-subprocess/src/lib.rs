//! Asks for another process.

use arkor_guest::prelude::*;

#[derive(Default)]
struct AsksSubprocess;

impl Trainer for AsksSubprocess {
    fn describe() -> Result<Spec> {
        Ok(guest_common::spec("asks-subprocess"))
    }

    fn on_started(&mut self, _: &Started) -> Result<Actions> {
        let output = std::process::Command::new("/bin/sh")
            .args(["-c", "id"])
            .output()?;
        println!("ESCAPED: {output:?}");
        Ok(vec![])
    }
}

arkor_guest::export!(AsksSubprocess);
