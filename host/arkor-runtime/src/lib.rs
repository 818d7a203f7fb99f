//! Runs trainers that are wasm components.
//!
//! ```text
//! component   a file: read, checked against the contract, compiled or found in the cache, linked
//! trainer     an instance that said what to train
//! replay      the same with the events of a recorded run
//! driver      the run: begins with a trainer; a pure machine decides, a task does
//!   slot      the task that owns the callbacks' instance
//!   worker    the thread that trains
//! instance    one Store: limits, deadlines, faults
//! contract    a version of the contract: what a trainer exports and can call
//!   sandbox   what WASI gives it: nothing, unless granted
//!   console   where its text goes
//! ```
//!
//! One task owns one Store; everyone else sends it a typed request and waits. An instance that
//! failed is dropped and never entered again. Events reach callbacks only after they are in the
//! store. Nothing here parses arguments or serves HTTP.

mod component;
mod console;
mod contract;
mod deadline;
mod decision;
mod driver;
mod error;
mod event;
mod guest;
mod instance;
mod limits;
mod protocol;
mod replay;
mod sandbox;
mod slot;
mod trainer;
mod words;
mod worker;

pub use component::{
    Capability, CodeSource, GUARDED_THREAD, Inspection, LanguageRuntime, Runtime, RuntimeOptions,
    TrainerComponent, digest, read_component, serve_component_process, standalone,
    use_component_process,
};
pub use decision::{CodeIdentity, Decision, decide};
pub use driver::{
    CallbackState, OnCallbackError, ReloadOutcome, Reloader, RunControl, RunOutcome, RunProgress,
    RunRequest, RunRequests, RunSettings, Ticket, callback_state, changed_fields, check,
};
pub use error::RuntimeError;
pub use event::CallbackEvent;
pub use instance::Instance;
pub use limits::Limits;
pub use protocol::GuestText;
pub use replay::{Replay, Replayed, callback_memory};
pub use sandbox::{Capabilities, ClockPrecision, FileAccess, FileGrant, RandomSource};
pub use trainer::Trainer;
