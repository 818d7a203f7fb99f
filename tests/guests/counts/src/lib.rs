//! Behaves well: counts what it sees, keeps the counts over stops, and asks for things by them.

use arkor_guest::prelude::*;
use guest_common::Counts;

#[derive(Default)]
struct Counting(Counts);

impl Trainer for Counting {
    fn describe() -> Result<Spec> {
        Ok(guest_common::counted())
    }

    fn on_log(&mut self, event: &LogRecord) -> Result<Actions> {
        self.0.logs += 1;
        let mut actions = vec![Action::metric("logs-seen", self.0.logs as f64)];
        // What it asks for depends on its memory, so a run that lost it would train otherwise.
        if self.0.logs.is_multiple_of(3) {
            actions.push(Action::SetLearningRate(1e-3 / self.0.logs as f64));
        }
        if self.0.logs.is_multiple_of(5) {
            actions.push(Action::Evaluate);
            actions.push(Action::Save);
        }
        let _ = event;
        Ok(actions)
    }

    fn on_checkpoint(&mut self, event: &Checkpoint) -> Result<Actions> {
        self.0.checkpoints += 1;
        let style = Sampling {
            max_tokens: Some(5),
            ..sampling()
        };
        let text = inference::generate("And", &style)?.text;
        println!(
            "checkpoint {} at step {}: {text:?}",
            self.0.checkpoints, event.at.step
        );
        Ok(vec![])
    }

    fn on_completed(&mut self, _: &Completed) -> Result<Actions> {
        println!("on-log was called {} times", self.0.logs);
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

arkor_guest::export!(Counting);
