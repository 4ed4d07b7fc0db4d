//! Small matrix products in registers: the middle of Winograd's convolutions.
//!
//! Transformed tiles lie in cells: eight channels of one tile are one cell, its planes one after the other, eight
//! values each. So a transform reads and writes at constant distances from one pointer. The right-hand matrix of a
//! plane lies in panels of sixteen columns (eight in the last if the number is odd), a panel's rows one after the other.
//! A block is at most 6 rows by 16 columns or 12 rows by 8: twelve sums, one or two weights and one broadcast value
//! fill the sixteen registers. Rows are shared out evenly, so that no block is too small to hide the latency of a fused
//! multiply-add. Every output is one chain over k in order.

use super::simd::{LANES, Simd};

/// Columns of a full panel.
pub(crate) const PANEL: usize = 2 * LANES;

/// Rows, which are tiles, columns of the left-hand and of the right-hand matrix, and planes of a cell.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) rows: usize,
    pub(crate) k: usize,
    pub(crate) columns: usize,
    pub(crate) planes: usize,
}

impl Sizes {
    /// Distance of two cells of a tile.
    #[inline(always)]
    const fn cell(&self) -> usize {
        self.planes * LANES
    }
    /// Distance of two tiles in the left-hand matrix.
    #[inline(always)]
    const fn left(&self) -> usize {
        self.planes * self.k
    }
    /// Distance of two tiles in the other matrix of cells.
    #[inline(always)]
    const fn right(&self) -> usize {
        self.planes * self.columns
    }
}

/// `c[rows, columns] = a[rows, k] b[k, columns]` in one plane; `a` and `c` in cells, `b` in panels.
///
/// # Safety
/// All three matrices are readable, `c` writable, of `s`; `k` and `columns` are multiples of eight.
#[inline(always)]
pub(crate) unsafe fn multiply<S: Simd>(s: Sizes, a: *const f32, b: *const f32, c: *mut f32) {
    // SAFETY: offsets stay within the matrices.
    unsafe {
        let mut column = 0;
        while column < s.columns {
            let (b, c) = (b.add(column * s.k), c.add(column * s.planes));
            let wide = s.columns - column >= PANEL;
            let mut left = s.rows.div_ceil(if wide { 6 } else { 12 });
            let mut row = 0;
            while left > 0 {
                let rows = (s.rows - row).div_ceil(left);
                let (a, c) = (a.add(row * s.left()), c.add(row * s.right()));
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

/// [`multiply`] for all planes; `b` has them `apart` from each other.
///
/// # Safety
/// As for [`multiply`], in every plane.
#[inline(always)]
pub(crate) unsafe fn multiply_planes<S: Simd>(s: Sizes, a: *const f32, b: *const f32, apart: usize, c: *mut f32) {
    // SAFETY: offsets stay within the matrices.
    unsafe {
        if s.columns == LANES && s.rows == 12 {
            for z in 0..s.planes {
                block::<S, 1, 12>(s, a.add(z * LANES), b.add(z * apart), c.add(z * LANES));
            }
        } else if s.columns == PANEL && s.rows == 6 {
            for z in 0..s.planes {
                block::<S, 2, 6>(s, a.add(z * LANES), b.add(z * apart), c.add(z * LANES));
            }
        } else {
            for z in 0..s.planes {
                multiply::<S>(s, a.add(z * LANES), b.add(z * apart), c.add(z * LANES));
            }
        }
    }
}

#[inline(always)]
unsafe fn block<S: Simd, const NV: usize, const T: usize>(s: Sizes, a: *const f32, b: *const f32, c: *mut f32) {
    // SAFETY: offsets stay within the matrices.
    unsafe {
        let mut sum = [[S::zero(); NV]; T];
        let (mut a, mut b) = (a, b);
        for _ in 0..s.k / LANES {
            for i in 0..LANES {
                let mut w = [S::zero(); NV];
                for v in 0..NV {
                    w[v] = S::load(b.add((i * NV + v) * LANES));
                }
                for t in 0..T {
                    let x = S::broadcast(a.add(t * s.left() + i));
                    for v in 0..NV {
                        sum[t][v] = x.fma(w[v], sum[t][v]);
                    }
                }
            }
            a = a.add(s.cell());
            b = b.add(NV * LANES * LANES);
        }
        for t in 0..T {
            for v in 0..NV {
                sum[t][v].store(c.add(t * s.right() + v * s.cell()));
            }
        }
    }
}

/// `c[k, columns] = a[rows, k]^T g[rows, columns]` in one plane, added to what is there unless `fresh`; `a` and `g` in
/// cells, `c` row by row.
///
/// # Safety
/// All three matrices are readable, `c` writable, of `s`; `k` and `columns` are multiples of eight.
#[inline(always)]
pub(crate) unsafe fn correlate<S: Simd>(s: Sizes, a: *const f32, g: *const f32, c: *mut f32, fresh: bool) {
    // SAFETY: offsets stay within the matrices.
    unsafe {
        for k in (0..s.k).step_by(LANES) {
            let (a, c) = (a.add(k * s.planes), c.add(k * s.columns));
            let mut column = 0;
            while column < s.columns {
                let (g, c) = (g.add(column * s.planes), c.add(column));
                match (s.columns - column) / LANES {
                    1 => {
                        outer::<S, 1, 8>(s, a, g, c, fresh);
                        column += LANES;
                    }
                    3 => {
                        outer::<S, 3, 4>(s, a, g, c, fresh);
                        outer::<S, 3, 4>(s, a.add(4), g, c.add(4 * s.columns), fresh);
                        column += 3 * LANES;
                    }
                    _ => {
                        outer::<S, 2, 4>(s, a, g, c, fresh);
                        outer::<S, 2, 4>(s, a.add(4), g, c.add(4 * s.columns), fresh);
                        column += PANEL;
                    }
                }
            }
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
        let (mut a, mut g) = (a, g);
        for _ in 0..s.rows {
            let mut w = [S::zero(); NV];
            for v in 0..NV {
                w[v] = S::load(g.add(v * s.cell()));
            }
            for t in 0..T {
                let x = S::broadcast(a.add(t));
                for v in 0..NV {
                    sum[t][v] = x.fma(w[v], sum[t][v]);
                }
            }
            a = a.add(s.left());
            g = g.add(s.right());
        }
        for t in 0..T {
            for v in 0..NV {
                sum[t][v].store(c.add(t * s.columns + v * LANES));
            }
        }
    }
}
