//! What went wrong inside a trainer.

use serde::{Deserialize, Serialize};

use crate::{GUEST_MARK, GuestFunction, UntrustedText};

/// A failure of guest code, with all that its author needs to find it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{} (generation {generation}): {function} {cause}{}", self.whose(), self.limit())]
pub struct Fault {
    /// Name of the trainer.
    pub trainer: UntrustedText,
    /// The callback instance it happened in; 0 for a loop.
    pub generation: u32,
    /// The function that was called.
    pub function: GuestFunction,
    /// What happened.
    pub cause: FaultCause,
    /// The guest's own stack, innermost frame first, and its last words on standard error.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backtrace: Vec<UntrustedText>,
}

impl Fault {
    /// The trainer by its name, unless that says no more.
    fn whose(&self) -> String {
        match self.trainer.as_str() {
            "trainer" => "the trainer".into(),
            _ => format!("trainer `{}`", self.trainer.line()),
        }
    }

    /// The limit that it overran, by its name in arkor.toml, where the cause does not tell.
    fn limit(&self) -> &'static str {
        match (&self.cause, self.function) {
            (FaultCause::Deadline(_), GuestFunction::Run) => " (limits.loop-timeout)",
            (
                FaultCause::Deadline(_),
                GuestFunction::Instantiate | GuestFunction::Describe | GuestFunction::LoadState,
            ) => " (limits.start-timeout)",
            (FaultCause::Deadline(_), _) => " (limits.callback-timeout)",
            _ => "",
        }
    }

    /// Whether the instance answered, if with an error of its own: one that trapped or was cut off
    /// is never entered again.
    pub fn leaves_instance_alive(&self) -> bool {
        matches!(self.cause, FaultCause::Error(_) | FaultCause::Invalid(_))
    }
}

/// What a guest did wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", content = "value", rename_all = "kebab-case")]
pub enum FaultCause {
    /// It returned its own error.
    #[error("returned an error: {}", .0.block(GUEST_MARK))]
    Error(UntrustedText),
    /// It panicked; the message it left on standard error.
    #[error("panicked: {}", .0.block(GUEST_MARK))]
    Panic(UntrustedText),
    /// It trapped.
    #[error("trapped: {}", .0.block(GUEST_MARK))]
    Trap(UntrustedText),
    /// It did not answer in time.
    #[error("did not return within {0} ms and was cut off")]
    Deadline(u64),
    /// It had taken so many milliseconds when newer code, or the run's end, waited for it.
    #[error(
        "had not returned after {0} ms when newer code or a stop waited for it, and was cut off"
    )]
    Hurried(u64),
    /// It asked for more memory than the limit and then gave up.
    #[error("ran out of memory: {wanted} bytes asked for, and limits.memory is {limit}")]
    Memory {
        /// Bytes that the memory would have had.
        wanted: u64,
        /// Bytes it may have.
        limit: u64,
    },
    /// Its calls were nested too deeply.
    #[error("overflowed its stack: its calls are nested too deeply")]
    Stack,
    /// It returned something that its contract does not allow.
    #[error("returned an invalid value: {}", .0.block(GUEST_MARK))]
    Invalid(UntrustedText),
    /// It asked to end the process.
    #[error("called exit({0}); a trainer cannot end its host")]
    Exit(i32),
    /// An earlier failure made the instance unusable.
    #[error("was not called: the instance failed before and awaits new code")]
    Dead,
}
