//! What the trainer's own loop asks for, and its return.

use arkor_types::{EndReason, FailureCode, Fault};

use super::ending::Outcome;
use super::{
    Boundary, Effect, LoopOwner, LoopRequest, LoopWishes, Machine, PausedBy, Phase, Progress,
    Waiting, belongs_to_the_run,
};

impl Machine {
    pub(super) fn loop_request(&mut self, request: LoopRequest, effects: &mut Vec<Effect>) {
        if matches!(request, LoopRequest::Checkpoint { .. }) {
            self.loop_proved();
        }
        let progress = &mut self.progress;
        match request {
            LoopRequest::Log {
                step,
                tokens,
                seconds,
                told,
                metrics,
            } => {
                progress.step = step;
                self.waiting = Some(Waiting::Wishes);
                self.pending_log = Some(progress.loop_log_record(tokens, seconds, told, metrics));
                self.boundary.log = true;
            }
            LoopRequest::Checkpoint { step, tokens } => {
                progress.step = step;
                progress.loop_trained(tokens);
                self.unsaved = true;
                self.waiting = Some(Waiting::Checkpoint);
                // A wish that the loop has not done until now is done by the host, if it can be.
                self.boundary.evaluate |=
                    self.plan.evaluates && std::mem::take(&mut progress.evaluate_next);
                self.boundary.save |=
                    std::mem::take(&mut progress.save_next) || self.loop_save_due();
            }
            LoopRequest::Evaluated {
                step,
                tokens,
                measured,
            } => {
                progress.step = step;
                progress.loop_trained(tokens);
                progress.evaluate_next = false;
                self.waiting = Some(Waiting::Wishes);
                self.boundary.measured = Some(measured);
            }
            LoopRequest::Evaluate { step, tokens } => {
                progress.step = step;
                progress.loop_trained(tokens);
                progress.evaluate_next = false;
                self.waiting = Some(Waiting::Evaluate);
                self.boundary.evaluate = true;
            }
        }
        self.next(effects);
    }

    /// The training state is that of the last checkpoint again.
    pub(crate) fn restored(&mut self, progress: Progress) {
        // What people asked for since then is still wanted. What the trainer asked for, or its evaluations led to,
        // belongs to the time that is undone.
        let learning_rate = self.asked_rate.or(progress.learning_rate);
        self.progress = Progress {
            learning_rate,
            stop: None,
            ..progress
        };
        self.stop.take_if(|reason| belongs_to_the_run(reason));
        self.pause.take_if(|by| *by == PausedBy::Trainer);
        if let Some(id) = &self.last_checkpoint {
            self.progress.saved_as(id);
        }
        self.unsaved = false;
        self.boundary = Boundary {
            save: self.boundary.save,
            ..Boundary::default()
        };
    }

    /// Who waits for the loop to call its checkpoint hook, while it does something else.
    pub(crate) fn waits_for_hook(&self) -> Option<&'static str> {
        let is_away = self.plan.owner == LoopOwner::Trainer
            && self.phase == Phase::Training
            && self.loop_begun
            && !self.loop_over
            && self.waiting != Some(Waiting::Checkpoint);
        if !is_away {
            None
        } else if self.stop.is_some() {
            Some("the run's end")
        } else if self.pause.is_some() {
            Some("the pause")
        } else if self.wants_hand_over() {
            Some("the loop of newer code")
        } else {
            None
        }
    }

    /// Whether the loop at work may be cut off before its time is over. If it only computes for long, that ends a run
    /// that was sound: a pause or newer code is not worth it, unless older code takes the run up again. One that was
    /// told to return has nothing left to lose.
    pub(crate) fn may_cut_loop(&self) -> bool {
        let was_told = self.loop_over || self.handing_over;
        let comes_back = self.loop_comes_back();
        let is_replaced = self.stop == Some(EndReason::Replaced);
        was_told
            || (self.is_waited_for() && (comes_back || !is_replaced))
            || (comes_back && self.wants_hand_over())
    }

    pub(super) fn wishes(&self) -> LoopWishes {
        LoopWishes {
            checkpoint: self.stop.is_some()
                || self.pause.is_some()
                || self.wants_hand_over()
                || self.boundary.save
                || self.progress.save_next
                || self.loop_save_due(),
            evaluate: self.progress.evaluate_next,
            learning_rate: self.progress.learning_rate,
        }
    }

    /// Whether a multiple of `save-steps` was passed since the last checkpoint: a loop need not
    /// call its hook at every step.
    pub(super) fn loop_save_due(&self) -> bool {
        let (step, steps) = (self.progress.step, self.plan.save_steps);
        steps > 0 && step / steps > self.progress.saved_step.unwrap_or(0) / steps
    }

    pub(super) fn loop_returned(
        &mut self,
        step: u64,
        tokens: u64,
        result: Result<(), Box<Fault>>,
        effects: &mut Vec<Effect>,
    ) {
        // Those of the last hook; the loop may have gone on.
        self.progress.step = step;
        self.progress.tokens = tokens;
        self.waiting = None;
        if std::mem::take(&mut self.handing_over) {
            // How the old code took it changes nothing, but its author wants to know.
            if let Err(fault) = result {
                effects.push(self.callback_failed(0, *fault));
            }
            self.loop_begun = false;
            self.next(effects);
            return;
        }
        let told_to_stop = std::mem::replace(&mut self.loop_over, true);
        match result {
            // The stop's checkpoint is already written: how the loop took it changes nothing,
            // but its author wants to know.
            Err(fault) if told_to_stop => effects.push(self.callback_failed(0, *fault)),
            Err(fault) => {
                let message = fault.to_string();
                effects.push(self.callback_failed(0, (*fault).clone()));
                if self.give_back(&fault, effects) {
                    self.loop_over = false;
                    return;
                }
                self.end(
                    Outcome::Bad {
                        message,
                        code: FailureCode::Trainer,
                        hint: None,
                    },
                    effects,
                );
                return;
            }
            Ok(()) if told_to_stop => {}
            Ok(()) => {
                self.progress.loop_returned = true;
                self.boundary.evaluate =
                    self.plan.evaluates && self.progress.eval_step != Some(self.progress.step);
                self.boundary.save = self.stands_unsaved();
            }
        }
        self.next(effects);
    }
}
