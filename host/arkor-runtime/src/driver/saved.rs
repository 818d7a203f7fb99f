//! Reading what a checkpoint keeps beside the weights.

use arkor_store::Store;
use arkor_types::CheckpointRecord;

use super::Resumed;
use super::progress::{CallbackState, SavedProgress};
use crate::error::RuntimeError;

/// The position and what guests remembered at a checkpoint. The training state is not looked at: it may be large.
pub(crate) fn read_progress(
    store: &Store,
    checkpoint: CheckpointRecord,
) -> Result<Resumed, RuntimeError> {
    let saved = saved_progress(store, &checkpoint)?;
    Ok(Resumed { checkpoint, saved })
}

fn saved_progress(
    store: &Store,
    checkpoint: &CheckpointRecord,
) -> Result<SavedProgress, RuntimeError> {
    let bytes = store.read_blob(&checkpoint.progress)?;
    SavedProgress::decode(&bytes).map_err(|error| RuntimeError::Checkpoint {
        run: checkpoint.run.to_string(),
        checkpoint: checkpoint.id.clone(),
        reason: format!("its progress {error}"),
    })
}

/// What a checkpoint has of the callbacks' state.
///
/// # Errors
///
/// If what it keeps beside the weights cannot be read.
pub fn callback_state(
    store: &Store,
    checkpoint: &CheckpointRecord,
) -> Result<CallbackState, RuntimeError> {
    Ok(saved_progress(store, checkpoint)?.callback_state())
}

/// Why callbacks begin with less than what they knew at the checkpoint, if they do.
pub(super) fn lacks_state(resumed: &Resumed) -> Option<String> {
    let step = resumed.checkpoint.step;
    match resumed.saved.callback_state() {
        CallbackState::Whole => None,
        CallbackState::Earlier(saved) => Some(format!(
            "the callbacks begin with their saved state of step {saved}: none could be saved at the checkpoint of \
             step {step}"
        )),
        CallbackState::None => Some(format!(
            "the callbacks begin without saved state: the checkpoint of step {step} has none, since save-state \
             had failed or the callbacks were dead"
        )),
    }
}
