//! What can go wrong outside of a trainer's own code.

use std::path::PathBuf;

use arkor_engine::EngineError;
use arkor_store::StoreError;
use arkor_types::{FailureCode, Fault, SpecProblem};

/// Why a trainer could not be loaded or a run not be prepared or carried on.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The component's file could not be read.
    #[error("cannot read the trainer `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is something else.
    #[error("`{}` is not WebAssembly: it is {found}", path.display())]
    NotWasm {
        /// The file.
        path: PathBuf,
        /// What it is instead, roughly.
        found: &'static str,
    },
    /// A core module could not be made a component.
    #[error("the core module `{name}` cannot be made a component: {reason}")]
    Componentize {
        /// The trainer.
        name: String,
        /// Why.
        reason: String,
    },
    /// It is WebAssembly, but no trainer that this host can run.
    #[error("`{name}` is not a trainer for this host: {problem}")]
    Contract {
        /// The trainer.
        name: String,
        /// What is missing, unknown or of another version.
        problem: String,
        /// What to do.
        hint: Option<String>,
    },
    /// It is damaged, or was never WebAssembly.
    #[error("`{name}` is no valid component: {problem}")]
    Invalid {
        /// The trainer.
        name: String,
        /// What is wrong, and at which byte.
        problem: String,
    },
    /// It is more than is compiled.
    #[error("`{name}` is too large: {problem}")]
    TooLarge {
        /// The trainer.
        name: String,
        /// What it has too much of, and the limit.
        problem: String,
    },
    /// It did not compile.
    #[error("the trainer `{name}` does not compile: {reason}")]
    Compile {
        /// The trainer.
        name: String,
        /// Why.
        reason: String,
    },
    /// The wasm engine could not be set up.
    #[error("the wasm engine cannot be set up: {0}")]
    Setup(String),
    /// The trainer's own code failed.
    #[error(transparent)]
    Guest(#[from] Box<Fault>),
    /// `describe` returned values that cannot be trained.
    #[error("the spec of trainer `{trainer}` has {}: {}", count(problems.len()), list(problems))]
    Spec {
        /// The trainer.
        trainer: String,
        /// All of them.
        problems: Vec<SpecProblem>,
    },
    /// A path of the spec leads nowhere or out of the project.
    #[error("{field} is {path:?}, {problem}")]
    Path {
        /// Path of the spec's field.
        field: &'static str,
        /// What the trainer gave.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The run was made from another configuration.
    #[error(
        "run {run} cannot be resumed: the trainer now describes another configuration ({changed})"
    )]
    ConfigChanged {
        /// The run.
        run: String,
        /// The fields that differ, with both values.
        changed: String,
    },
    /// There is nothing left to do in the run.
    #[error("run {run} {how}, after {step} steps")]
    Over {
        /// The run.
        run: String,
        /// How it ended.
        how: String,
        /// Optimizer steps finished.
        step: u64,
    },
    /// The run is longer already than it was told to become.
    #[error("run {run} has done {step} steps, and --max-steps is {max_steps}")]
    TooShort {
        /// The run.
        run: String,
        /// Optimizer steps finished.
        step: u64,
        /// Asked for.
        max_steps: u32,
    },
    /// Another process took the run further while this one prepared to resume it.
    #[error("run {run} was just continued by another process")]
    Overtaken {
        /// The run.
        run: String,
    },
    /// A checkpoint that was to be gone on from is damaged.
    #[error("checkpoint {checkpoint} of run {run} is damaged: {reason}")]
    DamagedCheckpoint {
        /// The run.
        run: String,
        /// The checkpoint.
        checkpoint: String,
        /// What is wrong with it.
        reason: String,
        /// Id and step of the last one before it that is whole.
        whole: Option<(String, u64)>,
    },
    /// A checkpoint cannot be read.
    #[error("checkpoint {checkpoint} of run {run} cannot be resumed from: {reason}")]
    Checkpoint {
        /// The run.
        run: String,
        /// The checkpoint.
        checkpoint: String,
        /// Why.
        reason: String,
    },
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The engine's thread is gone.
    #[error("the training engine ended unexpectedly: {0}")]
    EngineGone(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl RuntimeError {
    /// What kind of failure it is if a run ends by it.
    pub fn code(&self) -> FailureCode {
        match self {
            Self::Engine(error) => error.code(),
            Self::EngineGone(_) => FailureCode::EngineLost,
            Self::Store(error) => Self::code_of_store(error),
            Self::DamagedCheckpoint { .. } | Self::Checkpoint { .. } => FailureCode::Store,
            Self::Path { .. } => FailureCode::Data,
            Self::Setup(_) | Self::Overtaken { .. } => FailureCode::Internal,
            _ => FailureCode::Trainer,
        }
    }

    /// The same for a failure of the store.
    pub fn code_of_store(error: &StoreError) -> FailureCode {
        match error {
            StoreError::Full { .. } => FailureCode::StoreFull,
            _ => FailureCode::Store,
        }
    }

    /// What to do about it, if the host knows.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Contract { hint, .. } => hint.clone(),
            Self::NotWasm { .. } => Some(
                "give a .wasm file, a script (.ts, .js, .py), or a project's folder"
                    .into(),
            ),
            Self::Invalid { .. } => Some("build it again: the file may be cut or damaged".into()),
            Self::TooLarge { .. } => Some(
                "build it without debug information and with less code: optimised, and without what it \
                 does not use"
                    .into(),
            ),
            Self::Guest(fault) => crate::sandbox::denial_hint(&fault.to_string()),
            Self::ConfigChanged { .. } => {
                Some("start a new run, or go back to what the run was started with".into())
            }
            Self::Overtaken { .. } => Some("resume it again".into()),
            Self::Over { step, .. } => Some(format!(
                "--max-steps with more than {step} goes on with it"
            )),
            Self::TooShort { step, .. } => Some(format!("give more than {step}")),
            Self::DamagedCheckpoint { run, whole, .. } => Some(match whole {
                Some((id, step)) => format!(
                    "go on from the one of step {step}: arkor-host run --resume {run} --from {id}"
                ),
                None => "no earlier checkpoint of this run is whole: start a new run".into(),
            }),
            Self::Path { .. } => {
                Some("paths of a spec are relative to the project's folder and stay inside".into())
            }
            Self::Engine(error) => error.hint(),
            Self::Store(error) => error.hint(),
            _ => None,
        }
    }
}

fn count(problems: usize) -> String {
    match problems {
        1 => "a problem".into(),
        n => format!("{n} problems"),
    }
}

fn list(problems: &[SpecProblem]) -> String {
    problems
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}
