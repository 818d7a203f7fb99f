//! Everything that can come to a run: what people and guests ask, new code, the end of the loop, and the
//! work that is in flight.
//!
//! [`Inbox::next`] gives what fits the state of the run. What does not fit stays where it waits: nothing is
//! dropped, and every queue is bounded.

use std::collections::VecDeque;
use std::pin::Pin;
use std::time::Instant;

use arkor_store::Blob;
use arkor_types::Fault;
use tokio::sync::{mpsc, oneshot};

use super::machine::{Accepts, Purpose, RunRequest, StepReport};
use super::offers::{Offer, Reloader};
use super::rewind::Place;
use super::training_loop::{LoopEnd, LoopTask};
use crate::error::RuntimeError;
use crate::instance::Instance;
use crate::protocol::Answer;
use crate::protocol::{GuestRequest, NamedState};
use crate::slot::SlotGone;

/// What a person, or a signal on their behalf, asks for, and the place for the answer: taken, or why not.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) request: RunRequest,
    pub(crate) reply: oneshot::Sender<Result<(), String>>,
}

/// Work of the engine that is over.
pub(super) enum EngineDone {
    Step(Result<StepReport, RuntimeError>),
    Evaluation(Result<f64, RuntimeError>),
    State(Result<Blob, RuntimeError>),
    Rewound(Result<Box<Place>, RuntimeError>),
    NamedStateSaved {
        name: String,
        result: Result<Blob, RuntimeError>,
        reply: oneshot::Sender<Result<(), String>>,
    },
    NamedStateLoaded {
        result: Result<(), RuntimeError>,
        reply: oneshot::Sender<Result<NamedState, String>>,
    },
}

/// A call of the callbacks that is over.
pub(super) enum CallbacksDone {
    Handled {
        seq: u64,
        answer: Result<Answer, SlotGone>,
    },
    StateSaved {
        purpose: Purpose,
        result: Result<Result<Vec<u8>, Box<Fault>>, SlotGone>,
    },
    StateLoaded {
        instance: Box<Instance>,
        result: Result<(), Box<Fault>>,
    },
    Started {
        generation: u32,
        result: Result<Box<Instance>, Box<Fault>>,
    },
}

pub(super) type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What came first.
pub(super) enum Came {
    Asked(Asked),
    /// Nobody is left who could ask for anything.
    Nobody,
    /// Of the trainer's requests, one that may be made at any time.
    Guest(GuestRequest),
    /// One that only a loop makes, which waits for the answer.
    Hook(GuestRequest),
    Offer(Box<Offer>),
    Engine(EngineDone),
    Callbacks(CallbacksDone),
    Loop(LoopEnd),
    /// It is time to look whether something hangs, or somebody has come who may wait for it.
    Look,
}

pub(super) struct Inbox {
    pub(super) people: mpsc::Receiver<Asked>,
    pub(super) guests: mpsc::Receiver<GuestRequest>,
    pub(super) hooks: VecDeque<GuestRequest>,
    pub(super) offers: Reloader,
    pub(super) engine: Option<Work<EngineDone>>,
    pub(super) callbacks: Option<Work<CallbacksDone>>,
    pub(super) training_loop: Option<LoopTask>,
    /// The end of a call, until what was said before it is taken.
    pub(super) held: Option<Held>,
}

/// What waits for what was said before it.
pub(super) struct Held {
    came: Came,
    /// Most that is taken before it: who talks all the time holds nothing up.
    most: usize,
}

impl Held {
    /// More than a guest can have said and not brought yet.
    const MOST: usize = 4096;

    fn new(came: Came) -> Option<Self> {
        Some(Self {
            came,
            most: Self::MOST,
        })
    }
}

/// What is in flight, if anything is; it stays in flight when this is dropped.
async fn done<T>(work: &mut Option<Work<T>>) -> T {
    match work {
        Some(running) => {
            let done = running.await;
            *work = None;
            done
        }
        None => std::future::pending().await,
    }
}

impl Inbox {
    /// Waits for what fits the state of the run, until `look` at the longest.
    pub(super) async fn next(&mut self, accepts: Accepts, look: Option<Instant>) -> Came {
        let Self {
            people,
            guests,
            hooks,
            offers,
            engine,
            callbacks,
            training_loop,
            held,
        } = self;
        loop {
            // It was there before the call ended, whatever the order in which it is looked for.
            if let Some(waits) = held {
                let said = (waits.most > 0).then(|| guests.try_recv().ok()).flatten();
                waits.most = waits.most.saturating_sub(1);
                match said {
                    Some(request) if is_hook(&request) => hooks.push_back(request),
                    Some(request) => return Came::Guest(request),
                    None => {
                        if let Some(held) = held.take() {
                            return held.came;
                        }
                    }
                }
                continue;
            }
            if accepts.offers
                && let Some(offer) = offers.take()
            {
                return Came::Offer(Box::new(offer));
            }
            if accepts.hooks
                && engine.is_none()
                && let Some(hook) = hooks.pop_front()
            {
                return Came::Hook(hook);
            }
            let loop_may_end = accepts.hooks && engine.is_none();
            tokio::select! {
                biased;
                asked = people.recv(), if !people.is_closed() || !people.is_empty() || accepts.waits_for_people => {
                    match asked {
                        Some(asked) => return Came::Asked(asked),
                        None if accepts.waits_for_people => return Came::Nobody,
                        // The run trains on, and ends by itself.
                        None => {}
                    }
                }
                // What a guest said while it was called comes before its answer, and no more than that.
                done = done(callbacks) => *held = Held::new(Came::Callbacks(done)),
                Some(request) = guests.recv() => if is_hook(&request) {
                    hooks.push_back(request);
                } else {
                    return Came::Guest(request);
                },
                done = done(engine), if accepts.engine => return Came::Engine(done),
                end = LoopTask::end(training_loop), if loop_may_end => *held = Held::new(Came::Loop(end)),
                () = offers.came() => if !accepts.offers {
                    return Came::Look;
                },
                () = at(look) => return Came::Look,
            }
        }
    }

    /// Whether a call is in flight that newer code or a stop may have to wait for.
    pub(super) fn is_busy(&self) -> bool {
        self.callbacks.is_some() || self.training_loop.is_some()
    }
}

/// Whether a loop waits for the answer inside a hook.
fn is_hook(request: &GuestRequest) -> bool {
    !matches!(
        request,
        GuestRequest::Text(_) | GuestRequest::Artifact { .. }
    )
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}
