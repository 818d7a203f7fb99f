//! From a reason to end to the terminal event.

use arkor_types::{
    Action, EndReason, Ended, Ending, Event, Failed, FailureCode, Fault, GuestFunction, RunStatus,
};

use super::{Effect, Machine, OnCallbackError, Phase};

/// How the run is about to end.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    Good(EndReason),
    Bad {
        message: String,
        code: FailureCode,
        hint: Option<String>,
    },
}

impl Machine {
    pub(super) fn end(&mut self, outcome: Outcome, effects: &mut Vec<Effect>) {
        self.phase = Phase::Ending;
        let status = status_of(&outcome);
        self.outcome = Some(outcome);
        let step = self.progress.step;
        self.deliver(Event::Ending(Ending { step, status }), effects);
    }

    /// The last callback has answered.
    pub(super) fn ended(
        &mut self,
        event_seq: u64,
        answer: Result<Vec<Action>, Box<Fault>>,
        effects: &mut Vec<Effect>,
    ) {
        let mut outcome = self
            .outcome
            .take()
            .unwrap_or(Outcome::Good(EndReason::Finished));
        match answer {
            Ok(actions) => {
                let callback = match outcome {
                    Outcome::Good(_) => GuestFunction::OnCompleted,
                    Outcome::Bad { .. } => GuestFunction::OnFailed,
                };
                // There is nothing left to steer.
                for action in actions {
                    if matches!(action, Action::LogMetric(_)) {
                        effects.push(self.action_taken(Some(callback), action));
                    }
                }
            }
            Err(fault) => {
                let message = fault.to_string();
                effects.push(self.callback_failed(event_seq, *fault));
                let fails =
                    self.plan.on_callback_error == OnCallbackError::Fail || self.plan.dry_run;
                if fails && matches!(outcome, Outcome::Good(_)) {
                    outcome = Outcome::Bad {
                        message,
                        code: FailureCode::Trainer,
                        hint: None,
                    };
                }
            }
        }
        self.phase = Phase::Ended;
        effects.push(Effect::Append(match outcome {
            Outcome::Bad {
                message,
                code,
                hint,
            } => Event::Failed(self.failed(message, code, hint)),
            Outcome::Good(EndReason::Finished) => {
                Event::Completed(self.finished_as(EndReason::Finished))
            }
            Outcome::Good(reason) => Event::Stopped(self.finished_as(reason)),
        }));
        effects.push(Effect::Finish);
    }

    fn finished_as(&self, reason: EndReason) -> Ended {
        Ended {
            step: self.progress.step,
            reason,
            checkpoint: self.last_checkpoint.clone(),
            loss: self.progress.loss,
            eval_loss: self.progress.eval_loss,
            best_score: self.progress.best_score,
            best_checkpoint: self.best_checkpoint(),
            metrics: self.progress.last_metrics(),
        }
    }

    fn failed(&self, message: String, code: FailureCode, hint: Option<String>) -> Failed {
        Failed {
            step: self.progress.step,
            message: message.into(),
            code,
            hint: hint.map(Into::into),
            checkpoint: self.last_checkpoint.clone(),
        }
    }

    /// What the last callback is told about a good end.
    pub(crate) fn ended_well(&self) -> Option<Ended> {
        match &self.outcome {
            Some(Outcome::Good(reason)) => Some(self.finished_as(reason.clone())),
            _ => None,
        }
    }

    /// What the last callback is told about a bad end.
    pub(crate) fn ended_badly(&self) -> Option<Failed> {
        match &self.outcome {
            Some(Outcome::Bad {
                message,
                code,
                hint,
            }) => Some(self.failed(message.clone(), *code, hint.clone())),
            _ => None,
        }
    }
}

fn status_of(outcome: &Outcome) -> RunStatus {
    match outcome {
        Outcome::Good(EndReason::Finished) => RunStatus::Completed,
        Outcome::Good(_) => RunStatus::Stopped,
        Outcome::Bad { .. } => RunStatus::Failed,
    }
}
