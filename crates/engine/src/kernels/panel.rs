//! Small matrix products in registers: the middle of Winograd's convolutions.
//!
//! The right-hand matrix lies in panels of sixteen columns (eight in the last if the number is odd), a panel's rows one
//! after the other. A block is at most 6 rows by 16 columns or 12 rows by 8: twelve sums, one or two weights and one
//! broadcast value fill the sixteen registers. Rows are shared out evenly, so that no block is too small to hide the
//! latency of a fused multiply-add. Every output is one chain over k in order.

use super::simd::{LANES, Simd};

/// Columns of a full panel.
pub(crate) const PANEL: usize = 2 * LANES;

/// Rows and columns of `a`, columns of `b` and `c`, and distances of the rows of `a` and `c`.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) rows: usize,
    pub(crate) k: usize,
    pub(crate) columns: usize,
}

/// `c[rows, columns] = a[rows, k] b[k, columns]`; `b` in panels.
///
/// # Safety
/// All three matrices are readable, `c` writable, of `s`; `columns` is a multiple of eight.
#[inline(always)]
pub(crate) unsafe fn multiply<S: Simd>(s: Sizes, a: *const f32, b: *const f32, c: *mut f32) {
    // SAFETY: offsets stay within the matrices.
    unsafe {
        let mut column = 0;
        while column < s.columns {
            let (b, c) = (b.add(column * s.k), c.add(column));
            let wide = s.columns - column >= PANEL;
            let blocks = s.rows.div_ceil(if wide { 6 } else { 12 });
            let (mut row, mut left) = (0, blocks);
            while left > 0 {
                let rows = (s.rows - row).div_ceil(left);
                let (a, c) = (a.add(row * s.k), c.add(row * s.columns));
                match (wide, rows) {
                    (true, 6) => block::<S, 2, 6>(s, a, b, c),
                    (true, 5) => block::<S, 2, 5>(s, a, b, c),
                    (true, 4) => block::<S, 2, 4>(s, a, b, c),
                    (true, 3) => block::<S, 2, 3>(s, a, b, c),
                    (true, 2) => block::<S, 2, 2>(s, a, b, c),
                    (true, _) => block::<S, 2, 1>(s, a, b, c),
                    (false, 12) => block::<S, 1, 12>(s, a, b, c),
                    (false, 11) => block::<S, 1, 11>(s, a, b, c),
                    (false, 10) => block::<S, 1, 10>(s, a, b, c),
                    (false, 9) => block::<S, 1, 9>(s, a, b, c),
                    (false, 8) => block::<S, 1, 8>(s, a, b, c),
                    (false, 7) => block::<S, 1, 7>(s, a, b, c),
                    (false, 6) => block::<S, 1, 6>(s, a, b, c),
                    (false, 5) => block::<S, 1, 5>(s, a, b, c),
                    (false, 4) => block::<S, 1, 4>(s, a, b, c),
                    (false, 3) => block::<S, 1, 3>(s, a, b, c),
                    (false, 2) => block::<S, 1, 2>(s, a, b, c),
                    (false, _) => block::<S, 1, 1>(s, a, b, c),
                }
                row += rows;
                left -= 1;
            }
            column += if wide { PANEL } else { LANES };
        }
    }
}

/// [`multiply`] for each of `planes` matrices, which lie at a pointer and a distance.
///
/// # Safety
/// As for [`multiply`], in every plane.
#[inline(always)]
pub(crate) unsafe fn multiply_planes<S: Simd>(
    s: Sizes,
    planes: usize,
    a: (*const f32, usize),
    b: (*const f32, usize),
    c: (*mut f32, usize),
) {
    // SAFETY: offsets stay within the matrices.
    unsafe {
        if s.columns == LANES && s.rows == 12 {
            for z in 0..planes {
                block::<S, 1, 12>(s, a.0.add(z * a.1), b.0.add(z * b.1), c.0.add(z * c.1));
            }
        } else if s.columns == PANEL && s.rows == 6 {
            for z in 0..planes {
                block::<S, 2, 6>(s, a.0.add(z * a.1), b.0.add(z * b.1), c.0.add(z * c.1));
            }
        } else {
            for z in 0..planes {
                multiply::<S>(s, a.0.add(z * a.1), b.0.add(z * b.1), c.0.add(z * c.1));
            }
        }
    }
}

#[inline(always)]
unsafe fn block<S: Simd, const NV: usize, const T: usize>(s: Sizes, a: *const f32, b: *const f32, c: *mut f32) {
    // SAFETY: offsets stay within the matrices.
    unsafe {
        let mut sum = [[S::zero(); NV]; T];
        for i in 0..s.k {
            let mut w = [S::zero(); NV];
            for v in 0..NV {
                w[v] = S::load(b.add((i * NV + v) * LANES));
            }
            for t in 0..T {
                let x = S::broadcast(a.add(t * s.k + i));
                for v in 0..NV {
                    sum[t][v] = x.fma(w[v], sum[t][v]);
                }
            }
        }
        for t in 0..T {
            for v in 0..NV {
                sum[t][v].store(c.add(t * s.columns + v * LANES));
            }
        }
    }
}

/// `c[k, columns] = a[rows, k]^T g[rows, columns]`, added to what is there unless `fresh`.
///
/// # Safety
/// All three matrices are readable, `c` writable, of `s`; `columns` is a multiple of eight.
#[inline(always)]
pub(crate) unsafe fn correlate<S: Simd>(s: Sizes, a: *const f32, g: *const f32, c: *mut f32, fresh: bool) {
    // SAFETY: offsets stay within the matrices.
    unsafe {
        let mut column = 0;
        while column < s.columns {
            let (g, c) = (g.add(column), c.add(column));
            let wide = s.columns - column >= PANEL;
            let blocks = s.k.div_ceil(if wide { 6 } else { 8 });
            let (mut row, mut left) = (0, blocks);
            while left > 0 {
                let rows = (s.k - row).div_ceil(left);
                let (a, c) = (a.add(row), c.add(row * s.columns));
                match (wide, rows) {
                    (true, 6) => outer::<S, 2, 6>(s, a, g, c, fresh),
                    (true, 5) => outer::<S, 2, 5>(s, a, g, c, fresh),
                    (true, 4) => outer::<S, 2, 4>(s, a, g, c, fresh),
                    (true, 3) => outer::<S, 2, 3>(s, a, g, c, fresh),
                    (true, 2) => outer::<S, 2, 2>(s, a, g, c, fresh),
                    (true, _) => outer::<S, 2, 1>(s, a, g, c, fresh),
                    (false, 8) => outer::<S, 1, 8>(s, a, g, c, fresh),
                    (false, 7) => outer::<S, 1, 7>(s, a, g, c, fresh),
                    (false, 6) => outer::<S, 1, 6>(s, a, g, c, fresh),
                    (false, 5) => outer::<S, 1, 5>(s, a, g, c, fresh),
                    (false, 4) => outer::<S, 1, 4>(s, a, g, c, fresh),
                    (false, 3) => outer::<S, 1, 3>(s, a, g, c, fresh),
                    (false, 2) => outer::<S, 1, 2>(s, a, g, c, fresh),
                    (false, _) => outer::<S, 1, 1>(s, a, g, c, fresh),
                }
                row += rows;
                left -= 1;
            }
            column += if wide { PANEL } else { LANES };
        }
    }
}

#[inline(always)]
unsafe fn outer<S: Simd, const NV: usize, const T: usize>(
    s: Sizes,
    a: *const f32,
    g: *const f32,
    c: *mut f32,
    fresh: bool,
) {
    // SAFETY: offsets stay within the matrices.
    unsafe {
        let mut sum = [[S::zero(); NV]; T];
        if !fresh {
            for t in 0..T {
                for v in 0..NV {
                    sum[t][v] = S::load(c.add(t * s.columns + v * LANES));
                }
            }
        }
        for i in 0..s.rows {
            let mut w = [S::zero(); NV];
            for v in 0..NV {
                w[v] = S::load(g.add(i * s.columns + v * LANES));
            }
            for t in 0..T {
                let x = S::broadcast(a.add(i * s.k + t));
                for v in 0..NV {
                    sum[t][v] = x.fma(w[v], sum[t][v]);
                }
            }
        }
        for t in 0..T {
            for v in 0..NV {
                sum[t][v].store(c.add(t * s.columns + v * LANES));
            }
        }
    }
}
