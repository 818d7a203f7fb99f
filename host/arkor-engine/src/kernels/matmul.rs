//! Matrix products, by the `gemm` crate.

use gemm::Parallelism;

/// A matrix that is read: `rows` by `cols`, element (i, j) at `i * row_step + j * col_step`.
#[derive(Clone, Copy)]
pub(crate) struct Mat<'a> {
    data: &'a [f32],
    rows: usize,
    cols: usize,
    row_step: usize,
    col_step: usize,
}

impl<'a> Mat<'a> {
    /// Row after row, without gaps.
    pub(crate) fn new(data: &'a [f32], rows: usize, cols: usize) -> Self {
        Self {
            data,
            rows,
            cols,
            row_step: cols,
            col_step: 1,
        }
    }

    /// Rows become columns.
    pub(crate) fn t(self) -> Self {
        Self {
            data: self.data,
            rows: self.cols,
            cols: self.rows,
            row_step: self.col_step,
            col_step: self.row_step,
        }
    }

    fn fits(&self) -> bool {
        fits(
            self.data.len(),
            self.rows,
            self.cols,
            self.row_step,
            self.col_step,
        )
    }
}

fn fits(len: usize, rows: usize, cols: usize, row_step: usize, col_step: usize) -> bool {
    if rows == 0 || cols == 0 {
        return true;
    }
    (rows - 1)
        .checked_mul(row_step)
        .zip((cols - 1).checked_mul(col_step))
        .and_then(|(a, b)| a.checked_add(b))
        .is_some_and(|last| last < len)
}

/// A matrix that is written, row after row with `step` elements between their starts.
pub(crate) struct MatMut<'a> {
    data: &'a mut [f32],
    rows: usize,
    cols: usize,
    step: usize,
}

impl<'a> MatMut<'a> {
    pub(crate) fn new(data: &'a mut [f32], rows: usize, cols: usize) -> Self {
        Self {
            data,
            rows,
            cols,
            step: cols,
        }
    }
}

/// Whether the product replaces what was there or is added to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Write {
    Replace,
    Add,
}

/// Who computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Threads {
    /// All threads of the pool this runs in.
    Pool,
    /// The calling thread, which is already one of many tasks.
    Caller,
}

/// `out = scale * a * b`, or `out += scale * a * b`.
#[expect(
    unsafe_code,
    reason = "the gemm crate takes raw pointers; docs/adr/0001"
)]
#[expect(
    clippy::panic,
    reason = "a shape that does not fit is a defect of this crate"
)]
pub(crate) fn matmul(
    out: MatMut<'_>,
    into: Write,
    a: Mat<'_>,
    b: Mat<'_>,
    scale: f32,
    threads: Threads,
) {
    let shapes_agree = a.rows == out.rows && b.cols == out.cols && a.cols == b.rows;
    let out_fits = out.step >= out.cols && fits(out.data.len(), out.rows, out.cols, out.step, 1);
    if !(shapes_agree && out_fits && a.fits() && b.fits()) {
        panic!(
            "matmul of {}x{} and {}x{} into {}x{}",
            a.rows, a.cols, b.rows, b.cols, out.rows, out.cols
        );
    }
    let parallelism = match threads {
        Threads::Pool => Parallelism::Rayon(rayon::current_num_threads()),
        Threads::Caller => Parallelism::None,
    };
    let (alpha, add) = (1.0, into == Write::Add);
    // A slice has at most isize::MAX bytes, so steps within one fit.
    let step = |step: usize| step as isize;
    // SAFETY: `gemm` reads element (i, j) of `a` and `b` and reads and writes that of `out` at
    // `i * row_step + j * col_step` for all i < rows, j < cols. The checks above place the last of
    // these, and so all, inside the slices. `out` is borrowed mutably, so it overlaps neither
    // input; `step >= cols` means that no two of its elements share a place, which matters to the
    // threads that write them. f32 has no invalid bit patterns.
    unsafe {
        gemm::gemm(
            out.rows,
            out.cols,
            a.cols,
            out.data.as_mut_ptr(),
            1,
            step(out.step),
            add,
            a.data.as_ptr(),
            step(a.col_step),
            step(a.row_step),
            b.data.as_ptr(),
            step(b.col_step),
            step(b.row_step),
            alpha,
            scale,
            false,
            false,
            false,
            parallelism,
        );
    }
}
