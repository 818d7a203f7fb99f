//! Ids of runs and checkpoints, digests of content: what they look like, and nothing else passes for one.

use arkor_files::Name;
use arkor_types::{InvalidRunId, RunId};
use jiff::Timestamp;

/// Letters and digits that are hard to mistake for each other, in ascending order, so that texts
/// made of them sort like the numbers they spell.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// `20261123-101530-k3f9`: the UTC time to the second, then four letters.
///
/// The first two letters tell the thousandth of the second (of 1024), so that ids sort by time;
/// the last two are drawn. Two runs of one thousandth can still meet: the caller draws again.
pub(crate) fn run_id(now: Timestamp, draw: u64) -> Result<RunId, InvalidRunId> {
    let nanoseconds = u64::try_from(now.subsec_nanosecond()).unwrap_or(0);
    let slot = nanoseconds * 1024 / 1_000_000_000;
    let letters: String = [slot / 32, slot, draw / 32, draw]
        .into_iter()
        .map(letter)
        .collect();
    RunId::new(format!("{}-{letters}", now.strftime("%Y%m%d-%H%M%S")))
}

/// Whether this is an id as [`run_id`] makes them. All of a store's are; a file of another name is
/// none of a run's.
pub(crate) fn is_own(id: &RunId) -> bool {
    let mut parts = id.as_str().split('-');
    let is = |part: Option<&str>, length: usize, letter: fn(&u8) -> bool| {
        part.is_some_and(|part| part.len() == length && part.as_bytes().iter().all(letter))
    };
    is(parts.next(), 8, u8::is_ascii_digit)
        && is(parts.next(), 6, u8::is_ascii_digit)
        && is(parts.next(), 4, u8::is_ascii_alphanumeric)
        && parts.next().is_none()
}

/// Whether this can be the id of a checkpoint: see [`checkpoint_id`].
pub(crate) fn is_checkpoint_id(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    matches!(text.len(), 1..=120) && text.bytes().all(is_letter)
}

/// Whether this can be the name of an artifact, as `artifacts.wit` has them: relative, without hidden parts.
pub(crate) fn is_artifact_name(name: &str) -> bool {
    let part = |part: &str| {
        let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        !part.is_empty() && !part.starts_with('.') && part.chars().all(is_letter)
    };
    name.len() <= 200 && name.split('/').all(part)
}

/// blake3 of some content, in hex: the name of its file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Digest(String);

impl Digest {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (text.len() == 64 && text.bytes().all(is_digit)).then(|| Self(text.into()))
    }

    pub(crate) fn of(hash: &blake3::Hash) -> Self {
        Self(hash.to_hex().to_string())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder that its file is in.
    pub(crate) fn folder(&self) -> std::io::Result<Name> {
        Ok(Name::new(self.0.get(..2).unwrap_or_default())?)
    }

    /// The name of its file there.
    pub(crate) fn name(&self) -> std::io::Result<Name> {
        Ok(Name::new(self.0.as_str())?)
    }
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
        assert_eq!(run_id(now, 0x1e9).unwrap().as_str(), "20261123-101530-jzf9");
    }

    #[test]
    fn only_what_this_program_makes_passes_for_its_own() {
        let own = |text: &str| RunId::new(text).is_ok_and(|id| is_own(&id));
        assert!(own("20261123-101530-k3f9"));
        for bad in [
            "gate",
            "removed",
            "20261123-101530",
            "20261123-101530-k3f9-x",
            "2026112-1015300-k3f9",
            "20261123-101530-k3f9x",
            "..",
            "a/b",
            "20261123-101530-../",
        ] {
            assert!(!own(bad), "{bad}");
        }
        assert!(is_checkpoint_id("20261123-101530-k3f9.100-7"));
        for bad in ["", "../x", "a/b", "a b", "\u{1b}[2J"] {
            assert!(!is_checkpoint_id(bad), "{bad:?}");
        }
        assert!(is_artifact_name("a/b-c_d.txt"));
        for bad in [
            "",
            "../x",
            "/a",
            "a//b",
            ".a",
            "a/.b",
            "a\\b",
            "C:a",
            "\u{202e}a",
        ] {
            assert!(!is_artifact_name(bad), "{bad:?}");
        }
        let digest = "0123456789abcdef".repeat(4);
        assert!(Digest::parse(&digest).is_some());
        for bad in [
            &digest[1..],
            &digest.to_uppercase(),
            "",
            &"é".repeat(32),
            "..",
        ] {
            assert!(Digest::parse(bad).is_none(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn run_ids_sort_by_time(a in 0..4_000_000_000_000i64, gap in 2..1_000_000_000i64,
                                x: u64, y: u64) {
            let id = |ms, draw| run_id(Timestamp::from_millisecond(ms).unwrap(), draw).unwrap();
            prop_assert!(id(a, x) < id(a + gap, y));
        }
    }
}
