//! What the host keeps beside each instance.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arkor_engine::{Examples, ModelSummary};
use arkor_types::{Program, RunId, Spec};
use tokio::sync::mpsc;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::console::Console;
use crate::deadline::Deadline;
use crate::limits::{Limiter, Limits};
use crate::protocol::{GuestRequest, LoopState, Mode};
use crate::sandbox::{Capabilities, Denials};
use crate::worker::Worker;

/// What an instance can reach of the run it serves.
#[derive(Debug, Clone)]
pub(crate) struct RunContext {
    pub(crate) worker: Worker,
    pub(crate) model: ModelSummary,
    pub(crate) examples: Arc<Examples>,
    pub(crate) spec: Arc<Spec>,
    pub(crate) requests: mpsc::Sender<GuestRequest>,
    /// Optimizer steps finished.
    pub(crate) step: Arc<AtomicU64>,
    /// Tokens trained on.
    pub(crate) tokens: Arc<AtomicU64>,
    pub(crate) identity: Arc<RunIdentity>,
    /// The callback instance at work.
    pub(crate) generation: Arc<AtomicU32>,
}

/// What an attempt at a run is called.
#[derive(Debug)]
pub(crate) struct RunIdentity {
    pub(crate) id: RunId,
    pub(crate) parent: Option<RunId>,
    pub(crate) attempt: u32,
    /// Optimizer steps planned; none if the trainer's loop decides.
    pub(crate) total_steps: Option<u64>,
}

/// What an instance is for. Decides which imports answer.
#[derive(Debug)]
pub(crate) enum Role {
    /// Instantiated; `describe` and `load-state` may run, no run is there yet.
    Starting,
    /// Handles the events of a run.
    Callbacks(Box<CallbackRole>),
    /// Runs the training loop.
    Loop(Box<LoopRole>),
}

#[derive(Debug)]
pub(crate) struct CallbackRole {
    pub(crate) run: RunContext,
    pub(crate) generation: u32,
    /// What the current event is to this instance.
    pub(crate) mode: Mode,
    /// Texts generated while the current event is handled, for their default seeds.
    pub(crate) generated: u64,
}

#[derive(Debug)]
pub(crate) struct LoopRole {
    pub(crate) run: RunContext,
    /// The checkpoint the loop goes on from.
    pub(crate) resume: Option<LoopState>,
    /// Asked for by the time the loop begins.
    pub(crate) learning_rate: Option<f64>,
    /// Texts generated since the last optimizer step, for their default seeds.
    pub(crate) generated: u64,
    /// `checkpoint` has told the loop to return.
    pub(crate) ended: bool,
}

pub(crate) struct GuestState {
    pub(crate) wasi: WasiCtx,
    pub(crate) table: ResourceTable,
    pub(crate) limiter: Limiter,
    pub(crate) limits: Arc<Limits>,
    pub(crate) console: Console,
    pub(crate) denials: Arc<Denials>,
    pub(crate) grants: Grants,
    pub(crate) role: Role,
    /// When the running call is cut off.
    pub(crate) deadline: Arc<Deadline>,
    /// What a language runtime runs.
    pub(crate) program: Option<Arc<Program>>,
    /// The guest was told that the running call is over its deadline, and gave up.
    pub(crate) told_overdue: bool,
    /// Where the trainer's code failed in the running call, as a language runtime told it.
    pub(crate) failed_at: Vec<arkor_types::UntrustedText>,
    /// The running call asked for something of a run, and there is none.
    pub(crate) missed_run: bool,
    /// Lists of folders that it holds: each is in memory as a whole.
    pub(crate) directory_streams: u32,
}

/// Which things are granted at all: asking for one that is not is worth a message.
#[derive(Debug, Clone)]
pub(crate) struct Grants {
    pub(crate) files: bool,
    pub(crate) environment: bool,
    pub(crate) network: bool,
    pub(crate) capabilities: Arc<Capabilities>,
}

/// A call of the host during which the guest's time stands still. Its end sets the clock going again.
pub(crate) struct HostWait(Option<Stopped>);

struct Stopped {
    deadline: Arc<Deadline>,
    time_left: Duration,
    /// Whether it waits for the engine.
    is_engine: bool,
}

impl Drop for HostWait {
    fn drop(&mut self) {
        if let Some(stopped) = &self.0 {
            let deadline = &stopped.deadline;
            if stopped.is_engine {
                deadline.end_engine_wait(stopped.time_left);
            } else {
                deadline.set(Some(Instant::now() + stopped.time_left));
            }
        }
    }
}

impl WasiView for GuestState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl GuestState {
    /// The run, if there is one yet; that it was missed is noted.
    pub(crate) fn run(&mut self) -> Option<&RunContext> {
        match &self.role {
            Role::Starting => {
                self.missed_run = true;
                None
            }
            Role::Callbacks(role) => Some(&role.run),
            Role::Loop(role) => Some(&role.run),
        }
    }

    /// A loop's deadline bounds the time between two calls of the host, not the whole loop: it
    /// stands still while the host is at work, and begins anew afterwards. A loop that was told to
    /// return gets no more time by calling on.
    pub(crate) fn wait_for_host(&self) -> HostWait {
        match &self.role {
            Role::Loop(role) if !role.ended => {
                self.deadline.set(None);
                HostWait(Some(Stopped {
                    deadline: Arc::clone(&self.deadline),
                    time_left: self.limits.loop_timeout,
                    is_engine: false,
                }))
            }
            _ => HostWait(None),
        }
    }

    /// As [`Self::wait_for_host`], and a callback that waits for the engine has as much time afterwards as
    /// it had before: how long the engine takes is not the trainer's doing, as long as it is not too often.
    pub(crate) fn wait_for_engine(&self) -> HostWait {
        if !matches!(self.role, Role::Callbacks(_)) {
            return self.wait_for_host();
        }
        HostWait(self.deadline.begin_engine_wait().map(|time_left| Stopped {
            deadline: Arc::clone(&self.deadline),
            time_left,
            is_engine: true,
        }))
    }

    /// Whether the event at hand was handled by other code, and counts as that handled it: what a callback does to
    /// the world now, that did already.
    pub(crate) fn only_learns(&self) -> bool {
        matches!(&self.role, Role::Callbacks(role) if role.mode == Mode::Missed)
    }

    pub(crate) fn set_deadline(&mut self, timeout: Duration) {
        self.deadline.begin(timeout);
    }

    /// The seed of a text for which the guest gave none: the same at the same place of the run.
    pub(crate) fn next_seed(&mut self) -> Option<u64> {
        let (run, generated, purpose) = match &mut self.role {
            Role::Starting => {
                self.missed_run = true;
                return None;
            }
            Role::Callbacks(role) => (&role.run, &mut role.generated, b'c'),
            Role::Loop(role) => (&role.run, &mut role.generated, b'l'),
        };
        *generated += 1;
        let hash = blake3::Hasher::new_derive_key("arkor-host 2026 seed of generated text")
            .update(&run.spec.hyperparameters.seed.to_le_bytes())
            .update(&run.step.load(Ordering::Acquire).to_le_bytes())
            .update(&[purpose])
            .update(&generated.to_le_bytes())
            .finalize();
        hash.as_bytes()
            .first_chunk()
            .map(|bytes| u64::from_le_bytes(*bytes))
    }
}
