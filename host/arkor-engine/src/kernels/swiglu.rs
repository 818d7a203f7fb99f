//! SwiGLU (Shazeer 2020): silu(gate) * up, with silu(x) = x * sigmoid(x).

use rayon::prelude::*;

use super::ROWS;
use super::math::{exp, vectorized};

/// `gate_up`: rows [gate, up] of twice `width`; `out`: rows of `width`.
pub(crate) fn forward(width: usize, gate_up: &[f32], out: &mut [f32]) {
    gate_up
        .par_chunks(2 * width * ROWS)
        .zip(out.par_chunks_mut(width * ROWS))
        .for_each(|(gate_up, out)| {
            vectorized(
                #[inline(always)]
                || {
                    let rows = gate_up.chunks_exact(2 * width);
                    for (row, out) in rows.zip(out.chunks_exact_mut(width)) {
                        let (gate, up) = row.split_at(width);
                        for i in 0..width {
                            out[i] = gate[i] / (1.0 + exp(-gate[i])) * up[i];
                        }
                    }
                },
            );
        });
}

/// Puts the gradients of gate and up in place of gate and up.
pub(crate) fn backward(width: usize, d_out: &[f32], gate_up: &mut [f32]) {
    gate_up
        .par_chunks_mut(2 * width * ROWS)
        .zip(d_out.par_chunks(width * ROWS))
        .for_each(|(gate_up, d_out)| {
            vectorized(
                #[inline(always)]
                || {
                    let rows = gate_up.chunks_exact_mut(2 * width);
                    for (row, d_out) in rows.zip(d_out.chunks_exact(width)) {
                        let (gate, up) = row.split_at_mut(width);
                        for i in 0..width {
                            let sigmoid = 1.0 / (1.0 + exp(-gate[i]));
                            let silu = gate[i] * sigmoid;
                            let slope = sigmoid * (1.0 + gate[i] * (1.0 - sigmoid));
                            gate[i] = d_out[i] * up[i] * slope;
                            up[i] = d_out[i] * silu;
                        }
                    }
                },
            );
        });
}
