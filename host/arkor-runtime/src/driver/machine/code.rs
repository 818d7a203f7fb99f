//! The run's code: which generation handles the events, which may come back, and how one takes the
//! place of another.
//!
//! ```text
//!  Offered ──▶ SaveState(at work) ──▶ LoadState(new) ──▶ TakeUp       new code, on probation
//!                 │ error: Reject        │ error: Reject
//!                 │ trap: back to an older one first, whose memory is carried on
//!                 ▼
//!  a callback traps, or one of the first answers only errors
//!      ──▶ GoBack(older) ──▶ DeliverAgain, for each event it missed ──▶ what was interrupted
//! ```
//!
//! One call of the callbacks is in flight at a time: the *lane*. While it is busy no report of the engine and
//! no hook of a loop is taken ([`Machine::accepts`]), so nothing here happens in the middle of a boundary.

use std::collections::VecDeque;

use arkor_types::{EndReason, Fault, GuestFunction};

use super::ending::Outcome;
use super::{
    Effect, FailureCode, LoopOwner, Machine, Mode, OnCallbackError, Phase, Purpose,
    belongs_to_the_run,
};
use crate::protocol::Answer;

mod again;
mod tally;

use again::Again;
use tally::Tally;

/// Instances that wait while one code after the other comes and none has proved itself: the last one
/// that did, and the newest of the others.
const KEPT: usize = 4;

/// The callbacks' instance does one thing at a time.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Lane {
    Idle,
    /// An event is being handled.
    Event,
    /// An older generation is handed the events that it missed.
    Missed {
        now: Missed,
        rest: VecDeque<Missed>,
        then: Then,
    },
    /// The generation at work is asked for its memory.
    SaveState(Purpose),
    /// New code gets that memory.
    LoadState {
        offer: u64,
        had_memory: bool,
    },
    /// The training state goes back to the last checkpoint, for the loop of this generation.
    Rewind,
    /// The callbacks of the run's code begin again, with the memory of the last checkpoint if they take it.
    StartCallbacks {
        with_memory: bool,
        /// All of the training state went back there.
        is_rewound: bool,
    },
}

/// What is done when an older generation has caught up.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Then {
    /// The event on which the failed generation failed is handed to it.
    Deliver(u64),
    SaveState(Purpose),
}

/// An event that a generation was not there for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Missed {
    seq: u64,
    callback: GuestFunction,
    mode: Mode,
}

#[derive(Debug, Clone)]
struct Kept {
    generation: u32,
    missed: VecDeque<Missed>,
}

#[derive(Debug, Clone)]
pub(super) struct Code {
    /// Handles the events; none if it failed and nothing was there to take its place.
    at_work: Option<u32>,
    /// Whose code the run has, whether its callbacks live or not.
    current: u32,
    /// Numbers are given once.
    newest: u32,
    /// The oldest first.
    kept: Vec<Kept>,
    tally: Tally,
    again: Again,
    /// The one at work could not say what it remembers when it was last asked on behalf of new code.
    cannot_save: bool,
    /// Whose loop is at work, and whose comes back if that fails before its first checkpoint hook.
    loop_code: Option<u32>,
    loop_before: Option<u32>,
}

impl Code {
    pub(super) fn new() -> Self {
        Self {
            at_work: Some(1),
            current: 1,
            newest: 1,
            kept: Vec::new(),
            tally: Tally::default(),
            again: Again::default(),
            cannot_save: false,
            loop_code: None,
            loop_before: None,
        }
    }
}

impl Machine {
    /// The generation that handles events.
    pub(crate) fn at_work(&self) -> Option<u32> {
        self.code.at_work
    }

    /// The generation whose code the run has.
    pub(crate) fn current_code(&self) -> u32 {
        self.code.current
    }

    /// Whether a generation's code may be needed again.
    pub(crate) fn needs_code(&self, generation: u32) -> bool {
        let code = &self.code;
        let kept = |kept: &Kept| kept.generation == generation;
        code.current == generation
            || code.loop_code == Some(generation)
            || code.loop_before == Some(generation)
            || code.kept.iter().any(kept)
    }

    /// Whether a generation's instance may be needed again.
    pub(crate) fn needs_instance(&self, generation: u32) -> bool {
        let kept = |kept: &Kept| kept.generation == generation;
        self.code.at_work == Some(generation) || self.code.kept.iter().any(kept)
    }

    /// Number of the oldest event that may have to be handed over again.
    pub(crate) fn oldest_missed(&self) -> Option<u64> {
        let kept = self.code.kept.iter().filter_map(|kept| kept.missed.front());
        let lane = match &self.lane {
            Lane::Missed { now, then, .. } => match then {
                Then::Deliver(seq) => Some(now.seq.min(*seq)),
                Then::SaveState(_) => Some(now.seq),
            },
            _ => None,
        };
        kept.map(|missed| missed.seq).chain(lane).min()
    }

    /// Whether the loop at work is of other code than the callbacks, and can be handed over.
    pub(super) fn wants_hand_over(&self) -> bool {
        let known = self.code.loop_code;
        self.plan.owner == LoopOwner::Trainer
            && self.loop_begun
            && !self.loop_over
            && known.is_some_and(|known| known != self.code.current)
    }

    /// The loop of the run's code begins.
    pub(super) fn start_loop(&mut self, effects: &mut Vec<Effect>) {
        let generation = self.code.current;
        let before = self.code.loop_code.replace(generation);
        // Code that one went back to has proved itself.
        self.code.loop_before = before.filter(|before| *before < generation);
        effects.push(Effect::StartLoop { generation });
    }

    /// Whether a loop of older code takes the run up again if the one at work fails.
    pub(super) fn loop_comes_back(&self) -> bool {
        self.code.loop_before.is_some()
    }

    /// The loop called its checkpoint hook: it can go on by itself.
    pub(super) fn loop_proved(&mut self) {
        self.code.loop_before = None;
    }

    /// An event was answered by the generation at work. Returns the answer, unless an older generation is
    /// to answer it first.
    pub(super) fn answered(
        &mut self,
        seq: u64,
        answer: Answer,
        effects: &mut Vec<Effect>,
    ) -> Option<Answer> {
        self.lane = Lane::Idle;
        let callback = self.callback().filter(|_| self.code.at_work.is_some());
        let Some(callback) = callback else {
            return Some(answer);
        };
        let fault = match answer {
            Ok(actions) => {
                self.code.tally.answered(callback);
                self.missed_by_kept(seq, callback, Mode::Missed);
                return Some(Ok(actions));
            }
            Err(fault) => fault,
        };
        let is_dead = !fault.leaves_instance_alive();
        if self.code.tally.erred(callback) || is_dead {
            if self.go_back(&fault, Then::Deliver(seq), effects) {
                return None;
            }
            if is_dead {
                self.callbacks_died();
            }
        } else {
            self.missed_by_kept(seq, callback, Mode::Late);
        }
        Some(Err(fault))
    }

    /// Those that may come back have missed an event. If it was the last one they could miss, they go.
    fn missed_by_kept(&mut self, seq: u64, callback: GuestFunction, mode: Mode) {
        if self.code.tally.is_proved() {
            self.code.kept.clear();
        }
        for kept in &mut self.code.kept {
            kept.missed.push_back(Missed {
                seq,
                callback,
                mode,
            });
        }
    }

    /// Puts the generation before in the place of the one at work; false if there is none.
    fn go_back(&mut self, fault: &Fault, then: Then, effects: &mut Vec<Effect>) -> bool {
        let Some(back) = self.code.kept.pop() else {
            return false;
        };
        let failed = self.code.at_work.unwrap_or(0);
        self.code.at_work = Some(back.generation);
        self.code.current = back.generation;
        self.code.tally = Tally::default();
        self.code.cannot_save = false;
        effects.push(Effect::GoBack {
            failed,
            generation: back.generation,
            fault: Box::new(fault.clone()),
        });
        self.catch_up(back.missed, then, effects);
        true
    }

    fn catch_up(&mut self, mut rest: VecDeque<Missed>, then: Then, effects: &mut Vec<Effect>) {
        if let Some(now) = rest.pop_front() {
            effects.push(Effect::DeliverAgain {
                seq: now.seq,
                mode: now.mode,
            });
            self.lane = Lane::Missed { now, rest, then };
            return;
        }
        match then {
            Then::Deliver(seq) => {
                self.lane = Lane::Event;
                effects.push(Effect::DeliverAgain {
                    seq,
                    mode: Mode::Live,
                });
            }
            Then::SaveState(purpose) => self.ask_state(purpose, effects),
        }
    }

    /// An event that was missed is answered.
    pub(super) fn caught_up(
        &mut self,
        answer: Answer,
        effects: &mut Vec<Effect>,
    ) -> Option<(u64, Answer)> {
        let Lane::Missed { now, rest, then } = std::mem::replace(&mut self.lane, Lane::Idle) else {
            return None;
        };
        match answer {
            Ok(actions) => {
                if now.mode == Mode::Late {
                    for action in actions {
                        self.act(now.callback, action, Mode::Late, effects);
                    }
                    // What it asked for counts now.
                    let all = self.code.kept.iter_mut();
                    for missed in all.flat_map(|kept| &mut kept.missed) {
                        if missed.seq == now.seq {
                            missed.mode = Mode::Missed;
                        }
                    }
                }
            }
            Err(fault) => {
                let is_dead = !fault.leaves_instance_alive();
                if is_dead && self.go_back(&fault, then.clone(), effects) {
                    return None;
                }
                if is_dead {
                    self.callbacks_died();
                    return match then {
                        Then::Deliver(seq) => Some((seq, Err(fault))),
                        Then::SaveState(purpose) => {
                            effects.push(self.callback_failed(now.seq, *fault));
                            self.without_memory(purpose, effects);
                            None
                        }
                    };
                }
                effects.push(match now.mode {
                    // It counts for nothing, and may be for want of weights that are gone.
                    Mode::Missed => self.not_caught_up(now.seq, &fault),
                    _ => self.callback_failed(now.seq, *fault),
                });
            }
        }
        self.catch_up(rest, then, effects);
        None
    }

    fn not_caught_up(&self, seq: u64, fault: &Fault) -> Effect {
        self.warning(format!(
            "event {seq}, which newer code had handled, was handed over again, and what the trainer \
             remembers may lack it: {fault}"
        ))
    }

    /// The task of the callbacks failed, and nobody knows what they did.
    pub(super) fn callbacks_lost(&mut self, message: String, effects: &mut Vec<Effect>) {
        self.code.at_work = None;
        self.code.kept.clear();
        self.lane = Lane::Idle;
        if self.phase == Phase::Ending {
            self.ended(0, Ok(Vec::new()), effects);
            return;
        }
        let outcome = Outcome::Bad {
            message,
            code: FailureCode::Internal,
            hint: Some("please report this".into()),
        };
        self.end(outcome, effects);
    }

    /// Code that described itself waits for its place.
    pub(super) fn offered(&mut self, offer: u64, effects: &mut Vec<Effect>) {
        self.ask_state(Purpose::Swap { offer }, effects);
    }

    /// Asks the callbacks for their memory; without any, goes on at once.
    pub(super) fn ask_state(&mut self, purpose: Purpose, effects: &mut Vec<Effect>) {
        match self.code.at_work {
            Some(_) => {
                self.lane = Lane::SaveState(purpose);
                effects.push(Effect::SaveState(purpose));
            }
            None => self.without_memory(purpose, effects),
        }
    }

    fn without_memory(&mut self, purpose: Purpose, effects: &mut Vec<Effect>) {
        match purpose {
            Purpose::Checkpoint => {
                self.lane = Lane::Idle;
                self.write_checkpoint(effects);
            }
            Purpose::Swap { offer } => self.load_state(offer, false, effects),
        }
    }

    fn load_state(&mut self, offer: u64, had_memory: bool, effects: &mut Vec<Effect>) {
        self.lane = Lane::LoadState { offer, had_memory };
        effects.push(Effect::LoadState {
            offer,
            generation: self.code.newest + 1,
            with_memory: had_memory,
        });
    }

    /// The generation at work gave its memory, or failed to.
    pub(super) fn state_saved(
        &mut self,
        result: Result<(), Box<Fault>>,
        effects: &mut Vec<Effect>,
    ) {
        let Lane::SaveState(purpose) = std::mem::replace(&mut self.lane, Lane::Idle) else {
            return;
        };
        self.code.cannot_save &= result.is_err();
        let fault = match (result, purpose) {
            (Ok(()), Purpose::Checkpoint) => return self.write_checkpoint(effects),
            (Ok(()), Purpose::Swap { offer }) => return self.load_state(offer, true, effects),
            (Err(fault), _) => fault,
        };
        if fault.leaves_instance_alive() {
            match purpose {
                // An error of its own keeps it in its place, but not against whoever comes to mend it.
                Purpose::Swap { offer } if self.code.cannot_save => {
                    effects.push(self.callback_failed(0, *fault));
                    self.load_state(offer, false, effects);
                }
                Purpose::Swap { offer } => {
                    self.code.cannot_save = true;
                    effects.push(Effect::Reject { offer, fault });
                    effects.push(self.warning(format!(
                        "generation {} cannot save what it remembers: the next code that comes takes over without it",
                        self.code.current
                    )));
                }
                Purpose::Checkpoint => {
                    let message = fault.to_string();
                    effects.push(self.callback_failed(0, *fault));
                    self.checkpoint_without_memory(message, effects);
                }
            }
        } else if !self.go_back(&fault, Then::SaveState(purpose), effects) {
            self.callbacks_died();
            let message = fault.to_string();
            effects.push(self.callback_failed(0, *fault));
            match purpose {
                Purpose::Swap { .. } => self.without_memory(purpose, effects),
                Purpose::Checkpoint => self.checkpoint_without_memory(message, effects),
            }
        }
    }

    /// A failure costs the memory since the last checkpoint.
    fn checkpoint_without_memory(&mut self, message: String, effects: &mut Vec<Effect>) {
        if self.plan.on_callback_error == OnCallbackError::Fail {
            let outcome = Outcome::Bad {
                message,
                code: FailureCode::Trainer,
                hint: None,
            };
            self.end(outcome, effects);
        } else {
            self.write_checkpoint(effects);
        }
    }

    /// New code took up the memory, or would not.
    pub(super) fn state_loaded(
        &mut self,
        result: Result<(), Box<Fault>>,
        effects: &mut Vec<Effect>,
    ) {
        let Lane::LoadState { offer, had_memory } = std::mem::replace(&mut self.lane, Lane::Idle)
        else {
            return;
        };
        if let Err(fault) = result {
            effects.push(Effect::Reject { offer, fault });
            return;
        }
        let code = &mut self.code;
        code.newest += 1;
        let generation = code.newest;
        let previous = code.at_work.replace(generation);
        code.current = generation;
        code.tally = Tally::default();
        code.again = Again::default();
        code.cannot_save = false;
        if let Some(previous) = previous {
            code.kept.push(Kept {
                generation: previous,
                missed: VecDeque::new(),
            });
            if code.kept.len() > KEPT {
                // The oldest has proved itself; of the others the newest matter.
                code.kept.remove(1);
            }
        }
        effects.push(Effect::TakeUp {
            offer,
            generation,
            previous: previous.unwrap_or(0),
            had_memory,
        });
    }

    /// The loop failed, before its first checkpoint hook or while newer code waited for its place: all goes back to the
    /// last checkpoint, under the code before, or under code that has come since: that did not fail. False if there
    /// is neither.
    pub(super) fn give_back(&mut self, fault: &Fault, effects: &mut Vec<Effect>) -> bool {
        let failed = self.code.loop_code;
        let has_newer = failed.is_some_and(|failed| self.code.current > failed);
        let before = self.code.loop_before.take();
        let newer = has_newer && self.last_checkpoint.is_some();
        let Some(back) = before.or(newer.then_some(self.code.current)) else {
            return false;
        };
        self.code.loop_code = Some(back);
        if !has_newer && self.code.current != back {
            effects.push(Effect::GoBack {
                failed: failed.unwrap_or(0),
                generation: back,
                fault: Box::new(fault.clone()),
            });
        }
        if !has_newer {
            self.code.current = back;
        }
        // Its callbacks begin again with the memory of the checkpoint, as everything does.
        self.code.at_work = None;
        self.code.again = Again::default();
        self.code.kept.clear();
        self.lane = Lane::Rewind;
        effects.push(Effect::Rewind);
        true
    }

    /// Whether new code can still come into this run.
    pub(crate) fn takes_code(&self) -> bool {
        !matches!(self.phase, Phase::Idle | Phase::Ending | Phase::Ended)
    }

    /// Whether the callbacks are being asked for their memory, which nobody's hurry is worth.
    pub(crate) fn saves_state(&self) -> bool {
        matches!(self.lane, Lane::SaveState(_))
    }

    /// What the driver may hand over now.
    pub(crate) fn accepts(&self) -> Accepts {
        let is_idle = self.lane == Lane::Idle;
        Accepts {
            engine: is_idle || self.lane == Lane::Rewind,
            // The loop waits inside its hook while anything else is done.
            hooks: is_idle && self.phase == Phase::Training && self.waiting.is_none(),
            offers: is_idle && self.takes_code(),
            waits_for_people: is_idle && self.phase == Phase::Paused,
        }
    }

    /// Whether somebody wants the call in flight to be over soon. A trainer that ends its run itself may take its
    /// time, and so may the last callback of any run.
    pub(crate) fn is_waited_for(&self) -> bool {
        let reason = match &self.outcome {
            Some(Outcome::Good(reason)) => Some(reason),
            _ => self.stop.as_ref(),
        };
        let is_awaited = |reason: &EndReason| {
            !belongs_to_the_run(reason) && !matches!(reason, EndReason::Finished)
        };
        self.end_awaited || reason.is_some_and(is_awaited)
    }
}

/// What fits the state of the run; everything else stays where it waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Accepts {
    /// A report of the engine.
    pub(crate) engine: bool,
    /// A hook of the trainer's loop, or its end.
    pub(crate) hooks: bool,
    /// New code.
    pub(crate) offers: bool,
    /// Nothing comes but what somebody asks for.
    pub(crate) waits_for_people: bool,
}
