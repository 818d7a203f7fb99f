//! A recorded run, shown to a trainer again.
//!
//! Nothing is trained: the callbacks get the events that the run's log holds, and what they ask for
//! is compared with what the log says that the run's own code asked for. They begin without memory,
//! and whatever of the host a callback calls answers that it is unavailable. A callback that takes that
//! for an error could not show what it would have asked for.

use std::sync::Arc;

use arkor_store::Store;
use arkor_types::{Action, Event, EventRecord, Fault, FaultCause, GuestFunction, RunId};
use tokio::sync::mpsc;

use crate::component::TrainerComponent;
use crate::console::Console;
use crate::driver::read_progress;
use crate::error::RuntimeError;
use crate::event::CallbackEvent;
use crate::instance::{Instance, Surroundings};
use crate::limits::Limits;
use crate::protocol::GuestRequest;
use crate::protocol::GuestText;
use crate::sandbox::{Capabilities, FileAccess};
use crate::trainer::listen;

/// Lines of a guest that can wait.
const QUEUE: usize = 64;

/// What a callback answered to an event of a recorded run.
#[derive(Debug, Clone, PartialEq)]
pub struct Replayed {
    /// Number of the event.
    pub seq: u64,
    /// Optimizer steps finished then.
    pub step: u64,
    /// The callback.
    pub callback: GuestFunction,
    /// What it asked for, or what it did wrong.
    pub answer: Result<Vec<Action>, Box<Fault>>,
    /// It returned an error after it had asked for something that only a run has: what it would ask
    /// for there is not known.
    pub needs_run: bool,
    /// What the run's own code asked for then.
    pub recorded: Vec<Action>,
    /// What it said.
    pub said: Vec<GuestText>,
}

impl Replayed {
    /// Whether this code would have steered the run differently.
    pub fn differs(&self) -> bool {
        let answered = self.answer.as_ref().ok();
        let answered = answered.map(|answered| told(self.callback, answered));
        !self.needs_run && answered != Some(told(self.callback, &self.recorded))
    }

    /// Whether it did something wrong.
    pub fn failed(&self) -> bool {
        self.answer.is_err() && !self.needs_run
    }
}

/// Of an answer, what a run takes down whatever else there is: what it leaves undone is in no log, and whether there
/// was somebody for a pause is not the code's doing.
fn told(callback: GuestFunction, answer: &[Action]) -> Vec<&Action> {
    let at_the_end = matches!(
        callback,
        GuestFunction::OnCompleted | GuestFunction::OnFailed
    );
    let is_told = |action: &&Action| match action {
        Action::LogMetric(_) => true,
        Action::Unknown(_) | Action::Pause => false,
        _ => !at_the_end,
    };
    answer.iter().filter(is_told).collect()
}

/// Shows a trainer the events of a run, one by one and in order.
pub struct Replay {
    instance: Instance,
    queue: mpsc::Receiver<GuestRequest>,
    /// The last answer: what was recorded with it is still to come.
    last: Option<Replayed>,
    /// The end of the run, whose kind the terminal event tells.
    ending: Option<u64>,
    /// What was asked for there.
    at_the_end: Vec<Action>,
}

impl Replay {
    /// Starts the trainer. What it did to the world when the run trained is not done again: granted folders are for
    /// reading, and there is no network.
    ///
    /// # Errors
    ///
    /// What the trainer did wrong.
    pub async fn start(
        component: &TrainerComponent,
        mut capabilities: Capabilities,
        limits: Limits,
    ) -> Result<Self, RuntimeError> {
        for grant in &mut capabilities.files {
            grant.access = FileAccess::Read;
        }
        capabilities.network.clear();
        capabilities.names = Arc::default();
        let (requests, mut queue) = mpsc::channel(QUEUE);
        let surroundings = Surroundings {
            console: Console::new(requests, limits.messages_per_second),
            capabilities: Arc::new(capabilities),
            limits: Arc::new(limits),
        };
        let start = async {
            let mut instance = Instance::start(component, &surroundings, 1).await?;
            let draft = instance.describe().await?;
            instance.rename(&draft.name);
            Ok(instance)
        };
        let (instance, _) = listen(start, &mut queue).await;
        Ok(Self {
            instance: instance.map_err(RuntimeError::Guest)?,
            queue,
            last: None,
            ending: None,
            at_the_end: Vec::new(),
        })
    }

    /// Takes up what callbacks remembered at a place of the run.
    ///
    /// # Errors
    ///
    /// What the trainer did wrong.
    pub async fn remember(&mut self, state: &[u8]) -> Result<(), RuntimeError> {
        let load = self.instance.load_state(state);
        let (loaded, _) = listen(load, &mut self.queue).await;
        loaded.map_err(RuntimeError::Guest)
    }

    /// Whether the trainer failed and can be shown no more.
    pub fn is_over(&self) -> bool {
        self.instance.is_dead()
    }

    /// Takes the next event. Returns the answer before, once it is whole.
    pub async fn next(&mut self, record: &EventRecord) -> Option<Replayed> {
        let seq = record.seq;
        let step = step(&record.event);
        let event = match record.event.clone() {
            Event::Action(taken) => {
                if self.ending.is_some() {
                    self.at_the_end.push(taken.action);
                } else if let Some(last) = &mut self.last
                    && taken.callback == Some(last.callback)
                {
                    last.recorded.push(taken.action);
                }
                return None;
            }
            Event::Ending(_) => {
                self.ending = Some(seq);
                return None;
            }
            Event::Completed(event) | Event::Stopped(event) => CallbackEvent::Completed {
                seq: self.ending.take()?,
                event,
            },
            Event::Failed(event) => CallbackEvent::Failed {
                seq: self.ending.take()?,
                event,
            },
            _ => CallbackEvent::of(record)?,
        };
        let before = self.last.take();
        if self.is_over() {
            return before;
        }
        let (callback, seq) = (event.function(), event.seq());
        let (answer, said) = listen(self.instance.handle(&event), &mut self.queue).await;
        // One that traps is entered no more, whatever made it trap.
        let is_error = |fault: &Fault| matches!(fault.cause, FaultCause::Error(_));
        let needs_run =
            self.instance.missed_run() && answer.as_ref().is_err_and(|fault| is_error(fault));
        self.last = Some(Replayed {
            seq,
            step,
            callback,
            answer,
            needs_run,
            recorded: std::mem::take(&mut self.at_the_end),
            said,
        });
        before
    }

    /// The answer to the last event.
    pub fn finish(self) -> Option<Replayed> {
        self.last
    }
}

/// What the callbacks of a run remembered at its last checkpoint up to this event, and the number of the
/// checkpoint's own event, which they had not been told of by then.
///
/// # Errors
///
/// If the store cannot be read.
pub fn callback_memory(
    store: &Store,
    run: &RunId,
    up_to: u64,
) -> Result<Option<(u64, Vec<u8>)>, RuntimeError> {
    let checkpoints = store.checkpoints(run)?.into_iter().rev();
    for checkpoint in checkpoints.filter(|checkpoint| checkpoint.seq <= up_to) {
        let seq = checkpoint.seq;
        // One that is damaged is told by who resumes it.
        let resumed = read_progress(store, run, checkpoint).ok();
        if let Some(state) = resumed.and_then(|resumed| resumed.saved.callbacks) {
            return Ok(Some((seq, state)));
        }
    }
    Ok(None)
}

fn step(event: &Event) -> u64 {
    match event {
        Event::Started(event) => event.step,
        Event::Log(event) => event.step,
        Event::Evaluation(event) => event.step,
        Event::Checkpoint(event) => event.step,
        Event::Completed(event) | Event::Stopped(event) => event.step,
        Event::Failed(event) => event.step,
        _ => 0,
    }
}
