//! Events as callbacks get them, whatever the version of the contract.

use arkor_types::{
    CheckpointWritten, Ended, Evaluation, Event, EventRecord, Failed, GuestFunction, LogRecord,
    RunId, Started,
};

/// An event on its way to a callback, with its number in the run's log.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "one case for each callback of the contract")]
pub enum CallbackEvent {
    Started {
        seq: u64,
        run: RunId,
        event: Started,
    },
    Log {
        seq: u64,
        event: LogRecord,
    },
    Evaluation {
        seq: u64,
        event: Evaluation,
    },
    Checkpoint {
        seq: u64,
        event: CheckpointWritten,
    },
    Completed {
        seq: u64,
        event: Ended,
    },
    Failed {
        seq: u64,
        event: Failed,
    },
}

impl CallbackEvent {
    /// An event of the log, if a callback is for it. The end of a run needs more than its event.
    pub(crate) fn of(record: &EventRecord) -> Option<Self> {
        let seq = record.seq;
        Some(match record.event.clone() {
            Event::Started(event) => Self::Started {
                seq,
                run: record.run.clone(),
                event,
            },
            Event::Log(event) => Self::Log { seq, event },
            Event::Evaluation(event) => Self::Evaluation { seq, event },
            Event::Checkpoint(event) => Self::Checkpoint { seq, event },
            _ => return None,
        })
    }

    /// The callback it is for.
    pub fn function(&self) -> GuestFunction {
        match self {
            Self::Started { .. } => GuestFunction::OnStarted,
            Self::Log { .. } => GuestFunction::OnLog,
            Self::Evaluation { .. } => GuestFunction::OnEvaluate,
            Self::Checkpoint { .. } => GuestFunction::OnCheckpoint,
            Self::Completed { .. } => GuestFunction::OnCompleted,
            Self::Failed { .. } => GuestFunction::OnFailed,
        }
    }

    /// Its number in the run's log.
    pub fn seq(&self) -> u64 {
        match self {
            Self::Started { seq, .. }
            | Self::Log { seq, .. }
            | Self::Evaluation { seq, .. }
            | Self::Checkpoint { seq, .. }
            | Self::Completed { seq, .. }
            | Self::Failed { seq, .. } => *seq,
        }
    }
}
