//! One optimizer step of the model of ADR 0001 in burn, on its CPU backend burn-flex; prints one
//! line of JSON.

use std::time::Instant;

use burn::grad_clipping::GradientClippingConfig;
use burn::module::Module;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{
    Embedding, EmbeddingConfig, Initializer, Linear, LinearConfig, RmsNorm, RmsNormConfig,
};
use burn::optim::{AdamWConfig, GradientsParams};
use burn::prelude::*;
use burn::tensor::activation::{silu, softmax};

const VOCAB: usize = 4096;
const WIDTH: usize = 384;
const LAYERS: usize = 6;
const HEADS: usize = 6;
const HEAD: usize = WIDTH / HEADS;
const INNER: usize = 1024;
const BATCH: usize = 8;
const TIME: usize = 128;

#[derive(Module, Debug)]
struct Block {
    norm1: RmsNorm,
    qkv: Linear,
    out: Linear,
    norm2: RmsNorm,
    gate_up: Linear,
    down: Linear,
}

#[derive(Module, Debug)]
struct Model {
    embedding: Embedding,
    blocks: Vec<Block>,
    norm: RmsNorm,
}

/// What the forward pass needs besides the weights.
struct Tables {
    cos: Tensor<4>,
    sin: Tensor<4>,
    mask: Tensor<4>,
}

impl Tables {
    fn new(device: &Device) -> Self {
        let angles: Vec<f32> = (0..TIME)
            .flat_map(|p| (0..HEAD).map(move |i| (p, 2 * (i % (HEAD / 2)))))
            .map(|(p, i)| p as f32 * 10_000f32.powf(-(i as f32) / HEAD as f32))
            .collect();
        let angles = Tensor::<4>::from_data(TensorData::new(angles, [1, 1, TIME, HEAD]), device);
        let mask: Vec<f32> = (0..TIME)
            .flat_map(|i| (0..TIME).map(move |j| if j > i { -1e30 } else { 0.0 }))
            .collect();
        Self {
            cos: angles.clone().cos(),
            sin: angles.sin(),
            mask: Tensor::from_data(TensorData::new(mask, [1, 1, TIME, TIME]), device),
        }
    }

    fn rope(&self, x: Tensor<4>) -> Tensor<4> {
        let half = HEAD / 2;
        let (a, b) = (
            x.clone().narrow(3, 0, half),
            x.clone().narrow(3, half, half),
        );
        x * self.cos.clone() + Tensor::cat(vec![b.neg(), a], 3) * self.sin.clone()
    }
}

impl Model {
    fn new(device: &Device) -> Self {
        let linear = |from, to| LinearConfig::new(from, to).with_bias(false).init(device);
        Self {
            embedding: EmbeddingConfig::new(VOCAB, WIDTH)
                .with_initializer(Initializer::Normal {
                    mean: 0.0,
                    std: 0.02,
                })
                .init(device),
            blocks: (0..LAYERS)
                .map(|_| Block {
                    norm1: RmsNormConfig::new(WIDTH).init(device),
                    qkv: linear(WIDTH, 3 * WIDTH),
                    out: linear(WIDTH, WIDTH),
                    norm2: RmsNormConfig::new(WIDTH).init(device),
                    gate_up: linear(WIDTH, 2 * INNER),
                    down: linear(INNER, WIDTH),
                })
                .collect(),
            norm: RmsNormConfig::new(WIDTH).init(device),
        }
    }

    fn forward(&self, tokens: Tensor<2, Int>, tables: &Tables) -> Tensor<2> {
        let mut x = self.embedding.forward(tokens);
        for block in &self.blocks {
            let qkv = block.qkv.forward(block.norm1.forward(x.clone()));
            let part = |i: usize| {
                let one = qkv.clone().narrow(2, i * WIDTH, WIDTH);
                one.reshape([BATCH, TIME, HEADS, HEAD]).swap_dims(1, 2)
            };
            let (q, k, v) = (tables.rope(part(0)), tables.rope(part(1)), part(2));
            let scores = q.matmul(k.transpose()) * (HEAD as f64).powf(-0.5);
            let heads = softmax(scores + tables.mask.clone(), 3).matmul(v);
            x = x + block
                .out
                .forward(heads.swap_dims(1, 2).reshape([BATCH, TIME, WIDTH]));
            let inner = block.gate_up.forward(block.norm2.forward(x.clone()));
            let inner = silu(inner.clone().narrow(2, 0, INNER)) * inner.narrow(2, INNER, INNER);
            x = x + block.down.forward(inner);
        }
        let x: Tensor<2> = self.norm.forward(x).reshape([BATCH * TIME, WIDTH]);
        x.matmul(self.embedding.weight.val().transpose())
    }
}

fn ids(offset: usize) -> Vec<i32> {
    (0..BATCH * TIME)
        .map(|n| ((n + offset) as u32).wrapping_mul(2_654_435_761) >> 8)
        .map(|n| (n % VOCAB as u32) as i32)
        .collect()
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() {
    let device = Device::flex().autodiff();
    let mut model = Model::new(&device);
    let tables = Tables::new(&device);
    // burn clips each tensor by its own norm, not by the norm of all.
    let mut optimizer = AdamWConfig::new()
        .with_weight_decay(0.01)
        .with_grad_clipping(Some(GradientClippingConfig::Norm(1.0)))
        .init();
    let cross_entropy = CrossEntropyLossConfig::new().init(&device);
    let mut times = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
    let mut last_loss = 0.0;
    for step in 0..35 {
        let begin = Instant::now();
        let tokens = Tensor::from_data(TensorData::new(ids(step), [BATCH, TIME]), &device);
        let targets = Tensor::from_data(TensorData::new(ids(step + 77), [BATCH * TIME]), &device);
        let loss = cross_entropy.forward(model.forward(tokens, &tables), targets);
        let forward = milliseconds(begin);
        let gradients = loss.backward();
        let backward = milliseconds(begin) - forward;
        let gradients = GradientsParams::from_grads(gradients, &model);
        assert_eq!(gradients.len(), 2 + 6 * LAYERS, "a weight has no gradient");
        model = optimizer.step(1e-4, model, gradients);
        let total = milliseconds(begin);
        if step >= 5 {
            let parts = [total, forward, backward, total - forward - backward];
            for (list, time) in times.iter_mut().zip(parts) {
                list.push(time);
            }
        }
        last_loss = loss.into_scalar::<f32>();
    }
    let [total, forward, backward, rest] = times.map(median);
    println!(
        "{{\"library\": \"burn 0.23.0-pre.1, burn-flex\", \"median_ms\": {total:.1}, \
         \"forward_ms\": {forward:.1}, \"backward_ms\": {backward:.1}, \
         \"clip_and_adamw_ms\": {rest:.1}, \"loss\": {last_loss:.3}}}"
    );
}
