//! Rotary position embedding (Su et al. 2021) in Hugging Face's layout: element i of a head is
//! paired with element i + head/2.

use rayon::prelude::*;

/// cos and sin of every position and pair, for heads of one size.
#[derive(Debug, Clone)]
pub(crate) struct Rope {
    half: usize,
    /// [positions, half] each.
    cos: Vec<f32>,
    sin: Vec<f32>,
}

/// Which way to turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    Forward,
    /// The transpose, for gradients.
    Backward,
}

impl Rope {
    pub(crate) fn new(head: usize, theta: f64, positions: usize) -> Self {
        let half = head / 2;
        let mut cos = Vec::with_capacity(positions * half);
        let mut sin = Vec::with_capacity(positions * half);
        for position in 0..positions {
            for i in 0..half {
                let frequency = theta.powf(-((2 * i) as f64) / head as f64);
                let angle = position as f64 * frequency;
                cos.push(angle.cos() as f32);
                sin.push(angle.sin() as f32);
            }
        }
        Self { half, cos, sin }
    }

    /// Turns one head's vector, which stands at `position`.
    #[inline(always)]
    pub(crate) fn turn(&self, vector: &mut [f32], position: usize, turn: Turn) {
        let at = position * self.half..(position + 1) * self.half;
        let (cos, sin) = (&self.cos[at.clone()], &self.sin[at]);
        let (low, high) = vector.split_at_mut(self.half);
        let sign = if turn == Turn::Forward { 1.0 } else { -1.0 };
        for i in 0..self.half {
            let (a, b, s) = (low[i], high[i], sign * sin[i]);
            low[i] = a * cos[i] - b * s;
            high[i] = b * cos[i] + a * s;
        }
    }
}

/// How queries, keys and values lie beside each other in one row of the joint projection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heads {
    /// Positions in a sequence.
    pub(crate) time: usize,
    /// Query heads.
    pub(crate) queries: usize,
    /// Key and value heads.
    pub(crate) keys: usize,
    /// Elements of a head.
    pub(crate) size: usize,
}

impl Heads {
    pub(crate) fn row(&self) -> usize {
        (self.queries + 2 * self.keys) * self.size
    }
}

/// Rows [batch * time, queries + keys + values] into heads [batch, head, time, size], turned.
pub(crate) fn split(
    h: Heads,
    rope: &Rope,
    rows: &[f32],
    q: &mut [f32],
    k: &mut [f32],
    v: &mut [f32],
) {
    let block = h.time * h.size;
    let gather = |out: &mut [f32], per: usize, offset: usize, turns: bool| {
        out.par_chunks_mut(block)
            .enumerate()
            .for_each(|(index, out)| {
                let (sequence, head) = (index / per, index % per);
                for (t, out) in out.chunks_exact_mut(h.size).enumerate() {
                    let from = (sequence * h.time + t) * h.row() + offset + head * h.size;
                    out.copy_from_slice(&rows[from..from + h.size]);
                    if turns {
                        rope.turn(out, t, Turn::Forward);
                    }
                }
            });
    };
    gather(q, h.queries, 0, true);
    gather(k, h.keys, h.queries * h.size, true);
    gather(v, h.keys, (h.queries + h.keys) * h.size, false);
}

/// The way back: gradients of heads, turned back, into gradients of rows. `dq` and `dk` are turned
/// in place.
pub(crate) fn merge_gradients(
    h: Heads,
    rope: &Rope,
    dq: &mut [f32],
    dk: &mut [f32],
    dv: &[f32],
    rows: &mut [f32],
) {
    let block = h.time * h.size;
    for heads in [&mut *dq, &mut *dk] {
        heads.par_chunks_mut(block).for_each(|head| {
            for (t, vector) in head.chunks_exact_mut(h.size).enumerate() {
                rope.turn(vector, t, Turn::Backward);
            }
        });
    }
    let (dq, dk) = (&*dq, &*dk);
    rows.par_chunks_mut(h.row())
        .enumerate()
        .for_each(|(index, row)| {
            let (sequence, t) = (index / h.time, index % h.time);
            for (head, out) in row.chunks_exact_mut(h.size).enumerate() {
                let (from, per, head) = if head < h.queries {
                    (dq, h.queries, head)
                } else if head < h.queries + h.keys {
                    (dk, h.keys, head - h.queries)
                } else {
                    (dv, h.keys, head - h.queries - h.keys)
                };
                let at = (sequence * per + head) * block + t * h.size;
                out.copy_from_slice(&from[at..at + h.size]);
            }
        });
}

/// Heads [batch, head, time, size] into rows [batch * time, head * size].
pub(crate) fn join(h: Heads, heads: &[f32], rows: &mut [f32]) {
    rows.par_chunks_mut(h.queries * h.size)
        .enumerate()
        .for_each(|(index, row)| {
            let (sequence, t) = (index / h.time, index % h.time);
            for (head, out) in row.chunks_exact_mut(h.size).enumerate() {
                let at = ((sequence * h.queries + head) * h.time + t) * h.size;
                out.copy_from_slice(&heads[at..at + h.size]);
            }
        });
}

/// The inverse of [`join`].
pub(crate) fn part(h: Heads, rows: &[f32], heads: &mut [f32]) {
    heads
        .par_chunks_mut(h.time * h.size)
        .enumerate()
        .for_each(|(index, out)| {
            let (sequence, head) = (index / h.queries, index % h.queries);
            for (t, out) in out.chunks_exact_mut(h.size).enumerate() {
                let at = (sequence * h.time + t) * h.queries * h.size + head * h.size;
                out.copy_from_slice(&rows[at..at + h.size]);
            }
        });
}
