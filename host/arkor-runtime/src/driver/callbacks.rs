//! The callbacks: events on their way to them, their memory, and new code that takes their place.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use arkor_types::{
    CheckpointWritten, Event, EventRecord, Fault, RolledBack, SwapRejected, Swapped,
};
use tokio::sync::oneshot;

use super::inbox::CallbacksDone;
use super::machine::{Input, Purpose};
use super::offers::{Offer, ReloadOutcome};
use super::{Done, Driver, training_loop};
use crate::component::TrainerComponent;
use crate::event::CallbackEvent;
use crate::guest::CallbackRole;
use crate::instance::{Instance, Surroundings};
use crate::protocol::Mode;
use crate::slot::{CallbackSlot, SlotGone};

/// Code that handles, or handled, the run's events.
pub(super) struct Generation {
    pub(super) component: TrainerComponent,
    pub(super) surroundings: Surroundings,
    /// Its callbacks, as long as they may be called.
    pub(super) slot: Option<Arc<CallbackSlot>>,
}

/// Code that is taken up.
pub(super) struct Candidate {
    number: u64,
    component: TrainerComponent,
    surroundings: Surroundings,
    instance: Option<Instance>,
    reply: oneshot::Sender<ReloadOutcome>,
    begin: Instant,
    /// How long it waited for its place.
    waited: Duration,
    /// How long it took to start and describe itself.
    start: Duration,
    /// Bytes of memory that it was given.
    state_size: Option<u64>,
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

impl Driver {
    fn slot(&self) -> Option<Arc<CallbackSlot>> {
        let at_work = self.machine.at_work()?;
        self.generations.get(&at_work)?.slot.clone()
    }

    /// An event of the log as its callback gets it; none if no callback is for it.
    pub(super) fn for_callback(&self, record: &EventRecord) -> Option<CallbackEvent> {
        if !matches!(record.event, Event::Ending(_)) {
            return CallbackEvent::of(record);
        }
        let (seq, machine) = (record.seq, &self.machine);
        match (machine.ended_well(), machine.ended_badly()) {
            (Some(event), _) => Some(CallbackEvent::Completed { seq, event }),
            (None, Some(event)) => Some(CallbackEvent::Failed { seq, event }),
            (None, None) => None,
        }
    }

    /// Hands an event that is in the log to the generation at work.
    pub(super) fn deliver(&mut self, record: &EventRecord) {
        match self.for_callback(record) {
            Some(event) => self.hand(event, Mode::Live),
            None => self.nothing_asked(record.seq),
        }
    }

    pub(super) fn deliver_again(&mut self, seq: u64, mode: Mode) {
        match self.events.get(&seq).cloned() {
            Some(event) => self.hand(event, mode),
            None => self.nothing_asked(seq),
        }
    }

    /// A resumed run begins with the checkpoint that it goes on from, as it was when it was written.
    pub(super) fn deliver_checkpoint(&mut self) {
        let Some(resumed) = &self.resumed else {
            return self.nothing_asked(0);
        };
        let checkpoint = &resumed.checkpoint;
        let measured = self.machine.progress.measured_here().cloned();
        let measured = measured.unwrap_or_default();
        let event = CheckpointWritten {
            step: checkpoint.step,
            id: checkpoint.id.clone(),
            size: checkpoint.size,
            // One of an earlier version has it in its row only.
            eval_loss: measured.loss.or(checkpoint.eval_loss),
            score: measured.score,
            metrics: measured.metrics,
        };
        let seq = checkpoint.seq;
        self.hand(CallbackEvent::Checkpoint { seq, event }, Mode::Live);
    }

    pub(super) fn nothing_asked(&mut self, event_seq: u64) {
        self.reports.push_back(Input::Handled {
            event_seq,
            answer: Ok(Vec::new()),
        });
    }

    fn hand(&mut self, event: CallbackEvent, mode: Mode) {
        let seq = event.seq();
        self.events.insert(seq, event.clone());
        self.newest_event = self.newest_event.max(seq);
        let Some(slot) = self.slot() else {
            return self.nothing_asked(seq);
        };
        self.inbox.callbacks = Some(Box::pin(async move {
            let answer = slot.handle(event, mode).await;
            CallbacksDone::Handled { seq, answer }
        }));
    }

    pub(super) fn save_state(&mut self, purpose: Purpose) {
        let Some(slot) = self.slot() else {
            let lost = Input::CallbacksLost("nobody is there to ask for memory".into());
            return self.reports.push_back(lost);
        };
        self.inbox.callbacks = Some(Box::pin(async move {
            let result = slot.save_state().await;
            CallbacksDone::StateSaved { purpose, result }
        }));
    }

    /// What came of a call, as the machine takes it.
    pub(super) fn called(&mut self, done: CallbacksDone) -> Input {
        let lost = |_: SlotGone| Input::CallbacksLost("the task of the callbacks failed".into());
        match done {
            CallbacksDone::Handled { seq, answer } => match answer {
                Ok(answer) => Input::Handled {
                    event_seq: seq,
                    answer,
                },
                Err(gone) => lost(gone),
            },
            CallbacksDone::StateSaved { purpose, result } => match result {
                Ok(Ok(state)) => {
                    match purpose {
                        Purpose::Checkpoint => {
                            self.callback_state = Some(state);
                            self.callback_step = Some(self.machine.step());
                        }
                        Purpose::Swap { .. } => self.memory = Some(state),
                    }
                    Input::StateSaved(Ok(()))
                }
                Ok(Err(fault)) => Input::StateSaved(Err(fault)),
                Err(gone) => lost(gone),
            },
            CallbacksDone::StateLoaded { instance, result } => {
                if let Some(candidate) = &mut self.candidate {
                    candidate.instance = Some(*instance);
                }
                Input::StateLoaded(result)
            }
            CallbacksDone::Started { generation, result } => {
                Input::CallbacksStarted(result.map(|instance| self.put(generation, *instance)))
            }
        }
    }

    /// Gives the callbacks of a generation a task of their own, and lets them serve the run.
    pub(super) fn put(&mut self, generation: u32, mut instance: Instance) {
        self.context.generation.store(generation, Ordering::Release);
        instance.serve_callbacks(CallbackRole {
            run: self.context.clone(),
            generation,
            mode: Mode::Live,
            generated: 0,
        });
        if let Some(code) = self.generations.get_mut(&generation) {
            code.slot = Some(Arc::new(CallbackSlot::new(instance)));
        }
    }

    /// New code has come to its turn.
    pub(super) fn considered(&mut self, offer: Offer) -> Input {
        let Offer {
            number,
            trainer,
            ready,
            reply,
        } = offer;
        let (parts, said) = trainer.into_code(&self.context.requests);
        self.said = said;
        self.candidate = Some(Candidate {
            number,
            component: parts.component,
            surroundings: parts.surroundings,
            instance: Some(parts.instance),
            reply,
            begin: Instant::now(),
            waited: ready.elapsed(),
            start: parts.start_time,
            state_size: None,
        });
        Input::Offered(number)
    }

    pub(super) fn load_state(&mut self, generation: u32, with_memory: bool) -> Done<()> {
        let state = self.memory.take().filter(|_| with_memory);
        for text in std::mem::take(&mut self.said) {
            self.message(text)?;
        }
        let taken = self.candidate.as_mut().and_then(|candidate| {
            candidate.state_size = state.as_ref().map(|state| state.len() as u64);
            candidate.instance.take()
        });
        let Some(mut instance) = taken else {
            let lost = training_loop::internal("new code was lost".into());
            self.reports.push_back(lost);
            return Ok(());
        };
        instance.set_generation(generation);
        self.inbox.callbacks = Some(Box::pin(async move {
            let result = match state.filter(|state| !state.is_empty()) {
                Some(state) => instance.load_state(&state).await,
                None => Ok(()),
            };
            CallbacksDone::StateLoaded {
                instance: Box::new(instance),
                result,
            }
        }));
        Ok(())
    }

    pub(super) fn take_up(&mut self, generation: u32, previous: u32, had_memory: bool) -> Done<()> {
        let Some(mut candidate) = self.candidate.take() else {
            return Ok(());
        };
        let outcome = ReloadOutcome::Swapped(generation);
        self.inbox.offers.settle(candidate.number, outcome.clone());
        let (load_ms, digest) = (
            milliseconds(candidate.component.load_time),
            candidate.component.digest.clone(),
        );
        self.generations.insert(
            generation,
            Generation {
                component: candidate.component,
                surroundings: candidate.surroundings,
                slot: None,
            },
        );
        if let Some(instance) = candidate.instance.take() {
            self.put(generation, instance);
        }
        let swapped = Swapped {
            step: self.machine.step(),
            generation,
            previous,
            component: digest,
            state_size: candidate.state_size,
            load_ms,
            start_ms: milliseconds(candidate.start),
            state_ms: milliseconds(candidate.begin.elapsed()),
            wait_ms: milliseconds(candidate.waited),
        };
        self.append(Event::Swapped(swapped))?;
        if !had_memory {
            self.warn(format!(
                "generation {generation} begins without memory: the one before had failed, or could not save its own"
            ))?;
        }
        let _ = candidate.reply.send(outcome);
        Ok(())
    }

    pub(super) fn reject(&mut self, fault: Box<Fault>) -> Done<()> {
        // What it said while it started may say why.
        for text in std::mem::take(&mut self.said) {
            self.message(text)?;
        }
        let Some(candidate) = self.candidate.take() else {
            return Ok(());
        };
        let outcome = ReloadOutcome::Rejected(fault.clone());
        self.inbox.offers.settle(candidate.number, outcome.clone());
        self.append(Event::SwapRejected(SwapRejected {
            step: self.machine.step(),
            generation: self.machine.at_work().unwrap_or(0),
            component: candidate.component.digest,
            fault: *fault,
        }))?;
        let _ = candidate.reply.send(outcome);
        Ok(())
    }

    pub(super) fn went_back(&mut self, failed: u32, generation: u32, fault: Fault) -> Done<()> {
        self.context.generation.store(generation, Ordering::Release);
        let code = self.generations.get(&generation);
        let component = code.map(|code| code.component.digest.clone());
        self.append(Event::RolledBack(RolledBack {
            step: self.machine.step(),
            failed,
            generation,
            component: component.unwrap_or_default(),
            fault,
        }))?;
        Ok(())
    }
}
