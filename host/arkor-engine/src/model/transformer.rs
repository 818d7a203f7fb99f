//! Forward and backward of the whole model.
#![expect(
    clippy::indexing_slicing,
    reason = "ranges come from the layout, which also fixed the length of what they index"
)]

use arkor_types::LossFunction;
use rayon::prelude::*;

use super::Layout;
use super::layout::Block;
use crate::kernels::loss::{Position, Scored, score_rows};
use crate::kernels::matmul::{Mat, MatMut, Threads, Write, matmul};
use crate::kernels::rope::{Heads, Rope};
use crate::kernels::{attention, norm, rope, swiglu};

/// Rows of logits that exist at once.
const LOGIT_ROWS: usize = 256;

/// Sequences of one length, padded.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    pub(crate) time: usize,
    /// [batch * time]
    pub(crate) tokens: &'a [u32],
    /// [batch * time]
    pub(crate) positions: &'a [Position],
}

/// Whether gradients are wanted.
#[derive(Debug)]
pub(crate) enum Grad<'a> {
    None,
    /// They are added here.
    Into(&'a mut [f32]),
}

/// What a block keeps for its way back.
#[derive(Debug, Default)]
struct Kept {
    /// The stream before the block, and between attention and feed-forward: [rows, width].
    before: Vec<f32>,
    between: Vec<f32>,
    /// Normalized stream, and the inverse root of each row.
    normed_before: Vec<f32>,
    inverse_before: Vec<f32>,
    normed_between: Vec<f32>,
    inverse_between: Vec<f32>,
    q: Vec<f32>,
    k: Vec<f32>,
    v: Vec<f32>,
    /// Attention's result as heads and as rows.
    heads: Vec<f32>,
    joined: Vec<f32>,
    log_sum: Vec<f32>,
    gate_up: Vec<f32>,
    activated: Vec<f32>,
}

/// Buffers that grow to the largest batch and stay.
#[derive(Debug, Default)]
struct Scratch {
    kept: Vec<Kept>,
    stream: Vec<f32>,
    normed: Vec<f32>,
    inverse: Vec<f32>,
    qkv: Vec<f32>,
    logits: Vec<f32>,
    scored: Vec<Scored>,
    d_stream: Vec<f32>,
    d_normed: Vec<f32>,
    d_inner: Vec<f32>,
    d_joined: Vec<f32>,
    d_heads: Vec<f32>,
    dq: Vec<f32>,
    dk: Vec<f32>,
    dv: Vec<f32>,
    partial: Vec<f32>,
}

fn fit(buffer: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
    &mut buffer[..len]
}

/// The model's computation, with its scratch memory.
#[derive(Debug)]
pub(crate) struct Transformer {
    pub(crate) layout: Layout,
    rope: Rope,
    scratch: Scratch,
}

/// `out = x w^T`, for `w` [out, in].
fn project(out: &mut [f32], x: &[f32], w: &[f32], rows: usize, inner: usize, write: Write) {
    let outer = w.len() / inner;
    matmul(
        MatMut::new(out, rows, outer),
        write,
        Mat::new(x, rows, inner),
        Mat::new(w, outer, inner).t(),
        1.0,
        Threads::Pool,
    );
}

/// `dx = dy w` and `dw += dy^T x`.
fn project_back(
    dy: &[f32],
    x: &[f32],
    w: &[f32],
    dx: &mut [f32],
    dw: &mut [f32],
    rows: usize,
    inner: usize,
) {
    let outer = w.len() / inner;
    let dy = Mat::new(dy, rows, outer);
    let pool = Threads::Pool;
    matmul(
        MatMut::new(dx, rows, inner),
        Write::Replace,
        dy,
        Mat::new(w, outer, inner),
        1.0,
        pool,
    );
    let x = Mat::new(x, rows, inner);
    matmul(
        MatMut::new(dw, outer, inner),
        Write::Add,
        dy.t(),
        x,
        1.0,
        pool,
    );
}

impl Transformer {
    pub(crate) fn new(layout: Layout, context: usize) -> Self {
        let rope = Rope::new(layout.head, layout.theta, context);
        let scratch = Scratch {
            kept: layout.blocks.iter().map(|_| Kept::default()).collect(),
            ..Scratch::default()
        };
        Self {
            layout,
            rope,
            scratch,
        }
    }

    pub(crate) fn rope(&self) -> &Rope {
        &self.rope
    }

    fn heads(&self, batch: &Batch<'_>) -> Heads {
        Heads {
            time: batch.time,
            queries: self.layout.queries,
            keys: self.layout.keys,
            size: self.layout.head,
        }
    }

    /// Scores a batch, position by position; adds gradients if they are wanted.
    pub(crate) fn run(
        &mut self,
        weights: &[f32],
        batch: &Batch<'_>,
        loss: LossFunction,
        grad: Grad<'_>,
    ) -> &[Scored] {
        let heads = self.heads(batch);
        let l = &self.layout;
        let s = &mut self.scratch;
        let rows = batch.tokens.len();
        let keep = matches!(grad, Grad::Into(_));
        let stream = fit(&mut s.stream, rows * l.width);
        for (row, token) in stream.chunks_exact_mut(l.width).zip(batch.tokens) {
            let at = l.embedding.start + *token as usize * l.width;
            row.copy_from_slice(&weights[at..at + l.width]);
        }
        for (index, block) in l.blocks.iter().enumerate() {
            // Without gradients, one set of buffers serves all blocks.
            let kept = &mut s.kept[if keep { index } else { 0 }];
            forward_block(
                l, block, &self.rope, heads, weights, stream, &mut s.qkv, kept,
            );
        }
        let normed = fit(&mut s.normed, rows * l.width);
        let inverse = fit(&mut s.inverse, rows);
        norm::forward(
            stream,
            &weights[l.final_norm.clone()],
            l.eps,
            normed,
            inverse,
        );
        s.scored.clear();
        s.scored.resize(rows, Scored::default());
        let unembedding = &weights[l.unembedding.clone()];
        let mut d_weights = match grad {
            Grad::None => None,
            Grad::Into(gradients) => Some(gradients),
        };
        let d_normed = fit(&mut s.d_normed, rows * l.width);
        for first in (0..rows).step_by(LOGIT_ROWS) {
            let here = LOGIT_ROWS.min(rows - first);
            let part = first * l.width..(first + here) * l.width;
            let logits = fit(&mut s.logits, here * l.vocab);
            let x = &normed[part.clone()];
            project(logits, x, unembedding, here, l.width, Write::Replace);
            let positions = &batch.positions[first..first + here];
            score_rows(
                l.vocab,
                loss,
                positions,
                logits,
                &mut s.scored[first..first + here],
            );
            if let Some(d_weights) = d_weights.as_deref_mut() {
                let dw = &mut d_weights[l.unembedding.clone()];
                project_back(
                    logits,
                    x,
                    unembedding,
                    &mut d_normed[part],
                    dw,
                    here,
                    l.width,
                );
            }
        }
        if let Some(d_weights) = d_weights {
            self.backward(weights, batch, heads, d_weights);
        }
        &self.scratch.scored
    }

    /// From `d_normed`, the gradient of the final norm's result, down to the embedding.
    fn backward(&mut self, weights: &[f32], batch: &Batch<'_>, heads: Heads, dw: &mut [f32]) {
        let l = &self.layout;
        let s = &mut self.scratch;
        let rows = batch.tokens.len();
        let d_stream = fit(&mut s.d_stream, rows * l.width);
        d_stream.fill(0.0);
        norm::backward(
            &s.stream[..rows * l.width],
            &weights[l.final_norm.clone()],
            &s.inverse[..rows],
            &s.d_normed[..rows * l.width],
            d_stream,
            &mut dw[l.final_norm.clone()],
            &mut s.partial,
        );
        for (block, kept) in l.blocks.iter().zip(&mut s.kept).rev() {
            let mut back = Back {
                l,
                heads,
                rope: &self.rope,
                weights,
                dw,
                d_stream,
                d_normed: &mut s.d_normed[..rows * l.width],
                rows,
            };
            let d_inner = fit(&mut s.d_inner, rows * l.inner);
            back.feed_forward(block, kept, d_inner, &mut s.partial);
            let size = rows * l.queries * l.head;
            let key_size = rows * l.keys * l.head;
            back.attention(
                block,
                kept,
                fit(&mut s.d_joined, size),
                fit(&mut s.d_heads, size),
                [
                    fit(&mut s.dq, size),
                    fit(&mut s.dk, key_size),
                    fit(&mut s.dv, key_size),
                ],
                fit(&mut s.qkv, rows * heads.row()),
                &mut s.partial,
            );
        }
        // One row after the other: two positions can hold the same token.
        for (row, token) in d_stream.chunks_exact(l.width).zip(batch.tokens) {
            let at = l.embedding.start + *token as usize * l.width;
            for (dw, d) in dw[at..at + l.width].iter_mut().zip(row) {
                *dw += d;
            }
        }
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "one block's inputs; a struct would name them twice"
)]
fn forward_block(
    l: &Layout,
    block: &Block,
    rope: &Rope,
    h: Heads,
    weights: &[f32],
    stream: &mut [f32],
    qkv: &mut Vec<f32>,
    kept: &mut Kept,
) {
    let rows = stream.len() / l.width;
    let w = |range: &std::ops::Range<usize>| &weights[range.clone()];
    let size = rows * l.queries * l.head;
    let key_size = rows * l.keys * l.head;

    let before = fit(&mut kept.before, stream.len());
    copy(stream, before);
    let normed = fit(&mut kept.normed_before, stream.len());
    let inverse = fit(&mut kept.inverse_before, rows);
    norm::forward(before, w(&block.attention_norm), l.eps, normed, inverse);
    let qkv = fit(qkv, rows * h.row());
    project(qkv, normed, w(&block.qkv), rows, l.width, Write::Replace);
    let q = fit(&mut kept.q, size);
    let k = fit(&mut kept.k, key_size);
    let v = fit(&mut kept.v, key_size);
    rope::split(h, rope, qkv, q, k, v);
    let heads = fit(&mut kept.heads, size);
    attention::forward(h, q, k, v, heads, fit(&mut kept.log_sum, rows * l.queries));
    let joined = fit(&mut kept.joined, size);
    rope::join(h, heads, joined);
    project(
        stream,
        joined,
        w(&block.output),
        rows,
        l.queries * l.head,
        Write::Add,
    );

    let between = fit(&mut kept.between, stream.len());
    copy(stream, between);
    let normed = fit(&mut kept.normed_between, stream.len());
    let inverse = fit(&mut kept.inverse_between, rows);
    norm::forward(between, w(&block.mlp_norm), l.eps, normed, inverse);
    let gate_up = fit(&mut kept.gate_up, rows * 2 * l.inner);
    project(
        gate_up,
        normed,
        w(&block.gate_up),
        rows,
        l.width,
        Write::Replace,
    );
    let activated = fit(&mut kept.activated, rows * l.inner);
    swiglu::forward(l.inner, gate_up, activated);
    project(stream, activated, w(&block.down), rows, l.inner, Write::Add);
}

fn copy(from: &[f32], to: &mut [f32]) {
    const CHUNK: usize = crate::kernels::CHUNK;
    to.par_chunks_mut(CHUNK)
        .zip(from.par_chunks(CHUNK))
        .for_each(|(to, from)| {
            to.copy_from_slice(from);
        });
}

/// One block's way back. `d_stream` is the gradient of the stream after it, and then before it.
struct Back<'a> {
    l: &'a Layout,
    heads: Heads,
    rope: &'a Rope,
    weights: &'a [f32],
    dw: &'a mut [f32],
    d_stream: &'a mut [f32],
    d_normed: &'a mut [f32],
    rows: usize,
}

impl Back<'_> {
    fn feed_forward(
        &mut self,
        block: &Block,
        kept: &mut Kept,
        d_inner: &mut [f32],
        partial: &mut Vec<f32>,
    ) {
        let (l, rows) = (self.l, self.rows);
        let w = |range: &std::ops::Range<usize>| &self.weights[range.clone()];
        let activated = &kept.activated[..rows * l.inner];
        let dw = &mut self.dw[block.down.clone()];
        project_back(
            self.d_stream,
            activated,
            w(&block.down),
            d_inner,
            dw,
            rows,
            l.inner,
        );
        let gate_up = &mut kept.gate_up[..rows * 2 * l.inner];
        swiglu::backward(l.inner, d_inner, gate_up);
        let normed = &kept.normed_between[..rows * l.width];
        let dw = &mut self.dw[block.gate_up.clone()];
        project_back(
            gate_up,
            normed,
            w(&block.gate_up),
            self.d_normed,
            dw,
            rows,
            l.width,
        );
        norm::backward(
            &kept.between[..rows * l.width],
            w(&block.mlp_norm),
            &kept.inverse_between[..rows],
            self.d_normed,
            self.d_stream,
            &mut self.dw[block.mlp_norm.clone()],
            partial,
        );
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "scratch buffers, borrowed one by one"
    )]
    fn attention(
        &mut self,
        block: &Block,
        kept: &Kept,
        d_joined: &mut [f32],
        d_heads: &mut [f32],
        [dq, dk, dv]: [&mut [f32]; 3],
        d_qkv: &mut [f32],
        partial: &mut Vec<f32>,
    ) {
        let (l, rows, h) = (self.l, self.rows, self.heads);
        let w = |range: &std::ops::Range<usize>| &self.weights[range.clone()];
        let (size, key_size) = (d_joined.len(), dk.len());
        let joined = &kept.joined[..size];
        let dw = &mut self.dw[block.output.clone()];
        let inner = l.queries * l.head;
        project_back(
            self.d_stream,
            joined,
            w(&block.output),
            d_joined,
            dw,
            rows,
            inner,
        );
        rope::part(h, d_joined, d_heads);
        let saved = attention::Saved {
            q: &kept.q[..size],
            k: &kept.k[..key_size],
            v: &kept.v[..key_size],
            out: &kept.heads[..size],
            log_sum: &kept.log_sum[..rows * l.queries],
            d_out: d_heads,
        };
        attention::backward(h, &saved, dq, dk, dv);
        rope::merge_gradients(h, self.rope, dq, dk, dv, d_qkv);
        let normed = &kept.normed_before[..rows * l.width];
        let dw = &mut self.dw[block.qkv.clone()];
        project_back(
            d_qkv,
            normed,
            w(&block.qkv),
            self.d_normed,
            dw,
            rows,
            l.width,
        );
        norm::backward(
            &kept.before[..rows * l.width],
            w(&block.attention_norm),
            &kept.inverse_before[..rows],
            self.d_normed,
            self.d_stream,
            &mut self.dw[block.attention_norm.clone()],
            partial,
        );
    }
}
