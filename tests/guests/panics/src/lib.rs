//! Panics in the export that the first word of its dataset names.

use arkor_guest::prelude::*;

#[derive(Default)]
struct Panics;

/// Panics if this is the export the test asks for.
fn here(name: &str) {
    let first = dataset::read(dataset::Split::Train, 0, 1).expect("there is an example");
    let bytes: Vec<u8> = first[0].tokens.iter().map(|token| *token as u8).collect();
    let text = String::from_utf8_lossy(&bytes);
    assert!(
        text.split_whitespace().next() != Some(name),
        "as the test wants, in {name}"
    );
}

impl Trainer for Panics {
    fn describe() -> Result<Spec> {
        Ok(guest_common::spec("panics"))
    }

    fn on_started(&mut self, _: &Started) -> Result<Actions> {
        here("on-started");
        Ok(vec![])
    }

    fn on_log(&mut self, _: &LogRecord) -> Result<Actions> {
        here("on-log");
        Ok(vec![])
    }

    fn on_evaluate(&mut self, _: &Evaluation) -> Result<Actions> {
        here("on-evaluate");
        Ok(vec![])
    }

    fn on_checkpoint(&mut self, _: &Checkpoint) -> Result<Actions> {
        here("on-checkpoint");
        Ok(vec![])
    }

    fn on_completed(&mut self, _: &Completed) -> Result<Actions> {
        here("on-completed");
        Ok(vec![])
    }

    fn save_state(&self) -> Result<Vec<u8>> {
        here("save-state");
        Ok(vec![1])
    }

    fn load_state(&mut self, _: &[u8]) -> Result<()> {
        panic!("as the test wants, in load-state");
    }
}

arkor_guest::export!(Panics);
