//! One optimizer step of the model of ADR 0001 in candle; prints one line of JSON.
//!
//! candle's fused `rms_norm`, `softmax_last_dim` and `rope` have no backward pass, and the gradient
//! of what comes before them is silently absent. So these are composed of simple operations here,
//! and the program fails if a weight gets no gradient.

use std::time::Instant;

use candle_core::{D, DType, Device, Result, Tensor, Var, bail};
use candle_nn::loss::cross_entropy;
use candle_nn::ops::{silu, softmax};
use candle_nn::{AdamW, Optimizer, ParamsAdamW};

const VOCAB: usize = 4096;
const WIDTH: usize = 384;
const LAYERS: usize = 6;
const HEADS: usize = 6;
const HEAD: usize = WIDTH / HEADS;
const INNER: usize = 1024;
const BATCH: usize = 8;
const TIME: usize = 128;

struct Block {
    norm1: Tensor,
    qkv: Tensor,
    out: Tensor,
    norm2: Tensor,
    gate_up: Tensor,
    down: Tensor,
}

struct Model {
    embedding: Tensor,
    blocks: Vec<Block>,
    norm: Tensor,
    cos: Tensor,
    sin: Tensor,
    mask: Tensor,
}

fn rms_norm(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let mean_square = (x.sqr()?.mean_keepdim(D::Minus1)? + 1e-5)?;
    x.broadcast_div(&mean_square.sqrt()?)?.broadcast_mul(weight)
}

fn linear(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    x.matmul(&weight.t()?)
}

impl Model {
    fn new(weights: &mut Vec<Var>, device: &Device) -> Result<Self> {
        let mut new = |shape: &[usize]| -> Result<Tensor> {
            let var = match shape {
                [_] => Var::ones(shape, DType::F32, device)?,
                _ => Var::randn(0f32, 0.02, shape, device)?,
            };
            weights.push(var.clone());
            Ok(var.as_tensor().clone())
        };
        let embedding = new(&[VOCAB, WIDTH])?;
        let blocks = (0..LAYERS)
            .map(|_| {
                Ok(Block {
                    norm1: new(&[WIDTH])?,
                    qkv: new(&[3 * WIDTH, WIDTH])?,
                    out: new(&[WIDTH, WIDTH])?,
                    norm2: new(&[WIDTH])?,
                    gate_up: new(&[2 * INNER, WIDTH])?,
                    down: new(&[WIDTH, INNER])?,
                })
            })
            .collect::<Result<_>>()?;
        let angles: Vec<f32> = (0..TIME)
            .flat_map(|p| (0..HEAD).map(move |i| (p, 2 * (i % (HEAD / 2)))))
            .map(|(p, i)| p as f32 * 10_000f32.powf(-(i as f32) / HEAD as f32))
            .collect();
        let angles = Tensor::from_vec(angles, (1, 1, TIME, HEAD), device)?;
        let mask: Vec<f32> = (0..TIME)
            .flat_map(|i| (0..TIME).map(move |j| if j > i { f32::NEG_INFINITY } else { 0.0 }))
            .collect();
        Ok(Self {
            embedding,
            blocks,
            norm: new(&[WIDTH])?,
            cos: angles.cos()?,
            sin: angles.sin()?,
            mask: Tensor::from_vec(mask, (1, 1, TIME, TIME), device)?,
        })
    }

    fn rope(&self, x: &Tensor) -> Result<Tensor> {
        let (a, b) = (x.narrow(3, 0, HEAD / 2)?, x.narrow(3, HEAD / 2, HEAD / 2)?);
        let turned = Tensor::cat(&[&b.neg()?, &a], 3)?;
        x.broadcast_mul(&self.cos)? + turned.broadcast_mul(&self.sin)?
    }

    fn forward(&self, tokens: &Tensor) -> Result<Tensor> {
        let mut x = self.embedding.embedding(tokens)?;
        for block in &self.blocks {
            let qkv = linear(&rms_norm(&x, &block.norm1)?, &block.qkv)?;
            let qkv = qkv.reshape((BATCH, TIME, 3, HEADS, HEAD))?;
            let part = |i| {
                qkv.narrow(2, i, 1)?
                    .squeeze(2)?
                    .transpose(1, 2)?
                    .contiguous()
            };
            let (q, k, v) = (self.rope(&part(0)?)?, self.rope(&part(1)?)?, part(2)?);
            let scores = (q.matmul(&k.t()?)? * (HEAD as f64).powf(-0.5))?;
            let scores = softmax(&scores.broadcast_add(&self.mask)?, D::Minus1)?;
            let heads = scores.matmul(&v)?.transpose(1, 2)?.contiguous()?;
            x = (x + linear(&heads.reshape((BATCH * TIME, WIDTH))?, &block.out)?)?;
            let inner = linear(&rms_norm(&x, &block.norm2)?, &block.gate_up)?;
            let inner = (silu(&inner.narrow(1, 0, INNER)?)? * inner.narrow(1, INNER, INNER)?)?;
            x = (x + linear(&inner, &block.down)?)?;
        }
        linear(&rms_norm(&x, &self.norm)?, &self.embedding)
    }
}

fn ids(offset: usize) -> Vec<u32> {
    (0..BATCH * TIME)
        .map(|n| ((n + offset) as u32).wrapping_mul(2_654_435_761) >> 8)
        .map(|n| n % VOCAB as u32)
        .collect()
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() -> Result<()> {
    let device = Device::Cpu;
    let mut weights = Vec::new();
    let model = Model::new(&mut weights, &device)?;
    let parameters = ParamsAdamW {
        lr: 1e-4,
        weight_decay: 0.01,
        ..Default::default()
    };
    let mut optimizer = AdamW::new(weights.clone(), parameters)?;
    let mut times = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
    let mut last_loss = 0.0;
    for step in 0..35 {
        let begin = Instant::now();
        let tokens = Tensor::from_vec(ids(step), BATCH * TIME, &device)?;
        let targets = Tensor::from_vec(ids(step + 77), BATCH * TIME, &device)?;
        let loss = cross_entropy(&model.forward(&tokens)?, &targets)?;
        let forward = milliseconds(begin);
        let mut gradients = loss.backward()?;
        let backward = milliseconds(begin) - forward;
        let mut square = 0.0;
        for weight in &weights {
            let Some(gradient) = gradients.get(weight) else {
                bail!("a weight has no gradient")
            };
            let one = gradient.sqr()?.sum_all()?.to_scalar::<f32>()?;
            if one == 0.0 {
                bail!("the gradient of a weight is zero")
            }
            square += one;
        }
        let scale = f64::from((1.0 / square.sqrt()).min(1.0));
        if scale < 1.0 {
            for weight in &weights {
                let clipped = gradients.get(weight).map(|gradient| gradient * scale);
                gradients.insert(
                    weight,
                    clipped
                        .transpose()?
                        .unwrap_or_else(|| weight.as_tensor().clone()),
                );
            }
        }
        optimizer.step(&gradients)?;
        let total = milliseconds(begin);
        if step >= 5 {
            for (list, time) in
                times
                    .iter_mut()
                    .zip([total, forward, backward, total - forward - backward])
            {
                list.push(time);
            }
        }
        last_loss = loss.to_scalar::<f32>()?;
    }
    let [total, forward, backward, rest] = times.map(median);
    println!(
        "{{\"library\": \"candle 0.11.1\", \"median_ms\": {total:.1}, \"forward_ms\": {forward:.1}, \
         \"backward_ms\": {backward:.1}, \"clip_and_adamw_ms\": {rest:.1}, \"loss\": {last_loss:.3}}}"
    );
    Ok(())
}
