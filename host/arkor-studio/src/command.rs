//! What a person can ask for.

use arkor_types::RunId;
use serde::Deserialize;
use tokio::sync::oneshot;

use crate::Refusal;

/// Something to do around runs.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum DevAction {
    /// Begin a run of the newest code.
    Start,
    /// Build now, though no file changed, and bring what comes of it into the run.
    Reload,
}

/// Something to do with a run in flight.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(
    tag = "kind",
    content = "value",
    rename_all = "kebab-case",
    deny_unknown_fields
)]
pub enum RunAction {
    /// End it with a checkpoint.
    Stop,
    /// End it at once.
    Cancel,
    /// Wait at the next boundary.
    Pause,
    /// Go on.
    Continue,
    /// Write a checkpoint at the next boundary.
    Save,
    /// Train with this rate from the next step on.
    SetLearningRate(f64),
    /// Let the code of this generation handle the callbacks again, as a new generation.
    RollBack(u32),
}

/// What the session is asked to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Around runs.
    Dev(DevAction),
    /// With a run.
    Run(RunId, RunAction),
    /// Show the events of a run to the newest code without training, and tell what it asks for.
    Replay {
        /// The run.
        run: RunId,
        /// How many of its last events; all if none.
        last: Option<u64>,
    },
}

/// A command and the place for its answer.
#[derive(Debug)]
pub struct Request {
    /// What to do.
    pub command: Command,
    /// An object for the one who asked. Dropping it says that the session has ended.
    pub reply: oneshot::Sender<Result<serde_json::Value, Refusal>>,
}
