//! What an instance asks of its run, and what it is answered: plain data, between the contract and the driver.

use arkor_types::{
    Action, ArtifactWritten, Fault, Level, Measurement, MessageSource, Metric, UntrustedText,
};
use tokio::sync::oneshot;

/// Text for people, not yet placed in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestText {
    /// How much it matters.
    pub level: Level,
    /// Where it came from.
    pub source: MessageSource,
    /// One line, or what a message held.
    pub text: UntrustedText,
}

/// Sent by an instance to the driver of its run, which answers while the instance waits.
#[derive(Debug)]
pub(crate) enum GuestRequest {
    /// A line for the run's log.
    Text(GuestText),
    /// `artifacts.write`
    Artifact {
        name: String,
        content: Vec<u8>,
        reply: oneshot::Sender<Result<ArtifactWritten, String>>,
    },
    /// `hooks.log`
    Log {
        step: u64,
        told: LoopProgress,
        metrics: Vec<Metric>,
        reply: oneshot::Sender<LoopReply>,
    },
    /// `hooks.checkpoint`
    Checkpoint {
        at: LoopState,
        reply: oneshot::Sender<LoopReply>,
    },
    /// `hooks.evaluated`
    Evaluated {
        step: u64,
        measured: Measurement,
        reply: oneshot::Sender<LoopReply>,
    },
    /// `session.evaluate`
    Evaluate { reply: oneshot::Sender<LoopReply> },
    /// `session.save-state`
    SaveNamed {
        name: String,
        reply: oneshot::Sender<Result<(), String>>,
    },
    /// `session.load-state`.
    LoadNamed {
        name: String,
        reply: oneshot::Sender<Result<NamedState, String>>,
    },
}

/// What became of a state that a loop asked for by its name.
#[derive(Debug)]
pub(crate) enum NamedState {
    Loaded,
    /// There is none of this name; these there are.
    Missing(Vec<String>),
}

/// What a hook of the training loop returns.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum LoopReply {
    Wishes(LoopWishes),
    Proceed,
    Stop,
    HandOver,
    Evaluated { loss: f64, tokens: u64 },
}

/// What a trainer's own loop tells about its training.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct LoopProgress {
    pub(crate) loss: Option<f64>,
    pub(crate) learning_rate: Option<f64>,
    pub(crate) grad_norm: Option<f64>,
    pub(crate) epoch: Option<f64>,
}

/// What the host would like of a loop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LoopWishes {
    pub(crate) checkpoint: bool,
    pub(crate) evaluate: bool,
    pub(crate) learning_rate: Option<f64>,
}

/// The place of the trainer's loop at its last checkpoint hook.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct LoopState {
    /// Optimizer steps finished there.
    pub(crate) step: u64,
    /// Texts generated since the last of them, for the seeds of those to come.
    pub(crate) generated: u64,
    /// The loop's own bytes.
    pub(crate) state: Vec<u8>,
}

/// What an event is to the generation that gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It has just happened.
    Live,
    /// It happened some time ago, and the generation that got it first failed on it: what is asked for now
    /// counts, but the weights are others by now.
    Late,
    /// Another generation answered it, and that counts: this one only learns of it.
    Missed,
}

/// How a callback answered.
pub(crate) type Answer = Result<Vec<Action>, Box<Fault>>;
