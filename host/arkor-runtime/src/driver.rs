//! The driver of a run: a task that lets the machine decide and begins what it says.
//!
//! Nothing is waited for but the inbox: what takes time is work in flight, and comes back as an input.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::Ordering;
use std::time::Instant;

use arkor_engine::Schedule;
use arkor_store::{RunHandle, StoreError};
use arkor_types::{CheckpointRecord, EndReason, Event, EventRecord, Started};
use tokio::sync::{mpsc, oneshot, watch};

use crate::error::RuntimeError;
use crate::event::CallbackEvent;
use crate::guest::RunContext;
use crate::limits::Limits;
use crate::protocol::GuestText;
use crate::protocol::{GuestRequest, LoopReply, LoopState, NamedState};
use crate::trainer::TrainerCode;

mod begin;
mod callbacks;
mod checkpoint;
mod control;
mod data;
mod differences;
mod engine_work;
mod guests;
mod hurry;
mod inbox;
pub(crate) mod machine;
mod offers;
pub(crate) mod progress;
mod resuming;
mod rewind;
mod saved;
mod training_loop;

pub use begin::{RunSettings, check};
pub use control::{RunControl, RunOutcome, RunProgress, RunRequests};
pub use differences::changed_fields;
pub use machine::{OnCallbackError, RunRequest};
pub use offers::{ReloadOutcome, Reloader, Ticket};
pub use progress::CallbackState;
pub use saved::callback_state;
pub(crate) use saved::read_progress;

use callbacks::{Candidate, Generation};
use checkpoint::Beside;
use guests::Totals;
use hurry::Impatience;
use inbox::{Asked, Came, EngineDone, Inbox};
use machine::{Effect, Input, Machine, Phase, Plan};
use progress::SavedProgress;

/// Requests of people that can wait for the driver.
const PEOPLE: usize = 8;

/// What a run is made of when its driver starts.
pub(crate) struct Parts {
    pub(crate) machine: Machine,
    pub(crate) plan: Plan,
    pub(crate) handle: RunHandle,
    /// The first generation.
    pub(crate) code: TrainerCode,
    pub(crate) context: RunContext,
    pub(crate) schedule: Schedule,
    pub(crate) guest_requests: mpsc::Receiver<GuestRequest>,
    /// What the trainer said before there was a run.
    pub(crate) early: Vec<GuestText>,
    pub(crate) resumed: Option<Resumed>,
    pub(crate) parameters: u64,
    /// Digest of the data.
    pub(crate) data: Option<String>,
    /// The checkpoint of the parent whose weights the run began with.
    pub(crate) weights_from: Option<String>,
}

/// Where a resumed run goes on.
pub(crate) struct Resumed {
    pub(crate) checkpoint: CheckpointRecord,
    pub(crate) saved: SavedProgress,
}

pub(crate) struct Driver {
    machine: Machine,
    plan: Plan,
    handle: RunHandle,
    context: RunContext,
    schedule: Schedule,
    /// What the trainer said before there was a run.
    early: Vec<GuestText>,
    resumed: Option<Resumed>,
    parameters: u64,
    data: Option<String>,
    weights_from: Option<String>,
    inbox: Inbox,
    /// Code that is at work, or may be again.
    generations: BTreeMap<u32, Generation>,
    /// Code that is being taken up, and what it said when it started.
    candidate: Option<Candidate>,
    said: Vec<GuestText>,
    /// The callbacks' memory on its way to new code.
    memory: Option<Vec<u8>>,
    /// Events that may have to be handed over again.
    events: BTreeMap<u64, CallbackEvent>,
    newest_event: u64,
    /// What is known already, for the machine.
    reports: VecDeque<Input>,
    /// The hook of the loop that waits for its answer.
    hook: Option<oneshot::Sender<LoopReply>>,
    /// What the loop gave to its last hook, and the callbacks to the last save.
    loop_state: Option<LoopState>,
    callback_state: Option<Vec<u8>>,
    /// The step of that save.
    callback_step: Option<u64>,
    /// What the checkpoint that is being written has besides the training state.
    beside: Option<Beside>,
    eval_tokens: u64,
    last_log: Instant,
    /// Since somebody waits for a call in flight.
    impatient: Option<Impatience>,
    progress: watch::Sender<RunProgress>,
    terminal: Option<Event>,
    totals: Totals,
}

/// The store failed: what happens now cannot be kept.
type Done<T> = Result<T, StoreError>;

/// Turns a failure of the engine or the store into the end of the run.
fn broke(error: &RuntimeError) -> Input {
    Input::Broke {
        message: error.to_string(),
        code: error.code(),
        hint: error.hint(),
    }
}

impl Driver {
    /// Starts the task.
    pub(crate) fn start(parts: Parts) -> RunControl {
        let id = parts.handle.id().clone();
        let begins_after = parts.handle.last_seq();
        let tail = parts.handle.tail();
        let (requests, people) = mpsc::channel::<Asked>(PEOPLE);
        let (progress, watcher) = watch::channel(RunProgress {
            last_seq: begins_after,
            step: parts.machine.step(),
            total_steps: parts.plan.total_steps,
            loss: None,
            tokens_per_second: None,
            is_paused: false,
        });
        let saved = parts.resumed.as_ref().map(|resumed| resumed.saved.clone());
        let saved = saved.unwrap_or_default();
        let reloader = Reloader::default();
        let mut driver = Self {
            inbox: Inbox {
                people,
                guests: parts.guest_requests,
                hooks: VecDeque::new(),
                offers: reloader.clone(),
                engine: None,
                callbacks: None,
                training_loop: None,
                held: None,
            },
            generations: BTreeMap::new(),
            candidate: None,
            said: Vec::new(),
            memory: None,
            events: BTreeMap::new(),
            newest_event: 0,
            reports: VecDeque::from([Input::Begin]),
            hook: None,
            loop_state: saved.training_loop,
            callback_state: saved.callbacks,
            callback_step: saved.callbacks_step,
            beside: None,
            // The first token of a text is not predicted.
            eval_tokens: parts.context.examples.info().eval_tokens.saturating_sub(1),
            last_log: Instant::now(),
            impatient: None,
            progress,
            terminal: None,
            totals: Totals::default(),
            machine: parts.machine,
            plan: parts.plan,
            handle: parts.handle,
            context: parts.context,
            schedule: parts.schedule,
            early: parts.early,
            resumed: parts.resumed,
            parameters: parts.parameters,
            data: parts.data,
            weights_from: parts.weights_from,
        };
        driver.begin_with(parts.code);
        let task = tokio::spawn(async move {
            let outcome = driver.run().await;
            // Whoever offers code now is told that the run is over.
            driver.inbox.offers.close();
            outcome
        });
        RunControl::new(id, begins_after, requests, reloader, watcher, tail, task)
    }

    fn begin_with(&mut self, code: TrainerCode) {
        let first = self.machine.current_code();
        self.generations.insert(
            first,
            Generation {
                component: code.component,
                surroundings: code.surroundings,
                slot: None,
            },
        );
        self.put(first, code.instance);
    }

    async fn run(&mut self) -> Result<RunOutcome, RuntimeError> {
        loop {
            let done = match self.reports.pop_front() {
                Some(input) => self.apply(input),
                None => {
                    let look = self.look();
                    if look.is_some_and(|at| at <= Instant::now()) {
                        // Not by the inbox, for what comes all the time would come first there.
                        self.hurry().map(|()| false)
                    } else {
                        let accepts = self.machine.accepts();
                        let came = self.inbox.next(accepts, look).await;
                        self.take(came)
                    }
                }
            };
            let is_over = match done {
                Ok(is_over) => is_over,
                Err(error) => self.failed(error)?,
            };
            if is_over {
                return Ok(self.outcome());
            }
        }
    }

    fn outcome(&self) -> RunOutcome {
        let progress = &self.machine.progress;
        RunOutcome {
            loss: progress.loss,
            eval_loss: progress.eval_loss,
            best_score: progress.best_score,
            best_checkpoint: self.machine.best_checkpoint(),
            own_loop: self.context.spec.own_loop,
            dry_run: self.context.spec.dry_run,
            ..RunOutcome::of(self.handle.id().clone(), progress.step, &self.terminal)
        }
    }

    /// Whether the attempt is over.
    fn take(&mut self, came: Came) -> Done<bool> {
        let input = match came {
            Came::Asked(Asked { request, reply }) => {
                let cancels = request == RunRequest::Cancel;
                let mut effects = Vec::new();
                let answer = self.machine.request(request, &mut effects);
                if cancels && answer.is_ok() {
                    self.drop_all_work();
                    self.take_last_text();
                }
                // Whoever asked may be gone.
                let _ = reply.send(answer);
                return self.perform_all(effects);
            }
            // Nobody is left who could let a paused run go on; ending it keeps its checkpoint.
            Came::Nobody => Input::Request(RunRequest::Stop(EndReason::User)),
            Came::Guest(request) => {
                self.serve(request)?;
                return Ok(false);
            }
            Came::Hook(request) => match self.hooked(request)? {
                Some(input) => input,
                None => return Ok(false),
            },
            Came::Offer(offer) => self.considered(*offer),
            Came::Callbacks(done) => self.called(done),
            Came::Loop(end) => self.loop_ended(end)?,
            Came::Engine(done) => match self.engine_done(done)? {
                Some(input) => input,
                None => return Ok(false),
            },
            Came::Look => {
                self.hurry()?;
                return Ok(false);
            }
        };
        self.apply(input)
    }

    fn apply(&mut self, input: Input) -> Done<bool> {
        let effects = self.machine.apply(input);
        self.perform_all(effects)
    }

    fn perform_all(&mut self, effects: Vec<Effect>) -> Done<bool> {
        for effect in effects {
            if effect == Effect::Finish {
                return Ok(true);
            }
            let is_delivery = matches!(effect, Effect::Deliver(_));
            let is_last_word = matches!(&effect, Effect::Append(event) if event.is_terminal());
            match self.perform(effect) {
                Err(error) if self.can_do_without(&error) && !is_last_word => {
                    if is_delivery {
                        // The run ends without its last callback.
                        self.nothing_asked(0);
                    }
                }
                done => done?,
            }
        }
        self.forget();
        Ok(false)
    }

    fn engine_done(&mut self, done: EngineDone) -> Done<Option<Input>> {
        Ok(Some(match done {
            EngineDone::Step(Ok(report)) => {
                let step = self.context.step.load(Ordering::Acquire);
                self.progress.send_modify(|progress| progress.step = step);
                Input::StepDone(report)
            }
            EngineDone::Evaluation(Ok(loss)) => Input::EvaluationDone { loss },
            EngineDone::Step(Err(error)) | EngineDone::Evaluation(Err(error)) => broke(&error),
            EngineDone::State(state) => self.state_written(state)?,
            EngineDone::Rewound(place) => self.rewound(place)?,
            EngineDone::NamedStateSaved {
                name,
                result,
                reply,
            } => {
                let handle = &mut self.handle;
                let kept = result.and_then(|blob| {
                    let keep = || handle.put_named_state(&name, blob);
                    Ok(tokio::task::block_in_place(keep)?)
                });
                let _ = reply.send(kept.map_err(|error| error.to_string()));
                return Ok(None);
            }
            EngineDone::NamedStateLoaded { result, reply } => {
                let loaded = result.is_ok();
                let answer = result
                    .map(|()| NamedState::Loaded)
                    .map_err(|error| error.to_string());
                let _ = reply.send(answer);
                if !loaded {
                    return Ok(None);
                }
                Input::WeightsReplaced
            }
        }))
    }

    fn perform(&mut self, effect: Effect) -> Done<()> {
        match effect {
            Effect::AnnounceStart => self.announce()?,
            Effect::DeliverCheckpointAgain => self.deliver_checkpoint(),
            Effect::Append(event) => {
                self.append(event)?;
            }
            Effect::Deliver(event) => {
                let record = self.append(event)?;
                self.deliver(&record);
            }
            Effect::DeliverAgain { seq, mode } => self.deliver_again(seq, mode),
            Effect::SaveState(purpose) => self.save_state(purpose),
            Effect::LoadState {
                generation,
                with_memory,
                ..
            } => self.load_state(generation, with_memory)?,
            Effect::TakeUp {
                generation,
                previous,
                had_memory,
                ..
            } => self.take_up(generation, previous, had_memory)?,
            Effect::Reject { fault, .. } => self.reject(fault)?,
            Effect::GoBack {
                failed,
                generation,
                fault,
            } => self.went_back(failed, generation, *fault)?,
            Effect::Rewind => self.rewind(),
            Effect::StartCallbacks {
                generation,
                with_memory,
            } => self.start_callbacks(generation, with_memory),
            Effect::Step {
                step,
                learning_rate,
            } => self.step(step, learning_rate),
            Effect::Evaluate => self.evaluate(),
            Effect::WriteCheckpoint(measured) => self.write_checkpoint(measured),
            Effect::ScoreCheckpoint { id, measured } => self.score_checkpoint(&id, &measured)?,
            Effect::StartLoop { generation } => self.start_loop(generation),
            Effect::AnswerLoop(answer) => self.answer_loop(answer),
            Effect::Finish => {}
        }
        Ok(())
    }

    /// What cannot be needed again is dropped.
    fn forget(&mut self) {
        let machine = &self.machine;
        self.generations.retain(|generation, code| {
            if !machine.needs_instance(*generation) {
                code.slot = None;
            }
            machine.needs_code(*generation)
        });
        let oldest = machine.oldest_missed().unwrap_or(self.newest_event);
        self.events = self.events.split_off(&oldest.min(self.newest_event));
        if matches!(machine.phase(), Phase::Ending | Phase::Ended) {
            self.inbox.training_loop = None;
        }
    }

    /// Nothing in flight counts any more.
    fn drop_all_work(&mut self) {
        self.inbox.held = None;
        self.inbox.callbacks = None;
        self.inbox.engine = None;
        self.inbox.training_loop = None;
        self.hook = None;
        self.candidate = None;
        self.reports.clear();
        self.generations.clear();
    }

    /// An event that could not be stored, or has no room in the store, ends the run in order: within the bound of
    /// the store there is always room for the words that say so. If the store fails, or the disk has no room for
    /// the last word, nothing can be kept any more.
    fn failed(&mut self, error: StoreError) -> Result<bool, StoreError> {
        if self.machine.phase() == Phase::Ending && self.can_do_without(&error) {
            return Ok(false);
        }
        let ends = matches!(self.machine.phase(), Phase::Ending | Phase::Ended);
        match error {
            StoreError::Unstorable { .. } | StoreError::Full { .. } | StoreError::Busy { .. }
                if !ends && self.machine.phase() != Phase::Idle =>
            {
                self.inbox.held = None;
                self.inbox.callbacks = None;
                self.inbox.engine = None;
                self.reports.clear();
                self.apply(broke(&error.into()))
            }
            error => Err(error),
        }
    }

    /// Whether a run that is about to end has nothing better to do than to go on without this.
    fn can_do_without(&self, error: &StoreError) -> bool {
        matches!(self.machine.phase(), Phase::Ending | Phase::Ended)
            && matches!(error, StoreError::Full { .. })
    }

    /// Writes an event; only then is anyone told of it.
    fn append(&mut self, event: Event) -> Done<EventRecord> {
        let handle = &mut self.handle;
        let record = tokio::task::block_in_place(|| handle.append(event))?;
        self.told(&record);
        Ok(record)
    }

    fn told(&mut self, record: &EventRecord) {
        if record.event.is_terminal() {
            self.terminal = Some(record.event.clone());
        }
        let step = self.context.step.load(Ordering::Acquire);
        self.progress.send_modify(|progress| {
            progress.last_seq = record.seq;
            progress.step = step;
            match &record.event {
                Event::Log(log) => {
                    progress.loss = log.loss;
                    progress.tokens_per_second = log.tokens_per_second;
                }
                Event::Paused(_) => progress.is_paused = true,
                Event::Continued(_) | Event::Ending(_) => progress.is_paused = false,
                _ => {}
            }
        });
    }

    fn announce(&mut self) -> Done<()> {
        let record = self.handle.record();
        let started = Started {
            step: self.machine.step(),
            attempt: record.attempt,
            generation: self.machine.at_work().unwrap_or(0),
            parent: record.parent.clone(),
            resumed_from: self.resumed.as_ref().map(|resumed| resumed.checkpoint.step),
            total_steps: self.plan.total_steps,
            component: self.digest(),
            config: record.config.clone(),
            parameters: self.parameters,
            weights_from: self.weights_from.clone(),
            unigram_entropy: self.context.examples.info().unigram_entropy,
        };
        let record = self.append(Event::Started(started))?;
        for text in std::mem::take(&mut self.early) {
            self.message(text)?;
        }
        self.last_log = Instant::now();
        self.deliver(&record);
        Ok(())
    }

    fn code(&self) -> Option<&Generation> {
        self.generations.get(&self.machine.current_code())
    }

    fn digest(&self) -> String {
        self.code()
            .map(|code| code.component.digest.clone())
            .unwrap_or_default()
    }

    /// The limits of the code that is at work.
    fn limits(&self) -> std::sync::Arc<Limits> {
        self.code()
            .map(|code| std::sync::Arc::clone(&code.surroundings.limits))
            .unwrap_or_default()
    }

    /// An event of the log that will be handed over.
    fn remember(&mut self, record: &EventRecord) {
        if let Some(event) = self.for_callback(record) {
            self.events.insert(record.seq, event);
            self.newest_event = self.newest_event.max(record.seq);
        }
    }
}
