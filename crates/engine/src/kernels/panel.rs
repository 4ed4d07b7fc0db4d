//! Small matrix products in registers: the middle of Winograd's convolutions.
//!
//! Transformed tiles lie in cells. As many channels of one tile as a vector has lanes are one cell,
//! its planes one after the other. So a transform reads and writes at constant distances from one
//! pointer. Vectors of sixteen leave eight channels over where a number of channels is an odd
//! multiple of eight: they are a cell of eight, the last.
//!
//! The right-hand matrix of a plane lies in panels of two vectors of columns, then of one, then of
//! eight. A panel's rows lie one after the other. Blocks fill the registers with sums, and leave
//! room for the weights and a broadcast value. Rows are shared out evenly, so that no block is too
//! small to hide the latency of a fused multiply-add. Every output is one chain over k in order.

use super::simd::{LANES, Simd};

/// The sides of a product in one plane of cells.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    /// Rows, which are tiles.
    pub(crate) rows: usize,
    /// Columns of the left-hand matrix: a multiple of eight.
    pub(crate) k: usize,
    /// Columns of the right-hand matrix: a multiple of eight.
    pub(crate) columns: usize,
    /// Planes of a cell.
    pub(crate) planes: usize,
    /// The plane at hand.
    pub(crate) plane: usize,
}

impl Sizes {
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
    /// The plane's place in a tile for the cell of vectors `V` that begins at channel `first`.
    #[inline(always)]
    const fn cell<V: Simd>(&self, first: usize) -> usize {
        first * self.planes + self.plane * V::LANES
    }
}

/// Rows shared out to blocks as evenly as can be.
#[derive(Clone, Copy)]
pub(crate) struct Shares {
    /// Rows of each of the `fewer` blocks. The `more` others have one row more.
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

    /// How [`multiply`] shares out rows in panels of two vectors of columns and of one.
    #[inline(always)]
    pub(crate) fn of<S: Simd>(rows: usize) -> [Self; 2] {
        S::ROWS.map(|most| Self::new(rows, most))
    }
}

/// Place of one row of the vector `V` of columns from `column` on, in the panels of a matrix of `k`
/// rows.
#[inline(always)]
pub(crate) fn place<S: Simd, V: Simd>(
    k: usize,
    columns: usize,
    row: usize,
    column: usize,
) -> usize {
    let (wide, panel) = (2 * S::LANES, column - column % (2 * S::LANES));
    if panel + wide <= columns {
        panel * k + row * wide + column - panel
    } else {
        column * k + row * V::LANES
    }
}

/// `c[rows, columns] = a[rows, k] b[k, columns]` in one plane. `a` and `c` are in cells, `b` in
/// panels.
///
/// # Safety
/// `a` and `c` point to `s.rows` tiles of `s.planes` planes, with `s.k` and `s.columns` channels.
/// `b` points to `s.k * s.columns` values. `shares` are those of the rows.
#[inline(always)]
pub(crate) unsafe fn multiply<S: Simd>(
    s: Sizes,
    shares: [Shares; 2],
    a: *const f32,
    b: *const f32,
    c: *mut f32,
) {
    // SAFETY: panels end at or before `columns`. One that begins at `column` lies `column * k`
    // values on in `b` and in the cell of that column in `c`.
    unsafe {
        let mut column = 0;
        while column + 2 * S::LANES <= s.columns {
            shared_out::<S, S, 2>(s, shares[0], a, b.add(column * s.k), c.add(s.cell::<S>(column)));
            column += 2 * S::LANES;
        }
        if column + S::LANES <= s.columns {
            shared_out::<S, S, 1>(s, shares[1], a, b.add(column * s.k), c.add(s.cell::<S>(column)));
            column += S::LANES;
        }
        if S::LANES > LANES && column < s.columns {
            shared_out::<S, S::Rest, 1>(
                s,
                shares[1],
                a,
                b.add(column * s.k),
                c.add(s.cell::<S::Rest>(column)),
            );
        }
    }
}

/// Multiplies `NV` vectors `V` of columns: first the blocks with one row more, then the others.
#[inline(always)]
unsafe fn shared_out<S: Simd, V: Simd, const NV: usize>(
    s: Sizes,
    shares: Shares,
    a: *const f32,
    b: *const f32,
    c: *mut f32,
) {
    macro_rules! of_rows {
        ($rows:expr, $blocks:expr, $a:ident, $c:ident; $($count:literal)*) => {
            match $rows {
                $($count if $count <= S::ROWS[2 - NV] => for _ in 0..$blocks {
                    block::<S, V, NV, $count>(s, $a, b, $c);
                    $a = $a.wrapping_add($count * s.left());
                    $c = $c.wrapping_add($count * s.right());
                },)*
                _ => assert_eq!($blocks, 0, "blocks of {} rows", $rows),
            }
        };
    }
    // SAFETY: the blocks' rows add up to `s.rows`, the tiles that the caller answers for.
    unsafe {
        let (mut a, mut c) = (a, c);
        for (blocks, rows) in [(shares.more, shares.rows + 1), (shares.fewer, shares.rows)] {
            of_rows!(rows, blocks, a, c; 1 2 3 4 5 6 7 8 9 10 11 12 13);
        }
    }
}

/// `T` rows of the product in `NV` vectors of columns.
#[inline(always)]
unsafe fn block<S: Simd, V: Simd, const NV: usize, const T: usize>(
    s: Sizes,
    a: *const f32,
    b: *const f32,
    c: *mut f32,
) {
    // SAFETY: the caller's T tiles have cells for k channels in `a` and for NV vectors in `c`, and
    // `first` + i < k. `b` moves on by one row of its panel for each of the k channels.
    unsafe {
        let mut sum = [[V::zero(); NV]; T];
        let (mut first, mut b) = (0, b);
        while first + S::LANES <= s.k {
            let a = a.add(s.cell::<S>(first));
            for i in 0..S::LANES {
                add_row::<V, NV, T>(a.add(i), s.left(), b, V::LANES, &mut sum);
                b = b.add(NV * V::LANES);
            }
            first += S::LANES;
        }
        if S::LANES > LANES && first < s.k {
            let a = a.add(s.cell::<S::Rest>(first));
            for i in 0..LANES {
                add_row::<V, NV, T>(a.add(i), s.left(), b, V::LANES, &mut sum);
                b = b.add(NV * V::LANES);
            }
        }
        for t in 0..T {
            for v in 0..NV {
                sum[t][v].store(c.add(t * s.right() + v * s.planes * V::LANES));
            }
        }
    }
}

/// `sum[t] += a[t] w` for `NV` vectors that lie `apart`; values of `a` lie `pitch` apart.
#[inline(always)]
unsafe fn add_row<V: Simd, const NV: usize, const T: usize>(
    a: *const f32,
    pitch: usize,
    w: *const f32,
    apart: usize,
    sum: &mut [[V; NV]; T],
) {
    // SAFETY: the caller answers for NV vectors at `w` and for T values at `a`, at these distances.
    unsafe {
        let mut row = [V::zero(); NV];
        for v in 0..NV {
            row[v] = V::load(w.add(v * apart));
        }
        for t in 0..T {
            let x = V::broadcast(a.add(t * pitch));
            for v in 0..NV {
                sum[t][v] = x.fma(row[v], sum[t][v]);
            }
        }
    }
}

/// `c[k, columns] = a[rows, k]^T g[rows, columns]` in one plane, added to what is there unless
/// `fresh`. `a` and `g` are in cells, `c` lies row by row.
///
/// # Safety
/// `a` and `g` point to `s.rows` tiles of `s.planes` planes, with `s.k` and `s.columns` channels.
/// `c` points to `s.k * s.columns` values.
#[inline(always)]
pub(crate) unsafe fn correlate<S: Simd>(
    s: Sizes,
    a: *const f32,
    g: *const f32,
    c: *mut f32,
    fresh: bool,
) {
    // SAFETY: eight rows from `k` on are below `s.k`, a multiple of eight, and vectors from
    // `column` on end at or before `s.columns`.
    unsafe {
        for k in (0..s.k).step_by(LANES) {
            let whole = k - k % S::LANES;
            let rest = S::LANES > LANES && whole + S::LANES > s.k;
            let a = a.add(if rest { s.cell::<S::Rest>(k) } else { s.cell::<S>(whole) + k - whole });
            let c = c.add(k * s.columns);
            let mut column = 0;
            while column < s.columns {
                let c = c.add(column);
                if S::LANES > LANES && column + S::LANES > s.columns {
                    outer::<S::Rest, 1, 8>(s, a, g.add(s.cell::<S::Rest>(column)), c, fresh);
                    break;
                }
                let g = g.add(s.cell::<S>(column));
                column += S::LANES
                    * correlate_panel::<S>(s, (s.columns - column) / S::LANES, a, g, c, fresh);
            }
        }
    }
}

/// Eight rows of [`correlate`] and up to three of the `left` vectors of columns; returns how many.
#[inline(always)]
unsafe fn correlate_panel<S: Simd>(
    s: Sizes,
    left: usize,
    a: *const f32,
    g: *const f32,
    c: *mut f32,
    fresh: bool,
) -> usize {
    // SAFETY: the caller answers for eight rows and `left` vectors. Halves of the rows lie four
    // apart in `a`, where eight channels of a cell are neighbours.
    unsafe {
        match (left, S::LANES > LANES) {
            (1, _) => {
                outer::<S, 1, 8>(s, a, g, c, fresh);
                1
            }
            (3, true) => {
                outer::<S, 3, 8>(s, a, g, c, fresh);
                3
            }
            (3, false) => {
                outer::<S, 3, 4>(s, a, g, c, fresh);
                outer::<S, 3, 4>(s, a.add(4), g, c.add(4 * s.columns), fresh);
                3
            }
            (_, true) => {
                outer::<S, 2, 8>(s, a, g, c, fresh);
                2
            }
            (_, false) => {
                outer::<S, 2, 4>(s, a, g, c, fresh);
                outer::<S, 2, 4>(s, a.add(4), g, c.add(4 * s.columns), fresh);
                2
            }
        }
    }
}

/// `T` rows of [`correlate`] in `NV` vectors of columns.
#[inline(always)]
unsafe fn outer<V: Simd, const NV: usize, const T: usize>(
    s: Sizes,
    a: *const f32,
    g: *const f32,
    c: *mut f32,
    fresh: bool,
) {
    // SAFETY: the caller answers for T rows of NV vectors in `c`, `columns` apart. `a` and `g` move
    // on by one tile for each of the `s.rows` tiles, and read T values and NV vectors of it.
    unsafe {
        let mut sum = [[V::zero(); NV]; T];
        if !fresh {
            for t in 0..T {
                for v in 0..NV {
                    sum[t][v] = V::load(c.add(t * s.columns + v * V::LANES));
                }
            }
        }
        let (mut a, mut g) = (a, g);
        let apart = s.planes * V::LANES;
        // A loop of few rounds ends where the processor expects it.
        for _ in 0..s.rows / UNROLL {
            for _ in 0..UNROLL {
                add_row::<V, NV, T>(a, 1, g, apart, &mut sum);
                a = a.wrapping_add(s.left());
                g = g.wrapping_add(s.right());
            }
        }
        for _ in 0..s.rows % UNROLL {
            add_row::<V, NV, T>(a, 1, g, apart, &mut sum);
            a = a.wrapping_add(s.left());
            g = g.wrapping_add(s.right());
        }
        for t in 0..T {
            for v in 0..NV {
                sum[t][v].store(c.add(t * s.columns + v * V::LANES));
            }
        }
    }
}

/// Rows of one round of [`outer`].
const UNROLL: usize = 6;
