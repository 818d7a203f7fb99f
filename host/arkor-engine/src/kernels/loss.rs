//! From logits to losses and the gradients of logits, one row at a time.

use arkor_types::LossFunction;
use rayon::prelude::*;

use super::math::{exp_shifted, vectorized};

/// What a position is trained on.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Position {
    pub(crate) target: u32,
    pub(crate) weight: f32,
    pub(crate) advantage: f32,
    pub(crate) old_log_prob: f32,
}

/// What came of a position.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Scored {
    /// Log-probability of the target.
    pub(crate) log_prob: f32,
    /// The weighted loss.
    pub(crate) loss: f32,
}

/// Loss of a position and its derivative by the target's log-probability.
#[inline(always)]
fn loss(function: LossFunction, position: &Position, log_prob: f32) -> (f32, f32) {
    let Position {
        weight: w,
        advantage: a,
        old_log_prob: o,
        ..
    } = *position;
    // A position that is left out stays out even if its ratio overflows.
    if w == 0.0 {
        return (0.0, 0.0);
    }
    match function {
        LossFunction::CrossEntropy => (-w * log_prob, -w),
        LossFunction::ImportanceSampling => {
            let ratio = (log_prob - o).exp();
            (-w * ratio * a, -w * ratio * a)
        }
        LossFunction::Ppo {
            clip_low,
            clip_high,
        } => {
            let ratio = (log_prob - o).exp();
            let clipped = ratio.clamp(clip_low, clip_high);
            if ratio * a <= clipped * a {
                (-w * ratio * a, -w * ratio * a)
            } else {
                (-w * clipped * a, 0.0)
            }
        }
    }
}

/// Scores rows of logits [rows, vocab] and puts their gradients in place of them.
pub(crate) fn score_rows(
    vocab: usize,
    function: LossFunction,
    positions: &[Position],
    logits: &mut [f32],
    scored: &mut [Scored],
) {
    logits
        .par_chunks_mut(vocab)
        .zip(positions)
        .zip(scored)
        .with_min_len(8)
        .for_each(|((logits, position), scored)| {
            vectorized(
                #[inline(always)]
                || {
                    let target = position.target as usize;
                    let target_logit = logits[target];
                    let (top, total) = exp_shifted(logits);
                    let log_prob = target_logit - top - total.ln();
                    let (value, slope) = loss(function, position, log_prob);
                    *scored = Scored {
                        log_prob,
                        loss: value,
                    };
                    // d log p(target) / d logit_j = [j = target] - p_j
                    let factor = -slope / total;
                    for logit in logits.iter_mut() {
                        *logit *= factor;
                    }
                    logits[target] += slope;
                },
            );
        });
}
