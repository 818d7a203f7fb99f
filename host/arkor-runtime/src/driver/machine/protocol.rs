//! What the machine and its driver say to each other.

use arkor_types::{Action, EndReason, Event, FailureCode, Fault, Measurement, Metric};

use super::super::progress::{Measured, Progress};
use crate::protocol::{LoopProgress, LoopWishes, Mode};

/// Whose loop trains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoopOwner {
    /// The host runs the standard loop.
    Host,
    /// The trainer exports `training-loop`.
    Trainer,
}

/// What a failing callback means for its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnCallbackError {
    /// It is recorded, and training goes on.
    #[default]
    Continue,
    /// It ends the run as failed.
    Fail,
}

/// What does not change during an attempt at a run.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) owner: LoopOwner,
    /// Known for the host's loop only.
    pub(crate) total_steps: Option<u64>,
    pub(crate) logging_steps: u64,
    /// 0: at the end only.
    pub(crate) eval_steps: u64,
    /// 0: at the end only.
    pub(crate) save_steps: u64,
    /// Whether anything is held out to evaluate on.
    pub(crate) evaluates: bool,
    /// Evaluations without improvement before stopping early; 0 never stops.
    pub(crate) patience: u32,
    pub(crate) score: ScoreRule,
    pub(crate) dry_run: bool,
    pub(crate) on_callback_error: OnCallbackError,
    /// Whether somebody can let a paused run go on.
    pub(crate) is_attended: bool,
}

/// How evaluations are compared.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ScoreRule {
    /// `loss`, or the name of a metric.
    pub(crate) metric: String,
    pub(crate) greater_is_better: bool,
    /// An improvement is better by more than this.
    pub(crate) threshold: f64,
}

/// What one optimizer step of the host's loop did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct StepReport {
    /// Sum over the step's tokens, in nats.
    pub(crate) loss_sum: f64,
    pub(crate) tokens: u64,
    pub(crate) learning_rate: f64,
    pub(crate) grad_norm: Option<f64>,
    /// Passes over the training split, this step included.
    pub(crate) epoch: f64,
    /// Wall-clock time, for the rate that people see.
    pub(crate) seconds: f64,
}

/// What the trainer's own loop asks for, from inside a hook.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum LoopRequest {
    /// `hooks.log`, with the tokens trained on so far and the seconds since the last one.
    Log {
        step: u64,
        tokens: u64,
        seconds: f64,
        told: LoopProgress,
        metrics: Vec<Metric>,
    },
    /// `hooks.checkpoint`: the loop's state is held by the driver.
    Checkpoint { step: u64, tokens: u64 },
    /// `hooks.evaluated`
    Evaluated {
        step: u64,
        tokens: u64,
        measured: Measurement,
    },
    /// `session.evaluate`
    Evaluate { step: u64, tokens: u64 },
}

/// What the loop is told when its hook returns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum LoopAnswer {
    Wishes(LoopWishes),
    Proceed,
    Stop,
    HandOver,
    Evaluated { loss: f64 },
}

/// What a person, or a signal on their behalf, asks of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum RunRequest {
    /// Write a checkpoint at the next boundary and end.
    Stop(EndReason),
    /// End at once, without a checkpoint. The run can be resumed from its last one.
    Cancel,
    /// Wait at the next boundary.
    Pause,
    /// Go on after a pause.
    Continue,
    /// Write a checkpoint at the next boundary.
    Save,
    /// Another run takes over no more: a stop for that reason is withdrawn.
    Stay,
    /// Train with this rate from the next step on.
    SetLearningRate(f64),
}

/// What the callbacks' memory is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Checkpoint,
    /// To hand it to new code.
    Swap {
        offer: u64,
    },
}

/// What the driver tells the machine.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Input {
    Begin,
    /// The callback that was last delivered to has answered.
    Handled {
        event_seq: u64,
        answer: Result<Vec<Action>, Box<Fault>>,
    },
    StepDone(StepReport),
    EvaluationDone {
        loss: f64,
    },
    /// The checkpoint counts, and its event is in the log.
    CheckpointDone {
        id: String,
        seq: u64,
    },
    /// The generation at work gave its memory.
    StateSaved(Result<(), Box<Fault>>),
    /// The task of the callbacks failed: a defect of the host.
    CallbacksLost(String),
    /// New code, which has described itself, asks for its place.
    Offered(u64),
    /// It took up the memory.
    StateLoaded(Result<(), Box<Fault>>),
    /// The training state is that of the last checkpoint, which was this far.
    Rewound(Box<Progress>),
    /// A generation's callbacks live again, or could not be started.
    CallbacksStarted(Result<(), Box<Fault>>),
    Request(RunRequest),
    Loop(LoopRequest),
    LoopReturned {
        step: u64,
        tokens: u64,
        result: Result<(), Box<Fault>>,
    },
    /// The trainer's loop took up other weights.
    WeightsReplaced,
    /// Something outside the trainer's code went wrong: the engine, the data.
    Broke {
        message: String,
        code: FailureCode,
        hint: Option<String>,
    },
}

/// What the machine tells the driver to do, in this order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    /// Append the `started` event and hand it to `on-started`.
    AnnounceStart,
    /// Hand the checkpoint's event, which is in the log already, to `on-checkpoint` again.
    DeliverCheckpointAgain,
    /// Append the event.
    Append(Event),
    /// Append the event, hand it to the generation at work, report `Handled`.
    Deliver(Event),
    /// Hand an event that is in the log to the generation at work, report `Handled`.
    DeliverAgain { seq: u64, mode: Mode },
    /// Ask the generation at work for its memory, report `StateSaved`.
    SaveState(Purpose),
    /// Give that memory, if there is any, to the code that was offered, report `StateLoaded`.
    LoadState {
        offer: u64,
        generation: u32,
        with_memory: bool,
    },
    /// What was offered handles the events from here on.
    TakeUp {
        offer: u64,
        generation: u32,
        previous: u32,
        had_memory: bool,
    },
    /// What was offered is not taken.
    Reject { offer: u64, fault: Box<Fault> },
    /// A generation failed, and the one before is back.
    GoBack {
        failed: u32,
        generation: u32,
        fault: Box<Fault>,
    },
    /// Take the training state back to the last checkpoint, report `Rewound`.
    Rewind,
    /// Start callbacks of a generation's code, with the memory of that checkpoint or without any, report
    /// `CallbacksStarted`.
    StartCallbacks { generation: u32, with_memory: bool },
    /// Train one step, with this rate or the schedule's.
    Step {
        step: u64,
        learning_rate: Option<f64>,
    },
    /// Let the loop of a generation's code begin.
    StartLoop { generation: u32 },
    /// Let the trainer's hook return.
    AnswerLoop(LoopAnswer),
    /// Score the held-out data, report `EvaluationDone`.
    Evaluate,
    /// Write a checkpoint and its event, report `CheckpointDone`.
    WriteCheckpoint(Option<Measured>),
    /// The weights of a checkpoint that is written already were evaluated.
    ScoreCheckpoint { id: String, measured: Measured },
    /// The attempt is over; its terminal event is in the log.
    Finish,
}
