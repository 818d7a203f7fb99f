//! What a trainer implements.

use crate::callbacks::{Action, Checkpoint, Completed, Evaluation, Failed, LogRecord, Started};
use crate::definition::Spec;
use crate::{Result, types};

/// What a callback asks for; none is `vec![]`.
pub type Actions = Vec<Action>;

/// A trainer: what to train, and how to react to its run.
///
/// The host creates one with `Default`, asks it to describe what to train, and hands it the run's
/// events in order. An error is recorded with the run; whether it ends it is the user's choice.
pub trait Trainer: Default + 'static {
    /// Says what to train. A function of the code alone: the host compares the answers of old and
    /// new code.
    fn describe() -> Result<Spec>;

    /// Before the first step, and again when the run goes on after an interruption.
    fn on_started(&mut self, event: &Started) -> Result<Actions> {
        let _ = event;
        Ok(vec![])
    }

    /// Progress, every `logging-steps` steps.
    fn on_log(&mut self, event: &LogRecord) -> Result<Actions> {
        let _ = event;
        Ok(vec![])
    }

    /// The model was evaluated.
    fn on_evaluate(&mut self, event: &Evaluation) -> Result<Actions> {
        let _ = event;
        Ok(vec![])
    }

    /// A checkpoint was written; `inference` answers with its weights.
    fn on_checkpoint(&mut self, event: &Checkpoint) -> Result<Actions> {
        let _ = event;
        Ok(vec![])
    }

    /// The run ended well.
    fn on_completed(&mut self, event: &Completed) -> Result<Actions> {
        let _ = event;
        Ok(vec![])
    }

    /// The run ended badly.
    fn on_failed(&mut self, event: &Failed) -> Result<Actions> {
        let _ = event;
        Ok(vec![])
    }

    /// What must survive a stop or a swap of the code, as bytes of your own format.
    fn save_state(&self) -> Result<Vec<u8>> {
        Ok(vec![])
    }

    /// Takes up what `save_state` gave, perhaps in an older version of the code.
    fn load_state(&mut self, state: &[u8]) -> Result<()> {
        let _ = state;
        Ok(())
    }
}

/// A trainer with a training loop of its own.
pub trait TrainingLoop: Trainer {
    /// Trains by driving [`crate::session`], offering [`crate::hooks::checkpoint`] a place to stop
    /// after each step. Runs in an instance of its own, apart from the callbacks.
    fn run(spec: Spec) -> Result<()>;
}

impl Action {
    /// A number for the next log event.
    pub fn metric(name: impl Into<String>, value: f64) -> Self {
        Self::LogMetric(types::Metric::new(name, value))
    }

    /// What the trainer measured itself.
    pub fn evaluated(measurement: types::Measurement) -> Self {
        Self::Evaluated(measurement)
    }

    /// Ends the run, with a reason for people.
    pub fn stop(reason: impl Into<String>) -> Self {
        Self::Stop(reason.into())
    }
}
