//! What the owner of a run holds while it is driven.

use std::sync::Arc;

use arkor_store::Tail;
use arkor_types::{EndReason, Event, FailureCode, RunId, RunStatus, UntrustedText};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::inbox::Asked;
use super::{Reloader, RunRequest};
use crate::error::RuntimeError;

/// How far a run has come. What is behind `last_seq` can be read from the store.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RunProgress {
    /// Number of the last event.
    pub last_seq: u64,
    /// Optimizer steps finished.
    pub step: u64,
    /// Steps planned, if that is known.
    pub total_steps: Option<u64>,
    /// The last logged loss.
    pub loss: Option<f64>,
    /// Tokens trained on per second, as of the last log event.
    pub tokens_per_second: Option<f64>,
    /// Whether training waits for a user.
    pub is_paused: bool,
}

/// How an attempt at a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct RunOutcome {
    /// The run.
    pub run: RunId,
    /// Where it stands now.
    pub status: RunStatus,
    /// Optimizer steps finished.
    pub step: u64,
    /// The last checkpoint.
    pub checkpoint: Option<String>,
    /// The last logged loss.
    pub loss: Option<f64>,
    /// The last evaluation loss.
    pub eval_loss: Option<f64>,
    /// The best score, and the checkpoint whose weights have it, if one was kept.
    pub best_score: Option<f64>,
    /// See there.
    pub best_checkpoint: Option<String>,
    /// Why it ended, if it ended well.
    pub reason: Option<EndReason>,
    /// What happened, if it ended badly.
    pub message: Option<UntrustedText>,
    /// What kind of failure it is.
    pub code: Option<FailureCode>,
    /// What to do about that.
    pub hint: Option<UntrustedText>,
    /// Whether the trainer's own loop trained.
    pub own_loop: bool,
    /// Whether nothing was to be trained.
    pub dry_run: bool,
}

impl RunOutcome {
    pub(super) fn of(run: RunId, step: u64, terminal: &Option<Event>) -> Self {
        let mut outcome = Self {
            run,
            status: RunStatus::Interrupted,
            step,
            checkpoint: None,
            loss: None,
            eval_loss: None,
            best_score: None,
            best_checkpoint: None,
            reason: None,
            message: None,
            code: None,
            hint: None,
            own_loop: false,
            dry_run: false,
        };
        match terminal {
            Some(Event::Completed(ended) | Event::Stopped(ended)) => {
                outcome.status = match terminal {
                    Some(Event::Completed(_)) => RunStatus::Completed,
                    _ => RunStatus::Stopped,
                };
                outcome.checkpoint.clone_from(&ended.checkpoint);
                outcome.reason = Some(ended.reason.clone());
            }
            Some(Event::Failed(failed)) => {
                outcome.status = RunStatus::Failed;
                outcome.checkpoint.clone_from(&failed.checkpoint);
                outcome.message = Some(failed.message.clone());
                outcome.code = Some(failed.code);
                outcome.hint.clone_from(&failed.hint);
            }
            Some(Event::Interrupted(interrupted)) => {
                outcome.checkpoint.clone_from(&interrupted.checkpoint);
            }
            _ => {}
        }
        outcome
    }
}

/// Asks things of a run. May be cloned and used from any task.
#[derive(Debug, Clone)]
pub struct RunRequests {
    queue: mpsc::Sender<Asked>,
}

impl RunRequests {
    /// Asks, and waits for the answer.
    ///
    /// # Errors
    ///
    /// Why the request is not taken, in words for people; also if the run is over.
    pub async fn ask(&self, request: RunRequest) -> Result<(), String> {
        let over = || "the run has ended".to_owned();
        let (reply, answer) = oneshot::channel();
        let asked = Asked { request, reply };
        self.queue.send(asked).await.map_err(|_| over())?;
        answer.await.map_err(|_| over())?
    }
}

/// A run that is being driven. Dropping it does not end the run; one that is paused, and that nobody can let go on,
/// stops with a checkpoint.
#[derive(Debug)]
pub struct RunControl {
    id: RunId,
    begins_after: u64,
    requests: RunRequests,
    reloader: Reloader,
    progress: watch::Receiver<RunProgress>,
    tail: Arc<Tail>,
    task: JoinHandle<Result<RunOutcome, RuntimeError>>,
}

impl RunControl {
    pub(super) fn new(
        id: RunId,
        begins_after: u64,
        queue: mpsc::Sender<Asked>,
        reloader: Reloader,
        progress: watch::Receiver<RunProgress>,
        tail: Arc<Tail>,
        task: JoinHandle<Result<RunOutcome, RuntimeError>>,
    ) -> Self {
        Self {
            id,
            begins_after,
            requests: RunRequests { queue },
            reloader,
            progress,
            tail,
            task,
        }
    }

    /// The run.
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// Number of the last event before this attempt; 0 for a new run.
    pub fn begins_after(&self) -> u64 {
        self.begins_after
    }

    /// For asking things of the run.
    pub fn requests(&self) -> RunRequests {
        self.requests.clone()
    }

    /// Brings new code into the run.
    pub fn reloader(&self) -> Reloader {
        self.reloader.clone()
    }

    /// The newest events, for who keeps up with the run.
    pub fn tail(&self) -> Arc<Tail> {
        Arc::clone(&self.tail)
    }

    /// Changes with every event.
    pub fn progress(&self) -> watch::Receiver<RunProgress> {
        self.progress.clone()
    }

    /// Waits for the attempt to end.
    ///
    /// # Errors
    ///
    /// If the store failed, so that the end could not be written.
    pub async fn finish(self) -> Result<RunOutcome, RuntimeError> {
        match self.task.await {
            Ok(outcome) => outcome,
            Err(error) => Err(RuntimeError::EngineGone(format!(
                "the run's task failed: {error}"
            ))),
        }
    }
}
