//! What all test guests train: next to nothing, on `text.txt`.

use arkor_guest::prelude::*;

/// A model that trains a step in a few milliseconds; 12 steps.
pub fn spec(name: &str) -> Spec {
    Spec {
        hyperparameters: Hyperparameters {
            max_steps: Some(12),
            per_device_train_batch_size: Some(2),
            max_length: Some(32),
            learning_rate: Some(1e-3),
            logging_steps: Some(2),
            eval_steps: Some(4),
            save_steps: Some(4),
            ..Default::default()
        },
        ..Spec::new(
            name,
            ModelShape::new(16, 1, 2),
            Dataset::file("text.txt").with_held_out(0.2),
        )
    }
}

/// The spec of `counts` and of all guests that may take its place: to swap, it must be equal.
pub fn counted() -> Spec {
    spec("counts")
}

/// What `counts` remembers, and in which form.
#[derive(Default)]
pub struct Counts {
    pub logs: u64,
    pub checkpoints: u64,
}

impl Counts {
    pub fn save(&self) -> Vec<u8> {
        [self.logs.to_le_bytes(), self.checkpoints.to_le_bytes()].concat()
    }

    pub fn load(state: &[u8]) -> Result<Self> {
        let (logs, checkpoints) = state.split_at_checked(8).ok_or("that is no counts")?;
        Ok(Self {
            logs: u64::from_le_bytes(logs.try_into()?),
            checkpoints: u64::from_le_bytes(checkpoints.try_into()?),
        })
    }
}
