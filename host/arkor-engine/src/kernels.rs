//! The arithmetic of a transformer, forward and backward, on slices of `f32`.
//!
//! Matrices are row-major. Work is split by shape alone, never by the number of threads or by who
//! is idle, and each sum is taken in one fixed order: the same input gives the same bits, with any
//! number of threads.
#![expect(
    clippy::indexing_slicing,
    reason = "the shapes are checked once, where a session takes its data; iterators alone would \
              hide the formulas"
)]

pub(crate) mod attention;
pub(crate) mod loss;
pub(crate) mod math;
pub(crate) mod matmul;
pub(crate) mod norm;
pub(crate) mod optimizer;
pub(crate) mod rope;
pub(crate) mod swiglu;

/// Rows that one task handles: enough to hide the cost of a task, little enough to share.
pub(crate) const ROWS: usize = 32;

/// Elements that one task handles.
pub(crate) const CHUNK: usize = 1 << 14;

#[cfg(test)]
mod tests;
