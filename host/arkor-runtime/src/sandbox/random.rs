//! Random numbers that depend on a trainer's code alone, so that a run repeats.

use std::convert::Infallible;

use blake3::{Hasher, OutputReader};
use rand_core::TryRng;

/// What blake3 makes of a digest and a name, made as it is read: most trainers read little of it, or nothing.
pub(super) struct Seeded(OutputReader);

impl Seeded {
    pub(super) fn new(digest: &str, name: &str) -> Self {
        Self(
            Hasher::new_derive_key("arkor-host 2026 seeded guest randomness")
                .update(digest.as_bytes())
                .update(name.as_bytes())
                .finalize_xof(),
        )
    }

    /// The bytes that come next.
    pub(super) fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes);
        bytes
    }
}

impl TryRng for Seeded {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_be_bytes(self.take()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_be_bytes(self.take()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rand_core::Rng as _;

    use super::*;

    #[test]
    fn how_it_is_read_does_not_matter() {
        let mut whole = Seeded::new("abc", "secure");
        let mut parts = Seeded::new("abc", "secure");
        let bytes: [u8; 12] = whole.take();
        let mut again = [0; 12];
        let (first, rest) = again.split_at_mut(4);
        first.copy_from_slice(&parts.next_u32().to_be_bytes());
        rest.copy_from_slice(&parts.next_u64().to_be_bytes());
        assert_eq!(bytes, again);
        assert_ne!(bytes, Seeded::new("abc", "insecure").take());
        assert_ne!(bytes, Seeded::new("abd", "secure").take());
    }
}
