//! The trainer's own loop: a task with an instance of its own, and the answers to its hooks.

use std::sync::atomic::Ordering;

use arkor_types::{FailureCode, Fault, Level, MessageSource, Metric};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::machine::{Input, LoopAnswer, LoopProgress, LoopRequest, RunRequest};
use super::reload::Replacement;
use super::{Done, Driver, Stopped, broke, steps};
use crate::component::TrainerComponent;
use crate::console::GuestText;
use crate::error::RuntimeError;
use crate::guest::{GuestRequest, LoopReply, LoopRole};
use crate::instance::Instance;
use crate::worker::{Work, WorkerGone};

/// The loop at work. Dropping it drops the instance.
pub(super) struct LoopTask {
    task: JoinHandle<Result<(), Box<Fault>>>,
}

impl Drop for LoopTask {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The code of the loop at work, and of the one before it.
#[derive(Default)]
pub(super) struct LoopCode {
    now: Option<TrainerComponent>,
    before: Option<TrainerComponent>,
}

/// What came first while the loop was at work.
enum Came {
    Returned(Result<(), Box<Fault>>),
    Guest(GuestRequest),
    User(RunRequest),
    Code(Box<Replacement>),
}

impl Driver {
    pub(super) fn start_loop(&mut self) {
        let component = self.parts.component.clone();
        self.loop_code.before = self.loop_code.now.replace(component.clone());
        self.begin_loop(component);
    }

    /// New code took the loop over and failed before it offered a checkpoint of its own: the code
    /// before it goes on from the checkpoint of the hand-over.
    pub(super) async fn restore_loop(&mut self) -> Done<Option<Input>> {
        let Some(component) = self.loop_code.before.take() else {
            return Ok(Some(Input::LoopReturned(Ok(()))));
        };
        if let Err(error) = self.restore_checkpoint().await? {
            return Ok(Some(broke(&error)));
        }
        self.message(GuestText {
            level: Level::Warn,
            source: MessageSource::Host,
            text: format!(
                "the loop before takes over again, from the checkpoint of step {}",
                self.parts.machine.step()
            )
            .into(),
        })?;
        self.loop_code.now = Some(component.clone());
        self.begin_loop(component);
        Ok(None)
    }

    async fn restore_checkpoint(&mut self) -> Done<Result<(), RuntimeError>> {
        let store = self.parts.handle.store().clone();
        let id = self.parts.handle.id().clone();
        let found = store.latest_checkpoint(&id)?.map(|checkpoint| {
            let state = store.read_blob(&checkpoint.state)?;
            crate::trainer::read_progress(&store, &id, checkpoint)
                .map(|resumed| (state, resumed.saved))
        });
        let (state, saved) = match found {
            Some(Ok(found)) => found,
            Some(Err(error)) => return Ok(Err(error)),
            None => {
                return Ok(Err(RuntimeError::EngineGone(
                    "there is no checkpoint".into(),
                )));
            }
        };
        let (step, tokens) = (saved.progress.step, saved.progress.tokens);
        let worker = self.parts.context.worker.clone();
        let loaded = self
            .attend(async move {
                worker
                    .call(move |work| {
                        work.drop_gradients();
                        work.session.load_state(&mut state.as_slice())?;
                        work.tokens = tokens;
                        work.steps.store(step, Ordering::Release);
                        Ok::<_, arkor_engine::EngineError>(())
                    })
                    .await
            })
            .await?;
        match loaded {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Ok(Err(error.into())),
            Err(gone) => return Ok(Err(gone.into())),
        }
        self.parts.machine.restored(saved.progress);
        self.loop_state = saved.training_loop;
        Ok(Ok(()))
    }

    fn begin_loop(&mut self, component: TrainerComponent) {
        let parts = &self.parts;
        let surroundings = parts.surroundings.clone();
        let context = parts.context.clone();
        let resume = self.loop_state.clone();
        let learning_rate = parts.machine.progress.learning_rate;
        let task = tokio::spawn(async move {
            let mut instance = Instance::start(&component, &surroundings, 0).await?;
            // The contract promises `describe` before any other function of a new instance.
            instance.describe().await?;
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
        });
        self.training_loop = Some(LoopTask { task });
        // Of the loop before, which is gone.
        self.hooks_waiting.clear();
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

    /// Serves the loop until the machine has something to decide.
    pub(super) async fn attend_loop(&mut self) -> Done<Option<Input>> {
        loop {
            let Some(training_loop) = &mut self.training_loop else {
                return Ok(Some(Input::LoopReturned(Ok(()))));
            };
            let came = tokio::select! {
                biased;
                Some(request) = std::future::ready(self.hooks_waiting.pop_front()) => {
                    Came::Guest(request)
                }
                Some(request) = self.parts.guest_requests.recv() => Came::Guest(request),
                Some(request) = self.users.recv() => Came::User(request),
                Some(new) = self.replacements.recv() => Came::Code(Box::new(new)),
                returned = &mut training_loop.task => Came::Returned(match returned {
                    Ok(result) => result,
                    Err(error) => return Ok(Some(Input::Broke {
                        message: format!("the loop's task failed: {error}"),
                        code: FailureCode::Internal,
                        hint: None,
                    })),
                }),
            };
            match came {
                Came::User(RunRequest::Cancel) => return Err(Stopped::Cancelled),
                Came::User(request) => return Ok(Some(Input::Request(request))),
                Came::Code(new) => {
                    self.offered(*new);
                    return Ok(None);
                }
                Came::Returned(result) => {
                    self.training_loop = None;
                    while let Ok(request) = self.parts.guest_requests.try_recv() {
                        self.serve(request)?;
                    }
                    // The machine's step is that of the last hook; the loop may have gone on.
                    let step = self.parts.steps.load(Ordering::Acquire);
                    self.parts.machine.progress.step = step;
                    self.drop_gradients().await?;
                    return Ok(Some(Input::LoopReturned(result)));
                }
                Came::Guest(request) => {
                    if let Some(input) = self.hooked(request).await? {
                        return Ok(Some(input));
                    }
                }
            }
        }
    }

    async fn hooked(&mut self, request: GuestRequest) -> Done<Option<Input>> {
        let gone = |_: WorkerGone| Input::Broke {
            message: "the training engine ended unexpectedly".into(),
            code: FailureCode::EngineLost,
            hint: None,
        };
        match request {
            GuestRequest::Log {
                step,
                told,
                metrics,
                reply,
            } => {
                let tokens = match self.trained_tokens().await? {
                    Ok(tokens) => tokens,
                    Err(error) => return Ok(Some(gone(error))),
                };
                Ok(Some(self.logged(step, tokens, told, metrics, reply)))
            }
            GuestRequest::Checkpoint { at, reply } => {
                let tokens = match self.trained_tokens().await? {
                    Ok(tokens) => tokens,
                    Err(error) => return Ok(Some(gone(error))),
                };
                self.hook = Some(reply);
                let step = at.step;
                self.loop_state = Some(at);
                Ok(Some(Input::Loop(LoopRequest::Checkpoint { step, tokens })))
            }
            GuestRequest::Evaluated {
                step,
                measured,
                reply,
            } => {
                let tokens = match self.trained_tokens().await? {
                    Ok(tokens) => tokens,
                    Err(error) => return Ok(Some(gone(error))),
                };
                self.hook = Some(reply);
                Ok(Some(Input::Loop(LoopRequest::Evaluated {
                    step,
                    tokens,
                    measured,
                })))
            }
            GuestRequest::Evaluate { reply } => {
                let tokens = match self.trained_tokens().await? {
                    Ok(tokens) => tokens,
                    Err(error) => return Ok(Some(gone(error))),
                };
                self.hook = Some(reply);
                let step = self.parts.steps.load(Ordering::Acquire);
                Ok(Some(Input::Loop(LoopRequest::Evaluate { step, tokens })))
            }
            GuestRequest::SaveNamed { name, reply } => {
                let limit = self.parts.surroundings.limits.saved_states;
                let saved = if self.totals.saved_states >= limit.into() {
                    Err(format!(
                        "{limit} states were saved, which is limits.saved-states"
                    ))
                } else {
                    self.totals.saved_states += 1;
                    self.save_named(&name).await?
                };
                let _ = reply.send(saved);
                Ok(None)
            }
            GuestRequest::LoadNamed { name, reply } => {
                let loaded = self.load_named(&name).await?;
                let _ = reply.send(loaded);
                Ok(None)
            }
            request @ (GuestRequest::Text(_) | GuestRequest::Artifact { .. }) => {
                self.serve(request)?;
                Ok(None)
            }
        }
    }

    fn logged(
        &mut self,
        step: u64,
        tokens: u64,
        told: LoopProgress,
        metrics: Vec<Metric>,
        reply: oneshot::Sender<LoopReply>,
    ) -> Input {
        self.hook = Some(reply);
        let now = std::time::Instant::now();
        let seconds = now.duration_since(self.last_log).as_secs_f64();
        self.last_log = now;
        Input::Loop(LoopRequest::Log {
            step,
            tokens,
            seconds,
            told,
            metrics,
        })
    }

    /// A loop may return in the middle of an accumulation. What was not applied is not trained, and
    /// a checkpoint has no place for it.
    async fn drop_gradients(&mut self) -> Done<()> {
        let worker = self.parts.context.worker.clone();
        let dropped = self
            .attend(async move { worker.call(Work::drop_gradients).await })
            .await?;
        // An engine that is gone is noticed by whoever needs it next.
        if let Ok(true) = dropped {
            self.message(GuestText {
                level: Level::Warn,
                source: MessageSource::Host,
                text: "the loop returned with gradients that no optim-step applied; they are \
                       dropped"
                    .into(),
            })?;
        }
        Ok(())
    }

    async fn trained_tokens(&mut self) -> Done<Result<u64, WorkerGone>> {
        let worker = self.parts.context.worker.clone();
        self.attend(async move { worker.call(|work| work.tokens).await })
            .await
    }

    async fn save_named(&mut self, name: &str) -> Done<Result<(), String>> {
        let writer = match self.parts.handle.begin_blob() {
            Ok(writer) => writer,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let worker = self.parts.context.worker.clone();
        let saved = self
            .attend(async move { steps::write_state(&worker, writer).await })
            .await?;
        Ok(match saved {
            Ok(blob) => self
                .parts
                .handle
                .put_named_state(name, blob)
                .map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        })
    }

    async fn load_named(&mut self, name: &str) -> Done<Result<bool, String>> {
        let content = match self.parts.handle.named_state(name) {
            Ok(None) => return Ok(Ok(false)),
            Ok(Some(blob)) => self.parts.handle.store().read_blob(&blob.digest),
            Err(error) => Err(error),
        };
        let content = match content {
            Ok(content) => content,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let worker = self.parts.context.worker.clone();
        let loaded = self
            .attend(async move {
                worker
                    .call(move |work| {
                        work.drop_gradients();
                        work.session.load_state(&mut content.as_slice())
                    })
                    .await
            })
            .await?;
        Ok(match loaded {
            Ok(Ok(())) => {
                self.parts.machine.weights_replaced();
                Ok(true)
            }
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the training engine is gone".into()),
        })
    }
}
