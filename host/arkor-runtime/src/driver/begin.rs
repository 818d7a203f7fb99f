//! From a described trainer to a running run: data, tokenizer and model, a new run or one that goes on.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64};

use arkor_engine::{
    Engine, EngineError, Examples, Schedule, SessionRequest, Text, TrainingSession, planned_steps,
};
use arkor_store::{NewRun, RunHandle, Store};
use arkor_types::{
    CheckpointRecord, Event, Level, MessageSource, ModelShape, ModelSource, RunId, RunRecord,
    RunStatus, Spec, Started, TokenizerSource,
};
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};

use super::data::{DataFiles, about, inside};
use super::differences::differences;
use super::machine::{LoopOwner, Machine, Plan, ScoreRule};
use super::resuming::{can_go_on, has_more_to_do, read_whole};
use super::saved::lacks_state;
use super::{Driver, OnCallbackError, Parts, Resumed, RunControl};
use crate::error::RuntimeError;
use crate::guest::{RunContext, RunIdentity};
use crate::protocol::GuestText;
use crate::trainer::{Trainer, listen};
use crate::worker::Worker;

/// What a run needs besides a trainer.
#[derive(Clone)]
pub struct RunSettings {
    /// Executes the training steps.
    pub engine: Arc<dyn Engine>,
    /// Paths of the spec are relative to it and stay inside.
    pub project: PathBuf,
    /// What a failing callback means.
    pub on_callback_error: OnCallbackError,
    /// The run whose place a new one takes.
    pub parent: Option<RunId>,
    /// Whether a new run begins with the weights of its parent's last checkpoint, if they fit.
    pub warm: bool,
    /// Whether somebody can let a paused run go on. If not, a callback's wish to pause is refused.
    pub is_attended: bool,
}

impl Trainer {
    /// Begins a new run.
    ///
    /// Everything that can be wrong with data, tokenizer or model is found before the run is in
    /// the store.
    ///
    /// # Errors
    ///
    /// If data, tokenizer or model cannot be prepared, or the store not be written.
    pub async fn run(
        mut self,
        spec: Spec,
        store: &Store,
        settings: &RunSettings,
    ) -> Result<RunControl, RuntimeError> {
        let warm = match (&settings.parent, settings.warm) {
            (Some(parent), true) => Some(warm_start(store, parent, &spec)?),
            _ => None,
        };
        let (start, weights_from) = match warm {
            Some(Ok(checkpoint)) => {
                let weights = store.blob_path(&checkpoint.state);
                (Some(Start::Weights(weights)), Some(checkpoint.id))
            }
            Some(Err(why)) => {
                self.said.push(GuestText {
                    level: Level::Warn,
                    source: MessageSource::Host,
                    text: format!("the run begins with new weights, not its parent's: {why}")
                        .into(),
                });
                (None, None)
            }
            None => (None, None),
        };
        let ready = Ready::prepare(&spec, settings, start).await?;
        let new = NewRun {
            name: spec.name.as_str().into(),
            config: config_hash(&spec)?,
            component: self.code.component.digest.clone(),
            parent: settings.parent.clone(),
            spec,
        };
        let handle = store.create_run(new)?;
        Ok(self.drive(handle, ready, None, weights_from, settings))
    }

    /// Goes on with a run from a checkpoint of it; `None` is its last one, or its beginning if it has none.
    ///
    /// `max_steps` changes the run's length. Everything else of its configuration must be what the
    /// trainer describes.
    ///
    /// # Errors
    ///
    /// [`RuntimeError::ConfigChanged`], or as [`Self::run`].
    pub async fn resume(
        mut self,
        run: &RunRecord,
        from: Option<CheckpointRecord>,
        max_steps: Option<u32>,
        store: &Store,
        settings: &RunSettings,
    ) -> Result<RunControl, RuntimeError> {
        let described = self.spec(|_| {})?;
        let mut spec = run.spec.clone();
        let changed = differences(&spec, &described);
        if !changed.is_empty() {
            return Err(RuntimeError::ConfigChanged {
                run: run.id.to_string(),
                changed: changed.join(", "),
            });
        }
        if let Some(max_steps) = max_steps {
            spec.hyperparameters.max_steps = max_steps;
        }
        let newest = store.latest_checkpoint(&run.id)?;
        let known = newest.as_ref().map(|newest| newest.id.clone());
        let resumed = from
            .or(newest)
            .map(|checkpoint| read_whole(store, run, checkpoint))
            .transpose()?;
        if run.spec.dry_run {
            return Err(RuntimeError::Setup(format!(
                "run {} was a dry run, which trained nothing that one could go on with",
                run.id
            )));
        }
        if let Some(resumed) = &resumed {
            can_go_on(run, resumed)?;
            has_more_to_do(store, run, resumed, max_steps)?;
        }
        let length = spec.hyperparameters.max_steps;
        if max_steps.is_none() && described.hyperparameters.max_steps != length {
            self.said.push(GuestText {
                level: Level::Warn,
                source: MessageSource::Host,
                text: format!(
                    "max-steps is {} in the trainer's code, and this run goes on to {length}: \
                     --max-steps changes that",
                    described.hyperparameters.max_steps
                )
                .into(),
            });
        }
        let weights_from = began_with(store, run)?;
        let start = match (&resumed, &weights_from) {
            (Some(resumed), _) => Some(Start::Saved {
                state: store.blob_path(&resumed.checkpoint.state),
                step: resumed.saved.progress.step,
                tokens: resumed.saved.progress.tokens,
            }),
            (None, Some(checkpoint)) => Some(Start::Weights(store.blob_path(&checkpoint.state))),
            (None, None) => None,
        };
        let weights_from = weights_from.map(|checkpoint| checkpoint.id);
        let ready = Ready::prepare(&spec, settings, start).await?;
        let known_data = resumed
            .as_ref()
            .and_then(|resumed| resumed.saved.data.as_ref());
        if let (Some(known), Some(data)) = (known_data, &ready.data)
            && *known != data.digest
        {
            return Err(RuntimeError::ConfigChanged {
                run: run.id.to_string(),
                changed: format!("{} has another content", data.names),
            });
        }
        if let Some(state) = resumed
            .as_ref()
            .and_then(|resumed| resumed.saved.callbacks.as_ref())
            .filter(|state| !state.is_empty())
        {
            let load = self.code.instance.load_state(state);
            let (loaded, said) = listen(load, &mut self.queue).await;
            self.said.extend(said);
            loaded.map_err(RuntimeError::Guest)?;
        }
        if let Some(text) = resumed.as_ref().and_then(lacks_state) {
            self.said.push(GuestText {
                level: Level::Warn,
                source: MessageSource::Host,
                text: text.into(),
            });
        }
        let mut handle = store.resume_run(&run.id)?;
        // The next attempt goes on with what this one was told.
        if handle.record().spec != spec {
            handle.set_spec(&spec)?;
        }
        // The run is ours only now; another process may have taken it further meanwhile.
        let newest = store.latest_checkpoint(&run.id)?.map(|newest| newest.id);
        if newest != known {
            return Err(RuntimeError::Overtaken {
                run: run.id.to_string(),
            });
        }
        Ok(self.drive(handle, ready, resumed, weights_from, settings))
    }

    fn drive(
        self,
        handle: RunHandle,
        ready: Ready,
        resumed: Option<Resumed>,
        weights_from: Option<String>,
        settings: &RunSettings,
    ) -> RunControl {
        let Self {
            code,
            said,
            requests,
            queue,
            ..
        } = self;
        let Ready {
            worker,
            model,
            examples,
            spec,
            data,
            steps,
            tokens,
        } = ready;
        let h = &spec.hyperparameters;
        let planned = planned_steps(h, examples.info().train_examples);
        let owner = if spec.own_loop {
            LoopOwner::Trainer
        } else {
            LoopOwner::Host
        };
        let plan = Plan {
            owner,
            total_steps: (owner == LoopOwner::Host).then_some(planned),
            logging_steps: h.logging_steps.into(),
            eval_steps: h.eval_steps.into(),
            save_steps: h.save_steps.into(),
            evaluates: examples.info().eval_examples > 0,
            patience: h.early_stopping_patience,
            score: ScoreRule {
                metric: h.metric_for_best_model.clone(),
                greater_is_better: h.greater_is_better,
                threshold: h.early_stopping_threshold,
            },
            dry_run: spec.dry_run,
            on_callback_error: settings.on_callback_error,
            is_attended: settings.is_attended,
        };
        let machine = match &resumed {
            None => Machine::new(plan.clone()),
            Some(resumed) => Machine::resume(
                plan.clone(),
                resumed.saved.progress.clone(),
                resumed.checkpoint.id.clone(),
                handle.previous_status().unwrap_or(RunStatus::Interrupted),
            ),
        };
        let parameters = model.parameters;
        let schedule = Schedule::new(h, planned);
        let context = RunContext {
            worker,
            model,
            examples,
            spec,
            requests,
            step: steps,
            tokens,
            identity: Arc::new(RunIdentity {
                id: handle.id().clone(),
                parent: handle.record().parent.clone(),
                attempt: handle.record().attempt,
                total_steps: plan.total_steps,
            }),
            generation: Arc::new(AtomicU32::new(1)),
        };
        Driver::start(Parts {
            machine,
            plan,
            handle,
            code,
            context,
            schedule,
            guest_requests: queue,
            early: said,
            resumed,
            parameters,
            data: data.map(|data| data.digest),
            weights_from,
        })
    }
}

/// What an engine begins with, if not with new weights.
enum Start {
    /// All of an earlier attempt.
    Saved {
        state: PathBuf,
        step: u64,
        tokens: u64,
    },
    /// The weights of another run.
    Weights(PathBuf),
}

/// The parent's checkpoint whose weights a run can begin with, or why there is none.
fn warm_start(
    store: &Store,
    parent: &RunId,
    spec: &Spec,
) -> Result<Result<CheckpointRecord, String>, RuntimeError> {
    let before = store.run(parent)?.spec;
    if before.model != spec.model {
        return Ok(Err("the model is another".into()));
    }
    if before.tokenizer != spec.tokenizer {
        return Ok(Err("the tokenizer is another".into()));
    }
    let checkpoint = store.latest_checkpoint(parent)?;
    Ok(checkpoint.ok_or_else(|| format!("{parent} has no checkpoint")))
}

/// The checkpoint of its parent whose weights a run began with.
fn began_with(store: &Store, run: &RunRecord) -> Result<Option<CheckpointRecord>, RuntimeError> {
    let first = store.events_of(&run.id, &["started"], 0, 1)?.pop();
    let Some(Event::Started(Started {
        weights_from: Some(id),
        parent: Some(parent),
        ..
    })) = first.map(|record| record.event)
    else {
        return Ok(None);
    };
    let mut checkpoints = store.checkpoints(&parent)?.into_iter();
    match checkpoints.find(|checkpoint| checkpoint.id == id) {
        Some(checkpoint) => Ok(Some(checkpoint)),
        // One that has checkpoints of its own needs its parent's no more.
        None if store.latest_checkpoint(&run.id)?.is_some() => Ok(None),
        None => Err(RuntimeError::Setup(format!(
            "run {} began with the weights of checkpoint {id} of {parent}, which is gone",
            run.id
        ))),
    }
}

/// Data and model, prepared.
struct Ready {
    worker: Worker,
    model: arkor_engine::ModelSummary,
    examples: Arc<Examples>,
    spec: Arc<Spec>,
    data: Option<Data>,
    steps: Arc<AtomicU64>,
    tokens: Arc<AtomicU64>,
}

/// What the files of the spec hold.
struct Data {
    /// As people call them.
    names: String,
    digest: String,
}

/// Looks whether a run of this spec could begin: everything but whether there is memory for its model.
///
/// # Errors
///
/// As [`Trainer::run`], for files, data and tokenizer.
pub async fn check(spec: &Spec, settings: &RunSettings) -> Result<(), RuntimeError> {
    let mut small = spec.clone();
    if let ModelSource::Scratch(shape) = &mut small.model {
        // The data needs a vocabulary and not the model's weights.
        *shape = ModelShape {
            hidden_size: 8,
            num_hidden_layers: 1,
            num_attention_heads: 1,
            num_key_value_heads: 1,
            intermediate_size: 8,
            ..shape.clone()
        };
    }
    // Who does not wait for it any more cannot end it: the next one waits until it is over.
    let turn = CHECKS.acquire().await.ok();
    Ready::prepare_with(turn, &small, settings, None)
        .await
        .map(|_| ())
}

/// Checks at once. Each may read much, and compute with all cores.
static CHECKS: Semaphore = Semaphore::const_new(1);

impl Ready {
    async fn prepare(
        spec: &Spec,
        settings: &RunSettings,
        start: Option<Start>,
    ) -> Result<Self, RuntimeError> {
        Self::prepare_with(None, spec, settings, start).await
    }

    /// The turn is held by the thread that prepares, until it is done.
    async fn prepare_with(
        turn: Option<SemaphorePermit<'static>>,
        spec: &Spec,
        settings: &RunSettings,
        start: Option<Start>,
    ) -> Result<Self, RuntimeError> {
        let dataset = match &spec.dataset {
            None => None,
            Some(dataset) => Some(DataFiles::find(dataset, &settings.project)?),
        };
        let tokenizer_file = match &spec.tokenizer {
            TokenizerSource::File(path) => Some(inside(&settings.project, "tokenizer.file", path)?),
            _ => None,
        };
        let (step, tokens, saved, weights) = match start {
            Some(Start::Saved {
                state,
                step,
                tokens,
            }) => (step, tokens, Some(state), None),
            Some(Start::Weights(weights)) => (0, 0, None, Some(weights)),
            None => (0, 0, None, None),
        };
        let steps = Arc::new(AtomicU64::new(step));
        let tokens = Arc::new(AtomicU64::new(tokens));
        let (engine, wanted) = (Arc::clone(&settings.engine), spec.clone());
        let (prepared, examples) = oneshot::channel();
        let open = move || -> Result<Box<dyn TrainingSession>, EngineError> {
            let _turn = turn;
            let (named, text, data) = match dataset {
                Some(files) => {
                    let text = files.read()?;
                    let data = Data {
                        names: files.names(),
                        digest: text.digest(),
                    };
                    (files.named, Some(text), Some(data))
                }
                None => (String::new(), None, None),
            };
            let hyperparameters = wanted.hyperparameters.clone();
            let session = engine
                .open(SessionRequest {
                    spec: wanted,
                    tokenizer_file,
                    tokenizer_text: text.as_ref().map(Text::tokenizer_text),
                    saved,
                    weights,
                })
                .map_err(|error| about(&named, error))?;
            let examples = match text {
                Some(text) => Examples::prepare(&text, &*session, &hyperparameters)
                    .map_err(|error| about(&named, error))?,
                None => Examples::none(&hyperparameters),
            };
            let _ = prepared.send((examples, session.model(), data));
            Ok(session)
        };
        let worker = Worker::start(Arc::clone(&steps), Arc::clone(&tokens), open).await?;
        let (examples, model, data) = examples
            .await
            .map_err(|_| RuntimeError::EngineGone("it opened without data".into()))?;
        Ok(Self {
            worker,
            model,
            examples: Arc::new(examples),
            spec: Arc::new(spec.clone()),
            data,
            steps,
            tokens,
        })
    }
}

fn config_hash(spec: &Spec) -> Result<String, RuntimeError> {
    spec.config_hash()
        .map_err(|error| RuntimeError::Setup(error.to_string()))
}

#[cfg(test)]
mod tests;
