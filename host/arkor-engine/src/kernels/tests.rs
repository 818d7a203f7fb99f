//! Each operation's way back against finite differences of its way there.

use arkor_types::LossFunction;

use super::attention::{self, Saved};
use super::loss::{Position, Scored, score_rows};
use super::rope::{Heads, Rope};
use super::{norm, rope, swiglu};
use crate::rng::Rng;

fn random(seed: u64, len: usize) -> Vec<f32> {
    let mut rng = Rng::new(seed, "test");
    (0..len).map(|_| rng.normal() as f32).collect()
}

/// Compares the gradient of `Σ out * weight` at `input` with central differences, element by
/// element, in the L2 norm of all.
fn check(
    name: &str,
    input: &[f32],
    weight: &[f32],
    gradient: &[f32],
    forward: impl Fn(&[f32]) -> Vec<f32>,
) {
    const STEP: f32 = 1e-2;
    let value = |input: &[f32]| -> f64 {
        let out = forward(input);
        assert_eq!(out.len(), weight.len(), "{name}");
        out.iter()
            .zip(weight)
            .map(|(out, weight)| f64::from(*out) * f64::from(*weight))
            .sum()
    };
    let (mut error, mut size) = (0.0, 0.0);
    for at in 0..input.len() {
        let moved = |by: f32| {
            let mut input = input.to_vec();
            input[at] += by;
            (value(&input), f64::from(input[at]))
        };
        let ((up, high), (down, low)) = (moved(STEP), moved(-STEP));
        let measured = (up - down) / (high - low);
        error += (measured - f64::from(gradient[at])).powi(2);
        size += measured.powi(2);
    }
    let relative = (error / size).sqrt();
    assert!(relative < 2e-3, "{name}: {relative}");
}

#[test]
fn norm_agrees() {
    // More rows than one task has, and a width that fills no vector.
    let (width, rows) = (21, super::ROWS + 3);
    let (x, w, weight) = (
        random(1, rows * width),
        random(2, width),
        random(3, rows * width),
    );
    let forward = |x: &[f32], w: &[f32]| {
        let (mut y, mut inverse) = (vec![0.0; x.len()], vec![0.0; rows]);
        norm::forward(x, w, 1e-5, &mut y, &mut inverse);
        (y, inverse)
    };
    let (_, inverse) = forward(&x, &w);
    let (mut dx, mut dw) = (vec![0.0; x.len()], vec![0.0; width]);
    norm::backward(&x, &w, &inverse, &weight, &mut dx, &mut dw, &mut Vec::new());
    check("x", &x, &weight, &dx, |x| forward(x, &w).0);
    check("w", &w, &weight, &dw, |w| forward(&x, w).0);
}

#[test]
fn swiglu_agrees() {
    let (width, rows) = (19, super::ROWS + 2);
    let (x, weight) = (random(1, rows * 2 * width), random(2, rows * width));
    let mut dx = x.clone();
    swiglu::backward(width, &weight, &mut dx);
    check("gate and up", &x, &weight, &dx, |x| {
        let mut out = vec![0.0; rows * width];
        swiglu::forward(width, x, &mut out);
        out
    });
}

#[test]
fn rope_agrees() {
    let h = Heads {
        time: 5,
        queries: 4,
        keys: 2,
        size: 6,
    };
    let table = Rope::new(h.size, 100.0, h.time);
    let rows = 2 * h.time;
    let x = random(1, rows * h.row());
    let (size, key_size) = (rows * h.queries * h.size, rows * h.keys * h.size);
    let weight = random(2, size + 2 * key_size);
    let (mut dq, mut dk) = (
        weight[..size].to_vec(),
        weight[size..size + key_size].to_vec(),
    );
    let mut dx = vec![0.0; x.len()];
    let dv = &weight[size + key_size..];
    rope::merge_gradients(h, &table, &mut dq, &mut dk, dv, &mut dx);
    check("rows", &x, &weight, &dx, |x| {
        let (mut q, mut k, mut v) = (vec![0.0; size], vec![0.0; key_size], vec![0.0; key_size]);
        rope::split(h, &table, x, &mut q, &mut k, &mut v);
        [q, k, v].concat()
    });
}

#[test]
fn attention_agrees() {
    for (time, queries, keys) in [(7, 4, 2), (5, 3, 3), (130, 2, 1)] {
        let h = Heads {
            time,
            queries,
            keys,
            size: 4,
        };
        let batch = if time > 100 { 1 } else { 2 };
        let (size, key_size) = (batch * queries * time * 4, batch * keys * time * 4);
        let (q, k, v) = (random(1, size), random(2, key_size), random(3, key_size));
        let weight = random(4, size);
        let forward = |q: &[f32], k: &[f32], v: &[f32]| {
            let (mut out, mut log_sum) = (vec![0.0; size], vec![0.0; batch * queries * time]);
            attention::forward(h, q, k, v, &mut out, &mut log_sum);
            (out, log_sum)
        };
        let (out, log_sum) = forward(&q, &k, &v);
        let saved = Saved {
            q: &q,
            k: &k,
            v: &v,
            out: &out,
            log_sum: &log_sum,
            d_out: &weight,
        };
        let (mut dq, mut dk, mut dv) = (vec![0.0; size], vec![0.0; key_size], vec![0.0; key_size]);
        attention::backward(h, &saved, &mut dq, &mut dk, &mut dv);
        check("q", &q, &weight, &dq, |q| forward(q, &k, &v).0);
        check("k", &k, &weight, &dk, |k| forward(&q, k, &v).0);
        check("v", &v, &weight, &dv, |v| forward(&q, &k, v).0);
    }
}

#[test]
fn attention_looks_at_nothing_after_a_position() {
    let h = Heads {
        time: 140,
        queries: 1,
        keys: 1,
        size: 4,
    };
    let size = h.time * 4;
    let (q, mut k, mut v) = (random(1, size), random(2, size), random(3, size));
    let run = |k: &[f32], v: &[f32]| {
        let (mut out, mut log_sum) = (vec![0.0; size], vec![0.0; h.time]);
        attention::forward(h, &q, k, v, &mut out, &mut log_sum);
        out
    };
    let before = run(&k, &v);
    let last = size - 4;
    k[last..].fill(50.0);
    v[last..].fill(50.0);
    let after = run(&k, &v);
    assert_eq!(before[..last], after[..last]);
    assert_ne!(before[last..], after[last..]);
}

#[test]
fn losses_agree() {
    let losses = [
        LossFunction::CrossEntropy,
        LossFunction::ImportanceSampling,
        LossFunction::Ppo {
            clip_low: 0.8,
            clip_high: 1.2,
        },
    ];
    let (vocab, rows) = (23, 12);
    let logits = random(1, vocab * rows);
    let mut rng = Rng::new(2, "positions");
    let mut scored = vec![Scored::default(); rows];
    let plain: Vec<Position> = (0..rows)
        .map(|_| Position {
            target: rng.below(vocab) as u32,
            ..Position::default()
        })
        .collect();
    score_rows(
        vocab,
        LossFunction::CrossEntropy,
        &plain,
        &mut logits.clone(),
        &mut scored,
    );
    // Ratios below, within and above the bounds, each with an advantage of either sign.
    let positions: Vec<Position> = (0..rows)
        .map(|row| Position {
            weight: 0.5 + rng.uniform() as f32,
            advantage: if row % 2 == 0 { 0.7 } else { -0.7 },
            old_log_prob: scored[row].log_prob - [-0.5, 0.0, 0.5][row % 3],
            ..plain[row]
        })
        .collect();
    for function in losses {
        let run = |logits: &[f32]| {
            let mut gradients = logits.to_vec();
            let mut scored = vec![Scored::default(); rows];
            score_rows(vocab, function, &positions, &mut gradients, &mut scored);
            (
                scored.iter().map(|one| one.loss).collect::<Vec<f32>>(),
                gradients,
            )
        };
        let (_, gradients) = run(&logits);
        check(
            &format!("{function:?}"),
            &logits,
            &[1.0; 12],
            &gradients,
            |logits| run(logits).0,
        );
    }
}

#[test]
fn a_position_of_weight_zero_has_no_part_whatever_its_numbers() {
    let position = Position {
        advantage: 1.0,
        old_log_prob: -1e30,
        ..Position::default()
    };
    let mut logits = random(1, 5);
    let mut scored = [Scored::default()];
    score_rows(
        5,
        LossFunction::ImportanceSampling,
        &[position],
        &mut logits,
        &mut scored,
    );
    assert_eq!(scored[0].loss, 0.0);
    assert!(logits.iter().all(|gradient| *gradient == 0.0));
}

#[test]
fn exp_is_exact_to_a_few_units_in_the_last_place() {
    for step in -8700..=8800 {
        let x = step as f32 / 100.0;
        let (found, exact) = (f64::from(super::math::exp(x)), f64::from(x).exp());
        assert!((found / exact - 1.0).abs() < 3e-7, "exp({x}) = {found}");
    }
    assert!(super::math::exp(f32::NAN).is_nan());
}
