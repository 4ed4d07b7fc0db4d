//! Winograd's convolutions backward: the algorithm of `winograd.rs` transposed.
//!
//! One transformed gradient serves weights and inputs alike. With V = B^T d B and M = A g A^T,
//! `dw = G^T (sum V^T M) G` and `dd = B (M U^T) B^T`. Overlapping tiles are added in order.

use super::buffer::Buffer;
use super::dispatch::{dispatch, vectors};
use super::panel::{Shares, Sizes, correlate, multiply};
use super::simd::Simd;
use super::tiling::{Four, Three, Tiling, Two, transform};
use super::winograd::{Filter, Grid, Walk, apart, tile_in};

dispatch! {
    /// Backward over `count` images.
    ///
    /// It reads bordered inputs `x`, gradients `dy` of whole tiles, and the transposed transformed
    /// weights. It writes the gradient `du` of the transformed weights, or adds to it unless
    /// `fresh`. It writes the bordered inputs' gradient `dx`, whose border is left undefined.
    pub(crate) fn backward = backward_body(g: Grid, count: usize, x: &[f32], dy: &[f32],
        transposed: &[f32], du: &mut [f32], fresh: bool, dx: &mut [f32], buffers: &mut [Buffer; 2])
}

#[inline(always)]
fn backward_body<S: Simd>(
    g: Grid,
    count: usize,
    x: &[f32],
    dy: &[f32],
    transposed: &[f32],
    du: &mut [f32],
    fresh: bool,
    dx: &mut [f32],
    buffers: &mut [Buffer; 2],
) {
    match g.filter {
        Filter::Four => {
            backward_tiling::<S, Four>(g, count, x, dy, transposed, du, fresh, dx, buffers)
        }
        Filter::Three => {
            backward_tiling::<S, Three>(g, count, x, dy, transposed, du, fresh, dx, buffers)
        }
        Filter::Window => unreachable!("windows go forward only"),
    }
}

#[inline(always)]
fn backward_tiling<S: Simd, T: Tiling>(
    g: Grid,
    count: usize,
    x: &[f32],
    dy: &[f32],
    transposed: &[f32],
    du: &mut [f32],
    fresh: bool,
    dx: &mut [f32],
    buffers: &mut [Buffer; 2],
) {
    g.check::<T>();
    assert!(x.len() >= count * g.bordered(g.cin) && dx.len() >= count * g.bordered(g.cin));
    assert!(dy.len() >= count * g.gradient() && du.len() >= g.weights());
    assert!(transposed.len() >= g.transposed().weights());
    assert!(buffers.iter().all(|b| b.len() >= g.buffer()));
    let [v, m] = buffers.each_mut().map(|buffer| buffer.as_mut_ptr());
    let (x, dy, u) = (x.as_ptr(), dy.as_ptr(), transposed.as_ptr());
    let (du, dx) = (du.as_mut_ptr(), dx.as_mut_ptr());
    let (total, plane) = (count * g.tiles(), apart(g.cin * g.cout));
    let mut blocks = total.div_ceil(g.block());
    let (mut first, mut reading, mut writing) = (0, Walk::default(), Walk::default());
    let row = g.pitch() * g.cin;
    while blocks > 0 {
        let tiles = (total - first).div_ceil(blocks);
        let (vs, ms) = (g.planes() * g.cin, g.planes() * g.cout);
        let shares = Shares::of::<S>(tiles);
        // SAFETY: no block has more than `g.block()` tiles, for which both buffers have room. Both
        // walks stay within `count` images of `down * across` tiles. Such a tile lies in the
        // bordered image of `x` and `dx`, and in the whole tiles of `dy`. Planes of weights and of
        // their gradient lie `plane` apart, and so far both reach.
        unsafe {
            for t in 0..tiles {
                let Walk { image, down: ty, across: tx } = reading;
                reading.step(g);
                let x = x.add(image * g.bordered(g.cin) + ty * T::OUT * row + tx * T::OUT * g.cin);
                tile_in::<S, T>(x, row, g.cin, v.add(t * vs));
                let pitch = g.gradient_pitch();
                let dy =
                    dy.add(image * g.gradient() + (ty * T::OUT * pitch + tx * T::OUT) * g.cout);
                tile_gradient::<S, T>(dy, pitch * g.cout, g.cout, m.add(t * ms));
            }
            for z in 0..T::IN * T::IN {
                let s = Sizes {
                    rows: tiles,
                    k: g.cin,
                    columns: g.cout,
                    planes: T::IN * T::IN,
                    plane: z,
                };
                correlate::<S>(s, v, m, du.add(z * plane), fresh && first == 0);
                // The transformed input has served and makes room for its gradient.
                multiply::<S>(
                    Sizes { k: g.cout, columns: g.cin, ..s },
                    shares,
                    m,
                    u.add(z * plane),
                    v,
                );
            }
            for t in 0..tiles {
                let Walk { image, down: ty, across: tx } = writing;
                writing.step(g);
                let dx =
                    dx.add(image * g.bordered(g.cin) + ty * T::OUT * row + tx * T::OUT * g.cin);
                let v = v.add(t * vs);
                match (ty > 0, tx > 0) {
                    (false, false) => tile_spread::<S, T, false, false>(v, g.cin, dx, row),
                    (false, true) => tile_spread::<S, T, false, true>(v, g.cin, dx, row),
                    (true, false) => tile_spread::<S, T, true, false>(v, g.cin, dx, row),
                    (true, true) => tile_spread::<S, T, true, true>(v, g.cin, dx, row),
                }
            }
        }
        first += tiles;
        blocks -= 1;
    }
}

/// `A g A^T` of one tile, into cells.
///
/// # Safety
/// `dy` points to OUT rows, `row` apart, of OUT pixels of `c` channels; `m` points to `IN * IN * c`
/// values.
#[inline(always)]
unsafe fn tile_gradient<S: Simd, T: Tiling>(dy: *const f32, row: usize, c: usize, m: *mut f32) {
    // SAFETY: the caller answers for the tile and its cells, whatever `c` is.
    unsafe {
        match c {
            8 => tile_gradient_at::<S, T, 8>(dy, row, c, m),
            16 => tile_gradient_at::<S, T, 16>(dy, row, c, m),
            32 => tile_gradient_at::<S, T, 32>(dy, row, c, m),
            _ => tile_gradient_at::<S, T, 0>(dy, row, c, m),
        }
    }
}

#[inline(always)]
unsafe fn tile_gradient_at<S: Simd, T: Tiling, const C: usize>(
    dy: *const f32,
    row: usize,
    c: usize,
    m: *mut f32,
) {
    let c = if C > 0 { C } else { c };
    // SAFETY: vectors end at or before `c`; the cells before channel `ch` take IN * IN * ch values.
    unsafe { vectors!(S, c, ch => cell_gradient[T](dy.add(ch), row, c, m.add(T::IN * T::IN * ch))) }
}

#[inline(always)]
unsafe fn cell_gradient<V: Simd, T: Tiling>(dy: *const f32, row: usize, c: usize, m: *mut f32) {
    // SAFETY: pixels have i and j below OUT, planes of the cell below IN.
    unsafe {
        transform!(V, T::gradient, T::GRADIENT; 0 1 2, T::OUT,
            |j| {
                let mut d = [V::zero(); 6];
                for i in 0..T::OUT {
                    d[i] = V::load(dy.wrapping_add(j * c).wrapping_add(i * row));
                }
                d
            },
            |i, d| {
                for j in 0..T::IN {
                    d[j].store(m.add((i * T::IN + j) * V::LANES));
                }
            }
        );
    }
}

/// `B v B^T` of one tile from cells, added to what the tiles above and to the left have written.
///
/// # Safety
/// `v` points to `IN * IN * c` values, and `dx` to IN rows, `row` apart, of IN pixels of `c`
/// channels.
#[inline(always)]
unsafe fn tile_spread<S: Simd, T: Tiling, const ABOVE: bool, const LEFT: bool>(
    v: *const f32,
    c: usize,
    dx: *mut f32,
    row: usize,
) {
    // SAFETY: vectors end at or before `c`; the cells before channel `ch` take IN * IN * ch values.
    unsafe {
        vectors!(S, c, ch =>
            cell_spread[T, ABOVE, LEFT](v.add(T::IN * T::IN * ch), c, dx.add(ch), row));
    }
}

#[inline(always)]
unsafe fn cell_spread<V: Simd, T: Tiling, const ABOVE: bool, const LEFT: bool>(
    v: *const f32,
    c: usize,
    dx: *mut f32,
    row: usize,
) {
    // SAFETY: i and j are below IN, the rows and columns of the caller's tile and of its cell's
    // planes.
    unsafe {
        transform!(V, T::spread, T::SPREAD; 0 1 2, T::IN,
            |j| {
                let mut d = [V::zero(); 6];
                for i in 0..T::IN {
                    d[i] = V::load(v.add((i * T::IN + j) * V::LANES));
                }
                d
            },
            |i, d| {
                for j in 0..T::IN {
                    let p = dx.wrapping_add(j * c).wrapping_add(i * row);
                    if (ABOVE && i < 2) || (LEFT && j < 2) {
                        V::load(p).add(d[j]).store(p);
                    } else {
                        d[j].store(p);
                    }
                }
            }
        );
    }
}

dispatch! {
    /// Writes the weights' gradient [9, cin, cout] that `du` stands for.
    pub(crate) fn gather_weights = gather_body(g: Grid, du: &[f32], dw: &mut [f32])
}

#[inline(always)]
fn gather_body<S: Simd>(g: Grid, du: &[f32], dw: &mut [f32]) {
    match g.filter {
        Filter::Four => gather_tiling::<S, Four>(g, du, dw),
        Filter::Three => gather_tiling::<S, Three>(g, du, dw),
        Filter::Window => gather_tiling::<S, Two>(g, du, dw),
    }
}

#[inline(always)]
fn gather_tiling<S: Simd, T: Tiling>(g: Grid, du: &[f32], dw: &mut [f32]) {
    g.check::<T>();
    assert!(du.len() >= g.weights() && dw.len() >= 9 * g.cin * g.cout);
    let (du, dw) = (du.as_ptr(), dw.as_mut_ptr());
    // SAFETY: vectors end at or before `cin * cout`, the values of each plane and of each of nine
    // taps.
    unsafe { vectors!(S, g.cin * g.cout, at => gather_at[T](g, du.add(at), dw.add(at))) }
}

/// One vector of the weights.
#[inline(always)]
unsafe fn gather_at<V: Simd, T: Tiling>(g: Grid, du: *const f32, dw: *mut f32) {
    // SAFETY: the IN * IN planes lie `plane` apart and the nine taps `cin * cout`.
    unsafe {
        let (len, plane) = (g.cin * g.cout, apart(g.cin * g.cout));
        let mut half = [[V::zero(); 6]; 3];
        for j in 0..T::IN {
            let mut d = [V::zero(); 6];
            for i in 0..T::IN {
                d[i] = V::load(du.add((i * T::IN + j) * plane));
            }
            let d = T::gather(d);
            for i in 0..3 {
                half[i][j] = d[i];
            }
        }
        for i in 0..3 {
            let d = T::gather(half[i]);
            for j in 0..3 {
                d[j].store(dw.add((i * 3 + j) * len));
            }
        }
    }
}
