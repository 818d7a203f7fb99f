//! Ids of runs and checkpoints.

use arkor_types::RunId;
use jiff::Timestamp;

/// Letters and digits that are hard to mistake for each other.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// `20261123-101530-k3f9`: sorts by time, to the second, and is told apart by the end.
pub(crate) fn run_id(now: Timestamp) -> RunId {
    RunId::new(format!(
        "{}-{}",
        now.strftime("%Y%m%d-%H%M%S"),
        random_suffix(4)
    ))
}

/// `<run>/<step>-<suffix>`: readable, and unique though a step can be saved in two attempts.
pub(crate) fn checkpoint_id(run: &RunId, step: u64, seq: u64) -> String {
    format!("{run}/{step}-{seq}")
}

fn random_suffix(length: usize) -> String {
    // Uniqueness only, not secrecy: the standard library's per-process random keys will do, mixed
    // with the time and the process.
    use std::hash::{BuildHasher, Hasher};
    let mut hasher = std::hash::RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.write_i128(Timestamp::now().as_nanosecond());
    let mut bits = hasher.finish();
    (0..length)
        .filter_map(|_| {
            let letter = ALPHABET.get(usize::try_from(bits % 32).ok()?).copied();
            bits /= 32;
            letter.map(char::from)
        })
        .collect()
}
