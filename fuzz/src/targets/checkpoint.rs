//! What a checkpoint keeps of a run and of its guests: what was read is written as it was.
#![allow(dead_code)]

#[path = "../../../host/arkor-runtime/src/driver/progress.rs"]
mod progress;

/// What progress counts by.
mod machine {
    pub(crate) struct StepReport {
        pub(crate) loss_sum: f64,
        pub(crate) tokens: u64,
        pub(crate) learning_rate: f64,
        pub(crate) grad_norm: Option<f64>,
        pub(crate) epoch: f64,
        pub(crate) seconds: f64,
    }
}

pub(crate) fn run(data: &[u8]) {
    match progress::SavedProgress::decode(data) {
        Ok(saved) => {
            let bytes = saved.encode().unwrap();
            let again = progress::SavedProgress::decode(&bytes).unwrap();
            assert_eq!(again.encode().unwrap(), bytes);
        }
        Err(error) => {
            let _ = error.to_string();
        }
    }
}
