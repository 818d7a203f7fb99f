//! New code for a run in flight: how it comes to the driver, and how it takes its place.
//!
//! ```text
//!   Reloader::swap            driver, between two events
//!   start, describe ──────▶ save-state of the old ─▶ load-state of the new ─▶ swapped
//!        │                     │                        │                       │ first events
//!        ▼                     ▼                        ▼                       ▼
//!   swap-rejected         swap-rejected            swap-rejected      rolled-back, the events
//!                                                                     are delivered to the old
//! ```
//!
//! The new instance is started while training goes on; only the two calls that carry the memory over
//! happen between two events. At any failure the old instance is still there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arkor_types::{
    CallbackFailed, Event, Fault, Level, MessageSource, RolledBack, SwapRejected, Swapped,
};
use tokio::sync::{mpsc, oneshot};

use super::machine::{Input, Phase};
use super::{Done, Driver, RunRequest};
use crate::component::TrainerComponent;
use crate::console::GuestText;
use crate::guest::CallbackRole;
use crate::instance::{CallbackEvent, Instance, Surroundings};
use crate::slot::{Answer, CallbackSlot};

/// Log events that new code has to handle before the code that it replaced is dropped: of all
/// callbacks `on-log` does most.
const PROBATION: usize = 3;

/// Events of any kind that do as well, for runs that log rarely.
const LONG_PROBATION: usize = 16;

/// Instances that wait while one code after the other comes and none has proved itself: the last one
/// that did, and the newest of the others.
const WAITING: usize = 4;

/// How a reload went.
#[derive(Debug, Clone, PartialEq)]
pub enum ReloadOutcome {
    /// The new code handles the callbacks from here on, as this generation.
    Swapped(u32),
    /// What was there goes on.
    Rejected(Box<Fault>),
    /// Newer code came before this was in place.
    Superseded,
    /// The run has ended.
    Ended,
}

/// Code that is started, or failed to, and waits for the driver.
pub(crate) struct Replacement {
    number: u64,
    component: TrainerComponent,
    instance: Result<Instance, Box<Fault>>,
    start: Duration,
    ready: Instant,
    reply: oneshot::Sender<ReloadOutcome>,
}

/// Brings new code into a run. May be cloned and used from any task; the newest code wins.
#[derive(Clone)]
pub struct Reloader {
    surroundings: Surroundings,
    replacements: mpsc::Sender<Replacement>,
    newest: Arc<AtomicU64>,
    generation: Arc<AtomicU32>,
}

impl std::fmt::Debug for Reloader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reloader").finish_non_exhaustive()
    }
}

impl Reloader {
    pub(crate) fn new(
        surroundings: Surroundings,
        generation: u32,
    ) -> (Self, mpsc::Receiver<Replacement>) {
        let (replacements, queue) = mpsc::channel(4);
        let reloader = Self {
            surroundings,
            replacements,
            newest: Arc::default(),
            generation: Arc::new(AtomicU32::new(generation)),
        };
        (reloader, queue)
    }

    /// New code that is not in place yet is not wanted any more.
    pub fn withdraw(&self) {
        self.newest.fetch_add(1, Ordering::AcqRel);
    }

    /// Starts the code and puts it in the place of the run's callbacks between two events. That its
    /// configuration is the run's is the caller's affair.
    pub async fn swap(&self, component: TrainerComponent) -> ReloadOutcome {
        let number = self.newest.fetch_add(1, Ordering::AcqRel) + 1;
        let begin = Instant::now();
        let generation = self.generation.load(Ordering::Acquire) + 1;
        let start = async {
            let mut instance = Instance::start(&component, &self.surroundings, generation).await?;
            // The contract promises `describe` before any other function of a new instance.
            let draft = instance.describe().await?;
            instance.rename(&draft.name);
            Ok(instance)
        };
        let instance = start.await;
        let (reply, outcome) = oneshot::channel();
        let replacement = Replacement {
            number,
            component,
            instance,
            start: begin.elapsed(),
            ready: Instant::now(),
            reply,
        };
        if self.replacements.send(replacement).await.is_err() {
            return ReloadOutcome::Ended;
        }
        outcome.await.unwrap_or(ReloadOutcome::Ended)
    }
}

/// What was there before a swap, until the new code has proved itself.
pub(super) struct Previous {
    slot: Arc<CallbackSlot>,
    component: TrainerComponent,
    /// What the code after it handled.
    events: Vec<CallbackEvent>,
}

/// The instances that may come back, the oldest first.
#[derive(Default)]
pub(super) struct Probation {
    waiting: Vec<Previous>,
    /// Events that the newest code has handled.
    handled: usize,
    /// Log events among them.
    logs: usize,
}

impl Probation {
    fn replaced(&mut self, previous: Previous) {
        self.waiting.push(previous);
        if self.waiting.len() > WAITING {
            // The oldest has proved itself; of the others the newest matter.
            self.waiting.remove(1);
        }
        self.begin();
    }

    fn begin(&mut self) {
        (self.handled, self.logs) = (0, 0);
    }

    fn handled(&mut self, event: &CallbackEvent) {
        self.handled += 1;
        self.logs += usize::from(matches!(event, CallbackEvent::Log { .. }));
        if self.logs >= PROBATION || self.handled >= LONG_PROBATION {
            self.waiting.clear();
        }
        for previous in &mut self.waiting {
            previous.events.push(event.clone());
        }
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

impl Driver {
    /// What came while something else was done; of several the newest.
    pub(super) fn next_replacement(&mut self) -> Option<Replacement> {
        while let Ok(next) = self.replacements.try_recv() {
            self.offered(next);
        }
        if self.parts.machine.phase() == Phase::Idle {
            return None;
        }
        self.replacement.take()
    }

    pub(super) fn offered(&mut self, next: Replacement) {
        let older = match &self.replacement {
            Some(known) if known.number > next.number => Some(next),
            _ => self.replacement.replace(next),
        };
        if let Some(older) = older {
            let _ = older.reply.send(ReloadOutcome::Superseded);
        }
    }

    /// Takes new code up, or says why not.
    pub(super) async fn swap(&mut self, new: Replacement) -> Done<()> {
        let Replacement {
            number,
            component,
            instance,
            start,
            ready,
            reply,
        } = new;
        if number < self.reloader.newest.load(Ordering::Acquire) {
            let _ = reply.send(ReloadOutcome::Superseded);
            return Ok(());
        }
        if matches!(self.parts.machine.phase(), Phase::Ending | Phase::Ended) {
            let _ = reply.send(ReloadOutcome::Ended);
            return Ok(());
        }
        let wait = ready.elapsed();
        let outcome = match instance {
            Ok(instance) => self.replace(&component, instance, start, wait).await?,
            Err(fault) => Err(fault),
        };
        let outcome = match outcome {
            Ok(generation) => {
                self.parts.component = component;
                // A loop of the trainer's own is new code too, from its next checkpoint on.
                let effects = self
                    .parts
                    .machine
                    .apply(Input::Request(RunRequest::HandOver));
                debug_assert!(effects.is_empty());
                ReloadOutcome::Swapped(generation)
            }
            Err(fault) => {
                self.append(Event::SwapRejected(SwapRejected {
                    step: self.parts.machine.step(),
                    generation: self.generation(),
                    component: component.digest,
                    fault: (*fault).clone(),
                }))?;
                ReloadOutcome::Rejected(fault)
            }
        };
        let _ = reply.send(outcome);
        Ok(())
    }

    pub(super) fn generation(&self) -> u32 {
        self.slot.as_ref().map_or(0, |slot| slot.generation())
    }

    async fn replace(
        &mut self,
        component: &TrainerComponent,
        mut instance: Instance,
        start: Duration,
        wait: Duration,
    ) -> Done<Result<u32, Box<Fault>>> {
        let begin = Instant::now();
        let state = match self.memory().await? {
            Ok(state) => state,
            Err(fault) => return Ok(Err(fault)),
        };
        let previous = self.generation();
        let generation = self.reloader.generation.load(Ordering::Acquire) + 1;
        instance.set_generation(generation);
        if let Some(state) = state.clone().filter(|state| !state.is_empty()) {
            let load = async move {
                let loaded = instance.load_state(&state).await;
                (instance, loaded)
            };
            let (back, loaded) = self.attend(load).await?;
            if let Err(fault) = loaded {
                return Ok(Err(fault));
            }
            instance = back;
        }
        let state_time = begin.elapsed();
        instance.serve_callbacks(CallbackRole {
            run: self.parts.context.clone(),
            generation,
            generated: 0,
        });
        let at_work = &self.parts.context.generation;
        at_work.store(generation, Ordering::Release);
        self.reloader
            .generation
            .store(generation, Ordering::Release);
        let new = Arc::new(CallbackSlot::new(instance, generation));
        if let Some(slot) = self.slot.replace(new) {
            self.probation.replaced(Previous {
                slot,
                component: self.parts.component.clone(),
                events: Vec::new(),
            });
        }
        let had_memory = state.is_some();
        self.append(Event::Swapped(Swapped {
            step: self.parts.machine.step(),
            generation,
            previous,
            component: component.digest.clone(),
            state_size: state.map(|state| state.len() as u64),
            load_ms: milliseconds(component.load_time),
            start_ms: milliseconds(start),
            state_ms: milliseconds(state_time),
            wait_ms: milliseconds(wait),
        }))?;
        if !had_memory {
            self.message(GuestText {
                level: Level::Warn,
                source: MessageSource::Host,
                text: format!(
                    "generation {generation} begins without memory: the one before had failed"
                )
                .into(),
            })?;
        }
        Ok(Ok(generation))
    }

    /// The memory of the callbacks that are there; none if they failed, now or before. An error of
    /// their own keeps them in place.
    async fn memory(&mut self) -> Done<Result<Option<Vec<u8>>, Box<Fault>>> {
        let Some(slot) = self.slot.clone() else {
            return Ok(Ok(None));
        };
        match self.attend(async move { slot.save_state().await }).await? {
            Some(Ok(state)) => Ok(Ok(Some(state))),
            Some(Err(fault)) if fault.leaves_instance_alive() => Ok(Err(fault)),
            Some(Err(fault)) => {
                self.slot = None;
                self.append(Event::CallbackFailed(CallbackFailed {
                    step: self.parts.machine.step(),
                    event_seq: 0,
                    fault: *fault,
                }))?;
                Ok(Ok(None))
            }
            None => {
                self.slot = None;
                Ok(Ok(None))
            }
        }
    }

    /// Notes that new code handled an event.
    pub(super) fn proved(&mut self, event: &CallbackEvent) {
        self.probation.handled(event);
    }

    /// Puts the code before the last swap back, if the new code failed in its first events. It is
    /// told of the events that it missed; what it asks for then was asked for already. If that code
    /// had not proved itself either and fails now, the one before it follows.
    pub(super) async fn roll_back(&mut self, fault: &Fault) -> Done<Option<Arc<CallbackSlot>>> {
        let mut fault = fault.clone();
        'older: while let Some(previous) = self.probation.waiting.pop() {
            let failed = self.generation();
            let slot = Arc::clone(&previous.slot);
            self.parts.component = previous.component;
            self.slot = Some(previous.slot);
            self.probation.begin();
            let at_work = &self.parts.context.generation;
            at_work.store(slot.generation(), Ordering::Release);
            self.append(Event::RolledBack(RolledBack {
                step: self.parts.machine.step(),
                failed,
                generation: slot.generation(),
                component: self.parts.component.digest.clone(),
                fault: fault.clone(),
            }))?;
            for event in previous.events {
                let slot = Arc::clone(&slot);
                let missed: Option<Answer> =
                    self.attend(async move { slot.handle(event).await }).await?;
                if let Some(Err(failure)) = missed
                    && !failure.leaves_instance_alive()
                {
                    fault = *failure;
                    continue 'older;
                }
            }
            return Ok(Some(slot));
        }
        Ok(None)
    }
}
