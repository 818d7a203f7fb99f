//! The driver of a run: a task that lets the machine decide and does what it says.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use arkor_engine::Schedule;
use arkor_store::{RunHandle, StoreError};
use arkor_types::{
    CheckpointRecord, CheckpointWritten, Event, EventRecord, Fault, Message, Started,
};
use tokio::sync::{mpsc, oneshot, watch};

use crate::component::TrainerComponent;
use crate::console::GuestText;
use crate::error::RuntimeError;
use crate::guest::{GuestRequest, LoopReply, RunContext};
use crate::instance::{CallbackEvent, Surroundings};
use crate::slot::{Answer, CallbackSlot};

mod checkpoint;
mod control;
pub(crate) mod machine;
pub(crate) mod progress;
mod reload;
mod steps;
mod training_loop;

pub use control::{RunControl, RunOutcome, RunProgress};
pub use machine::{OnCallbackError, RunRequest};
pub use reload::{ReloadOutcome, Reloader};

use machine::{Effect, Input, Machine, Phase, Plan};
use progress::{LoopState, SavedProgress};
use reload::{Probation, Replacement};
use training_loop::{LoopCode, LoopTask};

/// What a run is made of when its driver starts.
pub(crate) struct Parts {
    pub(crate) machine: Machine,
    pub(crate) plan: Plan,
    pub(crate) handle: RunHandle,
    pub(crate) component: TrainerComponent,
    pub(crate) surroundings: Surroundings,
    pub(crate) context: RunContext,
    pub(crate) steps: Arc<AtomicU64>,
    pub(crate) schedule: Schedule,
    pub(crate) guest_requests: mpsc::Receiver<GuestRequest>,
    /// What the trainer said before there was a run.
    pub(crate) early: Vec<GuestText>,
    pub(crate) resumed: Option<Resumed>,
    pub(crate) parameters: u64,
    /// The checkpoint of the parent whose weights the run began with.
    pub(crate) weights_from: Option<String>,
}

/// Where a resumed run goes on.
pub(crate) struct Resumed {
    pub(crate) checkpoint: CheckpointRecord,
    pub(crate) saved: SavedProgress,
}

pub(crate) struct Driver {
    parts: Parts,
    slot: Option<Arc<CallbackSlot>>,
    /// What the slot held before the last swaps, until the new code has proved itself.
    probation: Probation,
    users: mpsc::Receiver<RunRequest>,
    reloader: Reloader,
    replacements: mpsc::Receiver<Replacement>,
    /// New code that waits for a place between two events.
    replacement: Option<Replacement>,
    progress: watch::Sender<RunProgress>,
    /// What people asked for while something else was being done. Comes before any report: a run
    /// always has a next report, and would never get to them.
    asked: VecDeque<RunRequest>,
    /// How what the machine wanted went.
    reports: VecDeque<Input>,
    training_loop: Option<LoopTask>,
    /// The code of the loop, and that of the loop before it, which may come back.
    loop_code: LoopCode,
    /// What the loop asked for while something else was done.
    hooks_waiting: VecDeque<GuestRequest>,
    /// The hook of the loop that waits for its answer.
    hook: Option<oneshot::Sender<LoopReply>>,
    /// What the loop gave to its last hook, and the callbacks to the last save.
    loop_state: Option<LoopState>,
    callback_state: Option<Vec<u8>>,
    eval_tokens: u64,
    last_log: Instant,
    terminal: Option<Event>,
    totals: Totals,
}

/// What the trainer's code has put into the run during this attempt.
#[derive(Debug, Default)]
struct Totals {
    artifacts: u64,
    artifact_bytes: u64,
    message_bytes: u64,
    saved_states: u64,
}

/// Why something was not done to its end.
enum Stopped {
    /// The run is to end at once.
    Cancelled,
    /// The store failed: what happens now cannot be kept.
    Store(StoreError),
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

type Done<T> = Result<T, Stopped>;

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
    pub(crate) fn start(parts: Parts, slot: CallbackSlot) -> RunControl {
        let id = parts.handle.id().clone();
        let begins_after = parts.handle.last_seq();
        let (requests, users) = mpsc::channel(8);
        let (progress, watcher) = watch::channel(RunProgress {
            last_seq: begins_after,
            step: parts.machine.step(),
            total_steps: parts.plan.total_steps,
            loss: None,
            tokens_per_second: None,
        });
        let saved = parts.resumed.as_ref().map(|resumed| resumed.saved.clone());
        let saved = saved.unwrap_or_default();
        let (reloader, replacements) = Reloader::new(parts.surroundings.clone(), slot.generation());
        let bring = reloader.clone();
        let driver = Self {
            slot: Some(Arc::new(slot)),
            probation: Probation::default(),
            users,
            reloader,
            replacements,
            replacement: None,
            progress,
            asked: VecDeque::new(),
            reports: VecDeque::from([Input::Begin]),
            training_loop: None,
            loop_code: LoopCode::default(),
            hooks_waiting: VecDeque::new(),
            hook: None,
            loop_state: saved.training_loop,
            callback_state: saved.callbacks,
            // The first token of a text is not predicted.
            eval_tokens: parts.context.examples.info().eval_tokens.saturating_sub(1),
            last_log: Instant::now(),
            terminal: None,
            totals: Totals::default(),
            parts,
        };
        let task = tokio::spawn(driver.run());
        RunControl::new(id, begins_after, requests, bring, watcher, task)
    }

    async fn run(mut self) -> Result<RunOutcome, RuntimeError> {
        loop {
            while let Ok(request) = self.users.try_recv() {
                self.asked.push_back(request);
            }
            if let Some(new) = self.next_replacement() {
                let mut effects = VecDeque::new();
                if let Err(stopped) = self.swap(new).await {
                    self.stopped(stopped, &mut effects)?;
                }
                if self.perform_all(effects).await? {
                    return Ok(self.outcome());
                }
                continue;
            }
            let input = match (self.asked.pop_front(), self.reports.is_empty()) {
                (Some(RunRequest::Cancel), _) => Err(Stopped::Cancelled),
                (Some(request), _) => Ok(Input::Request(request)),
                (None, true) => match self.wait().await {
                    Ok(Some(input)) => Ok(input),
                    Ok(None) => continue,
                    Err(stopped) => Err(stopped),
                },
                (None, false) => match self.reports.pop_front() {
                    Some(report) => Ok(report),
                    None => continue,
                },
            };
            let mut effects = VecDeque::new();
            match input {
                Ok(input) => effects.extend(self.parts.machine.apply(input)),
                Err(stopped) => self.stopped(stopped, &mut effects)?,
            }
            if self.perform_all(effects).await? {
                return Ok(self.outcome());
            }
        }
    }

    /// Whether the attempt is over.
    async fn perform_all(&mut self, mut effects: VecDeque<Effect>) -> Result<bool, StoreError> {
        while let Some(effect) = effects.pop_front() {
            if effect == Effect::Finish {
                return Ok(true);
            }
            match self.perform(effect).await {
                Ok(Some(report)) => self.reports.push_back(report),
                Ok(None) => {}
                Err(stopped) => self.stopped(stopped, &mut effects)?,
            }
        }
        Ok(false)
    }

    /// A cancelled run still gets its terminal event, and so does one with an event that cannot be
    /// stored; one whose store fails cannot.
    fn stopped(
        &mut self,
        stopped: Stopped,
        effects: &mut VecDeque<Effect>,
    ) -> Result<(), StoreError> {
        match stopped {
            Stopped::Store(error @ StoreError::Unstorable { .. })
                if !matches!(
                    self.parts.machine.phase(),
                    Phase::Idle | Phase::Ending | Phase::Ended
                ) =>
            {
                self.reports.clear();
                effects.clear();
                effects.extend(self.parts.machine.apply(broke(&error.into())));
                Ok(())
            }
            Stopped::Store(error) => Err(error),
            Stopped::Cancelled => {
                self.slot = None;
                self.probation.clear();
                self.training_loop = None;
                self.hook = None;
                self.asked.clear();
                self.reports.clear();
                effects.clear();
                effects.extend(self.parts.machine.apply(Input::Request(RunRequest::Cancel)));
                Ok(())
            }
        }
    }

    fn outcome(&self) -> RunOutcome {
        RunOutcome::of(
            self.parts.handle.id().clone(),
            self.parts.machine.step(),
            &self.terminal,
        )
    }

    /// Nothing is left to do until someone says something: a user while the run is paused, the
    /// trainer's loop while it is at work.
    async fn wait(&mut self) -> Done<Option<Input>> {
        if self.parts.machine.phase() == Phase::Training && self.training_loop.is_some() {
            return self.attend_loop().await;
        }
        tokio::select! {
            request = self.users.recv() => match request {
                Some(RunRequest::Cancel) => Err(Stopped::Cancelled),
                Some(request) => Ok(Some(Input::Request(request))),
                // Nobody is left who could let a paused run go on; ending it keeps its checkpoint.
                None => Ok(Some(Input::Request(RunRequest::Stop(
                    arkor_types::EndReason::User,
                )))),
            },
            Some(new) = self.replacements.recv() => {
                self.offered(new);
                Ok(None)
            }
            // New code may talk while it starts.
            Some(request) = self.parts.guest_requests.recv() => {
                self.serve(request)?;
                Ok(None)
            }
        }
    }

    async fn perform(&mut self, effect: Effect) -> Done<Option<Input>> {
        match effect {
            Effect::AnnounceStart => self.announce().await.map(Some),
            Effect::DeliverCheckpointAgain => self.deliver_again().await.map(Some),
            Effect::Append(event) => self.append(event).map(|_| None),
            Effect::Deliver(event) => {
                let record = self.append(event)?;
                self.deliver(&record).await.map(Some)
            }
            Effect::Step {
                step,
                learning_rate,
            } => self.step(step, learning_rate).await.map(Some),
            Effect::Evaluate => self.evaluate().await.map(Some),
            Effect::Save(measured) => self.save(measured).await.map(Some),
            Effect::ScoreCheckpoint { id, measured } => {
                self.score_checkpoint(&id, &measured)?;
                Ok(None)
            }
            Effect::StartLoop => {
                self.start_loop();
                Ok(None)
            }
            Effect::RestoreLoop => self.restore_loop().await,
            Effect::AnswerLoop(answer) => {
                self.answer_loop(answer);
                Ok(None)
            }
            Effect::Finish => Ok(None),
        }
    }

    /// Writes an event; only then is anyone told of it.
    fn append(&mut self, event: Event) -> Done<EventRecord> {
        let handle = &mut self.parts.handle;
        let record = tokio::task::block_in_place(|| handle.append(event))?;
        self.told(&record);
        Ok(record)
    }

    fn told(&mut self, record: &EventRecord) {
        if record.event.is_terminal() {
            self.terminal = Some(record.event.clone());
        }
        let step = self.parts.steps.load(Ordering::Acquire);
        self.progress.send_modify(|progress| {
            progress.last_seq = record.seq;
            progress.step = step;
            if let Event::Log(log) = &record.event {
                progress.loss = log.loss;
                progress.tokens_per_second = log.tokens_per_second;
            }
        });
    }

    /// Whether there is room for a guest's text in the run's log. That it is full is told once.
    fn log_has_room(&mut self, bytes: usize) -> Done<bool> {
        let limit = self.parts.surroundings.limits.messages_total;
        let before = self.totals.message_bytes;
        self.totals.message_bytes = before.saturating_add(bytes as u64);
        if self.totals.message_bytes <= limit {
            return Ok(true);
        }
        if before <= limit {
            self.message(GuestText {
                level: arkor_types::Level::Warn,
                source: arkor_types::MessageSource::Host,
                text: format!(
                    "the trainer has written {limit} bytes of messages, which is limits.messages-total: \
                     what follows is left out"
                )
                .into(),
            })?;
        }
        Ok(false)
    }

    /// An error if the run has no room for another artifact.
    fn count_artifact(&mut self, name: &str, bytes: usize) -> Result<(), String> {
        let limits = &self.parts.surroundings.limits;
        let totals = &mut self.totals;
        if totals.artifacts >= limits.artifacts_count.into() {
            return Err(format!(
                "{name} would be one artifact too many: limits.artifacts-count is {}",
                limits.artifacts_count
            ));
        }
        let total = totals.artifact_bytes.saturating_add(bytes as u64);
        if total > limits.artifacts_total {
            return Err(format!(
                "{name} has {bytes} bytes, which makes {total} with the artifacts before it, and \
                 limits.artifacts-total is {}",
                limits.artifacts_total
            ));
        }
        totals.artifacts += 1;
        totals.artifact_bytes = total;
        Ok(())
    }

    fn message(&mut self, text: GuestText) -> Done<()> {
        if text.source != arkor_types::MessageSource::Host
            && !self.log_has_room(text.text.as_str().len())?
        {
            return Ok(());
        }
        let step = self.parts.steps.load(Ordering::Acquire);
        let GuestText {
            level,
            source,
            text,
        } = text;
        self.append(Event::Message(Message {
            step,
            level,
            source,
            text,
        }))
        .map(|_| ())
    }

    /// Waits for `work` and serves the trainer meanwhile: what it says while it handles an event
    /// comes before the next event.
    async fn attend<T>(&mut self, work: impl Future<Output = T>) -> Done<T> {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                Some(request) = self.parts.guest_requests.recv() => self.serve(request)?,
                done = &mut work => {
                    while let Ok(request) = self.parts.guest_requests.try_recv() {
                        self.serve(request)?;
                    }
                    return Ok(done);
                }
                Some(request) = self.users.recv() => match request {
                    RunRequest::Cancel => return Err(Stopped::Cancelled),
                    request => self.asked.push_back(request),
                },
            }
        }
    }

    /// The same for work that the callbacks have no part in: new code takes their place meanwhile.
    async fn attend_and_swap<T>(&mut self, work: impl Future<Output = T>) -> Done<T> {
        let mut work = std::pin::pin!(work);
        loop {
            if let Some(new) = self.next_replacement() {
                self.swap(new).await?;
            }
            tokio::select! {
                biased;
                Some(request) = self.parts.guest_requests.recv() => self.serve(request)?,
                done = &mut work => {
                    while let Ok(request) = self.parts.guest_requests.try_recv() {
                        self.serve(request)?;
                    }
                    return Ok(done);
                }
                Some(request) = self.users.recv() => match request {
                    RunRequest::Cancel => return Err(Stopped::Cancelled),
                    request => self.asked.push_back(request),
                },
                Some(new) = self.replacements.recv() => self.offered(new),
            }
        }
    }

    /// What a trainer may ask at any time.
    fn serve(&mut self, request: GuestRequest) -> Done<()> {
        match request {
            GuestRequest::Text(text) => self.message(text)?,
            GuestRequest::Artifact {
                name,
                content,
                reply,
            } => {
                if let Err(full) = self.count_artifact(&name, content.len()) {
                    let _ = reply.send(Err(full));
                    return Ok(());
                }
                let step = self.parts.steps.load(Ordering::Acquire);
                let handle = &mut self.parts.handle;
                let written =
                    tokio::task::block_in_place(|| handle.write_artifact(step, &name, &content));
                let answer = match written {
                    Ok((record, _)) => {
                        self.told(&record);
                        match record.event {
                            Event::Artifact(artifact) => Ok(artifact),
                            _ => Err("no artifact was written".into()),
                        }
                    }
                    Err(error) => Err(error.to_string()),
                };
                let _ = reply.send(answer);
            }
            // The loop waits inside its hook while anything else is done.
            GuestRequest::Log { .. }
            | GuestRequest::Checkpoint { .. }
            | GuestRequest::Evaluated { .. }
            | GuestRequest::Evaluate { .. }
            | GuestRequest::SaveNamed { .. }
            | GuestRequest::LoadNamed { .. } => self.hooks_waiting.push_back(request),
        }
        Ok(())
    }

    async fn announce(&mut self) -> Done<Input> {
        let parts = &self.parts;
        let record = parts.handle.record();
        let started = Started {
            step: parts.machine.step(),
            attempt: record.attempt,
            generation: self.generation(),
            parent: record.parent.clone(),
            resumed_from: parts
                .resumed
                .as_ref()
                .map(|resumed| resumed.checkpoint.step),
            total_steps: parts.plan.total_steps,
            component: parts.component.digest.clone(),
            config: record.config.clone(),
            parameters: parts.parameters,
            weights_from: parts.weights_from.clone(),
            unigram_entropy: parts.context.examples.info().unigram_entropy,
        };
        let record = self.append(Event::Started(started))?;
        for text in std::mem::take(&mut self.parts.early) {
            self.message(text)?;
        }
        self.last_log = Instant::now();
        self.deliver(&record).await
    }

    async fn deliver_again(&mut self) -> Done<Input> {
        let Some(resumed) = &self.parts.resumed else {
            return Ok(Input::Handled {
                event_seq: 0,
                answer: Ok(Vec::new()),
            });
        };
        let checkpoint = &resumed.checkpoint;
        // As it was when the checkpoint was written.
        let measured = self.parts.machine.progress.measured_here().cloned();
        let measured = measured.unwrap_or_default();
        let event = CheckpointWritten {
            step: checkpoint.step,
            id: checkpoint.id.clone(),
            size: checkpoint.size,
            eval_loss: measured.loss,
            score: measured.score,
            metrics: measured.metrics,
        };
        let seq = checkpoint.seq;
        self.call(CallbackEvent::Checkpoint { seq, event }).await
    }

    /// Hands an event that is in the log to its callback.
    async fn deliver(&mut self, record: &EventRecord) -> Done<Input> {
        let seq = record.seq;
        let machine = &self.parts.machine;
        let event = match record.event.clone() {
            Event::Started(event) => CallbackEvent::Started {
                seq,
                run: record.run.clone(),
                event,
            },
            Event::Log(event) => CallbackEvent::Log { seq, event },
            Event::Evaluation(event) => CallbackEvent::Evaluation { seq, event },
            Event::Checkpoint(event) => CallbackEvent::Checkpoint { seq, event },
            Event::Ending(_) => match (machine.ended_well(), machine.ended_badly()) {
                (Some(event), _) => CallbackEvent::Completed { seq, event },
                (None, Some(event)) => CallbackEvent::Failed { seq, event },
                (None, None) => {
                    return Ok(Input::Handled {
                        event_seq: seq,
                        answer: Ok(Vec::new()),
                    });
                }
            },
            _ => {
                return Ok(Input::Handled {
                    event_seq: seq,
                    answer: Ok(Vec::new()),
                });
            }
        };
        self.call(event).await
    }

    async fn call(&mut self, event: CallbackEvent) -> Done<Input> {
        let event_seq = event.seq();
        let Some(slot) = self.slot.clone() else {
            return Ok(Input::Handled {
                event_seq,
                answer: Ok(Vec::new()),
            });
        };
        let handled = event.clone();
        let mut answer: Option<Answer> = self
            .attend(async move { slot.handle(handled).await })
            .await?;
        while let Some(Err(fault)) = &answer
            && !fault.leaves_instance_alive()
            && let Some(slot) = self.roll_back(fault).await?
        {
            let again = event.clone();
            answer = self.attend(async move { slot.handle(again).await }).await?;
        }
        match &answer {
            Some(Err(fault)) => self.bury(fault),
            Some(Ok(_)) => self.proved(&event),
            None => {}
        }
        Ok(Input::Handled {
            event_seq,
            answer: answer.unwrap_or(Ok(Vec::new())),
        })
    }

    /// Drops the callbacks if their instance cannot be entered again.
    fn bury(&mut self, fault: &Fault) {
        if !fault.leaves_instance_alive() {
            self.slot = None;
        }
    }
}
