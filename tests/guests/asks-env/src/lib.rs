//! Asks for environment variables and arguments.

use arkor_guest::prelude::*;

#[derive(Default)]
struct AsksEnv;

impl Trainer for AsksEnv {
    fn describe() -> Result<Spec> {
        Ok(guest_common::spec("asks-env"))
    }

    fn on_started(&mut self, _: &Started) -> Result<Actions> {
        for (name, value) in std::env::vars() {
            println!("ESCAPED: {name}={value}");
        }
        for argument in std::env::args() {
            println!("ESCAPED: argument {argument}");
        }
        let home = std::env::var("HOME")?;
        println!("ESCAPED: {home}");
        Ok(vec![])
    }
}

arkor_guest::export!(AsksEnv);
