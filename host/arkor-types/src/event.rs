//! What happens in a run, as it is stored, shown and handed to callbacks.
//!
//! An event is first appended to the store, which numbers it, and only then
//! shown to anyone. Its JSON form is the same in the store, on the command line and
//! over HTTP: one object whose `type` names the variant.

use serde::{Deserialize, Serialize};

use crate::{Fault, RunId, RunStatus, UntrustedText};

mod unknown;

pub use unknown::UnknownEvent;

/// An event with its place in the log of its run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventRecord {
    /// 1 for a run's first event, and one more for each further one.
    pub seq: u64,
    /// The run it belongs to.
    pub run: RunId,
    /// When it was appended.
    pub time: jiff::Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Event {
    /// Training begins; for a resumed run, once more for each attempt.
    Started(Started),
    /// Progress.
    Log(LogRecord),
    /// The held-out data was scored.
    Evaluation(Evaluation),
    /// A checkpoint was written and can be resumed from.
    Checkpoint(CheckpointWritten),
    /// The trainer wrote a file of the run.
    Artifact(ArtifactWritten),
    /// Text from the trainer: a message, or a line of its standard output or error.
    Message(Message),
    /// A callback or a user asked for something and the run took it up.
    Action(ActionTaken),
    /// A callback returned an error, trapped or overran its time.
    CallbackFailed(CallbackFailed),
    /// New code handles the callbacks from here on.
    Swapped(Swapped),
    /// New code was not taken; what was there goes on.
    SwapRejected(SwapRejected),
    /// New code failed at its first events; the code before it handles the callbacks again.
    RolledBack(RolledBack),
    /// Training waits.
    Paused(At),
    /// Training goes on after a pause.
    Continued(At),
    /// Training is over; the trainer's last callback comes before the terminal event.
    Ending(Ending),
    /// Terminal: all planned steps were done.
    Completed(Ended),
    /// Terminal: the run ended early, with a checkpoint.
    Stopped(Ended),
    /// Terminal: the run ended badly.
    Failed(Failed),
    /// Terminal: the process was killed or told to end at once. The run can be resumed.
    Interrupted(Interrupted),
    /// One that a newer version of this program has written: it is kept, shown and passed over. Never made by
    /// deserializing an `Event`; see [`EventRecord::from_json`].
    #[serde(untagged, skip_deserializing)]
    Unknown(UnknownEvent),
}

impl Event {
    /// Whether this is the last event of an attempt at the run.
    pub fn is_terminal(&self) -> bool {
        matches!(
            self,
            Self::Completed(_) | Self::Stopped(_) | Self::Failed(_) | Self::Interrupted(_)
        )
    }

    /// The name in the `type` field of the JSON form; `unknown` for [`Event::Unknown`].
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Started(_) => "started",
            Self::Log(_) => "log",
            Self::Evaluation(_) => "evaluation",
            Self::Checkpoint(_) => "checkpoint",
            Self::Artifact(_) => "artifact",
            Self::Message(_) => "message",
            Self::Action(_) => "action",
            Self::CallbackFailed(_) => "callback-failed",
            Self::Swapped(_) => "swapped",
            Self::SwapRejected(_) => "swap-rejected",
            Self::RolledBack(_) => "rolled-back",
            Self::Paused(_) => "paused",
            Self::Continued(_) => "continued",
            Self::Ending(_) => "ending",
            Self::Completed(_) => "completed",
            Self::Stopped(_) => "stopped",
            Self::Failed(_) => "failed",
            Self::Interrupted(_) => "interrupted",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// A place in the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct At {
    /// Optimizer steps finished.
    pub step: u64,
}

/// See [`Event::Started`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Started {
    /// Optimizer steps finished: 0, or the step resumed from.
    pub step: u64,
    /// Counts the attempts at this run, from 1.
    pub attempt: u32,
    /// The callback instance at work.
    pub generation: u32,
    /// The run whose place this one took.
    pub parent: Option<RunId>,
    /// The step of the checkpoint the run goes on from; none for a new run.
    pub resumed_from: Option<u64>,
    /// The checkpoint of the parent whose weights this run began with, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights_from: Option<String>,
    /// Number of steps planned; none if the trainer's loop decides.
    pub total_steps: Option<u64>,
    /// Digest of the trainer's component.
    pub component: String,
    /// Hash of the configuration.
    pub config: String,
    /// Number of weights in the model.
    pub parameters: u64,
    /// Entropy of the held-out tokens under the training split's frequencies, nats per token.
    pub unigram_entropy: Option<f64>,
}

/// See [`Event::Log`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LogRecord {
    /// Optimizer steps finished.
    pub step: u64,
    /// Passes over the training split so far.
    pub epoch: Option<f64>,
    /// Mean loss of the steps since the last log event, nats per token.
    pub loss: Option<f64>,
    /// Learning rate of the last step.
    pub learning_rate: Option<f64>,
    /// Global L2 norm of the last step's gradients before clipping.
    pub grad_norm: Option<f64>,
    /// Tokens trained on so far.
    pub tokens: u64,
    /// Tokens trained on per second since the last log event. Not handed to callbacks.
    pub tokens_per_second: Option<f64>,
    /// Numbers of the trainer's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Metric>,
}

/// A named number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// 1 to 100 letters, digits or any of `-_./:@`.
    pub name: UntrustedText,
    /// Finite.
    pub value: f64,
}

/// See [`Event::Evaluation`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Optimizer steps finished.
    pub step: u64,
    /// Mean loss, nats per token; none if something else was measured.
    pub loss: Option<f64>,
    /// exp(loss).
    pub perplexity: Option<f64>,
    /// Lowest evaluation loss so far.
    pub best_loss: Option<f64>,
    /// What checkpoints are compared by, if it was measured.
    #[serde(default)]
    pub score: Option<Metric>,
    /// The best score so far.
    #[serde(default)]
    pub best_score: Option<f64>,
    /// Whether this score is the best so far.
    #[serde(default)]
    pub is_best: bool,
    /// Evaluations with a score, in a row, without an improvement.
    pub evaluations_without_improvement: u32,
    /// What else was measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Metric>,
}

/// What was measured on data that is not trained on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// Mean loss, nats per token.
    pub loss: Option<f64>,
    /// What else was measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Metric>,
}

/// See [`Event::Checkpoint`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckpointWritten {
    /// Optimizer steps finished.
    pub step: u64,
    /// Identifies the checkpoint in the store.
    pub id: String,
    /// Bytes of the training state.
    pub size: u64,
    /// The evaluation loss of these weights, if they were evaluated.
    pub eval_loss: Option<f64>,
    /// The score of these weights, if they were evaluated.
    #[serde(default)]
    pub score: Option<Metric>,
    /// What was measured of these weights.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Metric>,
}

/// See [`Event::Artifact`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactWritten {
    /// Optimizer steps finished.
    pub step: u64,
    /// Name within the run.
    pub name: UntrustedText,
    /// Bytes.
    pub size: u64,
    /// blake3 of the content, in hex.
    pub digest: String,
}

/// How much a message matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Of interest to the trainer's author only.
    Debug,
    /// Worth knowing.
    Info,
    /// Something may be wrong.
    Warn,
    /// Something is wrong.
    Error,
}

/// Where a message came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MessageSource {
    /// `hooks.message`.
    Message,
    /// A line of standard output.
    Stdout,
    /// A line of standard error.
    Stderr,
    /// The host itself, on the run's behalf.
    Host,
}

/// See [`Event::Message`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Optimizer steps finished.
    pub step: u64,
    /// How much it matters.
    pub level: Level,
    /// Where it came from.
    pub source: MessageSource,
    /// The text, without a line break at its end.
    pub text: UntrustedText,
}

/// See [`Event::Swapped`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Swapped {
    /// Optimizer steps finished.
    pub step: u64,
    /// The callback instance from here on.
    pub generation: u32,
    /// The one before.
    pub previous: u32,
    /// Digest of the component from here on.
    pub component: String,
    /// Bytes of the trainer's memory that were carried over; none if there was no one to ask, since
    /// the instance before had failed.
    pub state_size: Option<u64>,
    /// Reading, compiling and linking, in milliseconds.
    pub load_ms: f64,
    /// Instantiating and describing.
    pub start_ms: f64,
    /// `save-state` of the instance before, and `load-state` of the new one.
    pub state_ms: f64,
    /// From the moment the new instance was there to the swap: training goes on meanwhile.
    pub wait_ms: f64,
}

/// See [`Event::SwapRejected`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SwapRejected {
    /// Optimizer steps finished.
    pub step: u64,
    /// The callback instance that stays; 0 if there is none.
    pub generation: u32,
    /// Digest of the component that was not taken.
    pub component: String,
    /// What it, or the instance that stays, did wrong.
    pub fault: Fault,
}

/// See [`Event::RolledBack`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RolledBack {
    /// Optimizer steps finished.
    pub step: u64,
    /// The callback instance that failed.
    pub failed: u32,
    /// The one that is back.
    pub generation: u32,
    /// Digest of its component.
    pub component: String,
    /// What went wrong.
    pub fault: Fault,
}

/// What a callback may ask for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "kebab-case")]
pub enum Action {
    /// End the run after a checkpoint.
    Stop(UntrustedText),
    /// Write a checkpoint.
    Save,
    /// Score the held-out data.
    Evaluate,
    /// Take up what the trainer measured itself.
    Evaluated(Measurement),
    /// Train with this rate from the next step on.
    SetLearningRate(f64),
    /// Train with the schedule's rate again.
    FollowSchedule,
    /// Wait until a user lets the run go on.
    Pause,
    /// Keep a number; the next log event hands it to `on-log` too.
    LogMetric(Metric),
    /// Something this host does not know, by its name; it is left undone.
    Unknown(UntrustedText),
}

/// A function of a trainer that the host calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are those of the contract")]
pub enum GuestFunction {
    /// Not a function: code that runs while the component is instantiated.
    Instantiate,
    Describe,
    OnStarted,
    OnLog,
    OnEvaluate,
    OnCheckpoint,
    OnCompleted,
    OnFailed,
    SaveState,
    LoadState,
    Run,
}

impl GuestFunction {
    /// The name in the contract.
    pub fn name(self) -> &'static str {
        match self {
            Self::Instantiate => "instantiate",
            Self::Describe => "describe",
            Self::OnStarted => "on-started",
            Self::OnLog => "on-log",
            Self::OnEvaluate => "on-evaluate",
            Self::OnCheckpoint => "on-checkpoint",
            Self::OnCompleted => "on-completed",
            Self::OnFailed => "on-failed",
            Self::SaveState => "save-state",
            Self::LoadState => "load-state",
            Self::Run => "run",
        }
    }
}

impl std::fmt::Display for GuestFunction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// See [`Event::Action`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActionTaken {
    /// Optimizer steps finished.
    pub step: u64,
    /// The callback that asked; none if a user did.
    pub callback: Option<GuestFunction>,
    /// What it asked for.
    pub action: Action,
}

/// See [`Event::CallbackFailed`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallbackFailed {
    /// Optimizer steps finished.
    pub step: u64,
    /// The event it was called with.
    pub event_seq: u64,
    /// What happened, to which function of which generation.
    pub fault: Fault,
}

/// See [`Event::Ending`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// Optimizer steps finished.
    pub step: u64,
    /// How the run is about to end.
    pub status: RunStatus,
}

/// Why a run ended, if not badly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "kebab-case")]
pub enum EndReason {
    /// All planned steps were done, or the trainer's loop returned.
    Finished,
    /// The patience of early stopping was used up.
    EarlyStopping,
    /// A callback asked for it.
    Trainer(UntrustedText),
    /// A user asked for it.
    User,
    /// The process was asked to end (Ctrl-C).
    Signal,
    /// The time that the command may take was over.
    TimeLimit,
    /// A run of new code with another configuration takes over.
    Replaced,
}

/// See [`Event::Completed`] and [`Event::Stopped`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// Optimizer steps finished.
    pub step: u64,
    /// Why.
    pub reason: EndReason,
    /// The last checkpoint; none only for a dry run.
    pub checkpoint: Option<String>,
    /// The last logged loss.
    pub loss: Option<f64>,
    /// The last evaluation loss.
    pub eval_loss: Option<f64>,
    /// Best score of the run.
    #[serde(default)]
    pub best_score: Option<f64>,
    /// The checkpoint whose weights have it, if one was kept.
    #[serde(default)]
    pub best_checkpoint: Option<String>,
    /// What the last evaluation measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Metric>,
}

/// What kind of failure ended a run, for programs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureCode {
    /// The loss or a gradient is not a finite number.
    Diverged,
    /// The data or the tokenizer does not suffice.
    Data,
    /// The engine failed at a call.
    Engine,
    /// The engine lost the weights, and there was no checkpoint to go back to.
    EngineLost,
    /// The engine refuses the work: a key, a quota, a policy.
    EngineRejected,
    /// The engine could not be reached for too long.
    EngineUnavailable,
    /// The memory did not suffice.
    OutOfMemory,
    /// The store failed at writing.
    Store,
    /// The store has reached its limit, or the disk is full.
    StoreFull,
    /// The trainer's code failed.
    Trainer,
    /// This host or engine cannot do it.
    Unsupported,
    /// The host itself failed, or a newer version gave another code.
    #[default]
    #[serde(other)]
    Internal,
}

impl FailureCode {
    /// The name in the contract and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Diverged => "diverged",
            Self::Data => "data",
            Self::Engine => "engine",
            Self::EngineLost => "engine-lost",
            Self::EngineRejected => "engine-rejected",
            Self::EngineUnavailable => "engine-unavailable",
            Self::OutOfMemory => "out-of-memory",
            Self::Store => "store",
            Self::StoreFull => "store-full",
            Self::Trainer => "trainer",
            Self::Unsupported => "unsupported",
            Self::Internal => "internal",
        }
    }
}

/// See [`Event::Failed`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// Optimizer steps finished.
    pub step: u64,
    /// What happened.
    pub message: UntrustedText,
    /// What kind of failure it is.
    #[serde(default)]
    pub code: FailureCode,
    /// What to do about it, if the host knows.
    pub hint: Option<UntrustedText>,
    /// The last checkpoint, if there is one.
    pub checkpoint: Option<String>,
}

/// See [`Event::Interrupted`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interrupted {
    /// Optimizer steps finished, as far as the log tells.
    pub step: u64,
    /// The last checkpoint, from which the run can be resumed.
    pub checkpoint: Option<String>,
}
