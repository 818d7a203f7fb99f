//! New code on its way to a run: a place for one trainer that has described itself.
//!
//! The newest code wins. Its number is given when it is promised, so that what starts slowly never takes
//! the place of what was promised after it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use arkor_types::Fault;
use tokio::sync::{Notify, oneshot};

use crate::trainer::Trainer;

/// How an offer of new code went.
#[derive(Debug, Clone, PartialEq)]
pub enum ReloadOutcome {
    /// The new code handles the callbacks from here on, as this generation.
    Swapped(u32),
    /// What was there goes on.
    Rejected(Box<Fault>),
    /// Newer code came, or this was withdrawn, before it was in place.
    Superseded,
    /// The run has ended.
    Ended,
}

/// The place of code in the order in which it was promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

/// A started trainer that waits for its place in the run.
pub(crate) struct Offer {
    pub(crate) number: u64,
    pub(crate) trainer: Trainer,
    pub(crate) ready: Instant,
    pub(crate) reply: oneshot::Sender<ReloadOutcome>,
}

/// Outcomes that are kept: more than there is code on its way at once.
const SETTLED: usize = 64;

#[derive(Default)]
struct State {
    newest: u64,
    waiting: Option<Offer>,
    is_closed: bool,
    /// What became of the newest offers that came to their turn.
    settled: VecDeque<(Ticket, ReloadOutcome)>,
}

#[derive(Default)]
struct Place {
    state: Mutex<State>,
    came: Notify,
}

/// Brings new code into a run. May be cloned and used from any task; the newest code wins.
#[derive(Clone, Default)]
pub struct Reloader {
    place: Arc<Place>,
}

impl std::fmt::Debug for Reloader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reloader").finish_non_exhaustive()
    }
}

impl Reloader {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here is left half done by a panic.
        self.place
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Promises code: what was promised before it comes no more, unless it is in its place.
    pub fn promise(&self) -> Ticket {
        let mut state = self.state();
        state.newest += 1;
        let newest = state.newest;
        let older = state.waiting.take();
        drop(state);
        supersede(older);
        Ticket(newest)
    }

    /// New code that is not in place yet is not wanted any more.
    pub fn withdraw(&self) {
        let _ = self.promise();
    }

    /// Offers the code that was promised: the trainer takes the place of the run's callbacks between two
    /// events. That its configuration is the run's is the caller's affair.
    pub fn offer(
        &self,
        ticket: Ticket,
        trainer: Trainer,
    ) -> impl Future<Output = ReloadOutcome> + Send + use<> {
        let (reply, outcome) = oneshot::channel();
        let mut state = self.state();
        let refused = if state.is_closed {
            Some(ReloadOutcome::Ended)
        } else if ticket.0 < state.newest {
            Some(ReloadOutcome::Superseded)
        } else {
            state.waiting = Some(Offer {
                number: ticket.0,
                trainer,
                ready: Instant::now(),
                reply,
            });
            None
        };
        drop(state);
        if refused.is_none() {
            self.place.came.notify_one();
        }
        async move {
            match refused {
                Some(refused) => refused,
                None => outcome.await.unwrap_or(ReloadOutcome::Ended),
            }
        }
    }

    /// What became of an offer that has come to its turn: known before the event of it is in the log.
    pub fn outcome(&self, ticket: Ticket) -> Option<ReloadOutcome> {
        let state = self.state();
        let mut settled = state.settled.iter();
        let found = settled.find(|(settled, _)| *settled == ticket);
        found.map(|(_, outcome)| outcome.clone())
    }

    /// Which offer became this generation.
    pub fn placed(&self, generation: u32) -> Option<Ticket> {
        let state = self.state();
        let mut settled = state.settled.iter();
        let wanted = ReloadOutcome::Swapped(generation);
        let found = settled.find(|(_, outcome)| *outcome == wanted);
        found.map(|(ticket, _)| *ticket)
    }

    pub(crate) fn settle(&self, number: u64, outcome: ReloadOutcome) {
        let mut state = self.state();
        if state.settled.len() >= SETTLED {
            state.settled.pop_front();
        }
        state.settled.push_back((Ticket(number), outcome));
    }

    pub(crate) fn is_waiting(&self) -> bool {
        self.state().waiting.is_some()
    }

    pub(crate) fn take(&self) -> Option<Offer> {
        self.state().waiting.take()
    }

    /// Waits for something to be offered since the last time.
    pub(crate) async fn came(&self) {
        self.place.came.notified().await;
    }

    /// The run is over: nothing is taken any more.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        let waiting = state.waiting.take();
        drop(state);
        if let Some(waiting) = waiting {
            let _ = waiting.reply.send(ReloadOutcome::Ended);
        }
    }
}

fn supersede(older: Option<Offer>) {
    if let Some(older) = older {
        let _ = older.reply.send(ReloadOutcome::Superseded);
    }
}
