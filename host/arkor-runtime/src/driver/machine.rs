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
    Action, ActionTaken, At, CallbackFailed, EndReason, Ended, Ending, Evaluation, Event, Failed,
    Fault, GuestFunction, Interrupted, LogRecord, Metric, RunStatus,
};

use super::progress::Progress;

/// Whose loop trains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoopOwner {
    /// The host runs the standard loop.
    Host,
    /// The trainer exports `training-loop`.
    Trainer,
}

/// What a failing callback means for its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnCallbackError {
    /// It is recorded, and training goes on.
    #[default]
    Continue,
    /// It ends the run as failed.
    Fail,
}

/// What does not change during an attempt at a run.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) owner: LoopOwner,
    /// Known for the host's loop only.
    pub(crate) total_steps: Option<u64>,
    pub(crate) logging_steps: u64,
    /// 0: at the end only.
    pub(crate) eval_steps: u64,
    /// 0: at the end only.
    pub(crate) save_steps: u64,
    /// Whether anything is held out to evaluate on.
    pub(crate) evaluates: bool,
    /// Evaluations without improvement before stopping early; 0 never stops.
    pub(crate) patience: u32,
    pub(crate) threshold: f64,
    pub(crate) dry_run: bool,
    pub(crate) on_callback_error: OnCallbackError,
}

/// What one optimizer step of the host's loop did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct StepReport {
    /// Sum over the step's tokens, in nats.
    pub(crate) loss_sum: f64,
    pub(crate) tokens: u64,
    pub(crate) learning_rate: f64,
    pub(crate) grad_norm: f64,
    /// Passes over the training split, this step included.
    pub(crate) epoch: f64,
    /// Wall-clock time, for the rate that people see.
    pub(crate) seconds: f64,
}

/// What the trainer's own loop asks for, from inside a hook.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum LoopRequest {
    /// `hooks.log`, with the tokens trained on so far and the seconds since the last one.
    Log {
        step: u64,
        tokens: u64,
        seconds: f64,
        metrics: Vec<Metric>,
    },
    /// `hooks.checkpoint`: the loop's state is held by the driver.
    Checkpoint { step: u64, tokens: u64 },
    /// `session.evaluate`
    Evaluate { step: u64, tokens: u64 },
}

/// What the loop is told when its hook returns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum LoopAnswer {
    Logged {
        wishes_checkpoint: bool,
        learning_rate: Option<f64>,
    },
    Proceed,
    Stop,
    Evaluated {
        loss: f64,
    },
}

/// What a person, or a signal on their behalf, asks of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum RunRequest {
    /// Write a checkpoint at the next boundary and end.
    Stop(EndReason),
    /// End at once, without a checkpoint. The run can be resumed from its last one.
    Cancel,
    /// Wait at the next boundary.
    Pause,
    /// Go on after a pause.
    Continue,
    /// Write a checkpoint at the next boundary.
    Save,
    /// Train with this rate from the next step on.
    SetLearningRate(f64),
}

/// What the driver tells the machine.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Input {
    Begin,
    /// The callback that was last delivered to has answered.
    Handled {
        event_seq: u64,
        answer: Result<Vec<Action>, Box<Fault>>,
    },
    StepDone(StepReport),
    EvaluationDone {
        loss: f64,
    },
    CheckpointDone {
        id: String,
    },
    Request(RunRequest),
    Loop(LoopRequest),
    LoopReturned(Result<(), Box<Fault>>),
    /// Something outside the trainer's code went wrong: the engine, the data.
    Broke {
        message: String,
        hint: Option<String>,
    },
}

/// What the machine tells the driver to do, in this order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    /// Append the `started` event and hand it to `on-started`.
    AnnounceStart,
    /// Hand the checkpoint's event, which is in the log already, to `on-checkpoint` again.
    DeliverCheckpointAgain,
    /// Append the event.
    Append(Event),
    /// Append the event, hand it to its callback, report `Handled`.
    Deliver(Event),
    /// Train one step, with this rate or the schedule's.
    Step {
        step: u64,
        learning_rate: Option<f64>,
    },
    /// Let the trainer's loop begin.
    StartLoop,
    /// Let the trainer's hook return.
    AnswerLoop(LoopAnswer),
    /// Score the held-out data, report `EvaluationDone`.
    Evaluate,
    /// Write a checkpoint and its event, hand it to `on-checkpoint`, report `CheckpointDone`
    /// before `Handled`.
    Save { eval_loss: Option<f64> },
    /// The attempt is over; its terminal event is in the log.
    Finish,
}

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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Boundary {
    log: bool,
    evaluate: bool,
    save: bool,
}

/// How the run is about to end.
#[derive(Debug, Clone, PartialEq)]
enum Outcome {
    Good(EndReason),
    Bad {
        message: String,
        hint: Option<String>,
    },
}

/// The loop's hook that waits for its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waiting {
    Log,
    Checkpoint,
    Evaluate,
}

#[derive(Debug, Clone)]
pub(crate) struct Machine {
    plan: Plan,
    phase: Phase,
    pub(crate) progress: Progress,
    boundary: Boundary,
    stop: Option<EndReason>,
    pause: bool,
    /// Whether the `paused` event of this pause is in the log.
    pause_told: bool,
    waiting: Option<Waiting>,
    loop_begun: bool,
    /// The hook has said `stop`, or the loop has returned: it is not asked again.
    loop_over: bool,
    outcome: Option<Outcome>,
    last_checkpoint: Option<String>,
    resumed: bool,
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
            progress: Progress::default(),
            boundary: Boundary::default(),
            stop: None,
            pause: false,
            pause_told: false,
            waiting: None,
            loop_begun: false,
            loop_over: false,
            outcome: None,
            last_checkpoint: None,
            resumed: false,
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
        match (self.phase, input) {
            // Nothing happens after the end; late answers of dropped work are expected.
            (Phase::Ended, _) => {}
            (Phase::Idle, Input::Begin) => {
                self.phase = Phase::Starting;
                effects.push(Effect::AnnounceStart);
            }
            (_, Input::Request(request)) => self.request(request, &mut effects),
            (Phase::Ending, Input::Handled { event_seq, answer }) => {
                self.ended(event_seq, answer, &mut effects);
            }
            (Phase::Ending, _) => {}
            (_, Input::Broke { message, hint }) => {
                self.end(Outcome::Bad { message, hint }, &mut effects);
            }
            (_, Input::Handled { event_seq, answer }) => {
                self.handled(event_seq, answer, &mut effects);
            }
            (Phase::Training, Input::StepDone(report)) => {
                self.step_done(&report);
                self.next(&mut effects);
            }
            (Phase::Evaluating, Input::EvaluationDone { loss }) => {
                self.evaluated(loss, &mut effects);
            }
            (Phase::Saving, Input::CheckpointDone { id }) => {
                self.phase = Phase::HandlingCheckpoint;
                self.last_checkpoint = Some(id);
            }
            (Phase::Training, Input::Loop(request)) => {
                self.loop_request(request, &mut effects);
            }
            (Phase::Training, Input::LoopReturned(result)) => {
                self.loop_returned(result, &mut effects);
            }
            (phase, input) => {
                // A report that fits no phase is a defect of the driver. Failing the run keeps
                // what was trained and tells of the defect.
                let message = format!("internal error: {input:?} while {phase:?}");
                self.end(
                    Outcome::Bad {
                        message,
                        hint: Some("please report this".into()),
                    },
                    &mut effects,
                );
            }
        }
        effects
    }

    fn request(&mut self, request: RunRequest, effects: &mut Vec<Effect>) {
        match request {
            RunRequest::Cancel => {
                self.phase = Phase::Ended;
                effects.push(Effect::Append(Event::Interrupted(Interrupted {
                    step: self.progress.step,
                    checkpoint: self.last_checkpoint.clone(),
                })));
                effects.push(Effect::Finish);
                return;
            }
            RunRequest::Stop(reason) => {
                self.stop.get_or_insert(reason);
            }
            RunRequest::Pause => self.pause = true,
            RunRequest::Continue => self.pause = false,
            RunRequest::Save => self.boundary.save = true,
            RunRequest::SetLearningRate(rate) => {
                self.progress.learning_rate = Some(rate);
                effects.push(self.action_taken(None, Action::SetLearningRate(rate)));
            }
        }
        if self.phase == Phase::Paused {
            self.next(effects);
        }
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
                    hint: None,
                },
                effects,
            );
            return;
        };
        match answer {
            Ok(actions) => {
                for action in actions {
                    self.act(callback, action, effects);
                }
            }
            Err(fault) => {
                let message = fault.to_string();
                effects.push(self.callback_failed(event_seq, *fault));
                if self.plan.on_callback_error == OnCallbackError::Fail {
                    self.end(
                        Outcome::Bad {
                            message,
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
                self.phase = Phase::Resuming;
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

    fn act(&mut self, callback: GuestFunction, action: Action, effects: &mut Vec<Effect>) {
        let checkpoint_is_past = matches!(self.phase, Phase::Resuming | Phase::HandlingCheckpoint);
        let evaluation_is_past = checkpoint_is_past || self.phase == Phase::HandlingEvaluation;
        match &action {
            Action::Stop(reason) => {
                self.stop.get_or_insert(EndReason::Trainer(reason.clone()));
            }
            Action::Save if checkpoint_is_past => self.progress.save_next = true,
            Action::Save => self.boundary.save = true,
            Action::Evaluate if evaluation_is_past => self.progress.evaluate_next = true,
            Action::Evaluate => self.boundary.evaluate |= self.plan.evaluates,
            Action::SetLearningRate(rate) => self.progress.learning_rate = Some(*rate),
            Action::Pause => self.pause = true,
            Action::LogMetric(metric) => self.progress.metrics.push(metric.clone()),
        }
        effects.push(self.action_taken(Some(callback), action));
    }

    fn action_taken(&self, callback: Option<GuestFunction>, action: Action) -> Effect {
        Effect::Append(Event::Action(ActionTaken {
            step: self.progress.step,
            callback,
            action,
        }))
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
        if std::mem::take(&mut self.boundary.log) {
            self.phase = Phase::Logging;
            let record = self.pending_log.take().unwrap_or_default();
            effects.push(Effect::Deliver(Event::Log(record)));
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
            effects.push(Effect::Save {
                eval_loss: self.progress.eval_loss_here(),
            });
        } else if self.finished() {
            self.end(Outcome::Good(EndReason::Finished), effects);
        } else if self.can_save() && self.stop.is_some() {
            self.stop_now(effects);
        } else if self.pause && self.can_save() {
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

    /// Whether the training state can be written now: the host's loop stands between two steps,
    /// the trainer's loop only inside its checkpoint hook, before it began, and after it returned.
    fn can_save(&self) -> bool {
        self.plan.owner == LoopOwner::Host
            || !self.loop_begun
            || self.loop_over
            || self.waiting == Some(Waiting::Checkpoint)
    }

    fn must_save(&self) -> bool {
        self.boundary.save || (self.stop.is_some() && self.stands_unsaved())
    }

    fn stands_unsaved(&self) -> bool {
        self.unsaved || self.progress.saved_step != Some(self.progress.step)
    }

    /// The trainer's loop took up other weights: what was scored and saved at this step is not
    /// what it trains now.
    pub(crate) fn weights_replaced(&mut self) {
        self.unsaved = true;
        self.progress.eval_step = None;
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
            LoopOwner::Trainer if !std::mem::replace(&mut self.loop_begun, true) => {
                effects.push(Effect::StartLoop);
            }
            LoopOwner::Trainer => {
                let answer = match self.waiting.take() {
                    Some(Waiting::Log) => LoopAnswer::Logged {
                        wishes_checkpoint: self.stop.is_some() || self.boundary.save || self.pause,
                        learning_rate: self.progress.learning_rate,
                    },
                    Some(Waiting::Evaluate) => LoopAnswer::Evaluated {
                        loss: self.progress.eval_loss.unwrap_or_default(),
                    },
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

    fn evaluated(&mut self, loss: f64, effects: &mut Vec<Effect>) {
        let progress = &mut self.progress;
        let improved = progress
            .best_loss
            .is_none_or(|best| loss < best - self.plan.threshold);
        progress.without_improvement = if improved {
            0
        } else {
            progress.without_improvement.saturating_add(1)
        };
        let best_loss = progress.best_loss.map_or(loss, |best| best.min(loss));
        progress.best_loss = Some(best_loss);
        progress.eval_loss = Some(loss);
        progress.eval_step = Some(progress.step);
        self.phase = Phase::HandlingEvaluation;
        effects.push(Effect::Deliver(Event::Evaluation(Evaluation {
            step: progress.step,
            loss,
            // An untrained model can be worse than what fits a number; infinity is none in JSON.
            perplexity: loss.exp().min(f64::MAX),
            best_loss,
            evaluations_without_improvement: progress.without_improvement,
        })));
        if self.plan.patience > 0 && progress.without_improvement >= self.plan.patience {
            self.stop.get_or_insert(EndReason::EarlyStopping);
        }
    }

    fn loop_request(&mut self, request: LoopRequest, effects: &mut Vec<Effect>) {
        let progress = &mut self.progress;
        match request {
            LoopRequest::Log {
                step,
                tokens,
                seconds,
                metrics,
            } => {
                progress.step = step;
                self.waiting = Some(Waiting::Log);
                self.pending_log = Some(progress.loop_log_record(tokens, seconds, metrics));
                self.boundary.log = true;
            }
            LoopRequest::Checkpoint { step, tokens } => {
                progress.step = step;
                progress.tokens = tokens;
                self.unsaved = true;
                self.waiting = Some(Waiting::Checkpoint);
                let due = |steps: u64, last: u64| steps > 0 && step / steps > last / steps;
                self.boundary.save |= std::mem::take(&mut progress.save_next)
                    || due(self.plan.save_steps, progress.saved_step.unwrap_or(0));
                self.boundary.evaluate |=
                    std::mem::take(&mut progress.evaluate_next) && self.plan.evaluates;
            }
            LoopRequest::Evaluate { step, tokens } => {
                progress.step = step;
                progress.tokens = tokens;
                self.waiting = Some(Waiting::Evaluate);
                self.boundary.evaluate = true;
            }
        }
        self.next(effects);
    }

    fn loop_returned(&mut self, result: Result<(), Box<Fault>>, effects: &mut Vec<Effect>) {
        self.waiting = None;
        let told_to_stop = std::mem::replace(&mut self.loop_over, true);
        match result {
            // The stop's checkpoint is already written: how the loop took it changes nothing,
            // but its author wants to know.
            Err(fault) if told_to_stop => effects.push(self.callback_failed(0, *fault)),
            Err(fault) => {
                let message = fault.to_string();
                effects.push(self.callback_failed(0, *fault));
                self.end(
                    Outcome::Bad {
                        message,
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

    fn end(&mut self, outcome: Outcome, effects: &mut Vec<Effect>) {
        self.phase = Phase::Ending;
        let status = status_of(&outcome);
        self.outcome = Some(outcome);
        effects.push(Effect::Deliver(Event::Ending(Ending {
            step: self.progress.step,
            status,
        })));
    }

    /// The last callback has answered.
    fn ended(
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
                if self.plan.on_callback_error == OnCallbackError::Fail
                    && matches!(outcome, Outcome::Good(_))
                {
                    outcome = Outcome::Bad {
                        message,
                        hint: None,
                    };
                }
            }
        }
        self.phase = Phase::Ended;
        let step = self.progress.step;
        let checkpoint = self.last_checkpoint.clone();
        let status = status_of(&outcome);
        effects.push(Effect::Append(match outcome {
            Outcome::Bad { message, hint } => Event::Failed(Failed {
                step,
                message,
                hint,
                checkpoint,
            }),
            Outcome::Good(reason) => {
                let ended = Ended {
                    step,
                    reason,
                    checkpoint,
                    loss: self.progress.loss,
                    eval_loss: self.progress.eval_loss,
                };
                match status {
                    RunStatus::Completed => Event::Completed(ended),
                    _ => Event::Stopped(ended),
                }
            }
        }));
        effects.push(Effect::Finish);
    }

    /// What the last callback is told about a good end.
    pub(crate) fn ended_well(&self) -> Option<Ended> {
        match &self.outcome {
            Some(Outcome::Good(reason)) => Some(Ended {
                step: self.progress.step,
                reason: reason.clone(),
                checkpoint: self.last_checkpoint.clone(),
                loss: self.progress.loss,
                eval_loss: self.progress.eval_loss,
            }),
            _ => None,
        }
    }

    /// What the last callback is told about a bad end.
    pub(crate) fn ended_badly(&self) -> Option<Failed> {
        match &self.outcome {
            Some(Outcome::Bad { message, hint }) => Some(Failed {
                step: self.progress.step,
                message: message.clone(),
                hint: hint.clone(),
                checkpoint: self.last_checkpoint.clone(),
            }),
            _ => None,
        }
    }
}

/// Whether a resumed run would come to the same reason again: a user's wish to stop is over once
/// they ask for the run to go on.
fn belongs_to_the_run(reason: &EndReason) -> bool {
    matches!(reason, EndReason::EarlyStopping | EndReason::Trainer(_))
}

fn status_of(outcome: &Outcome) -> RunStatus {
    match outcome {
        Outcome::Good(EndReason::Finished) => RunStatus::Completed,
        Outcome::Good(_) => RunStatus::Stopped,
        Outcome::Bad { .. } => RunStatus::Failed,
    }
}

#[cfg(test)]
mod tests;
