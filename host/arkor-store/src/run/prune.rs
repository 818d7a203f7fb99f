//! Which checkpoints stay.

use arkor_types::CheckpointRecord;

use super::RunHandle;
use crate::StoreError;
use crate::store::Durability;

impl RunHandle {
    /// Removes the oldest checkpoints until `save_total_limit` are left (0: removes none), and
    /// returns them. The one with the best score and the newest always stay.
    ///
    /// # Errors
    ///
    /// If the store cannot be written.
    pub fn prune(
        &mut self,
        save_total_limit: u32,
        greater_is_better: bool,
    ) -> Result<Vec<CheckpointRecord>, StoreError> {
        let all = self.store.checkpoints(self.id())?;
        let removed = excess(all, save_total_limit, greater_is_better);
        if removed.is_empty() {
            return Ok(removed);
        }
        self.store.write(Durability::Power, |tx| {
            for checkpoint in &removed {
                tx.execute("DELETE FROM checkpoints WHERE id = ?1", [&checkpoint.id])?;
            }
            Ok(())
        })?;
        // Finds the content of these, and what an earlier removal could not remove.
        self.store.sweep()?;
        Ok(removed)
    }
}

/// The checkpoints to remove of a run's, which come and stay in the order of their age.
fn excess(
    all: Vec<CheckpointRecord>,
    save_total_limit: u32,
    greater_is_better: bool,
) -> Vec<CheckpointRecord> {
    let limit = usize::try_from(save_total_limit).unwrap_or(usize::MAX);
    let excess = all.len().saturating_sub(limit);
    if limit == 0 || excess == 0 {
        return Vec::new();
    }
    // Of equal scores the oldest counts: the others were no improvement.
    let sign = if greater_is_better { -1.0 } else { 1.0 };
    let best = all
        .iter()
        .filter_map(|checkpoint| Some((sign * checkpoint.score?, &checkpoint.id)))
        .min_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, id)| id.clone());
    let newest = all.last().map(|checkpoint| checkpoint.id.clone());
    all.into_iter()
        .filter(|one| Some(&one.id) != best.as_ref() && Some(&one.id) != newest.as_ref())
        .take(excess)
        .collect()
}
