//! RMSNorm (Zhang and Sennrich 2019): y = x / sqrt(mean(x^2) + eps) * w, for each row.

use rayon::prelude::*;

use super::ROWS;
use super::math::{sum2, sum3, vectorized};

/// Normalizes rows of `width`; keeps 1 / sqrt(..) of each row for the way back.
pub(crate) fn forward(x: &[f32], w: &[f32], eps: f32, y: &mut [f32], inverse: &mut [f32]) {
    let width = w.len();
    x.par_chunks(width * ROWS)
        .zip(y.par_chunks_mut(width * ROWS))
        .zip(inverse.par_chunks_mut(ROWS))
        .for_each(|((x, y), inverse)| {
            vectorized(
                #[inline(always)]
                || {
                    let rows = x.chunks_exact(width).zip(y.chunks_exact_mut(width));
                    for ((x, y), inverse) in rows.zip(inverse) {
                        let mean = sum2(x, x, |a, b| a * b) / width as f32;
                        *inverse = 1.0 / (mean + eps).sqrt();
                        for i in 0..width {
                            y[i] = x[i] * *inverse * w[i];
                        }
                    }
                },
            );
        });
}

/// Adds the gradient of `x` to `dx` and that of `w` to `dw`. `partial` is scratch.
pub(crate) fn backward(
    x: &[f32],
    w: &[f32],
    inverse: &[f32],
    dy: &[f32],
    dx: &mut [f32],
    dw: &mut [f32],
    partial: &mut Vec<f32>,
) {
    let width = w.len();
    let tasks = inverse.len().div_ceil(ROWS);
    partial.clear();
    partial.resize(tasks * width, 0.0);
    x.par_chunks(width * ROWS)
        .zip(dy.par_chunks(width * ROWS))
        .zip(dx.par_chunks_mut(width * ROWS))
        .zip(inverse.par_chunks(ROWS))
        .zip(partial.par_chunks_mut(width))
        .for_each(|((((x, dy), dx), inverse), dw)| {
            vectorized(
                #[inline(always)]
                || {
                    let rows = x.chunks_exact(width).zip(dy.chunks_exact(width));
                    for (((x, dy), dx), r) in rows.zip(dx.chunks_exact_mut(width)).zip(inverse) {
                        let dot = sum3(dy, w, x);
                        let scale = r * r * r * dot / width as f32;
                        for i in 0..width {
                            dx[i] += r * dy[i] * w[i] - scale * x[i];
                            dw[i] += dy[i] * x[i] * r;
                        }
                    }
                },
            );
        });
    for part in partial.chunks_exact(width) {
        for (dw, part) in dw.iter_mut().zip(part) {
            *dw += part;
        }
    }
}
