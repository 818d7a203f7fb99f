//! AdamW (Loshchilov and Hutter 2019), and the norm of gradients.

use arkor_types::AdamParameters;
use rayon::prelude::*;

use super::CHUNK;
use super::math::{sum2, vectorized};

/// The L2 norm of all gradients: sums of chunks in `f32`, sum of those in `f64`, in order.
pub(crate) fn norm(gradients: &[f32]) -> f64 {
    let parts: Vec<f32> = gradients
        .par_chunks(CHUNK)
        .map(|chunk| {
            vectorized(
                #[inline(always)]
                || sum2(chunk, chunk, |a, b| a * b),
            )
        })
        .collect();
    parts
        .iter()
        .map(|part| f64::from(*part))
        .sum::<f64>()
        .sqrt()
}

/// The factors of one step, the same for all weights.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Factors {
    gradient: f32,
    beta1: f32,
    beta2: f32,
    eps: f32,
    /// Learning rate over the first moment's bias correction.
    step_size: f32,
    /// 1 / sqrt of the second moment's bias correction.
    root_correction: f32,
    /// What remains of a weight after decay.
    keep: f32,
    keep_norms: f32,
}

impl Factors {
    /// For step number `step`, from 1, with gradients of this norm.
    pub(crate) fn new(adam: &AdamParameters, step: u64, norm: f64) -> Self {
        let clip = adam.max_grad_norm;
        // torch.nn.utils.clip_grad_norm_ divides by the norm plus 1e-6, and never scales up.
        let gradient = if clip > 0.0 {
            (clip / (norm + 1e-6)).min(1.0)
        } else {
            1.0
        };
        let exponent = i32::try_from(step).unwrap_or(i32::MAX);
        let correction1 = 1.0 - adam.beta1.powi(exponent);
        let correction2 = 1.0 - adam.beta2.powi(exponent);
        Self {
            gradient: gradient as f32,
            beta1: adam.beta1 as f32,
            beta2: adam.beta2 as f32,
            eps: adam.eps as f32,
            step_size: (adam.learning_rate / correction1) as f32,
            root_correction: (1.0 / correction2.sqrt()) as f32,
            keep: (1.0 - adam.learning_rate * adam.weight_decay) as f32,
            keep_norms: 1.0,
        }
    }
}

/// Applies gradients to weights, moves the moments on and sets the gradients to zero. `decays`
/// says whether these weights are a matrix, which decays, or a norm's, which does not.
pub(crate) fn step(
    f: &Factors,
    decays: bool,
    weights: &mut [f32],
    gradients: &mut [f32],
    first: &mut [f32],
    second: &mut [f32],
) {
    let keep = if decays { f.keep } else { f.keep_norms };
    weights
        .par_chunks_mut(CHUNK)
        .zip(gradients.par_chunks_mut(CHUNK))
        .zip(first.par_chunks_mut(CHUNK))
        .zip(second.par_chunks_mut(CHUNK))
        .for_each(|(((w, g), m), v)| {
            vectorized(
                #[inline(always)]
                || {
                    let n = w.len();
                    let (g, m, v) = (&mut g[..n], &mut m[..n], &mut v[..n]);
                    for i in 0..n {
                        let gradient = g[i] * f.gradient;
                        m[i] = f.beta1 * m[i] + (1.0 - f.beta1) * gradient;
                        v[i] = f.beta2 * v[i] + (1.0 - f.beta2) * gradient * gradient;
                        let root = v[i].sqrt() * f.root_correction + f.eps;
                        w[i] = w[i] * keep - f.step_size * m[i] / root;
                        g[i] = 0.0;
                    }
                },
            );
        });
}
