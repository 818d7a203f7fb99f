//! Back to the last checkpoint: weights, position, named states and the memory of the callbacks.

use std::sync::atomic::Ordering;

use arkor_store::Store;
use arkor_types::RunId;

use super::inbox::{CallbacksDone, EngineDone};
use super::machine::Input;
use super::{Done, Driver, Resumed, broke, training_loop};
use crate::error::RuntimeError;
use crate::instance::Instance;
use crate::worker::Worker;

/// The place of a checkpoint, which the engine is at.
pub(super) struct Place(Resumed);

/// Reads the newest checkpoint and loads its weights.
async fn load(store: Store, run: RunId, worker: Worker) -> Result<Box<Place>, RuntimeError> {
    worker
        .call(move |work| {
            let newest = store
                .latest_checkpoint(&run)?
                .ok_or_else(|| RuntimeError::EngineGone("there is no checkpoint".into()))?;
            let state = store.read_blob(&newest.state)?;
            let resumed = super::read_progress(&store, newest)?;
            let progress = &resumed.saved.progress;
            work.drop_gradients();
            work.session.load_state(&mut state.as_slice())?;
            work.tokens.store(progress.tokens, Ordering::Release);
            work.steps.store(progress.step, Ordering::Release);
            Ok::<_, RuntimeError>(Box::new(Place(resumed)))
        })
        .await?
}

impl Driver {
    pub(super) fn rewind(&mut self) {
        let store = self.handle.store().clone();
        let (run, worker) = (self.handle.id().clone(), self.context.worker.clone());
        self.inbox.engine = Some(Box::pin(async move {
            EngineDone::Rewound(load(store, run, worker).await)
        }));
    }

    pub(super) fn rewound(&mut self, place: Result<Box<Place>, RuntimeError>) -> Done<Input> {
        let resumed = match place {
            Ok(place) => place.0,
            Err(error) => return Ok(broke(&error)),
        };
        let saved = resumed.saved.clone();
        self.resumed = Some(resumed);
        let handle = &mut self.handle;
        tokio::task::block_in_place(|| handle.undo_named_states())?;
        self.loop_state = saved.training_loop;
        self.callback_state = saved.callbacks;
        self.callback_step = saved.callbacks_step;
        // What was trained since the checkpoint does not count for the rate.
        self.last_log = std::time::Instant::now();
        self.warn(format!(
            "the loop of generation {} takes over, from the checkpoint of step {}",
            self.machine.current_code(),
            saved.progress.step
        ))?;
        Ok(Input::Rewound(Box::new(saved.progress)))
    }

    /// Starts callbacks of a generation's code anew, with the memory of the last checkpoint or without any.
    pub(super) fn start_callbacks(&mut self, generation: u32, with_memory: bool) {
        let Some(code) = self.generations.get(&generation) else {
            let what = format!("no code of generation {generation}");
            self.reports.push_back(training_loop::internal(what));
            return;
        };
        let (component, surroundings) = (code.component.clone(), code.surroundings.clone());
        let name = self.context.spec.name.clone();
        let state = self.callback_state.clone().filter(|_| with_memory);
        let state = state.unwrap_or_default();
        self.inbox.callbacks = Some(Box::pin(async move {
            let start = async {
                let mut instance = Instance::start(&component, &surroundings, generation).await?;
                // The contract promises `describe` before any other function of a new instance.
                instance.describe().await?;
                instance.rename(name.as_str());
                if !state.is_empty() {
                    instance.load_state(&state).await?;
                }
                Ok(Box::new(instance))
            };
            let result = start.await;
            CallbacksDone::Started { generation, result }
        }));
    }
}
