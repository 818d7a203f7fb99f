//! Writing a checkpoint: the callbacks' memory, the training state, and the row that makes both count.

use arkor_store::NewCheckpoint;
use arkor_types::{CallbackFailed, Event, EventRecord, FailureCode, Level, MessageSource};

use super::machine::{Input, OnCallbackError};
use super::progress::{Measured, SavedProgress};
use super::{Done, Driver, broke, steps};
use crate::console::GuestText;
use crate::error::RuntimeError;

impl Driver {
    /// Asks the callbacks for their memory. A failure costs the memory since the last time.
    async fn ask_state(&mut self) -> Done<Result<(), String>> {
        while let Some(slot) = self.slot.clone() {
            match self.attend(async move { slot.save_state().await }).await? {
                Some(Ok(state)) => {
                    self.callback_state = Some(state);
                    return Ok(Ok(()));
                }
                Some(Err(fault)) => {
                    if !fault.leaves_instance_alive() && self.roll_back(&fault).await?.is_some() {
                        continue;
                    }
                    let message = fault.to_string();
                    self.bury(&fault);
                    let step = self.parts.machine.step();
                    let failed = CallbackFailed {
                        step,
                        event_seq: 0,
                        fault: *fault,
                    };
                    self.append(Event::CallbackFailed(failed))?;
                    if self.parts.plan.on_callback_error == OnCallbackError::Fail {
                        return Ok(Err(message));
                    }
                    return Ok(Ok(()));
                }
                None => self.slot = None,
            }
        }
        Ok(Ok(()))
    }

    pub(super) async fn save(&mut self, measured: Option<Measured>) -> Done<Input> {
        if let Err(message) = self.ask_state().await? {
            return Ok(Input::Broke {
                message,
                code: FailureCode::Trainer,
                hint: None,
            });
        }
        let record = match self.write_checkpoint(measured.unwrap_or_default()).await? {
            Ok(record) => record,
            Err(error) => return Ok(broke(&error)),
        };
        if let Event::Checkpoint(checkpoint) = &record.event {
            let id = checkpoint.id.clone();
            // The machine has nothing to do between the two: the checkpoint is what the callback
            // is told of next.
            let none = self.parts.machine.apply(Input::CheckpointDone { id });
            debug_assert!(none.is_empty());
        }
        self.deliver(&record).await
    }

    /// The trainer measured the weights of a checkpoint after it was written.
    pub(super) fn score_checkpoint(&mut self, id: &str, measured: &Measured) -> Done<()> {
        let handle = &mut self.parts.handle;
        let score = measured.score.as_ref().map(|score| score.value);
        tokio::task::block_in_place(|| handle.score_checkpoint(id, measured.loss, score))?;
        Ok(())
    }

    async fn write_checkpoint(
        &mut self,
        measured: Measured,
    ) -> Done<Result<EventRecord, RuntimeError>> {
        let progress = SavedProgress {
            progress: self.parts.machine.progress.clone(),
            callbacks: self.callback_state.clone(),
            training_loop: self.loop_state.clone(),
        };
        let mut unpruned = None;
        let writer = match self.parts.handle.begin_blob() {
            Ok(writer) => writer,
            Err(error) => return Ok(Err(error.into())),
        };
        let worker = self.parts.context.worker.clone();
        let written = self
            .attend(async move { steps::write_state(&worker, writer).await })
            .await?;
        let commit = |state| -> Result<EventRecord, RuntimeError> {
            let progress = progress
                .encode()
                .map_err(|error| RuntimeError::Setup(error.to_string()))?;
            let handle = &mut self.parts.handle;
            let hyperparameters = &self.parts.context.spec.hyperparameters;
            let limit = hyperparameters.save_total_limit;
            let greater_is_better = hyperparameters.greater_is_better;
            let step = self.parts.machine.step();
            tokio::task::block_in_place(|| {
                let mut writer = handle.begin_blob()?;
                if let Err(error) = std::io::Write::write_all(&mut writer, &progress) {
                    return Err(writer.explain(error).into());
                }
                let progress = writer.finish()?;
                let new = NewCheckpoint {
                    step,
                    eval_loss: measured.loss,
                    score: measured.score,
                    metrics: measured.metrics,
                    state,
                    progress,
                };
                let (record, _) = handle.commit_checkpoint(new)?;
                // The checkpoint is there, whatever becomes of those that are too many.
                unpruned = handle.prune(limit, greater_is_better).err();
                Ok(record)
            })
        };
        let record = match written.and_then(commit) {
            Ok(record) => record,
            Err(error) => return Ok(Err(error)),
        };
        self.told(&record);
        if let Some(error) = unpruned {
            self.message(GuestText {
                level: Level::Warn,
                source: MessageSource::Host,
                text: format!("old checkpoints could not be removed: {error}").into(),
            })?;
        }
        Ok(Ok(record))
    }
}
