//! The trainer's own loop: a task with an instance of its own, and the answers to its hooks.

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use arkor_types::Fault;
use tokio::task::JoinHandle;

use super::inbox::EngineDone;
use super::machine::{Input, LoopAnswer, LoopRequest};
use super::{Done, Driver, engine_work};
use crate::deadline::Deadline;
use crate::guest::LoopRole;
use crate::instance::Instance;
use crate::protocol::{GuestRequest, LoopReply, NamedState};
use crate::worker::Work;

/// How the loop's task ended.
pub(super) struct LoopEnd {
    /// Optimizer steps finished.
    pub(super) step: u64,
    /// Tokens trained on.
    pub(super) tokens: u64,
    /// There were gradients that no optimizer step applied.
    pub(super) dropped_gradients: bool,
    /// None: the task failed, which is a defect of the host.
    pub(super) result: Option<Result<(), Box<Fault>>>,
}

/// The loop at work. Dropping it drops the instance.
pub(super) struct LoopTask {
    task: JoinHandle<LoopEnd>,
    deadline: Arc<OnceLock<Arc<Deadline>>>,
}

impl Drop for LoopTask {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl LoopTask {
    /// The end of the loop, if there is one.
    pub(super) async fn end(task: &mut Option<Self>) -> LoopEnd {
        let Some(running) = task else {
            return std::future::pending().await;
        };
        let end = (&mut running.task).await;
        *task = None;
        end.unwrap_or(LoopEnd {
            step: 0,
            tokens: 0,
            dropped_gradients: false,
            result: None,
        })
    }

    /// When the loop is cut off, once it has begun.
    pub(super) fn deadline(&self) -> Option<&Deadline> {
        self.deadline.get().map(AsRef::as_ref)
    }
}

impl Driver {
    /// Starts the loop of a generation's code in an instance of its own.
    pub(super) fn start_loop(&mut self, generation: u32) {
        let Some(code) = self.generations.get(&generation) else {
            self.reports
                .push_back(internal(format!("no code of generation {generation}")));
            return;
        };
        let (component, surroundings) = (code.component.clone(), code.surroundings.clone());
        let context = self.context.clone();
        let resume = self.loop_state.clone();
        let learning_rate = self.machine.progress.learning_rate;
        let deadline: Arc<OnceLock<Arc<Deadline>>> = Arc::default();
        let found = Arc::clone(&deadline);
        let task = tokio::spawn(async move {
            let (worker, step) = (context.worker.clone(), Arc::clone(&context.step));
            let tokens = Arc::clone(&context.tokens);
            let work = async move {
                let mut instance = Instance::start(&component, &surroundings, 0).await?;
                // The contract promises `describe` before any other function of a new instance.
                instance.describe().await?;
                let _ = found.set(instance.deadline());
                let spec = context.spec.clone();
                instance.rename(spec.name.as_str());
                let role = LoopRole {
                    run: context,
                    generated: resume.as_ref().map_or(0, |at| at.generated),
                    resume,
                    learning_rate,
                    ended: false,
                };
                instance.run_loop(role, &spec).await
            };
            let result = work.await;
            // A loop may return in the middle of an accumulation. What was not applied is not trained, and
            // a checkpoint has no place for it. An engine that is gone is noticed by whoever needs it next.
            let dropped_gradients = worker.call(Work::drop_gradients).await.unwrap_or(false);
            LoopEnd {
                step: step.load(Ordering::Acquire),
                tokens: tokens.load(Ordering::Acquire),
                dropped_gradients,
                result: Some(result),
            }
        });
        self.inbox.training_loop = Some(LoopTask { task, deadline });
        // Of the loop before, which is gone.
        self.inbox.hooks.clear();
    }

    pub(super) fn loop_ended(&mut self, end: LoopEnd) -> Done<Input> {
        // What it asked for last has nobody who waits for the answer.
        self.inbox.hooks.clear();
        if end.dropped_gradients {
            self.warn(
                "the loop returned with gradients that no optim-step applied; they are dropped"
                    .into(),
            )?;
        }
        Ok(match end.result {
            Some(result) => Input::LoopReturned {
                step: end.step,
                tokens: end.tokens,
                result,
            },
            None => internal("the loop's task failed".into()),
        })
    }

    pub(super) fn answer_loop(&mut self, answer: LoopAnswer) {
        let reply = match answer {
            LoopAnswer::Wishes(wishes) => LoopReply::Wishes(wishes),
            LoopAnswer::Proceed => LoopReply::Proceed,
            LoopAnswer::Stop => LoopReply::Stop,
            LoopAnswer::HandOver => LoopReply::HandOver,
            LoopAnswer::Evaluated { loss } => LoopReply::Evaluated {
                loss,
                tokens: self.eval_tokens,
            },
        };
        // A loop that is gone is noticed when its task ends.
        if let Some(hook) = self.hook.take() {
            let _ = hook.send(reply);
        }
    }

    /// What the loop asks for, as the machine takes it; none if the machine has no part in it.
    pub(super) fn hooked(&mut self, request: GuestRequest) -> Done<Option<Input>> {
        let tokens = self.context.tokens.load(Ordering::Acquire);
        let (request, reply) = match request {
            GuestRequest::Log {
                step,
                told,
                metrics,
                reply,
            } => {
                let now = Instant::now();
                let seconds = now.duration_since(self.last_log).as_secs_f64();
                self.last_log = now;
                let request = LoopRequest::Log {
                    step,
                    tokens,
                    seconds,
                    told,
                    metrics,
                };
                (request, reply)
            }
            GuestRequest::Checkpoint { at, reply } => {
                let step = at.step;
                self.loop_state = Some(at);
                (LoopRequest::Checkpoint { step, tokens }, reply)
            }
            GuestRequest::Evaluated {
                step,
                measured,
                reply,
            } => {
                let request = LoopRequest::Evaluated {
                    step,
                    tokens,
                    measured,
                };
                (request, reply)
            }
            GuestRequest::Evaluate { reply } => {
                let step = self.context.step.load(Ordering::Acquire);
                (LoopRequest::Evaluate { step, tokens }, reply)
            }
            GuestRequest::SaveNamed { name, reply } => {
                let limit = self.limits().saved_states;
                if self.totals.saved_states >= limit.into() {
                    let why = format!("{limit} states were saved, which is limits.saved-states");
                    let _ = reply.send(Err(why));
                    return Ok(None);
                }
                self.totals.saved_states += 1;
                let handle = &self.handle;
                match tokio::task::block_in_place(|| handle.begin_blob()) {
                    Ok(writer) => {
                        let worker = self.context.worker.clone();
                        self.inbox.engine = Some(Box::pin(async move {
                            let result = engine_work::write_state(&worker, writer).await;
                            EngineDone::NamedStateSaved {
                                name,
                                result,
                                reply,
                            }
                        }));
                    }
                    Err(error) => drop(reply.send(Err(error.to_string()))),
                }
                return Ok(None);
            }
            GuestRequest::LoadNamed { name, reply } => {
                let handle = &self.handle;
                let found = match tokio::task::block_in_place(|| handle.named_state(&name)) {
                    Ok(None) => {
                        let names = self.handle.named_states();
                        let missing = names.map(NamedState::Missing);
                        let _ = reply.send(missing.map_err(|error| error.to_string()));
                        return Ok(None);
                    }
                    Ok(Some(blob)) => blob.digest,
                    Err(error) => {
                        let _ = reply.send(Err(error.to_string()));
                        return Ok(None);
                    }
                };
                let (store, worker) = (self.handle.store().clone(), self.context.worker.clone());
                self.inbox.engine = Some(Box::pin(async move {
                    let result = engine_work::load_state(&worker, store, found).await;
                    EngineDone::NamedStateLoaded { result, reply }
                }));
                return Ok(None);
            }
            request @ (GuestRequest::Text(_) | GuestRequest::Artifact { .. }) => {
                self.serve(request)?;
                return Ok(None);
            }
        };
        self.hook = Some(reply);
        Ok(Some(Input::Loop(request)))
    }
}

pub(super) fn internal(message: String) -> Input {
    Input::Broke {
        message,
        code: arkor_types::FailureCode::Internal,
        hint: Some("please report this".into()),
    }
}
