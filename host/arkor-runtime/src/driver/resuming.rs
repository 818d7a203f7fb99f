//! Whether, and from where, a run can be gone on with.

use arkor_store::Store;
use arkor_types::{CheckpointRecord, EndReason, Event, RunRecord, RunStatus};

use super::Resumed;
use super::saved::read_progress;
use crate::error::RuntimeError;

/// All of a checkpoint, to go on from. If it is damaged, the error names an earlier one that is not.
pub(super) fn read_whole(
    store: &Store,
    run: &RunRecord,
    checkpoint: CheckpointRecord,
) -> Result<Resumed, RuntimeError> {
    let (id, seq) = (checkpoint.id.clone(), checkpoint.seq);
    // Reading checks the digest; the engine reads the file again by its path.
    let read = |checkpoint: CheckpointRecord| {
        store.check_blob(&checkpoint.state)?;
        read_progress(store, checkpoint)
    };
    let error = match read(checkpoint) {
        Ok(resumed) => return Ok(resumed),
        Err(error) => error,
    };
    let mut earlier = store.checkpoints(&run.id)?;
    earlier.retain(|earlier| earlier.seq < seq);
    let whole = earlier
        .into_iter()
        .rev()
        .find(|earlier| read(earlier.clone()).is_ok());
    Err(RuntimeError::DamagedCheckpoint {
        run: run.id.to_string(),
        checkpoint: id,
        reason: match error {
            RuntimeError::Checkpoint { reason, .. } => reason,
            error => error.to_string(),
        },
        whole: whole.map(|whole| (whole.id, whole.step)),
    })
}

/// A loop that returned can be begun again only where it offered a checkpoint: its own state belongs
/// to the weights of that place.
pub(super) fn can_go_on(run: &RunRecord, resumed: &Resumed) -> Result<(), RuntimeError> {
    let progress = &resumed.saved.progress;
    let place = resumed.saved.training_loop.as_ref().map(|at| at.step);
    if !progress.loop_returned
        || run.status == RunStatus::Interrupted
        || place == Some(progress.step)
    {
        return Ok(());
    }
    Err(RuntimeError::Checkpoint {
        run: run.id.to_string(),
        checkpoint: resumed.checkpoint.id.clone(),
        reason: format!(
            "the trainer's loop returned at step {} without a call of hooks.checkpoint there, so it \
             has no place to go on from",
            progress.step
        ),
    })
}

/// A run of the host's loop that is over is gone on with only if more steps are asked for.
pub(super) fn has_more_to_do(
    store: &Store,
    run: &RunRecord,
    resumed: &Resumed,
    max_steps: Option<u32>,
) -> Result<(), RuntimeError> {
    let step = resumed.saved.progress.step;
    if run.spec.own_loop {
        return Ok(());
    }
    if let Some(max_steps) = max_steps {
        // One that was cut off behind its last checkpoint still has to end.
        let is_over = matches!(run.status, RunStatus::Completed | RunStatus::Stopped);
        let least = if is_over { step + 1 } else { step };
        // 0 is the length of the data.
        return if max_steps > 0 && u64::from(max_steps) < least {
            Err(RuntimeError::TooShort {
                run: run.id.to_string(),
                step,
                max_steps,
            })
        } else {
            Ok(())
        };
    }
    let newest = store.latest_checkpoint(&run.id)?;
    let is_newest = newest.is_some_and(|newest| newest.id == resumed.checkpoint.id);
    let how = match run.status {
        RunStatus::Completed if is_newest => "is complete",
        RunStatus::Stopped if is_newest && stopped_early(store, run)? => {
            "was ended by early stopping"
        }
        _ => return Ok(()),
    };
    Err(RuntimeError::Over {
        run: run.id.to_string(),
        how: how.into(),
        step,
    })
}

/// Whether early stopping ended the last attempt.
fn stopped_early(store: &Store, run: &RunRecord) -> Result<bool, RuntimeError> {
    let last = store
        .events(&run.id, run.last_seq.saturating_sub(1), 1)?
        .pop();
    Ok(matches!(
        last.map(|record| record.event),
        Some(Event::Stopped(ended)) if ended.reason == EndReason::EarlyStopping
    ))
}
