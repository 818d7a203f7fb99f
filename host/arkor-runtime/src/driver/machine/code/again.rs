//! Callbacks that begin again, with the memory of the last checkpoint: where the training state went back to it, or when
//! their instance failed and no older code was there to take its place.

use arkor_types::{Fault, GuestFunction};

use super::super::{Effect, Machine, Mode, Phase};
use super::{Lane, Tally};

/// How often callbacks begin again, one time after the other, without having proved themselves. One that hangs takes all
/// of its time each time.
const MOST: u32 = 2;

/// How often callbacks began again, since new code came or they proved themselves.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Again {
    times: u32,
    /// It was said that they do not begin again any more.
    is_told: bool,
    /// A checkpoint that they are told of then: it was written while nobody was there.
    checkpoint: Option<u64>,
}

impl Machine {
    /// The instance of the callbacks failed, and no older one is there.
    pub(super) fn callbacks_died(&mut self) {
        if self.code.tally.is_proved() {
            self.code.again = Again::default();
        }
        self.code.at_work = None;
    }

    /// The same, to hand them a checkpoint then that was written while nobody was there.
    pub(in super::super) fn begin_again_for(
        &mut self,
        seq: u64,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let begins = self.begin_again(false, effects);
        self.code.again.checkpoint = begins.then_some(seq);
        begins
    }

    /// Begins callbacks again whose instance failed. False if there is nothing to begin, or they failed too often.
    ///
    /// If all of the training state stands at the last checkpoint, they are told of that again.
    pub(in super::super) fn begin_again(
        &mut self,
        is_rewound: bool,
        effects: &mut Vec<Effect>,
    ) -> bool {
        if self.code.at_work.is_some() || !self.takes_code() {
            return false;
        }
        let generation = self.code.current;
        let again = &mut self.code.again;
        if again.times == MOST {
            if !std::mem::replace(&mut again.is_told, true) {
                effects.push(self.warning(format!(
                    "the callbacks of generation {generation} failed {} times, one after the other: none is called until \
                     other code comes",
                    MOST + 1
                )));
            }
            return false;
        }
        again.times += 1;
        let memory = match self.last_checkpoint {
            Some(_) => "with what was saved of their memory at the last checkpoint",
            None => "without memory, since there is no checkpoint yet",
        };
        effects.push(self.warning(format!(
            "the callbacks of generation {generation} begin again, {memory}"
        )));
        self.start_callbacks(true, is_rewound, effects);
        true
    }

    /// The training state is that of the last checkpoint.
    pub(in super::super) fn rewound(&mut self, effects: &mut Vec<Effect>) {
        self.start_callbacks(true, true, effects);
    }

    fn start_callbacks(&mut self, with_memory: bool, is_rewound: bool, effects: &mut Vec<Effect>) {
        self.code.cannot_save = false;
        self.lane = Lane::StartCallbacks {
            with_memory,
            is_rewound,
        };
        effects.push(Effect::StartCallbacks {
            generation: self.code.current,
            with_memory,
        });
    }

    pub(in super::super) fn callbacks_started(
        &mut self,
        result: Result<(), Box<Fault>>,
        effects: &mut Vec<Effect>,
    ) {
        let Lane::StartCallbacks {
            with_memory,
            is_rewound,
        } = std::mem::replace(&mut self.lane, Lane::Idle)
        else {
            return;
        };
        self.loop_begun &= !is_rewound;
        match result {
            Ok(()) => {
                self.code.at_work = Some(self.code.current);
                self.code.tally = Tally::default();
                let missed = self.code.again.checkpoint.take();
                if let Some(seq) = missed.filter(|_| !is_rewound) {
                    self.lane = Lane::Event;
                    effects.push(Effect::DeliverAgain {
                        seq,
                        mode: Mode::Live,
                    });
                    return;
                }
                if !is_rewound {
                    return self.next(effects);
                }
                // Their memory is that from before they were told of the checkpoint.
                self.phase = Phase::Resuming;
                self.lane = Lane::Event;
                effects.push(Effect::DeliverCheckpointAgain);
            }
            Err(fault) => {
                // The checkpoint may hold the memory of the code that failed, in a form of its own.
                let is_of_memory = fault.function == GuestFunction::LoadState;
                effects.push(self.callback_failed(0, *fault));
                if with_memory && is_of_memory {
                    effects.push(self.warning(format!(
                        "generation {} begins without memory: it does not take that of the checkpoint",
                        self.code.current
                    )));
                    self.start_callbacks(false, is_rewound, effects);
                } else if !self.begin_again(is_rewound, effects) {
                    self.next(effects);
                }
            }
        }
    }
}
