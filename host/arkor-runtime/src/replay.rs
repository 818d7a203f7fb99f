//! A recorded run, shown to a trainer again.
//!
//! Nothing is trained: the callbacks get the events that the run's log holds, and what they ask for
//! is compared with what the log says that the run's own code asked for. They begin without memory, and go back
//! to what they remembered at a checkpoint where an attempt of the run went on from it; and whatever of the host a callback calls answers that it is unavailable. A callback that takes that
//! for an error could not show what it would have asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arkor_store::Store;
use arkor_types::{Action, Event, EventRecord, Fault, FaultCause, GuestFunction, RunId, Started};
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
    /// The attempt was cut off before its next event: `recorded` may lack the end of the answer, or all of it.
    pub cut_off: bool,
    /// What it said.
    pub said: Vec<GuestText>,
}

impl Replayed {
    /// Whether this code would have steered the run differently.
    pub fn differs(&self) -> bool {
        let Ok(answered) = &self.answer else {
            return !self.needs_run;
        };
        let answered = told(self.callback, answered);
        let recorded = told(self.callback, &self.recorded);
        if self.cut_off {
            !answered.starts_with(&recorded)
        } else {
            answered != recorded
        }
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
    component: TrainerComponent,
    surroundings: Surroundings,
    instance: Instance,
    queue: mpsc::Receiver<GuestRequest>,
    /// Steps of checkpoints that attempts went on from.
    resumed: BTreeSet<u64>,
    /// The last checkpoint of each of these steps, and what the callbacks remembered before they were told of it.
    checkpoints: BTreeMap<u64, (CallbackEvent, Vec<u8>)>,
    /// The last answers: what was recorded with them is still to come. There are two where an attempt begins with
    /// a checkpoint.
    last: Vec<Replayed>,
    /// The end of the run, whose kind the terminal event tells.
    ending: Option<u64>,
    /// What was asked for there.
    at_the_end: Vec<Action>,
}

impl Replay {
    /// Starts the trainer. What it did to the world when the run trained is not done again: granted folders are for
    /// reading, and there is no network. `resumed` are the steps of the checkpoints that the run's attempts went
    /// on from.
    ///
    /// # Errors
    ///
    /// What the trainer did wrong.
    pub async fn start(
        component: &TrainerComponent,
        mut capabilities: Capabilities,
        limits: Limits,
        resumed: BTreeSet<u64>,
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
        let (instance, _) = listen(instance(component, &surroundings), &mut queue).await;
        Ok(Self {
            component: component.clone(),
            surroundings,
            instance: instance.map_err(RuntimeError::Guest)?,
            queue,
            resumed,
            checkpoints: BTreeMap::new(),
            last: Vec::new(),
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

    /// Takes the next event. Returns the answers before, once they are whole.
    ///
    /// # Errors
    ///
    /// What the trainer did wrong where it began again, as it did where an attempt of the run begins.
    pub async fn next(&mut self, record: &EventRecord) -> Result<Vec<Replayed>, RuntimeError> {
        let seq = record.seq;
        let step = step(&record.event);
        let event = match record.event.clone() {
            Event::Action(taken) => {
                if self.ending.is_some() {
                    self.at_the_end.push(taken.action);
                } else if let Some(asked) = self
                    .last
                    .iter_mut()
                    .find(|one| taken.callback == Some(one.callback))
                {
                    asked.recorded.push(taken.action);
                }
                return Ok(Vec::new());
            }
            Event::Ending(_) => {
                self.ending = Some(seq);
                return Ok(Vec::new());
            }
            Event::Interrupted(_) => {
                self.cut_off();
                return Ok(Vec::new());
            }
            Event::Completed(event) | Event::Stopped(event) => self
                .ending
                .take()
                .map(|seq| CallbackEvent::Completed { seq, event }),
            Event::Failed(event) => self
                .ending
                .take()
                .map(|seq| CallbackEvent::Failed { seq, event }),
            Event::Started(Started {
                attempt: 2..,
                resumed_from,
                ..
            }) => {
                // A tape of one attempt ends without a word if that was killed.
                self.cut_off();
                let again = self.begin_again(resumed_from).await?;
                let before = std::mem::take(&mut self.last);
                let started = CallbackEvent::of(record);
                for (step, event) in started.map(|event| (step, event)).into_iter().chain(again) {
                    self.show(step, event).await;
                }
                return Ok(before);
            }
            _ => CallbackEvent::of(record),
        };
        let Some(event) = event else {
            return Ok(Vec::new());
        };
        let before = std::mem::take(&mut self.last);
        if matches!(event, CallbackEvent::Checkpoint { .. })
            && self.resumed.contains(&step)
            && !self.instance.is_dead()
        {
            // As in the run: what the callbacks remember is asked for before they are told of the checkpoint.
            let save = self.instance.save_state();
            let (saved, _) = listen(save, &mut self.queue).await;
            let state = match saved {
                Ok(state) => state,
                // All that follows would be shown to nobody.
                Err(fault) if !fault.leaves_instance_alive() => {
                    return Err(RuntimeError::Guest(fault));
                }
                Err(_) => Vec::new(),
            };
            self.checkpoints.insert(step, (event.clone(), state));
        }
        self.show(step, event).await;
        Ok(before)
    }

    /// The attempt ended without another event: its process may not have handled the last one to its end.
    fn cut_off(&mut self) {
        for last in &mut self.last {
            last.cut_off = true;
        }
        self.ending = None;
        self.at_the_end.clear();
    }

    /// Starts the trainer once more, as the process of another attempt did, with what it remembered at the
    /// checkpoint of this step. Returns that checkpoint's event, which it is told of again.
    async fn begin_again(
        &mut self,
        resumed_from: Option<u64>,
    ) -> Result<Option<(u64, CallbackEvent)>, RuntimeError> {
        let checkpoint =
            resumed_from.and_then(|step| Some((step, self.checkpoints.get(&step)?.clone())));
        let start = instance(&self.component, &self.surroundings);
        let (started, _) = listen(start, &mut self.queue).await;
        self.instance = started.map_err(RuntimeError::Guest)?;
        let Some((step, (event, state))) = checkpoint else {
            return Ok(None);
        };
        if !state.is_empty() {
            self.remember(&state).await?;
        }
        Ok(Some((step, event)))
    }

    async fn show(&mut self, step: u64, event: CallbackEvent) {
        if self.instance.is_dead() {
            return;
        }
        let (callback, seq) = (event.function(), event.seq());
        let (answer, said) = listen(self.instance.handle(&event), &mut self.queue).await;
        // One that traps is entered no more, whatever made it trap.
        let is_error = |fault: &Fault| matches!(fault.cause, FaultCause::Error(_));
        let needs_run =
            self.instance.missed_run() && answer.as_ref().is_err_and(|fault| is_error(fault));
        self.last.push(Replayed {
            seq,
            step,
            callback,
            answer,
            needs_run,
            recorded: std::mem::take(&mut self.at_the_end),
            cut_off: false,
            said,
        });
    }

    /// The answers to the last event.
    pub fn finish(self) -> Vec<Replayed> {
        self.last
    }
}

/// A trainer that has described itself.
async fn instance(
    component: &TrainerComponent,
    surroundings: &Surroundings,
) -> Result<Instance, Box<Fault>> {
    let mut instance = Instance::start(component, surroundings, 1).await?;
    let draft = instance.describe().await?;
    instance.rename(&draft.name);
    Ok(instance)
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
        let resumed = read_progress(store, checkpoint).ok();
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
