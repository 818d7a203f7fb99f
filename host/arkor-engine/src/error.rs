//! What can go wrong while data is prepared and a model is trained.

use std::path::{Path, PathBuf};

use arkor_types::FailureCode;

/// Why an engine could not do what it was asked. Nothing was changed unless a case says so.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// An argument is out of its range.
    #[error("{what}: {allowed}")]
    Invalid {
        /// The argument and its value.
        what: String,
        /// What would do.
        allowed: String,
    },
    /// A loss or gradient is not a finite number. Gradients were dropped, weights are unchanged.
    #[error("training diverged: {what}")]
    Diverged {
        /// What is not finite, at which step.
        what: String,
    },
    /// The memory does not suffice.
    #[error("{what}: {left}")]
    OutOfMemory {
        /// What needs how much.
        what: String,
        /// How much there is.
        left: String,
    },
    /// The engine lost the weights, or does not know how far it came. What it does from here on is
    /// worth nothing; a session opened from the last saved state goes on.
    #[error("the engine lost its state: {what}")]
    Lost {
        /// What happened.
        what: String,
    },
    /// The engine refuses the work: a key, a quota, a policy.
    #[error("the engine refuses: {what}")]
    Rejected {
        /// What it said.
        what: String,
    },
    /// The engine cannot be reached or is overloaded. Nothing was done: the same call may be made
    /// again.
    #[error("the engine cannot be reached: {what}")]
    Unavailable {
        /// What was tried.
        what: String,
    },
    /// Nobody waits for what the engine was doing any more.
    #[error("interrupted: nobody waits for it")]
    Interrupted,
    /// Something this engine cannot do.
    #[error("the embedded engine cannot {what}")]
    Unsupported {
        /// What.
        what: String,
    },
    /// The dataset's file is not there.
    #[error("the dataset `{}` cannot be read: {source}", path.display())]
    DatasetFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The dataset has too little text.
    #[error("the dataset {what}")]
    DatasetTooShort {
        /// How much there is and how much is needed.
        what: String,
    },
    /// The dataset is not text.
    #[error("the dataset `{}` is not UTF-8 text: the byte at {offset} does not fit", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// Of the first byte that does not fit.
        offset: usize,
    },
    /// A tokenizer could not be made or read, or failed.
    #[error("the tokenizer {what}")]
    Tokenizer {
        /// What happened.
        what: String,
    },
    /// A saved state cannot be taken up.
    #[error("the saved training state {what}")]
    State {
        /// What is wrong with it.
        what: String,
    },
    /// Reading or writing failed.
    #[error("cannot {what}: {source}")]
    Io {
        /// What was tried, on which file if its name is known.
        what: String,
        /// Why.
        source: std::io::Error,
    },
}

impl EngineError {
    /// What kind of failure it is if a run ends by it.
    pub fn code(&self) -> FailureCode {
        match self {
            Self::Diverged { .. } => FailureCode::Diverged,
            Self::OutOfMemory { .. } => FailureCode::OutOfMemory,
            Self::Lost { .. } => FailureCode::EngineLost,
            Self::Rejected { .. } => FailureCode::EngineRejected,
            Self::Unavailable { .. } => FailureCode::EngineUnavailable,
            Self::Unsupported { .. } => FailureCode::Unsupported,
            Self::DatasetFile { .. }
            | Self::DatasetTooShort { .. }
            | Self::NotText { .. }
            | Self::Tokenizer { .. } => FailureCode::Data,
            Self::Invalid { .. } | Self::State { .. } | Self::Io { .. } | Self::Interrupted => {
                FailureCode::Engine
            }
        }
    }

    /// What to do about it, if that is known.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Diverged { .. } => {
                "lower the learning rate, lengthen warmup-steps or set max-grad-norm; the run can \
                 be resumed from its last checkpoint"
                    .into()
            }
            Self::DatasetFile { .. } => "dataset paths are relative to the project's folder".into(),
            Self::DatasetTooShort { .. } => {
                "give it more text, lower max-length, or hold out less of it".into()
            }
            Self::NotText { .. } => "convert it to UTF-8 first, with iconv for one".into(),
            Self::OutOfMemory { .. } => "make the model, the batch or max-length smaller".into(),
            Self::Lost { .. } | Self::Unavailable { .. } => {
                "the run can be resumed from its last checkpoint".into()
            }
            Self::Unsupported { .. } => {
                "this version trains new models of the Llama architecture on a text file".into()
            }
            Self::State { .. } => {
                "a state fits only the model shape and tokenizer it was saved with; start a new \
                 run, or go back to the old spec"
                    .into()
            }
            _ => return None,
        })
    }

    pub(crate) fn invalid(what: impl Into<String>, allowed: impl Into<String>) -> Self {
        Self::Invalid {
            what: what.into(),
            allowed: allowed.into(),
        }
    }

    pub(crate) fn io(what: impl Into<String>, source: std::io::Error) -> Self {
        Self::Io {
            what: what.into(),
            source,
        }
    }

    pub(crate) fn state(what: impl Into<String>) -> Self {
        Self::State { what: what.into() }
    }

    pub(crate) fn tokenizer(what: impl std::fmt::Display) -> Self {
        Self::Tokenizer {
            what: what.to_string(),
        }
    }

    pub(crate) fn dataset_file(path: &Path, source: std::io::Error) -> Self {
        Self::DatasetFile {
            path: path.into(),
            source,
        }
    }
}
