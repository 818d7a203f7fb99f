//! Where the callbacks of a generation live: one task that owns one instance.

use std::sync::Arc;

use arkor_types::Fault;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::deadline::Deadline;
use crate::event::CallbackEvent;
use crate::instance::Instance;
use crate::protocol::{Answer, Mode};

enum Request {
    Handle(Box<CallbackEvent>, Mode, oneshot::Sender<Answer>),
    SaveState(oneshot::Sender<Result<Vec<u8>, Box<Fault>>>),
}

/// The task ended without an answer: it panicked. What it said is on standard error.
#[derive(Debug)]
pub(crate) struct SlotGone;

/// The callbacks of a generation. Dropping it drops the instance, even in the middle of a call.
#[derive(Debug)]
pub(crate) struct CallbackSlot {
    requests: mpsc::Sender<Request>,
    task: JoinHandle<()>,
    deadline: Arc<Deadline>,
}

impl CallbackSlot {
    /// Gives an instance a task of its own.
    pub(crate) fn new(mut instance: Instance) -> Self {
        let (requests, mut queue) = mpsc::channel(1);
        let deadline = instance.deadline();
        let idle = Arc::clone(&deadline);
        idle.rest();
        let task = tokio::spawn(async move {
            while let Some(request) = queue.recv().await {
                match request {
                    Request::Handle(event, mode, reply) => {
                        let answer = instance.handle_as(&event, mode).await;
                        idle.rest();
                        let _ = reply.send(answer);
                    }
                    Request::SaveState(reply) => {
                        let state = instance.save_state().await;
                        idle.rest();
                        let _ = reply.send(state);
                    }
                }
            }
        });
        Self {
            requests,
            task,
            deadline,
        }
    }

    /// When the running call is cut off.
    pub(crate) fn deadline(&self) -> &Deadline {
        &self.deadline
    }

    /// Hands an event to its callback.
    pub(crate) async fn handle(
        &self,
        event: CallbackEvent,
        mode: Mode,
    ) -> Result<Answer, SlotGone> {
        self.ask(|reply| Request::Handle(Box::new(event), mode, reply))
            .await
    }

    /// The trainer's memory.
    pub(crate) async fn save_state(&self) -> Result<Result<Vec<u8>, Box<Fault>>, SlotGone> {
        self.ask(Request::SaveState).await
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<T>) -> Request,
    ) -> Result<T, SlotGone> {
        let (reply, answer) = oneshot::channel();
        self.requests
            .send(request(reply))
            .await
            .map_err(|_| SlotGone)?;
        answer.await.map_err(|_| SlotGone)
    }
}

impl Drop for CallbackSlot {
    fn drop(&mut self) {
        self.task.abort();
    }
}
