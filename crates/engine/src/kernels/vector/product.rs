//! Products of matrices with one order of summation, and the sum of x ln x over a product that is
//! never stored.
//!
//! ```text
//! for every panel of 16 columns: pack b[0..k, 16]
//!   for every block of up to 6 rows, or 12:
//!     sum[row, col] = 0; for i in 0..k: sum += a[row, i] b[i, col], fused
//! ```

use super::elementwise::xlogy_lanes;
use super::lanes::{Lanes, across_wide};
use crate::kernels::Isa;
use crate::kernels::dispatch::dispatch;
use crate::kernels::simd::{LANES, PANEL, Simd};

/// c[0..T, 0..16] = a[0..T, 0..k] panel[0..k, 0..16] with `NV` vectors in a row of the panel. Only
/// `columns` of them are written.
#[inline(always)]
fn block<S: Simd, const NV: usize, const T: usize>(
    a: &[f32],
    panel: &[f32],
    k: usize,
    c: &mut [f32],
    n: usize,
    columns: usize,
) -> usize {
    assert!(a.len() >= T * k && panel.len() >= k * PANEL && NV * S::LANES == PANEL);
    let mut sum = [[S::zero(); NV]; T];
    // SAFETY: i < k and t < T, so that all offsets are below the lengths asserted above.
    unsafe {
        for i in 0..k {
            let mut b = [S::zero(); NV];
            for v in 0..NV {
                b[v] = S::load(panel.as_ptr().add(i * PANEL + v * S::LANES));
            }
            for t in 0..T {
                let x = S::broadcast(a.as_ptr().add(t * k + i));
                for v in 0..NV {
                    sum[t][v] = x.fma(b[v], sum[t][v]);
                }
            }
        }
    }
    for (t, sum) in sum.into_iter().enumerate() {
        let row = &mut c[t * n..t * n + columns];
        let mut whole = [0.0; PANEL];
        let to = row.first_chunk_mut::<PANEL>().unwrap_or(&mut whole);
        for v in 0..NV {
            // SAFETY: `to` has PANEL places, as many as NV vectors have values.
            unsafe { sum[v].store(to.as_mut_ptr().add(v * S::LANES)) };
        }
        if columns < PANEL {
            row.copy_from_slice(&whole[..columns]);
        }
    }
    T
}

/// One panel against all rows of `a`; `c` starts at the panel's first column.
#[inline(always)]
fn panel_body<S: Simd>(
    a: &[f32],
    panel: &[f32],
    k: usize,
    c: &mut [f32],
    n: usize,
    columns: usize,
) {
    let rows = a.len() / k;
    let mut row = 0;
    while row < rows {
        let (a, c) = (&a[row * k..], &mut c[row * n..]);
        row += match (S::LANES == PANEL, rows - row) {
            (true, 12..) => block::<S, 1, 12>(a, panel, k, c, n, columns),
            (true, 8..) => block::<S, 1, 8>(a, panel, k, c, n, columns),
            (true, 4..) => block::<S, 1, 4>(a, panel, k, c, n, columns),
            (true, _) => block::<S, 1, 1>(a, panel, k, c, n, columns),
            (false, 6..) => block::<S, 2, 6>(a, panel, k, c, n, columns),
            (false, 4..) => block::<S, 2, 4>(a, panel, k, c, n, columns),
            (false, 2..) => block::<S, 2, 2>(a, panel, k, c, n, columns),
            (false, _) => block::<S, 2, 1>(a, panel, k, c, n, columns),
        };
    }
}

dispatch! {
    fn panel_on = panel_body(
        a: &[f32], panel: &[f32], k: usize, c: &mut [f32], n: usize, columns: usize)
}

/// See [`crate::vector::product`].
pub(crate) fn product(isa: Isa, k: usize, a: &[f32], b: &[f32], c: &mut [f32]) {
    assert!(
        k > 0 && a.len().is_multiple_of(k) && b.len().is_multiple_of(k),
        "whole rows of length k"
    );
    let n = b.len() / k;
    assert_eq!(c.len(), a.len() / k * n, "one output for every row and column");
    by_panels(isa, k, n, a, c, |panel, first, columns| {
        for (packed, row) in panel.chunks_exact_mut(PANEL).zip(b.chunks_exact(n)) {
            packed[..columns].copy_from_slice(&row[first..first + columns]);
            packed[columns..].fill(0.0);
        }
    });
}

/// See [`crate::vector::products_of_rows`].
pub(crate) fn products_of_rows(isa: Isa, dim: usize, a: &[f32], b: &[f32], c: &mut [f32]) {
    assert!(
        dim > 0 && a.len().is_multiple_of(dim) && b.len().is_multiple_of(dim),
        "whole rows of length dim"
    );
    let n = b.len() / dim;
    assert_eq!(c.len(), a.len() / dim * n, "one output for every pair of rows");
    by_panels(isa, dim, n, a, c, |panel, first, columns| {
        if columns < PANEL {
            panel.fill(0.0);
        }
        for (col, row) in b[first * dim..(first + columns) * dim].chunks_exact(dim).enumerate() {
            for (packed, x) in panel[col..].iter_mut().step_by(PANEL).zip(row) {
                *packed = *x;
            }
        }
    });
}

fn by_panels(
    isa: Isa,
    k: usize,
    n: usize,
    a: &[f32],
    c: &mut [f32],
    pack: impl Fn(&mut [f32], usize, usize),
) {
    if a.is_empty() {
        return;
    }
    let mut panel = vec![0.0; k * PANEL];
    for first in (0..n).step_by(PANEL) {
        let columns = PANEL.min(n - first);
        pack(&mut panel, first, columns);
        panel_on(isa, a, &panel, k, &mut c[first..], n, columns);
    }
}

/// Sum of x ln x over x = a[0..T, 0..k] b[0..k, columns]; `b` has whole vectors of columns.
#[inline(always)]
fn xlogy_block<S: Lanes, const T: usize>(
    a: &[f32],
    b: &[f32],
    k: usize,
    n: usize,
    sums: S::Wide,
) -> S::Wide {
    assert!(a.len() >= T * k && b.len() >= k * n && n.is_multiple_of(LANES));
    let mut sums = sums;
    for first in (0..n).step_by(LANES) {
        let mut x = [S::zero(); T];
        // SAFETY: i < k, t < T and first + LANES <= n, so that all offsets are below the lengths
        // asserted above.
        unsafe {
            for i in 0..k {
                let b = S::load(b.as_ptr().add(i * n + first));
                for (t, x) in x.iter_mut().enumerate() {
                    *x = S::broadcast(a.as_ptr().add(t * k + i)).fma(b, *x);
                }
            }
        }
        let mut terms = S::zero();
        for x in x {
            terms = terms.add(xlogy_lanes(x));
        }
        sums = terms.add_to(sums);
    }
    sums
}

#[inline(always)]
fn product_xlogy_body<S: Lanes>(a: &[f32], b: &[f32], k: usize, n: usize, out: &mut f64) {
    let rows = a.len() / k;
    let mut sums = S::wide_zero();
    let mut row = 0;
    while row < rows {
        let a = &a[row * k..];
        let step;
        (step, sums) = match rows - row {
            12.. => (12, xlogy_block::<S, 12>(a, b, k, n, sums)),
            11 => (11, xlogy_block::<S, 11>(a, b, k, n, sums)),
            10 => (10, xlogy_block::<S, 10>(a, b, k, n, sums)),
            8.. => (8, xlogy_block::<S, 8>(a, b, k, n, sums)),
            6.. => (6, xlogy_block::<S, 6>(a, b, k, n, sums)),
            4.. => (4, xlogy_block::<S, 4>(a, b, k, n, sums)),
            2.. => (2, xlogy_block::<S, 2>(a, b, k, n, sums)),
            _ => (1, xlogy_block::<S, 1>(a, b, k, n, sums)),
        };
        row += step;
    }
    *out = across_wide(S::wide_array(sums));
}

dispatch! {
    eight lanes,
    fn product_xlogy_on = product_xlogy_body(
        a: &[f32], b: &[f32], k: usize, n: usize, out: &mut f64)
}

/// See [`crate::vector::xlogy_sum_of_product`].
pub(crate) fn xlogy_sum_of_product(isa: Isa, k: usize, a: &[f32], b: &[f32]) -> f64 {
    assert!(
        k > 0 && a.len().is_multiple_of(k) && b.len().is_multiple_of(k * LANES),
        "whole rows and whole vectors"
    );
    let mut out = 0.0;
    product_xlogy_on(isa, a, b, k, b.len() / k, &mut out);
    out
}
