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

/// `T` rows of the length of `row`.
#[inline(always)]
unsafe fn against<S: Lanes, const DISTANCE: bool, const T: usize>(row: &[f32], rows: [&[f32]; T]) -> [f32; T] {
    let dim = row.len();
    assert!(rows.iter().all(|other| other.len() == dim));
    let mut sums = [[S::zero(); 2]; T];
    let whole = dim / LANES;
    for i in 0..whole {
        // SAFETY: (i + 1) * LANES <= dim, the length of every row.
        unsafe {
            let a = S::load(row.as_ptr().add(i * LANES));
            for (other, sum) in rows.iter().zip(&mut sums) {
                let b = S::load(other.as_ptr().add(i * LANES));
                sum[i % 2] = accumulate::<S, DISTANCE>(sum[i % 2], a, b);
            }
        }
    }
    if whole * LANES < dim {
        let a = S::load_tail(&row[whole * LANES..]);
        for (other, sum) in rows.iter().zip(&mut sums) {
            let b = S::load_tail(&other[whole * LANES..]);
            sum[whole % 2] = accumulate::<S, DISTANCE>(sum[whole % 2], a, b);
        }
    }
    sums.map(|sum| across(sum[0].add(sum[1]).array()))
}

/// `out[i]` from row `at(i)` of `rows`.
#[inline(always)]
unsafe fn body<S: Lanes, const DISTANCE: bool>(
    row: &[f32],
    rows: &[f32],
    at: impl Fn(usize) -> usize,
    out: &mut [f32],
) {
    let dim = row.len();
    let other = |i: usize| &rows[at(i) * dim..][..dim];
    let groups = out.len() / ROWS * ROWS;
    // SAFETY: only the instruction set matters, which the caller answers for.
    unsafe {
        let (whole, tail) = out.split_at_mut(groups);
        for (group, out) in whole.as_chunks_mut::<ROWS>().0.iter_mut().enumerate() {
            *out = against::<S, DISTANCE, ROWS>(row, std::array::from_fn(|t| other(group * ROWS + t)));
        }
        for (i, out) in tail.iter_mut().enumerate() {
            [*out] = against::<S, DISTANCE, 1>(row, [other(groups + i)]);
        }
    }
}

#[inline(always)]
unsafe fn dots_body<S: Lanes>(row: &[f32], rows: &[f32], out: &mut [f32]) {
    // SAFETY: only the instruction set matters, which the caller answers for.
    unsafe { body::<S, false>(row, rows, |i| i, out) }
}
dispatch!(unsafe fn dots_isa = dots_body(row: &[f32], rows: &[f32], out: &mut [f32]));

#[inline(always)]
unsafe fn distances_body<S: Lanes>(row: &[f32], rows: &[f32], out: &mut [f32]) {
    // SAFETY: only the instruction set matters, which the caller answers for.
    unsafe { body::<S, true>(row, rows, |i| i, out) }
}
dispatch!(unsafe fn distances_isa = distances_body(row: &[f32], rows: &[f32], out: &mut [f32]));

#[inline(always)]
unsafe fn dots_at_body<S: Lanes>(row: &[f32], rows: &[f32], at: &[u32], out: &mut [f32]) {
    // SAFETY: only the instruction set matters, which the caller answers for.
    unsafe { body::<S, false>(row, rows, |i| at[i] as usize, out) }
}
dispatch!(unsafe fn dots_at_isa = dots_at_body(row: &[f32], rows: &[f32], at: &[u32], out: &mut [f32]));

#[inline(always)]
unsafe fn distances_at_body<S: Lanes>(row: &[f32], rows: &[f32], at: &[u32], out: &mut [f32]) {
    // SAFETY: only the instruction set matters, which the caller answers for.
    unsafe { body::<S, true>(row, rows, |i| at[i] as usize, out) }
}
dispatch!(unsafe fn distances_at_isa = distances_at_body(row: &[f32], rows: &[f32], at: &[u32], out: &mut [f32]));

/// See [`crate::vector::squared_distances_at`].
pub(crate) fn squared_distances_at(isa: Isa, row: &[f32], rows: &[f32], at: &[u32], out: &mut [f32]) {
    assert!(!row.is_empty() && at.len() == out.len(), "one output a row");
    // SAFETY: the body takes checked slices.
    unsafe { distances_at_isa(isa, row, rows, at, out) }
}

/// See [`crate::vector::dots_at`].
pub(crate) fn dots_at(isa: Isa, row: &[f32], rows: &[f32], at: &[u32], out: &mut [f32]) {
    assert!(!row.is_empty() && at.len() == out.len(), "one output a row");
    // SAFETY: the body takes checked slices.
    unsafe { dots_at_isa(isa, row, rows, at, out) }
}

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
