//! Where the callbacks of a run live: one task that owns one instance, replaced as a whole when new
//! code comes.

use arkor_types::{Action, Fault};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::instance::{CallbackEvent, Instance};

enum Request {
    Handle(CallbackEvent, oneshot::Sender<Answer>),
    SaveState(oneshot::Sender<Result<Vec<u8>, Box<Fault>>>),
}

/// How a callback answered.
pub(crate) type Answer = Result<Vec<Action>, Box<Fault>>;

/// The callbacks of a run. Dropping it drops the instance, even in the middle of a call.
#[derive(Debug)]
pub(crate) struct CallbackSlot {
    requests: mpsc::Sender<Request>,
    task: JoinHandle<()>,
    generation: u32,
}

impl CallbackSlot {
    /// Gives an instance a task of its own.
    pub(crate) fn new(mut instance: Instance, generation: u32) -> Self {
        let (requests, mut queue) = mpsc::channel(1);
        let task = tokio::spawn(async move {
            while !instance.is_dead() {
                match queue.recv().await {
                    Some(Request::Handle(event, reply)) => {
                        let _ = reply.send(instance.handle(&event).await);
                    }
                    Some(Request::SaveState(reply)) => {
                        let _ = reply.send(instance.save_state().await);
                    }
                    None => return,
                }
            }
        });
        Self {
            requests,
            task,
            generation,
        }
    }

    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    /// Hands an event to its callback; `None` if the instance failed before.
    pub(crate) async fn handle(&self, event: CallbackEvent) -> Option<Answer> {
        self.ask(|reply| Request::Handle(event, reply)).await
    }

    /// The trainer's memory; `None` if the instance failed before.
    pub(crate) async fn save_state(&self) -> Option<Result<Vec<u8>, Box<Fault>>> {
        self.ask(Request::SaveState).await
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(request(reply)).await.ok()?;
        answer.await.ok()
    }
}

impl Drop for CallbackSlot {
    fn drop(&mut self) {
        self.task.abort();
    }
}
