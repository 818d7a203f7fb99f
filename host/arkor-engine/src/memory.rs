//! Whether a model fits into memory, asked before memory is taken: a spec can name any size, and a
//! process that runs out of memory is killed without a word.

use std::path::Path;

use arkor_types::ModelShape;

use crate::EngineError;
use crate::embedded::PASS_TOKENS;

/// Largest dataset, in bytes.
pub(crate) const DATASET: u64 = 1 << 30;

/// Largest `tokenizer.json`, in bytes.
pub(crate) const TOKENIZER: u64 = 64 << 20;

/// What reading a file takes, for each byte of it: itself, its copies, and its tokens; of JSON, values.
pub(crate) const TEXT_COPIES: u64 = 8;
pub(crate) const JSON_COPIES: u64 = 80;

/// All of a regular file, whose path has no links, that has at most `limit` bytes, and for which there is memory.
pub(crate) fn read(path: &Path, limit: u64, copies: u64) -> std::io::Result<Vec<u8>> {
    let free = available().map_or(limit, |available| available / copies.max(1));
    arkor_files::read_resolved(path, limit.min(free))
}

/// An error if a model of this shape needs more memory than is free.
pub(crate) fn check(shape: &ModelShape, vocab: usize, context: u32) -> Result<(), EngineError> {
    let needed = needed(shape, vocab, context);
    match available() {
        Some(available) if needed > u128::from(available) => Err(EngineError::OutOfMemory {
            what: format!(
                "training this model with max-length {context} needs about {} MB of memory",
                needed >> 20
            ),
            left: format!("{} MB are free", available >> 20),
        }),
        _ => Ok(()),
    }
}

/// Bytes to train a model: weights, gradients and both moments, and what one pass keeps.
fn needed(shape: &ModelShape, vocab: usize, context: u32) -> u128 {
    let wide = u128::from;
    let (width, inner) = (wide(shape.hidden_size), wide(shape.intermediate_size));
    let layers = wide(shape.num_hidden_layers);
    let key_width =
        width * wide(shape.num_key_value_heads) / wide(shape.num_attention_heads).max(1);
    let block = width * (2 * width + 2 * key_width + 3 * inner + 2);
    let tables = if shape.tie_word_embeddings { 1 } else { 2 };
    let weights = layers * block + width + tables * width * vocab as u128;
    let kept = layers * (7 * width + 2 * key_width + 3 * inner) + 8 * width + inner;
    let tokens = (PASS_TOKENS as u128).max(wide(context));
    4 * (4 * weights + tokens * kept)
}

/// Bytes that can be taken without swapping, where the system says so.
fn available() -> Option<u64> {
    match (of_machine(), of_group()) {
        (Some(machine), Some(group)) => Some(machine.min(group)),
        (one, other) => one.or(other),
    }
}

/// What the control group of this process (version 2) and those around it leave.
fn of_group() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let root = Path::new("/sys/fs/cgroup");
    let own = root.join(path);
    let left = |folder: &Path| {
        let number = |name: &str| -> Option<u64> {
            let text = std::fs::read_to_string(folder.join(name)).ok()?;
            text.trim().parse().ok()
        };
        // Without a limit it says "max".
        Some(number("memory.max")?.saturating_sub(number("memory.current")?))
    };
    own.ancestors()
        .take_while(|folder| folder.starts_with(root))
        .filter_map(left)
        .min()
}

fn of_machine() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_no_machine_has() {
        let mut shape = ModelShape {
            hidden_size: 16_384,
            num_hidden_layers: 256,
            num_attention_heads: 128,
            num_key_value_heads: 128,
            intermediate_size: 131_072,
            rope_theta: 1e4,
            rms_norm_eps: 1e-5,
            tie_word_embeddings: false,
        };
        // 256 * (4 * 16384^2 + 3 * 16384 * 131072) weights of 16 bytes, and more.
        assert!(needed(&shape, 262_144, 131_072) > 30_000_000_000_000);
        let refused = check(&shape, 262_144, 131_072);
        assert_eq!(refused.is_err(), available().is_some());
        shape.hidden_size = 16;
        shape.num_hidden_layers = 1;
        shape.intermediate_size = 32;
        assert!(check(&shape, 257, 64).is_ok());
    }
}
