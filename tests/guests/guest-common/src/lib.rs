//! What all test guests train: next to nothing, on `text.txt`.

use arkor_guest::prelude::*;

/// A model that trains a step in a few milliseconds; 12 steps.
pub fn spec(name: &str) -> Spec {
    Spec {
        eval_fraction: Some(0.2),
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
            DatasetSource::file("text.txt"),
        )
    }
}
