//! Behaves well: counts what it sees, keeps the counts over stops, and asks for things by them.

use arkor_guest::prelude::*;

#[derive(Default)]
struct Counts {
    logs: u64,
    checkpoints: u64,
}

impl Trainer for Counts {
    fn describe() -> Result<Spec> {
        Ok(guest_common::spec("counts"))
    }

    fn on_log(&mut self, event: &LogRecord) -> Result<Actions> {
        self.logs += 1;
        let mut actions = vec![Action::metric("logs-seen", self.logs as f64)];
        // What it asks for depends on its memory, so a run that lost it would train otherwise.
        if self.logs.is_multiple_of(3) {
            actions.push(Action::SetLearningRate(1e-3 / self.logs as f64));
        }
        if self.logs.is_multiple_of(5) {
            actions.push(Action::Evaluate);
            actions.push(Action::Save);
        }
        let _ = event;
        Ok(actions)
    }

    fn on_checkpoint(&mut self, event: &Checkpoint) -> Result<Actions> {
        self.checkpoints += 1;
        let style = Sampling {
            max_tokens: Some(5),
            ..sampling()
        };
        let text = inference::generate("And", &style)?.text;
        println!(
            "checkpoint {} at step {}: {text:?}",
            self.checkpoints, event.at.step
        );
        Ok(vec![])
    }

    fn on_completed(&mut self, _: &Completed) -> Result<Actions> {
        println!("on-log was called {} times", self.logs);
        Ok(vec![])
    }

    fn save_state(&self) -> Result<Vec<u8>> {
        Ok([self.logs.to_le_bytes(), self.checkpoints.to_le_bytes()].concat())
    }

    fn load_state(&mut self, state: &[u8]) -> Result<()> {
        let (logs, checkpoints) = state.split_at(8);
        self.logs = u64::from_le_bytes(logs.try_into()?);
        self.checkpoints = u64::from_le_bytes(checkpoints.try_into()?);
        Ok(())
    }
}

arkor_guest::export!(Counts);
