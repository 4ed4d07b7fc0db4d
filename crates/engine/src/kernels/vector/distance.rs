//! One row against many: dot products and squared distances.
//!
//! ```text
//! sum[0..16] = 0                     sixteen lanes, two vectors
//! for i in 0..dim: sum[i mod 16] += a[i] b[i]     or (a[i] - b[i])^2, fused
//! result = across(sum[0..8] + sum[8..16])
//! ```

use super::lanes::{Lanes, across};
use crate::kernels::dispatch::dispatch;
use crate::kernels::simd::LANES;

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

/// `row` against `T` rows of its length.
#[inline(always)]
fn against<S: Lanes, const DISTANCE: bool, const T: usize>(
    row: &[f32],
    rows: [&[f32]; T],
) -> [f32; T] {
    let dim = row.len();
    assert!(rows.iter().all(|other| other.len() == dim));
    let (mut even, mut odd) = ([S::zero(); T], [S::zero(); T]);
    let mut at = 0;
    // SAFETY: every load ends at or before `dim`, the length of `row` and, as asserted, of all
    // `rows`.
    unsafe {
        while at + 2 * LANES <= dim {
            let a = [S::load(row.as_ptr().add(at)), S::load(row.as_ptr().add(at + LANES))];
            for t in 0..T {
                let b = rows[t].as_ptr().add(at);
                even[t] = accumulate::<S, DISTANCE>(even[t], a[0], S::load(b));
                odd[t] = accumulate::<S, DISTANCE>(odd[t], a[1], S::load(b.add(LANES)));
            }
            at += 2 * LANES;
        }
        if at + LANES <= dim {
            let a = S::load(row.as_ptr().add(at));
            for t in 0..T {
                even[t] = accumulate::<S, DISTANCE>(even[t], a, S::load(rows[t].as_ptr().add(at)));
            }
            at += LANES;
        }
    }
    if at < dim {
        let a = S::load_tail(&row[at..]);
        // The place of these numbers modulo 16 decides their sum.
        let sums = if at % (2 * LANES) == 0 { &mut even } else { &mut odd };
        for (sum, other) in sums.iter_mut().zip(rows) {
            *sum = accumulate::<S, DISTANCE>(*sum, a, S::load_tail(&other[at..]));
        }
    }
    std::array::from_fn(|t| across(even[t].add(odd[t]).array()))
}

/// `out[i]` from row `at(i)` of `rows`.
#[inline(always)]
fn body<S: Lanes, const DISTANCE: bool>(
    row: &[f32],
    rows: &[f32],
    at: impl Fn(usize) -> usize,
    out: &mut [f32],
) {
    let dim = row.len();
    let other = |i: usize| &rows[at(i) * dim..][..dim];
    let groups = out.len() / ROWS * ROWS;
    let (whole, tail) = out.split_at_mut(groups);
    for (group, out) in whole.as_chunks_mut::<ROWS>().0.iter_mut().enumerate() {
        *out = against::<S, DISTANCE, ROWS>(row, std::array::from_fn(|t| other(group * ROWS + t)));
    }
    for (i, out) in tail.iter_mut().enumerate() {
        [*out] = against::<S, DISTANCE, 1>(row, [other(groups + i)]);
    }
}

#[inline(always)]
fn all_body<S: Lanes, const DISTANCE: bool>(row: &[f32], rows: &[f32], out: &mut [f32]) {
    assert!(!row.is_empty() && rows.len() == row.len() * out.len(), "one output a row");
    body::<S, DISTANCE>(row, rows, |i| i, out);
}

#[inline(always)]
fn at_body<S: Lanes, const DISTANCE: bool>(row: &[f32], rows: &[f32], at: &[u32], out: &mut [f32]) {
    assert!(!row.is_empty() && at.len() == out.len(), "one output a row");
    body::<S, DISTANCE>(row, rows, |i| at[i] as usize, out);
}

dispatch! {
    eight lanes,
    /// See [`crate::vector::dots`].
    pub(crate) fn dots = dots_body(row: &[f32], rows: &[f32], out: &mut [f32])
}

#[inline(always)]
fn dots_body<S: Lanes>(row: &[f32], rows: &[f32], out: &mut [f32]) {
    all_body::<S, false>(row, rows, out);
}

dispatch! {
    eight lanes,
    /// See [`crate::vector::squared_distances`].
    pub(crate) fn squared_distances = distances_body(row: &[f32], rows: &[f32], out: &mut [f32])
}

#[inline(always)]
fn distances_body<S: Lanes>(row: &[f32], rows: &[f32], out: &mut [f32]) {
    all_body::<S, true>(row, rows, out);
}

dispatch! {
    eight lanes,
    /// See [`crate::vector::dots_at`].
    pub(crate) fn dots_at = dots_at_body(row: &[f32], rows: &[f32], at: &[u32], out: &mut [f32])
}

#[inline(always)]
fn dots_at_body<S: Lanes>(row: &[f32], rows: &[f32], at: &[u32], out: &mut [f32]) {
    at_body::<S, false>(row, rows, at, out);
}

dispatch! {
    eight lanes,
    /// See [`crate::vector::squared_distances_at`].
    pub(crate) fn squared_distances_at = distances_at_body(
        row: &[f32], rows: &[f32], at: &[u32], out: &mut [f32])
}

#[inline(always)]
fn distances_at_body<S: Lanes>(row: &[f32], rows: &[f32], at: &[u32], out: &mut [f32]) {
    at_body::<S, true>(row, rows, at, out);
}
