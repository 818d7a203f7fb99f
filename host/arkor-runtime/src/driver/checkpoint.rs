//! Writing a checkpoint: the training state, and the row that makes it count.

use arkor_store::{Blob, NewCheckpoint};
use arkor_types::{Event, EventRecord};

use super::inbox::EngineDone;
use super::machine::Input;
use super::progress::{Measured, SavedProgress};
use super::{Done, Driver, broke, engine_work};
use crate::error::RuntimeError;

/// What goes into a checkpoint besides the training state, as it was when that began to be written.
pub(super) struct Beside {
    step: u64,
    measured: Measured,
    progress: SavedProgress,
}

impl Driver {
    pub(super) fn write_checkpoint(&mut self, measured: Option<Measured>) {
        let progress = SavedProgress {
            progress: self.machine.progress.clone(),
            callbacks: self.callback_state.clone(),
            callbacks_step: self.callback_step,
            training_loop: self.loop_state.clone(),
            data: self.data.clone(),
        };
        self.beside = Some(Beside {
            step: self.machine.step(),
            measured: measured.unwrap_or_default(),
            progress,
        });
        let handle = &self.handle;
        let writer = match tokio::task::block_in_place(|| handle.begin_blob()) {
            Ok(writer) => writer,
            Err(error) => return self.reports.push_back(broke(&error.into())),
        };
        let worker = self.context.worker.clone();
        self.inbox.engine = Some(Box::pin(async move {
            EngineDone::State(engine_work::write_state(&worker, writer).await)
        }));
    }

    /// The training state is written: the checkpoint counts.
    pub(super) fn state_written(&mut self, state: Result<Blob, RuntimeError>) -> Done<Input> {
        let Some(beside) = self.beside.take() else {
            return Ok(super::training_loop::internal(
                "a state of no checkpoint".into(),
            ));
        };
        let mut unpruned = None;
        let record = match state.and_then(|state| self.commit(state, beside, &mut unpruned)) {
            Ok(record) => record,
            Err(error) => return Ok(broke(&error)),
        };
        self.told(&record);
        if let Some(error) = unpruned {
            // Without a place for the warning, the checkpoint counts all the same.
            let _ = self.warn(format!("old checkpoints could not be removed: {error}"));
        }
        let Event::Checkpoint(checkpoint) = &record.event else {
            return Ok(super::training_loop::internal(
                "no checkpoint was written".into(),
            ));
        };
        self.remember(&record);
        Ok(Input::CheckpointDone {
            id: checkpoint.id.clone(),
            seq: record.seq,
        })
    }

    fn commit(
        &mut self,
        state: Blob,
        beside: Beside,
        unpruned: &mut Option<arkor_store::StoreError>,
    ) -> Result<EventRecord, RuntimeError> {
        let progress = beside
            .progress
            .encode()
            .map_err(|error| RuntimeError::Setup(error.to_string()))?;
        let hyperparameters = &self.context.spec.hyperparameters;
        let (limit, greater_is_better) = (
            hyperparameters.save_total_limit,
            hyperparameters.greater_is_better,
        );
        let handle = &mut self.handle;
        tokio::task::block_in_place(|| {
            let mut writer = handle.begin_blob()?;
            if let Err(error) = std::io::Write::write_all(&mut writer, &progress) {
                return Err(writer.explain(error).into());
            }
            let progress = writer.finish()?;
            let new = NewCheckpoint {
                step: beside.step,
                eval_loss: beside.measured.loss,
                score: beside.measured.score,
                metrics: beside.measured.metrics,
                state,
                progress,
            };
            let (record, _) = handle.commit_checkpoint(new)?;
            // The checkpoint is there, whatever becomes of those that are too many.
            *unpruned = handle.prune(limit, greater_is_better).err();
            Ok(record)
        })
    }

    /// The trainer measured the weights of a checkpoint after it was written.
    pub(super) fn score_checkpoint(&mut self, id: &str, measured: &Measured) -> Done<()> {
        let handle = &mut self.handle;
        let score = measured.score.as_ref().map(|score| score.value);
        tokio::task::block_in_place(|| handle.score_checkpoint(id, measured.loss, score))?;
        Ok(())
    }
}
