//! The state of a run, as a pure machine: no tasks, no clocks, no input or output.
//!
//! ```text
//!              Begin               Handled
//!   (new) ───────────▶ Starting ───────────┐
//!   (resumed) ───────▶ Starting ──▶ Resuming┤
//!                                           ▼
//!        ┌───────────────────────────  next boundary item  ◀───────────────┐
//!        │            │             │             │            │           │
//!        ▼            ▼             ▼             ▼            ▼           │
//!     Training     Logging     Evaluating      Saving       Paused         │
//!        │            │             ▼             ▼            │           │
//!        │            │      HandlingEvaluation  HandlingCheckpoint        │
//!        └────────────┴─────────────┴─────────────┴────────────┴───────────┘
//!                                           │ nothing left and a reason to end
//!                                           ▼
//!                                        Ending ──Handled──▶ Ended
//! ```
//!
//! A *boundary* is the point after a step, or inside a hook of the trainer's own loop.
//! What is due there is done in one order, always: log, evaluate, checkpoint, then end,
//! pause or go on. What a callback asks for joins the current boundary if its turn is
//! still to come and waits for the next one otherwise. So everything lands on a step that
//! depends on the code and the data alone, never on the speed of the machine.

use arkor_types::{
    Action, At, CallbackFailed, EndReason, Event, FailureCode, Fault, GuestFunction, LogRecord,
    Measurement, RunStatus,
};

use super::progress::{Best, Progress};
use crate::protocol::{LoopWishes, Mode};

mod actions;
mod code;
mod ending;
mod evaluation;
mod protocol;
mod requests;
mod training_loop;

pub(crate) use code::Accepts;
use code::{Code, Lane};
use ending::Outcome;
pub(crate) use protocol::{
    Effect, Input, LoopAnswer, LoopOwner, LoopRequest, Plan, Purpose, ScoreRule, StepReport,
};
pub use protocol::{OnCallbackError, RunRequest};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Idle,
    Starting,
    Resuming,
    /// The engine runs a step, or the trainer's loop is at work.
    Training,
    Logging,
    Evaluating,
    HandlingEvaluation,
    Saving,
    HandlingCheckpoint,
    Paused,
    Ending,
    Ended,
}

/// What is due at the current boundary.
#[derive(Debug, Clone, Default, PartialEq)]
struct Boundary {
    log: bool,
    /// What the trainer measured itself.
    measured: Option<Measurement>,
    evaluate: bool,
    save: bool,
}

/// Who asked for a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PausedBy {
    Person,
    Trainer,
}

/// The loop's hook that waits for its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waiting {
    /// For what the host would like of it: after a log or an evaluation of its own.
    Wishes,
    Checkpoint,
    Evaluate,
}

#[derive(Debug, Clone)]
pub(crate) struct Machine {
    plan: Plan,
    phase: Phase,
    code: Code,
    lane: Lane,
    pub(crate) progress: Progress,
    boundary: Boundary,
    stop: Option<EndReason>,
    pause: Option<PausedBy>,
    /// The rate that a person asked for and no checkpoint knows.
    asked_rate: Option<f64>,
    /// Whether the `paused` event of this pause is in the log.
    pause_told: bool,
    /// It was told that evaluations lack the metric they are compared by.
    no_score_told: bool,
    waiting: Option<Waiting>,
    loop_begun: bool,
    /// The hook has said `hand-over`, and the loop is about to return.
    handing_over: bool,
    /// The hook has said `stop`, or the loop has returned: it is not asked again.
    loop_over: bool,
    outcome: Option<Outcome>,
    last_checkpoint: Option<String>,
    resumed: bool,
    /// Somebody asked for the end of a run that was ending already.
    end_awaited: bool,
    /// Weights or the loop's state may differ from those in the checkpoint of this step.
    unsaved: bool,
    pending_log: Option<LogRecord>,
}

impl Machine {
    /// A run from its beginning.
    pub(crate) fn new(plan: Plan) -> Self {
        Self {
            plan,
            phase: Phase::Idle,
            code: Code::new(),
            lane: Lane::Idle,
            progress: Progress::default(),
            boundary: Boundary::default(),
            stop: None,
            pause: None,
            asked_rate: None,
            pause_told: false,
            no_score_told: false,
            waiting: None,
            loop_begun: false,
            handing_over: false,
            loop_over: false,
            outcome: None,
            last_checkpoint: None,
            resumed: false,
            end_awaited: false,
            unsaved: false,
            pending_log: None,
        }
    }

    /// A run that goes on from a checkpoint.
    ///
    /// `previous` is how the last attempt ended. One that was cut off on its way to an early
    /// end goes on to that end, as it would have without the cut; one that did end early is
    /// resumed because someone wants more steps.
    pub(crate) fn resume(
        plan: Plan,
        mut progress: Progress,
        checkpoint: String,
        previous: RunStatus,
    ) -> Self {
        let goes_on = previous != RunStatus::Interrupted;
        let stop = progress.stop.take().filter(|_| !goes_on);
        progress.loop_returned &= !goes_on;
        progress.saved_as(&checkpoint);
        Self {
            progress,
            stop,
            last_checkpoint: Some(checkpoint),
            resumed: true,
            ..Self::new(plan)
        }
    }

    pub(crate) fn step(&self) -> u64 {
        self.progress.step
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    /// The transition function.
    pub(crate) fn apply(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        let is_request = matches!(input, Input::Request(_));
        match (self.phase, input) {
            // Nothing happens after the end; late answers of dropped work are expected.
            (Phase::Ended, _) => {}
            (Phase::Idle, Input::Begin) => {
                self.phase = Phase::Starting;
                self.lane = Lane::Event;
                effects.push(Effect::AnnounceStart);
            }
            (_, Input::Request(request)) => {
                // Whoever wants to know asks by `request`.
                let _ = self.request(request, &mut effects);
            }
            (_, Input::Handled { event_seq, answer }) => {
                let answer = match self.lane {
                    Lane::Missed { .. } => self.caught_up(answer, &mut effects),
                    _ => self
                        .answered(event_seq, answer, &mut effects)
                        .map(|answer| (event_seq, answer)),
                };
                match answer {
                    Some((seq, answer)) if self.phase == Phase::Ending => {
                        self.ended(seq, answer, &mut effects);
                    }
                    Some((seq, answer)) => self.handled(seq, answer, &mut effects),
                    None => {}
                }
            }
            (_, Input::CallbacksLost(message)) => self.callbacks_lost(message, &mut effects),
            (Phase::Ending, _) => {}
            (_, Input::Offered(offer)) if self.accepts().offers => {
                self.offered(offer, &mut effects);
            }
            (_, Input::StateSaved(result)) => self.state_saved(result, &mut effects),
            (_, Input::StateLoaded(result)) => self.state_loaded(result, &mut effects),
            (_, Input::Rewound(progress)) => {
                self.restored(*progress);
                self.rewound(&mut effects);
            }
            (_, Input::CallbacksStarted(result)) => self.callbacks_started(result, &mut effects),
            (_, Input::WeightsReplaced) => self.weights_replaced(),
            (
                _,
                Input::Broke {
                    message,
                    code,
                    hint,
                },
            ) => {
                let outcome = Outcome::Bad {
                    message,
                    code,
                    hint,
                };
                self.end(outcome, &mut effects);
            }
            (Phase::Training, Input::StepDone(report)) => {
                self.step_done(&report);
                self.next(&mut effects);
            }
            (Phase::Evaluating, Input::EvaluationDone { loss }) => {
                let measured = Measurement {
                    loss: Some(loss),
                    metrics: Vec::new(),
                };
                self.evaluated(measured, &mut effects);
            }
            (Phase::Saving, Input::CheckpointDone { id, seq }) => {
                self.phase = Phase::HandlingCheckpoint;
                self.progress.saved_as(&id);
                self.last_checkpoint = Some(id);
                if self.begin_again_for(seq, &mut effects) {
                    return effects;
                }
                self.lane = Lane::Event;
                effects.push(Effect::DeliverAgain {
                    seq,
                    mode: Mode::Live,
                });
            }
            (Phase::Training, Input::Loop(request)) => {
                self.loop_request(request, &mut effects);
            }
            (
                Phase::Training,
                Input::LoopReturned {
                    step,
                    tokens,
                    result,
                },
            ) => {
                self.loop_returned(step, tokens, result, &mut effects);
            }
            (phase, input) => {
                // A report that fits no phase is a defect of the driver. Failing the run keeps
                // what was trained and tells of the defect.
                let message = format!("internal error: {input:?} while {phase:?}");
                self.end(
                    Outcome::Bad {
                        message,
                        code: FailureCode::Internal,
                        hint: Some("please report this".into()),
                    },
                    &mut effects,
                );
            }
        }
        // A pause during which new code took over: what was asked for meanwhile is done now.
        if self.phase == Phase::Paused && self.lane == Lane::Idle && !is_request {
            self.next(&mut effects);
        }
        effects
    }

    fn handled(
        &mut self,
        event_seq: u64,
        answer: Result<Vec<Action>, Box<Fault>>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(callback) = self.callback() else {
            let message = format!(
                "internal error: an answer to no event while {:?}",
                self.phase
            );
            self.end(
                Outcome::Bad {
                    message,
                    code: FailureCode::Internal,
                    hint: None,
                },
                effects,
            );
            return;
        };
        match answer {
            Ok(actions) => {
                for action in actions {
                    self.act(callback, action, Mode::Live, effects);
                }
            }
            Err(fault) => {
                let message = fault.to_string();
                effects.push(self.callback_failed(event_seq, *fault));
                // A dry run is there to find out whether it works.
                let is_tried = self.plan.dry_run && self.phase == Phase::Starting;
                if self.plan.on_callback_error == OnCallbackError::Fail || is_tried {
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
            }
        }
        if self.phase == Phase::Starting {
            if self.plan.dry_run {
                self.end(Outcome::Good(EndReason::Finished), effects);
                return;
            }
            if self.resumed {
                if self.begin_again(true, effects) {
                    return;
                }
                self.phase = Phase::Resuming;
                self.lane = Lane::Event;
                effects.push(Effect::DeliverCheckpointAgain);
                return;
            }
        }
        self.next(effects);
    }

    /// The callback that an answer belongs to.
    fn callback(&self) -> Option<GuestFunction> {
        match self.phase {
            Phase::Starting => Some(GuestFunction::OnStarted),
            Phase::Resuming | Phase::HandlingCheckpoint => Some(GuestFunction::OnCheckpoint),
            Phase::Logging => Some(GuestFunction::OnLog),
            Phase::HandlingEvaluation => Some(GuestFunction::OnEvaluate),
            Phase::Ending => match self.outcome {
                Some(Outcome::Bad { .. }) => Some(GuestFunction::OnFailed),
                _ => Some(GuestFunction::OnCompleted),
            },
            _ => None,
        }
    }

    fn callback_failed(&self, event_seq: u64, fault: Fault) -> Effect {
        Effect::Append(Event::CallbackFailed(CallbackFailed {
            step: self.progress.step,
            event_seq,
            fault,
        }))
    }

    fn step_done(&mut self, report: &StepReport) {
        let progress = &mut self.progress;
        progress.step += 1;
        progress.tokens += report.tokens;
        progress.window.add(report);
        let step = progress.step;
        let last = Some(step) == self.plan.total_steps;
        let every = |steps: u64| steps > 0 && step.is_multiple_of(steps);
        self.boundary = Boundary {
            measured: None,
            log: last || every(self.plan.logging_steps),
            evaluate: self.plan.evaluates
                && (last || every(self.plan.eval_steps) || progress.evaluate_next),
            save: self.boundary.save || last || every(self.plan.save_steps) || progress.save_next,
        };
        progress.evaluate_next = false;
        progress.save_next = false;
        if self.boundary.log {
            self.pending_log = Some(progress.log_record(report));
        }
    }

    /// Does what is due next at this boundary.
    fn next(&mut self, effects: &mut Vec<Effect>) {
        if self.begin_again(false, effects) {
            return;
        }
        if std::mem::take(&mut self.boundary.log) {
            self.phase = Phase::Logging;
            let record = self.pending_log.take().unwrap_or_default();
            self.deliver(Event::Log(record), effects);
        } else if let Some(measured) = self.boundary.measured.take() {
            self.evaluated(measured, effects);
        } else if std::mem::take(&mut self.boundary.evaluate) {
            self.phase = Phase::Evaluating;
            effects.push(Effect::Evaluate);
        } else if self.can_save() && self.must_save() {
            self.boundary.save = false;
            self.unsaved = false;
            self.phase = Phase::Saving;
            // Before the driver encodes the progress: a resumed run must know as much as this one.
            self.progress.saved_step = Some(self.progress.step);
            self.progress.stop = self.stop.clone().filter(belongs_to_the_run);
            self.ask_state(Purpose::Checkpoint, effects);
        } else if self.finished() {
            self.end(Outcome::Good(EndReason::Finished), effects);
        } else if self.can_save() && self.stop.is_some() {
            self.stop_now(effects);
        } else if self.pause.is_some() && self.can_save() {
            self.phase = Phase::Paused;
            if !std::mem::replace(&mut self.pause_told, true) {
                effects.push(Effect::Append(Event::Paused(At {
                    step: self.progress.step,
                })));
            }
        } else {
            if std::mem::take(&mut self.pause_told) {
                effects.push(Effect::Append(Event::Continued(At {
                    step: self.progress.step,
                })));
            }
            self.go_on(effects);
        }
    }

    /// Appends an event and has it handled.
    fn deliver(&mut self, event: Event, effects: &mut Vec<Effect>) {
        self.lane = Lane::Event;
        effects.push(Effect::Deliver(event));
    }

    fn write_checkpoint(&mut self, effects: &mut Vec<Effect>) {
        self.asked_rate = None;
        let measured = self.progress.measured_here().cloned();
        effects.push(Effect::WriteCheckpoint(measured));
    }

    /// Whether the training state can be written now: the host's loop stands between two steps,
    /// the trainer's loop only inside its checkpoint hook, before it began, and after it returned.
    fn can_save(&self) -> bool {
        self.plan.owner == LoopOwner::Host
            || !self.loop_begun
            || self.loop_over
            || self.waiting == Some(Waiting::Checkpoint)
    }

    fn must_save(&self) -> bool {
        let leaves = self.stop.is_some() || (self.wants_hand_over() && self.waiting.is_some());
        self.boundary.save || (leaves && self.stands_unsaved())
    }

    fn stands_unsaved(&self) -> bool {
        self.unsaved || self.progress.saved_step != Some(self.progress.step)
    }

    /// The trainer's loop took up other weights: what was scored and saved at this step is not
    /// what it trains now.
    pub(crate) fn weights_replaced(&mut self) {
        self.unsaved = true;
        self.progress.eval_step = None;
        self.progress.measured = None;
        if self.progress.best == Best::At(self.progress.step) {
            self.progress.best = Best::None;
        }
    }

    fn finished(&self) -> bool {
        match self.plan.owner {
            LoopOwner::Host => self
                .plan
                .total_steps
                .is_some_and(|total| self.progress.step >= total),
            LoopOwner::Trainer => self.progress.loop_returned,
        }
    }

    fn go_on(&mut self, effects: &mut Vec<Effect>) {
        self.phase = Phase::Training;
        match self.plan.owner {
            LoopOwner::Host => effects.push(Effect::Step {
                step: self.progress.step,
                learning_rate: self.progress.learning_rate,
            }),
            // One that was told to stop, and is not to any more, begins again where it was told.
            LoopOwner::Trainer if self.loop_over || !self.loop_begun => {
                (self.loop_over, self.loop_begun) = (false, true);
                self.start_loop(effects);
            }
            LoopOwner::Trainer => {
                let hands_over = self.wants_hand_over();
                let answer = match self.waiting.take() {
                    Some(Waiting::Wishes) => LoopAnswer::Wishes(self.wishes()),
                    Some(Waiting::Evaluate) => LoopAnswer::Evaluated {
                        loss: self.progress.eval_loss.unwrap_or_default(),
                    },
                    Some(Waiting::Checkpoint) if hands_over => {
                        self.handing_over = true;
                        LoopAnswer::HandOver
                    }
                    Some(Waiting::Checkpoint) | None => LoopAnswer::Proceed,
                };
                effects.push(Effect::AnswerLoop(answer));
            }
        }
    }

    /// The checkpoint of the stop is written: ends the run, or tells the loop to return first.
    fn stop_now(&mut self, effects: &mut Vec<Effect>) {
        if self.waiting.take().is_some() {
            self.loop_over = true;
            self.phase = Phase::Training;
            effects.push(Effect::AnswerLoop(LoopAnswer::Stop));
        } else if let Some(reason) = self.stop.take() {
            self.end(Outcome::Good(reason), effects);
        }
    }
}

/// Whether a resumed run would come to the same reason again: a user's wish to stop is over once
/// they ask for the run to go on.
fn belongs_to_the_run(reason: &EndReason) -> bool {
    matches!(reason, EndReason::EarlyStopping | EndReason::Trainer(_))
}

#[cfg(test)]
mod tests;
