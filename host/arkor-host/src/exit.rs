//! Exit codes, as `--help` lists them.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use arkor_runtime::RunOutcome;
use arkor_types::{EndReason, RunStatus};

/// Whether this process was asked to end by SIGTERM, not by Ctrl-C.
pub(crate) static TERMINATED: AtomicBool = AtomicBool::new(false);

/// How the program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Completed,
    Failed,
    Usage,
    StoppedEarly,
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        // All of them fit.
        Self::from(u8::try_from(exit.code()).unwrap_or(1))
    }
}

impl Exit {
    pub(crate) fn code(self) -> i32 {
        match self {
            Self::Completed => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::StoppedEarly => 3,
            // As a shell tells of a process that a signal ended.
            Self::Interrupted if TERMINATED.load(Ordering::Acquire) => 143,
            Self::Interrupted => 130,
        }
    }

    pub(crate) fn of(outcome: &RunOutcome) -> Self {
        match (outcome.status, &outcome.reason) {
            (RunStatus::Completed, _) => Self::Completed,
            (RunStatus::Stopped, Some(EndReason::Signal)) | (RunStatus::Interrupted, _) => {
                Self::Interrupted
            }
            (RunStatus::Stopped, _) => Self::StoppedEarly,
            (RunStatus::Failed | RunStatus::Running, _) => Self::Failed,
        }
    }
}
