//! Plain data that every part of the host shares: what to train, what happened, what was asked; and how what
//! somebody else wrote is shown, and read by libraries that panic.
//!
//! No input or output happens here, and nothing here knows of wasm, SQL or HTTP.

mod caught;
mod event;
mod fault;
mod json;
mod program;
mod run;
mod spec;
mod text;
mod training;

pub use caught::{caught, handles_panic};
pub use event::{
    Action, ActionTaken, ArtifactWritten, At, CallbackFailed, CheckpointWritten, EndReason, Ended,
    Ending, Evaluation, Event, EventRecord, Failed, FailureCode, GuestFunction, Interrupted, Level,
    LogRecord, Measurement, Message, MessageSource, Metric, RolledBack, Started, SwapRejected,
    Swapped, UnknownEvent,
};
pub use fault::{Fault, FaultCause};
pub use json::{json_pretty, json_text, safe_json};
pub use program::{ModuleFormat, Program, ProgramModule, ScriptLanguage};
pub use run::{ArtifactRecord, CheckpointRecord, InvalidRunId, RunId, RunRecord, RunStatus};
pub use spec::{
    Additional, Dataset, DatasetDraft, DatasetFormat, DatasetSource, HeldOut, HubDataset,
    HubRepository, Hyperparameters, HyperparametersDraft, Lora, LrSchedulerType, ModelShape,
    ModelSource, NamedModel, NamedSource, Setting, Spec, SpecDraft, SpecProblem, TokenizerSource,
    UrlDataset,
};
pub use text::{
    BLOCK_LINES, GUEST_MARK, LINE_LENGTH, ShownBlock, ShownLine, UntrustedText, acts, safe_text,
    shown_block, shown_line,
};
pub use training::{
    AdamParameters, Datum, ForwardOutput, LogProbs, LossFunction, OptimOutput, SampledSequence,
    SamplingParameters, StopReason, TokenId,
};
