//! One instance of a trainer, in a Store of its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arkor_types::{Action, Fault, FaultCause, GuestFunction, Level, Spec, SpecDraft};
use tokio::sync::mpsc;
use wasmtime::{Store, UpdateDeadline};

use crate::component::TrainerComponent;
use crate::console::Console;
use crate::contract::v0_1::Functions;
use crate::deadline::Deadline;
use crate::event::CallbackEvent;
use crate::guest::{CallbackRole, Grants, GuestState, LoopRole, Role};
use crate::limits::{Limiter, Limits};
use crate::protocol::GuestRequest;
use crate::protocol::Mode;
use crate::sandbox::{Capabilities, Denial, Denials};
use crate::words;

pub(crate) mod fault;
mod python;

/// How much longer than its deadline a call may wait inside the host before it is dropped. Wasm
/// itself is stopped by the epoch, with a backtrace; this is for what the epoch does not reach.
const SLACK: Duration = Duration::from_millis(250);

/// How often the deadline of a call that may move on is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What a language runtime gets, of that, to say where its trainer hangs.
const LAST_WORDS: Duration = Duration::from_millis(150);

/// An instantiated trainer. Used by one task; never entered again after a failure that was not an
/// answer of its own.
pub struct Instance {
    store: Store<GuestState>,
    functions: Functions,
    trainer: String,
    generation: u32,
    /// It has an interpreter inside.
    is_interpreter: bool,
    dead: bool,
}

/// Everything an instance is started with.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) capabilities: Arc<Capabilities>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) console: Console,
}

impl Instance {
    /// Instantiates a trainer. Its module bodies run here, under the same limits as all else.
    pub(crate) async fn start(
        component: &TrainerComponent,
        surroundings: &Surroundings,
        generation: u32,
    ) -> Result<Self, Box<Fault>> {
        let Surroundings {
            capabilities,
            limits,
            console,
        } = surroundings;
        let console = &console.another();
        let denials = Arc::new(Denials::default());
        let failed = |cause: FaultCause| {
            Box::new(Fault {
                trainer: component.name.as_str().into(),
                generation,
                function: GuestFunction::Instantiate,
                cause,
                backtrace: Vec::new(),
            })
        };
        let wasi = capabilities
            .context(&component.digest, console, &denials, component.is_adapted)
            .map_err(|error| {
                failed(FaultCause::Trap(words::cut(
                    format!("{error:#}"),
                    words::WORDS,
                )))
            })?;
        let mut table = wasmtime::component::ResourceTable::new();
        table.set_max_capacity(limits.resources as usize);
        let state = GuestState {
            wasi,
            table,
            limiter: Limiter::new(limits),
            limits: Arc::clone(limits),
            console: console.clone(),
            denials,
            grants: Grants {
                files: !capabilities.files.is_empty(),
                environment: !capabilities.environment.is_empty(),
                network: !capabilities.network.is_empty(),
                capabilities: Arc::clone(capabilities),
            },
            directory_streams: 0,
            role: Role::Starting,
            deadline: Arc::new(Deadline::after(limits.start_timeout)),
            program: component.program.clone(),
            told_overdue: false,
            failed_at: Vec::new(),
            missed_run: false,
        };
        let engine = component.pre.engine();
        let mut store = Store::new(engine, state);
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(limits.hostcall_bytes());
        store.set_epoch_deadline(1);
        let grace = if component.tells_places {
            LAST_WORDS
        } else {
            Duration::ZERO
        };
        store.epoch_deadline_callback(move |context| {
            if context.data().deadline.has_passed_by(grace) {
                Err(fault::DeadlinePassed.into())
            } else {
                Ok(UpdateDeadline::Yield(1))
            }
        });
        let instantiate = async {
            let instance = component.pre.instantiate_async(&mut store).await?;
            component.exported.load(&mut store, &instance)
        };
        let result = guarded(limits.start_timeout, instantiate).await;
        let panic = console.end_call().await;
        let functions = result.map_err(|error| {
            let around = circumstances(store.data(), limits.start_timeout, &panic);
            let mut fault = failed(fault::cause(&error, &around));
            fault.backtrace = fault::backtrace(&error);
            fault
        })?;
        console.release(panic).await;
        // C libraries look at the environment and the folders once while they start.
        store.data().denials.clear();
        let trainer = component.name.clone();
        Ok(Self {
            store,
            functions,
            trainer,
            generation,
            is_interpreter: component.tells_places,
            dead: false,
        })
    }

    /// From here on the instance is spoken of by the name in its spec.
    pub(crate) fn rename(&mut self, trainer: &str) {
        self.trainer = words::cut(trainer, 100);
    }

    /// Whether the instance failed and must not be entered again.
    pub fn is_dead(&self) -> bool {
        self.dead
    }

    fn set_mode(&mut self, now: Mode) {
        if let Role::Callbacks(role) = &mut self.store.data_mut().role {
            role.mode = now;
        }
        // What was handled before was heard before.
        self.store.data().console.mute(now == Mode::Missed);
    }

    pub(crate) fn set_generation(&mut self, generation: u32) {
        self.generation = generation;
    }

    pub(crate) fn serve_callbacks(&mut self, role: CallbackRole) {
        self.store.data_mut().role = Role::Callbacks(Box::new(role));
    }

    /// What it says goes to this run.
    pub(crate) fn speak_to(&self, requests: mpsc::Sender<GuestRequest>) {
        self.store.data().console.redirect(requests);
    }

    /// When its running call is cut off.
    pub(crate) fn deadline(&self) -> Arc<Deadline> {
        Arc::clone(&self.store.data().deadline)
    }

    /// What to train.
    ///
    /// # Errors
    ///
    /// The trainer's own error, or what it did wrong.
    pub async fn describe(&mut self) -> Result<SpecDraft, Box<Fault>> {
        let function = GuestFunction::Describe;
        let timeout = self.prepare(function)?;
        let call = self.functions.describe(&mut self.store);
        let result = guarded(timeout, call).await;
        if self.is_interpreter {
            // Python fills `os.environ`, whether its trainer wants it or not.
            self.store.data().denials.forget(&Denial::Environment);
        }
        self.finish(function, timeout, result).await
    }

    /// Takes up the state of an earlier instance.
    ///
    /// # Errors
    ///
    /// As [`Self::describe`].
    pub async fn load_state(&mut self, state: &[u8]) -> Result<(), Box<Fault>> {
        let function = GuestFunction::LoadState;
        let timeout = self.prepare(function)?;
        let call = self.functions.load_state(&mut self.store, state);
        let result = guarded(timeout, call).await;
        self.finish(function, timeout, result).await
    }

    /// The trainer's memory.
    ///
    /// # Errors
    ///
    /// As [`Self::describe`]; also if the state is larger than its limit.
    pub async fn save_state(&mut self) -> Result<Vec<u8>, Box<Fault>> {
        let function = GuestFunction::SaveState;
        let timeout = self.prepare(function)?;
        // Events that were handed over again may have come before.
        self.set_mode(Mode::Live);
        let deadline = Arc::clone(&self.store.data().deadline);
        let call = self.functions.save_state(&mut self.store);
        let result = watched(&deadline, call).await;
        let state = self.finish(function, timeout, result).await?;
        let limit = self.store.data().limits.state_size;
        if state.len() as u64 > limit {
            let what = format!(
                "a state of {} bytes, and limits.state-size is {limit}",
                state.len()
            );
            return Err(self.fault(
                function,
                FaultCause::Invalid(words::cut(what, words::WORDS)),
            ));
        }
        Ok(state)
    }

    /// Whether the last call asked for something of a run, and was told that there is none.
    pub(crate) fn missed_run(&self) -> bool {
        self.store.data().missed_run
    }

    /// Hands an event to its callback.
    ///
    /// # Errors
    ///
    /// As [`Self::describe`]; also if an action's value is out of its range, and then none of the
    /// answer's actions counts.
    pub async fn handle(&mut self, event: &CallbackEvent) -> Result<Vec<Action>, Box<Fault>> {
        self.handle_as(event, Mode::Live).await
    }

    /// The same for an event that may have been handled before.
    pub(crate) async fn handle_as(
        &mut self,
        event: &CallbackEvent,
        mode: Mode,
    ) -> Result<Vec<Action>, Box<Fault>> {
        let function = event.function();
        let timeout = self.prepare(function)?;
        if let Role::Callbacks(role) = &mut self.store.data_mut().role {
            role.generated = 0;
        }
        self.set_mode(mode);
        let deadline = Arc::clone(&self.store.data().deadline);
        let call = self
            .functions
            .handle(&mut self.store, event, self.generation);
        let result = watched(&deadline, call).await;
        let actions = self.finish(function, timeout, result).await?;
        let checked = actions.check(function).and_then(|actions| {
            let evaluates = |action: &Action| matches!(action, Action::Evaluate);
            match &self.store.data().role {
                Role::Callbacks(role)
                    if !role.run.spec.own_loop
                        && role.run.examples.info().eval_examples == 0
                        && actions.iter().any(evaluates) =>
                {
                    Err("evaluate: nothing is held out (dataset.held-out is 0)".into())
                }
                _ => Ok(actions),
            }
        });
        checked.map_err(|what| {
            self.fault(
                function,
                FaultCause::Invalid(words::cut(what, words::WORDS)),
            )
        })
    }

    /// Runs the training loop to its end. Its deadline bounds the time between two calls of the
    /// host, which renew it.
    pub(crate) async fn run_loop(&mut self, role: LoopRole, spec: &Spec) -> Result<(), Box<Fault>> {
        let function = GuestFunction::Run;
        self.prepare(function)?;
        let timeout = self.store.data().limits.loop_timeout;
        let state = self.store.data_mut();
        state.role = Role::Loop(Box::new(role));
        state.set_deadline(timeout);
        let deadline = Arc::clone(&self.store.data().deadline);
        let call = async {
            match self.functions.run(&mut self.store, spec).await {
                Some(called) => called,
                None => Ok(Err("there is no loop".into())),
            }
        };
        let result = watched(&deadline, call).await;
        self.finish(function, timeout, result).await
    }

    fn fault(&self, function: GuestFunction, cause: FaultCause) -> Box<Fault> {
        Box::new(Fault {
            trainer: self.trainer.as_str().into(),
            generation: self.generation,
            function,
            cause,
            backtrace: Vec::new(),
        })
    }

    /// Arms the limits of one call.
    fn prepare(&mut self, function: GuestFunction) -> Result<Duration, Box<Fault>> {
        if self.dead {
            return Err(self.fault(function, FaultCause::Dead));
        }
        let state = self.store.data_mut();
        let timeout = match function {
            GuestFunction::Instantiate | GuestFunction::Describe | GuestFunction::LoadState => {
                state.limits.start_timeout
            }
            _ => state.limits.callback_timeout,
        };
        state.set_deadline(timeout);
        state.limiter.refused_memory = None;
        state.failed_at.clear();
        state.missed_run = false;
        state.told_overdue = false;
        state.console.mute(false);
        Ok(timeout)
    }

    /// Sorts out how a call ended, and tells what it left to tell.
    async fn finish<T>(
        &mut self,
        function: GuestFunction,
        timeout: Duration,
        result: wasmtime::Result<Result<T, String>>,
    ) -> Result<T, Box<Fault>> {
        let console = self.store.data().console.clone();
        let panic = console.end_call().await;
        match result {
            Ok(answer) => {
                let denials = self.denial_messages(function);
                console.release(panic).await;
                tell(&console, denials).await;
                answer.map_err(|error| {
                    let refused = self.store.data().limiter.refused_memory;
                    let cause = match refused {
                        // QuickJS has no memory left for words of its own.
                        Some(wanted) if error.contains(fault::UNTOLD) => {
                            self.dead = true;
                            FaultCause::Memory {
                                wanted,
                                limit: self.store.data().limits.memory,
                            }
                        }
                        _ => FaultCause::Error(words::cut(fault::plain(error), words::WORDS)),
                    };
                    let mut fault = self.fault(function, cause);
                    fault.backtrace = std::mem::take(&mut self.store.data_mut().failed_at);
                    fault
                })
            }
            Err(error) => {
                self.dead = true;
                let around = circumstances(self.store.data(), timeout, &panic);
                let cause = match (
                    fault::cause(&error, &around),
                    self.store.data().deadline.hurried(),
                ) {
                    (FaultCause::Deadline(_), Some(after)) => {
                        FaultCause::Hurried(milliseconds(after))
                    }
                    (cause, _) => cause,
                };
                let mut fault = self.fault(function, cause);
                fault.backtrace = std::mem::take(&mut self.store.data_mut().failed_at);
                // Of an interpreter's own functions the trainer's author knows nothing.
                if fault.backtrace.is_empty() && self.is_interpreter {
                    fault.backtrace = python::backtrace(&error, &self.store);
                }
                if fault.backtrace.is_empty() {
                    fault.backtrace = fault::backtrace(&error);
                }
                // A panic's lines are in the fault, and its handler asks for the environment.
                if !matches!(fault.cause, FaultCause::Panic(_)) {
                    let denials = self.denial_messages(function);
                    console.release(panic).await;
                    tell(&console, denials).await;
                }
                Err(fault)
            }
        }
    }

    /// Messages about what the last call asked for in vain. Made before anything is awaited: a
    /// Store cannot be shared between threads, and so neither can a reference to this.
    fn denial_messages(&self, function: GuestFunction) -> Vec<String> {
        let denials = self.store.data().denials.take();
        denials
            .iter()
            .map(|one| one.message(&self.trainer, function.name()))
            .collect()
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

async fn tell(console: &Console, messages: Vec<String>) {
    for text in messages {
        console.notice(Level::Warn, text).await;
    }
}

fn circumstances<'a>(
    state: &'a GuestState,
    timeout: Duration,
    panic: &'a [String],
) -> fault::Circumstances<'a> {
    fault::Circumstances {
        limiter: &state.limiter,
        memory_limit: state.limits.memory,
        timeout_ms: milliseconds(timeout),
        panic,
        told_overdue: state.told_overdue,
    }
}

/// The same for a call whose deadline moves on while it runs.
async fn watched<T>(
    deadline: &Deadline,
    call: impl Future<Output = wasmtime::Result<T>>,
) -> wasmtime::Result<T> {
    let mut call = std::pin::pin!(call);
    loop {
        let now = Instant::now();
        // It may be moved to an earlier time.
        let look_again = match deadline.get() {
            Some(at) if now >= at + SLACK => return Err(fault::DeadlinePassed.into()),
            Some(at) => (at + SLACK - now).min(LOOK),
            None => SLACK,
        };
        if let Ok(result) = tokio::time::timeout(look_again, &mut call).await {
            return result;
        }
    }
}

/// Waits for a call into a guest, and a little longer than its deadline at most.
async fn guarded<T>(
    timeout: Duration,
    call: impl Future<Output = wasmtime::Result<T>>,
) -> wasmtime::Result<T> {
    match tokio::time::timeout(timeout + SLACK, call).await {
        Ok(result) => result,
        Err(_) => Err(fault::DeadlinePassed.into()),
    }
}
