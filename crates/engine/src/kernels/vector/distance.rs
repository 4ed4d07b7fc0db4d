//! One row against many: dot products and squared distances.
//!
//! ```text
//! sum[0..16] = 0                     sixteen lanes, two vectors
//! for i in 0..dim: sum[i mod 16] += a[i] b[i]     or (a[i] - b[i])^2, fused
//! result = across(sum[0..8] + sum[8..16])
//! ```

use super::lanes::{Lanes, across};
use crate::kernels::simd::LANES;
use crate::kernels::{Isa, dispatch};

/// Rows handled together, so that their sums do not wait for each other.
const ROWS: usize = 4;

#[inline(always)]
fn accumulate<S: Lanes, const DISTANCE: bool>(sum: S, a: S, b: S) -> S {
    if DISTANCE {
        let difference = a.sub(b);
        difference.fma(difference, sum)
    } else {
        a.fma(b, sum)
    }
}

/// `T` rows starting at `rows`.
#[inline(always)]
unsafe fn against<S: Lanes, const DISTANCE: bool, const T: usize>(row: &[f32], rows: &[f32], out: &mut [f32]) {
    let dim = row.len();
    assert!(rows.len() == T * dim && out.len() == T);
    let mut sums = [[S::zero(); 2]; T];
    let whole = dim / LANES;
    for i in 0..whole {
        // SAFETY: (i + 1) * LANES <= dim, and rows holds T times dim values.
        unsafe {
            let a = S::load(row.as_ptr().add(i * LANES));
            for (t, sum) in sums.iter_mut().enumerate() {
                let b = S::load(rows.as_ptr().add(t * dim + i * LANES));
                sum[i % 2] = accumulate::<S, DISTANCE>(sum[i % 2], a, b);
            }
        }
    }
    if whole * LANES < dim {
        let a = S::load_tail(&row[whole * LANES..]);
        for (t, sum) in sums.iter_mut().enumerate() {
            let b = S::load_tail(&rows[t * dim + whole * LANES..(t + 1) * dim]);
            sum[whole % 2] = accumulate::<S, DISTANCE>(sum[whole % 2], a, b);
        }
    }
    for (out, sum) in out.iter_mut().zip(sums) {
        *out = across(sum[0].add(sum[1]).array());
    }
}

#[inline(always)]
unsafe fn body<S: Lanes, const DISTANCE: bool>(row: &[f32], rows: &[f32], out: &mut [f32]) {
    let dim = row.len();
    let groups = out.len() / ROWS * ROWS;
    let (head, tail) = rows.split_at(groups * dim);
    let (head_out, tail_out) = out.split_at_mut(groups);
    for (rows, out) in head.chunks_exact(ROWS * dim).zip(head_out.chunks_exact_mut(ROWS)) {
        // SAFETY: only the instruction set matters, which the caller answers for.
        unsafe { against::<S, DISTANCE, ROWS>(row, rows, out) };
    }
    for (rows, out) in tail.chunks_exact(dim).zip(tail_out.chunks_exact_mut(1)) {
        // SAFETY: as above.
        unsafe { against::<S, DISTANCE, 1>(row, rows, out) };
    }
}

#[inline(always)]
unsafe fn dots_body<S: Lanes>(row: &[f32], rows: &[f32], out: &mut [f32]) {
    // SAFETY: only the instruction set matters, which the caller answers for.
    unsafe { body::<S, false>(row, rows, out) }
}
dispatch!(unsafe fn dots_isa = dots_body(row: &[f32], rows: &[f32], out: &mut [f32]));

#[inline(always)]
unsafe fn distances_body<S: Lanes>(row: &[f32], rows: &[f32], out: &mut [f32]) {
    // SAFETY: only the instruction set matters, which the caller answers for.
    unsafe { body::<S, true>(row, rows, out) }
}
dispatch!(unsafe fn distances_isa = distances_body(row: &[f32], rows: &[f32], out: &mut [f32]));

/// See [`crate::vector::dots`].
pub(crate) fn dots(isa: Isa, row: &[f32], rows: &[f32], out: &mut [f32]) {
    assert!(!row.is_empty() && rows.len() == row.len() * out.len(), "one output a row");
    // SAFETY: the body takes checked slices.
    unsafe { dots_isa(isa, row, rows, out) }
}

/// See [`crate::vector::squared_distances`].
pub(crate) fn squared_distances(isa: Isa, row: &[f32], rows: &[f32], out: &mut [f32]) {
    assert!(!row.is_empty() && rows.len() == row.len() * out.len(), "one output a row");
    // SAFETY: the body takes checked slices.
    unsafe { distances_isa(isa, row, rows, out) }
}
