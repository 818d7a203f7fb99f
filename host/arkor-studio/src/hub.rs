//! Where the session tells what happens, and hears what people want.

use std::sync::Arc;

use arkor_store::{Line, Store};
use arkor_types::RunId;
use tokio::sync::{mpsc, oneshot, watch};

use crate::tail::Tail;
use crate::{Command, DevState, Refusal, RefusalKind, Request};

/// Commands that can wait for the session.
const QUEUE: usize = 16;

/// What the session and the server share. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Hub {
    store: Store,
    state: watch::Sender<DevState>,
    live: watch::Sender<Option<Arc<Tail>>>,
    commands: mpsc::Sender<Request>,
}

/// The session's end.
pub type HubInbox = mpsc::Receiver<Request>;

impl Hub {
    /// A hub for the runs of this store, and what is asked of the session.
    pub fn new(store: Store) -> (Self, HubInbox) {
        let (commands, inbox) = mpsc::channel(QUEUE);
        let hub = Self {
            store,
            state: watch::Sender::new(DevState::first()),
            live: watch::Sender::new(None),
            commands,
        };
        (hub, inbox)
    }

    /// Tells a new state, and returns it.
    pub fn publish(&self, change: impl FnOnce(&mut DevState)) -> DevState {
        self.state.send_modify(|state| {
            state.revision += 1;
            state.time = jiff::Timestamp::now();
            change(state);
        });
        self.state.borrow().clone()
    }

    /// A run is in flight; its events after this one will be told.
    pub fn run_began(&self, run: &RunId, after: u64) {
        let tail = Arc::new(Tail::new(run.clone(), after));
        self.live.send_replace(Some(tail));
    }

    /// Events of the run in flight, in order, as they are in the store.
    pub fn events(&self, lines: &[Arc<Line>]) {
        if let Some(tail) = &*self.live.borrow() {
            tail.push(lines);
        }
    }

    /// The run in flight has ended, and all its events were told.
    pub fn run_ended(&self) {
        self.live.send_replace(None);
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// The state now.
    pub fn state(&self) -> DevState {
        self.state.borrow().clone()
    }

    pub(crate) fn states(&self) -> watch::Receiver<DevState> {
        self.state.subscribe()
    }

    pub(crate) fn live(&self) -> watch::Receiver<Option<Arc<Tail>>> {
        self.live.subscribe()
    }

    pub(crate) fn in_flight(&self) -> Option<RunId> {
        self.live.borrow().as_ref().map(|tail| tail.run().clone())
    }

    /// Asks the session, and waits for its answer.
    pub(crate) async fn ask(&self, command: Command) -> Result<serde_json::Value, Refusal> {
        let ended = |_| Refusal::new(RefusalKind::Conflict, "arkor-host dev is about to end");
        let (reply, answer) = oneshot::channel();
        let request = Request { command, reply };
        self.commands
            .send(request)
            .await
            .map_err(|error| ended(error.to_string()))?;
        answer.await.map_err(|error| ended(error.to_string()))?
    }
}
