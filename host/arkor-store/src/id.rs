//! Ids of runs and checkpoints.

use arkor_types::RunId;
use jiff::Timestamp;

/// Letters and digits that are hard to mistake for each other, in ascending order, so that texts
/// made of them sort like the numbers they spell.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// `20261123-101530-k3f9`: the UTC time to the second, then four letters.
///
/// The first two letters tell the thousandth of the second (of 1024), so that ids sort by time;
/// the last two are drawn. Two runs of one thousandth can still meet: the caller draws again.
pub(crate) fn run_id(now: Timestamp, draw: u64) -> RunId {
    let nanoseconds = u64::try_from(now.subsec_nanosecond()).unwrap_or(0);
    let slot = nanoseconds * 1024 / 1_000_000_000;
    let letters: String = [slot / 32, slot, draw / 32, draw]
        .into_iter()
        .map(letter)
        .collect();
    RunId::new(format!("{}-{letters}", now.strftime("%Y%m%d-%H%M%S")))
}

/// A number that another process would not draw at the same moment. Uniqueness only, not secrecy:
/// the standard library's random keys, mixed with the time and the process, will do.
pub(crate) fn draw() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    let mut hasher = std::hash::RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.write_i128(Timestamp::now().as_nanosecond());
    hasher.finish()
}

/// `<run>.<step>-<seq>`: readable, and unique though a step can be saved in two attempts.
pub(crate) fn checkpoint_id(run: &RunId, step: u64, seq: u64) -> String {
    format!("{run}.{step}-{seq}")
}

fn letter(bits: u64) -> char {
    let index = usize::try_from(bits % 32).unwrap_or(0);
    ALPHABET.get(index).copied().map_or('0', char::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_run_id_reads_as_its_time() {
        let now: Timestamp = "2026-11-23T10:15:30.593Z".parse().unwrap();
        assert_eq!(run_id(now, 0x1e9).as_str(), "20261123-101530-jzf9");
    }

    proptest! {
        #[test]
        fn run_ids_sort_by_time(a in 0..4_000_000_000_000i64, gap in 2..1_000_000_000i64,
                                x: u64, y: u64) {
            let id = |ms, draw| run_id(Timestamp::from_millisecond(ms).unwrap(), draw);
            prop_assert!(id(a, x) < id(a + gap, y));
        }
    }
}
