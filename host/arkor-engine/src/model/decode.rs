//! Several continuations of one prompt, a token at a time, with keys and values kept.
#![expect(
    clippy::indexing_slicing,
    reason = "ranges come from the layout, and positions are checked against the context"
)]

use std::ops::Range;

use rayon::prelude::*;

use super::Layout;
use crate::kernels::math::{exp_shifted, sum2, vectorized};
use crate::kernels::matmul::{Mat, MatMut, Threads, Write, matmul};
use crate::kernels::norm;
use crate::kernels::rope::{Rope, Turn};
use crate::kernels::swiglu;

/// Keys and values of the tokens so far, per block: [position, keys * size].
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    keys: Vec<Vec<f32>>,
    values: Vec<Vec<f32>>,
    len: usize,
}

impl Cache {
    pub(crate) fn new(layout: &Layout) -> Self {
        let empty = || layout.blocks.iter().map(|_| Vec::new()).collect();
        Self {
            keys: empty(),
            values: empty(),
            len: 0,
        }
    }
}

/// The model as it is while it generates.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decoder<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) rope: &'a Rope,
    pub(crate) weights: &'a [f32],
}

/// Buffers of one pass, to be used again in the next.
#[derive(Debug, Default)]
pub(crate) struct Work {
    stream: Vec<f32>,
    normed: Vec<f32>,
    inverse: Vec<f32>,
    qkv: Vec<f32>,
    mixed: Vec<f32>,
    gate_up: Vec<f32>,
    activated: Vec<f32>,
    /// [rows, vocab]
    pub(crate) logits: Vec<f32>,
}

impl Work {
    /// As after a pass that gave these.
    pub(crate) fn with_logits(logits: Vec<f32>) -> Self {
        Self {
            logits,
            ..Self::default()
        }
    }
}

fn fit(buffer: &mut Vec<f32>, len: usize) -> &mut [f32] {
    buffer.resize(len, 0.0);
    buffer
}

impl<'a> Decoder<'a> {
    /// Takes up a prompt, which is not empty. `work.logits` becomes those after its last token.
    pub(crate) fn prefill(&self, tokens: &[u32], work: &mut Work) -> Cache {
        let l = self.layout;
        let (q_width, k_width) = self.widths();
        let mut cache = Cache::new(l);
        self.blocks(tokens, work, Threads::Pool, |index, qkv, mixed| {
            let (keys, values) = (&mut cache.keys[index], &mut cache.values[index]);
            for (position, row) in qkv.chunks_exact_mut(q_width + 2 * k_width).enumerate() {
                self.keep(row, position, keys, values);
            }
            qkv.par_chunks(q_width + 2 * k_width)
                .zip(mixed.par_chunks_mut(q_width))
                .enumerate()
                .for_each_init(Vec::new, |scores, (position, (row, mixed))| {
                    let seen = (position + 1) * k_width;
                    let part = Segment {
                        keys: &keys[..seen],
                        values: &values[..seen],
                    };
                    self.attend(&row[..q_width], &[part], scores, mixed);
                });
        });
        cache.len = tokens.len();
        work.stream.drain(..(tokens.len() - 1) * l.width);
        self.unembed(work, Threads::Pool);
        cache
    }

    /// One token for each of some continuations of `prefix`, whose caches have only what came after
    /// it. Row i of `work.logits` becomes what follows token i.
    pub(crate) fn advance(
        &self,
        prefix: &Cache,
        caches: &mut [&mut Cache],
        tokens: &[u32],
        work: &mut Work,
    ) {
        let (q_width, k_width) = self.widths();
        let mut scores = Vec::new();
        self.blocks(tokens, work, Threads::Caller, |index, qkv, mixed| {
            let rows = qkv.chunks_exact_mut(q_width + 2 * k_width);
            let rows = rows
                .zip(mixed.chunks_exact_mut(q_width))
                .zip(caches.iter_mut());
            for ((row, mixed), cache) in rows {
                let (keys, values) = (&mut cache.keys[index], &mut cache.values[index]);
                self.keep(row, prefix.len + cache.len, keys, values);
                let parts = [
                    Segment {
                        keys: &prefix.keys[index],
                        values: &prefix.values[index],
                    },
                    Segment { keys, values },
                ];
                self.attend(&row[..q_width], &parts, &mut scores, mixed);
            }
        });
        for cache in caches {
            cache.len += 1;
        }
        self.unembed(work, Threads::Caller);
    }

    fn widths(&self) -> (usize, usize) {
        let l = self.layout;
        (l.queries * l.head, l.keys * l.head)
    }

    fn weights(&self, range: &Range<usize>) -> &'a [f32] {
        &self.weights[range.clone()]
    }

    /// All blocks; `mix` turns rows of queries, keys and values into rows of attention's result.
    fn blocks(
        &self,
        tokens: &[u32],
        work: &mut Work,
        threads: Threads,
        mut mix: impl FnMut(usize, &mut [f32], &mut [f32]),
    ) {
        let l = self.layout;
        let rows = tokens.len();
        let (q_width, k_width) = self.widths();
        let stream = fit(&mut work.stream, rows * l.width);
        for (row, token) in stream.chunks_exact_mut(l.width).zip(tokens) {
            let at = l.embedding.start + *token as usize * l.width;
            row.copy_from_slice(&self.weights[at..at + l.width]);
        }
        let normed = fit(&mut work.normed, rows * l.width);
        let inverse = fit(&mut work.inverse, rows);
        let qkv = fit(&mut work.qkv, rows * (q_width + 2 * k_width));
        let mixed = fit(&mut work.mixed, rows * q_width);
        let gate_up = fit(&mut work.gate_up, rows * 2 * l.inner);
        let activated = fit(&mut work.activated, rows * l.inner);
        let project = |out: &mut [f32], x: &[f32], w: &Range<usize>, inner, write| {
            project(out, x, self.weights(w), inner, write, threads);
        };
        for (index, block) in l.blocks.iter().enumerate() {
            norm::forward(
                stream,
                self.weights(&block.attention_norm),
                l.eps,
                normed,
                inverse,
            );
            project(qkv, normed, &block.qkv, l.width, Write::Replace);
            mix(index, qkv, mixed);
            project(stream, mixed, &block.output, q_width, Write::Add);
            norm::forward(
                stream,
                self.weights(&block.mlp_norm),
                l.eps,
                normed,
                inverse,
            );
            project(gate_up, normed, &block.gate_up, l.width, Write::Replace);
            swiglu::forward(l.inner, gate_up, activated);
            project(stream, activated, &block.down, l.inner, Write::Add);
        }
    }

    /// From the stream's rows to logits.
    fn unembed(&self, work: &mut Work, threads: Threads) {
        let l = self.layout;
        let rows = work.stream.len() / l.width;
        let normed = fit(&mut work.normed, rows * l.width);
        let inverse = fit(&mut work.inverse, rows);
        norm::forward(
            &work.stream,
            self.weights(&l.final_norm),
            l.eps,
            normed,
            inverse,
        );
        let logits = fit(&mut work.logits, rows * l.vocab);
        let unembedding = self.weights(&l.unembedding);
        project(
            logits,
            normed,
            unembedding,
            l.width,
            Write::Replace,
            threads,
        );
    }

    /// Turns a row's queries and keys to their position and appends its keys and values.
    fn keep(&self, row: &mut [f32], position: usize, keys: &mut Vec<f32>, values: &mut Vec<f32>) {
        let (q_width, k_width) = self.widths();
        let (turned, value) = row.split_at_mut(q_width + k_width);
        for head in turned.chunks_exact_mut(self.layout.head) {
            self.rope.turn(head, position, Turn::Forward);
        }
        keys.extend_from_slice(&turned[q_width..]);
        values.extend_from_slice(value);
    }

    /// One position's queries against all positions of `parts`.
    fn attend(
        &self,
        queries: &[f32],
        parts: &[Segment<'_>],
        scores: &mut Vec<f32>,
        out: &mut [f32],
    ) {
        let l = self.layout;
        let (group, k_width) = (l.queries / l.keys, l.keys * l.head);
        let scale = 1.0 / (l.head as f32).sqrt();
        vectorized(
            #[inline(always)]
            || {
                let heads = queries
                    .chunks_exact(l.head)
                    .zip(out.chunks_exact_mut(l.head));
                for (head, (query, out)) in heads.enumerate() {
                    let at = head / group * l.head;
                    scores.clear();
                    for part in parts {
                        for key in part.keys.chunks_exact(k_width) {
                            let key = &key[at..at + l.head];
                            scores.push(sum2(query, key, |a, b| a * b) * scale);
                        }
                    }
                    let (_, total) = exp_shifted(scores);
                    out.fill(0.0);
                    let values = parts
                        .iter()
                        .flat_map(|part| part.values.chunks_exact(k_width));
                    for (p, value) in scores.iter().zip(values) {
                        let p = p / total;
                        for (out, value) in out.iter_mut().zip(&value[at..at + l.head]) {
                            *out += p * value;
                        }
                    }
                }
            },
        );
    }
}

/// Keys and values of some positions: [position, keys * size].
struct Segment<'a> {
    keys: &'a [f32],
    values: &'a [f32],
}

/// `out = x w^T`, for `w` [out, in].
fn project(out: &mut [f32], x: &[f32], w: &[f32], inner: usize, write: Write, threads: Threads) {
    let (rows, outer) = (x.len() / inner, w.len() / inner);
    let (x, w) = (Mat::new(x, rows, inner), Mat::new(w, outer, inner));
    matmul(MatMut::new(out, rows, outer), write, x, w.t(), 1.0, threads);
}
