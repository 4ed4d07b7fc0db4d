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

/// Rows shared out to blocks as evenly as can be: `more` blocks of one row more than the `fewer` others have.
#[derive(Clone, Copy)]
pub(crate) struct Shares {
    rows: usize,
    more: usize,
    fewer: usize,
}

impl Shares {
    #[inline(always)]
    fn new(rows: usize, most: usize) -> Self {
        let blocks = rows.div_ceil(most);
        Self { rows: rows / blocks, more: rows % blocks, fewer: blocks - rows % blocks }
    }

    /// How [`multiply`] shares out rows in panels of sixteen columns and of eight.
    #[inline(always)]
    pub(crate) fn of(rows: usize) -> [Self; 2] {
        [Self::new(rows, 6), Self::new(rows, 13)]
    }
}

/// `c[rows, columns] = a[rows, k] b[k, columns]` in one plane; `a` and `c` in cells, `b` in panels.
///
/// # Safety
/// All three matrices are readable, `c` writable, of `s`; `k` and `columns` are multiples of eight; the shares are those
/// of the rows.
#[inline(always)]
pub(crate) unsafe fn multiply<S: Simd>(s: Sizes, shares: [Shares; 2], a: *const f32, b: *const f32, c: *mut f32) {
    // SAFETY: offsets stay within the matrices.
    unsafe {
        let (mut b, mut c) = (b, c);
        for _ in 0..s.columns / PANEL {
            wide::<S>(s, shares[0], a, b, c);
            b = b.add(PANEL * s.k);
            c = c.add(PANEL * s.planes);
        }
        if !s.columns.is_multiple_of(PANEL) {
            narrow::<S>(s, shares[1], a, b, c);
        }
    }
}

/// Makes a function that multiplies `$vectors` of columns, blocks of one number of rows and then of another.
macro_rules! shared_out {
    ($name:ident, $vectors:literal, $($rows:literal)*) => {
        #[inline(always)]
        unsafe fn $name<S: Simd>(s: Sizes, shares: Shares, a: *const f32, b: *const f32, c: *mut f32) {
            // SAFETY: offsets stay within the matrices.
            unsafe {
                let (mut a, mut c) = (a, c);
                for (blocks, rows) in [(shares.more, shares.rows + 1), (shares.fewer, shares.rows)] {
                    match rows {
                        $($rows => for _ in 0..blocks {
                            block::<S, $vectors, $rows>(s, a, b, c);
                            a = a.add($rows * s.left());
                            c = c.add($rows * s.right());
                        },)*
                        _ => {}
                    }
                }
            }
        }
    };
}
shared_out!(wide, 2, 1 2 3 4 5 6);
shared_out!(narrow, 1, 1 2 3 4 5 6 7 8 9 10 11 12 13);

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
        // A loop of few rounds ends where the processor expects it.
        for _ in 0..s.rows / UNROLL {
            for _ in 0..UNROLL {
                add_row::<S, NV, T>(s, a, g, &mut sum);
                a = a.add(s.left());
                g = g.add(s.right());
            }
        }
        for _ in 0..s.rows % UNROLL {
            add_row::<S, NV, T>(s, a, g, &mut sum);
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

/// Rows of one round of [`outer`].
const UNROLL: usize = 6;

#[inline(always)]
unsafe fn add_row<S: Simd, const NV: usize, const T: usize>(
    s: Sizes,
    a: *const f32,
    g: *const f32,
    sum: &mut [[S; NV]; T],
) {
    // SAFETY: the caller's row lies within the matrices.
    unsafe {
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
    }
}
