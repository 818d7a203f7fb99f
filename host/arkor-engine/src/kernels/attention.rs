//! Causal attention with grouped queries: softmax(q k^T / sqrt(size)) v, each position seeing itself
//! and those before it.
//!
//! Probabilities are not kept: the way back computes them again from the log of each row's sum, as
//! FlashAttention does (Dao et al. 2022). Scratch is one block of rows per task.

use rayon::prelude::*;

use super::math::{exp, exp_shifted, sum2, vectorized};
use super::matmul::{Mat, MatMut, Threads, Write, matmul};
use super::rope::Heads;

/// Query rows that are handled together.
const BLOCK: usize = 128;

fn scale(h: Heads) -> f32 {
    1.0 / (h.size as f32).sqrt()
}

/// `q` and `out`: [batch, queries, time, size]; `k` and `v`: [batch, keys, time, size];
/// `log_sum`: [batch, queries, time].
pub(crate) fn forward(
    h: Heads,
    q: &[f32],
    k: &[f32],
    v: &[f32],
    out: &mut [f32],
    log_sum: &mut [f32],
) {
    let head = h.time * h.size;
    let group = h.queries / h.keys;
    q.par_chunks(head)
        .zip(out.par_chunks_mut(head))
        .zip(log_sum.par_chunks_mut(h.time))
        .enumerate()
        .for_each_init(
            Vec::new,
            |scores: &mut Vec<f32>, (index, ((q, out), log_sum))| {
                let at = index / group * head;
                let (k, v) = (&k[at..at + head], &v[at..at + head]);
                for first in (0..h.time).step_by(BLOCK) {
                    let rows = BLOCK.min(h.time - first);
                    let seen = first + rows;
                    scores.resize(rows * seen, 0.0);
                    let part = first * h.size..(first + rows) * h.size;
                    matmul(
                        MatMut::new(scores, rows, seen),
                        Write::Replace,
                        Mat::new(&q[part.clone()], rows, h.size),
                        Mat::new(&k[..seen * h.size], seen, h.size).t(),
                        scale(h),
                        Threads::Caller,
                    );
                    vectorized(
                        #[inline(always)]
                        || {
                            for (row, scores) in scores.chunks_exact_mut(seen).enumerate() {
                                let (visible, hidden) = scores.split_at_mut(first + row + 1);
                                let (top, total) = exp_shifted(visible);
                                let inverse = 1.0 / total;
                                for value in visible {
                                    *value *= inverse;
                                }
                                hidden.fill(0.0);
                                log_sum[first + row] = top + total.ln();
                            }
                        },
                    );
                    matmul(
                        MatMut::new(&mut out[part], rows, h.size),
                        Write::Replace,
                        Mat::new(scores, rows, seen),
                        Mat::new(&v[..seen * h.size], seen, h.size),
                        1.0,
                        Threads::Caller,
                    );
                }
            },
        );
}

/// What the forward pass left and the gradient of its result.
pub(crate) struct Saved<'a> {
    pub(crate) q: &'a [f32],
    pub(crate) k: &'a [f32],
    pub(crate) v: &'a [f32],
    pub(crate) out: &'a [f32],
    pub(crate) log_sum: &'a [f32],
    pub(crate) d_out: &'a [f32],
}

#[derive(Default)]
struct Scratch {
    p: Vec<f32>,
    dp: Vec<f32>,
}

/// Gradients of q, k and v, which replace what was there. One task handles all query heads that
/// share a key head, so that the sum over them has one order.
pub(crate) fn backward(h: Heads, s: &Saved<'_>, dq: &mut [f32], dk: &mut [f32], dv: &mut [f32]) {
    let head = h.time * h.size;
    let group = h.queries / h.keys;
    dq.par_chunks_mut(head * group)
        .zip(dk.par_chunks_mut(head))
        .zip(dv.par_chunks_mut(head))
        .enumerate()
        .for_each_init(Scratch::default, |scratch, (index, ((dq, dk), dv))| {
            let at = index * head;
            let (k, v) = (&s.k[at..at + head], &s.v[at..at + head]);
            dk.fill(0.0);
            dv.fill(0.0);
            for (member, dq) in dq.chunks_exact_mut(head).enumerate() {
                let query = index * group + member;
                let at = query * head..(query + 1) * head;
                let one = OneHead {
                    q: &s.q[at.clone()],
                    k,
                    v,
                    out: &s.out[at.clone()],
                    d_out: &s.d_out[at],
                    log_sum: &s.log_sum[query * h.time..(query + 1) * h.time],
                };
                for first in (0..h.time).step_by(BLOCK) {
                    one.block(h, first, scratch, dq, dk, dv);
                }
            }
        });
}

struct OneHead<'a> {
    q: &'a [f32],
    k: &'a [f32],
    v: &'a [f32],
    out: &'a [f32],
    d_out: &'a [f32],
    log_sum: &'a [f32],
}

impl OneHead<'_> {
    /// The rows from `first` on. With P the probabilities: dV += P^T dO, dP = dO V^T,
    /// dS = P * (dP - rowsum(dO * O)), dQ = dS K / sqrt(size), dK += dS^T Q / sqrt(size).
    fn block(
        &self,
        h: Heads,
        first: usize,
        scratch: &mut Scratch,
        dq: &mut [f32],
        dk: &mut [f32],
        dv: &mut [f32],
    ) {
        let rows = BLOCK.min(h.time - first);
        let seen = first + rows;
        let part = first * h.size..(first + rows) * h.size;
        let q = Mat::new(&self.q[part.clone()], rows, h.size);
        let k = Mat::new(&self.k[..seen * h.size], seen, h.size);
        let v = Mat::new(&self.v[..seen * h.size], seen, h.size);
        let d_out = Mat::new(&self.d_out[part.clone()], rows, h.size);
        let Scratch { p, dp } = scratch;
        p.resize(rows * seen, 0.0);
        dp.resize(rows * seen, 0.0);
        let caller = Threads::Caller;
        matmul(
            MatMut::new(p, rows, seen),
            Write::Replace,
            q,
            k.t(),
            scale(h),
            caller,
        );
        matmul(
            MatMut::new(dp, rows, seen),
            Write::Replace,
            d_out,
            v.t(),
            1.0,
            caller,
        );
        vectorized(
            #[inline(always)]
            || {
                let lines = p.chunks_exact_mut(seen).zip(dp.chunks_exact_mut(seen));
                for (row, (p, dp)) in lines.enumerate() {
                    let at = (first + row) * h.size..(first + row + 1) * h.size;
                    let delta = sum2(&self.d_out[at.clone()], &self.out[at], |a, b| a * b);
                    let log_sum = self.log_sum[first + row];
                    let visible = first + row + 1;
                    for (p, dp) in p[..visible].iter_mut().zip(&mut dp[..visible]) {
                        *p = exp(*p - log_sum);
                        *dp = *p * (*dp - delta);
                    }
                    p[visible..].fill(0.0);
                    dp[visible..].fill(0.0);
                }
            },
        );
        let (p, ds) = (Mat::new(p, rows, seen), Mat::new(dp, rows, seen));
        let (dk, dv) = (&mut dk[..seen * h.size], &mut dv[..seen * h.size]);
        matmul(
            MatMut::new(dv, seen, h.size),
            Write::Add,
            p.t(),
            d_out,
            1.0,
            caller,
        );
        matmul(
            MatMut::new(dk, seen, h.size),
            Write::Add,
            ds.t(),
            q,
            scale(h),
            caller,
        );
        matmul(
            MatMut::new(&mut dq[part], rows, h.size),
            Write::Replace,
            ds,
            k,
            scale(h),
            caller,
        );
    }
}
