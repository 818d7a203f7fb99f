//! Functions that compilers turn into vector instructions, and the switch that lets them.

use std::sync::OnceLock;

/// Runs `f` compiled for the widest vectors this processor has. `f` must be inlined into it, so
/// what it calls is `#[inline(always)]`.
#[inline(always)]
pub(crate) fn vectorized<R>(f: impl FnOnce() -> R) -> R {
    static ARCH: OnceLock<pulp::Arch> = OnceLock::new();
    ARCH.get_or_init(pulp::Arch::new).dispatch(f)
}

/// exp(x) to about 1e-7 relative error.
///
/// Cephes' `expf`: x = n ln 2 + r with |r| <= ln 2 / 2, and a polynomial for exp(r).
/// Smaller than -87 gives 0 up to rounding, larger than 88 gives the largest result.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Adding and subtracting 1.5 * 2^23 rounds to an integer without a call.
    const ROUND: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-87.0, 88.0);
    let n = (x * std::f32::consts::LOG2_E + ROUND) - ROUND;
    let r = (x - n * LN2_HIGH) - n * LN2_LOW;
    let mut p = 1.987_569_1e-4;
    p = p * r + 1.398_199_9e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 1.666_666_5e-1;
    p = p * r + 5e-1;
    let y = p * r * r + r + 1.0;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "n is an integer between -126 and 127"
    )]
    let scale = f32::from_bits((((n as i32) + 127) as u32) << 23);
    y * scale
}

/// Lanes of the sums below: two of the widest vectors.
const LANES: usize = 16;

/// Σ f(a, b), in a fixed order: `LANES` sums side by side, then those.
#[inline(always)]
pub(crate) fn sum2(a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0f32; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let (a_rest, b_rest) = (a_chunks.remainder(), b_chunks.remainder());
    for (a, b) in a_chunks.zip(b_chunks) {
        for i in 0..LANES {
            lanes[i] += f(a[i], b[i]);
        }
    }
    let mut total: f32 = lanes.iter().sum();
    for (a, b) in a_rest.iter().zip(b_rest) {
        total += f(*a, *b);
    }
    total
}

/// Σ a b c, in a fixed order.
#[inline(always)]
pub(crate) fn sum3(a: &[f32], b: &[f32], c: &[f32]) -> f32 {
    let mut lanes = [0f32; LANES];
    let whole = a.len() / LANES * LANES;
    let (a_whole, a_rest) = a.split_at(whole);
    let (b_whole, b_rest) = b.split_at(whole);
    let (c_whole, c_rest) = c.split_at(whole);
    let chunks = a_whole.chunks_exact(LANES).zip(b_whole.chunks_exact(LANES));
    for ((a, b), c) in chunks.zip(c_whole.chunks_exact(LANES)) {
        for i in 0..LANES {
            lanes[i] += a[i] * b[i] * c[i];
        }
    }
    let mut total: f32 = lanes.iter().sum();
    for ((a, b), c) in a_rest.iter().zip(b_rest).zip(c_rest) {
        total += a * b * c;
    }
    total
}

/// The largest element, or negative infinity.
#[inline(always)]
pub(crate) fn max(values: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let chunks = values.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for i in 0..LANES {
            lanes[i] = if chunk[i] > lanes[i] {
                chunk[i]
            } else {
                lanes[i]
            };
        }
    }
    lanes
        .iter()
        .chain(rest)
        .fold(f32::NEG_INFINITY, |a, b| if *b > a { *b } else { a })
}

/// Puts exp(x - max) in place of x and returns max and the sum.
#[inline(always)]
pub(crate) fn exp_shifted(values: &mut [f32]) -> (f32, f32) {
    let top = max(values);
    let mut lanes = [0f32; LANES];
    let mut chunks = values.chunks_exact_mut(LANES);
    for chunk in &mut chunks {
        for i in 0..LANES {
            chunk[i] = exp(chunk[i] - top);
            lanes[i] += chunk[i];
        }
    }
    let mut total: f32 = lanes.iter().sum();
    for value in chunks.into_remainder() {
        *value = exp(*value - top);
        total += *value;
    }
    (top, total)
}
