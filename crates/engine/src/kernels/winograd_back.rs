//! Winograd's convolutions backward: the algorithm of `winograd.rs` transposed.

use super::buffer::Buffer;
use super::panel::{Shares, Sizes, correlate, multiply};
use super::simd::{LANES, Simd};
use super::tiling::{Four, Three, Tiling, Two, transform};
use super::winograd::{Filter, Grid, Walk, apart, tile_in};
use super::{Isa, dispatch, vectors};

/// Backward over `count` images: bordered inputs `x`, gradients `dy` of whole tiles, transposed transformed weights.
/// Writes the transformed weights' gradient `du` (adds to it unless `fresh`) and the bordered inputs' gradient `dx`,
/// whose border is left undefined.
pub(crate) fn backward(
    isa: Isa,
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
    assert!(x.len() >= count * g.bordered(g.cin) && dx.len() >= count * g.bordered(g.cin));
    assert!(
        dy.len() >= count * g.gradient() && transposed.len() >= g.transposed().weights() && du.len() >= g.weights()
    );
    assert!(
        buffers.iter().all(|b| b.len() >= g.buffer()) && g.cin.is_multiple_of(LANES) && g.cout.is_multiple_of(LANES)
    );
    let [v, m] = buffers;
    let (x, dy, u, v, m) = (x.as_ptr(), dy.as_ptr(), transposed.as_ptr(), v.as_mut_ptr(), m.as_mut_ptr());
    // SAFETY: the lengths were checked.
    unsafe { backward_isa(isa, g, count, x, dy, u, du.as_mut_ptr(), fresh, dx.as_mut_ptr(), v, m) }
}

dispatch!(unsafe fn backward_isa = backward_body(g: Grid, count: usize, x: *const f32, dy: *const f32, u: *const f32,
    du: *mut f32, fresh: bool, dx: *mut f32, v: *mut f32, m: *mut f32));

#[inline(always)]
unsafe fn backward_body<S: Simd>(
    g: Grid,
    count: usize,
    x: *const f32,
    dy: *const f32,
    u: *const f32,
    du: *mut f32,
    fresh: bool,
    dx: *mut f32,
    v: *mut f32,
    m: *mut f32,
) {
    // SAFETY: the caller's promise.
    unsafe {
        match g.filter {
            Filter::Four => backward_tiling::<S, Four>(g, count, x, dy, u, du, fresh, dx, v, m),
            Filter::Three => backward_tiling::<S, Three>(g, count, x, dy, u, du, fresh, dx, v, m),
            Filter::Window => unreachable!("windows go forward only"),
        }
    }
}

#[inline(always)]
unsafe fn backward_tiling<S: Simd, T: Tiling>(
    g: Grid,
    count: usize,
    x: *const f32,
    dy: *const f32,
    u: *const f32,
    du: *mut f32,
    fresh: bool,
    dx: *mut f32,
    v: *mut f32,
    m: *mut f32,
) {
    // SAFETY: offsets stay within the checked lengths.
    unsafe {
        let (total, plane) = (count * g.tiles(), apart(g.cin * g.cout));
        let mut blocks = total.div_ceil(g.block());
        let (mut first, mut reading, mut writing) = (0, Walk::default(), Walk::default());
        let row = g.pitch() * g.cin;
        while blocks > 0 {
            let tiles = (total - first).div_ceil(blocks);
            let (vs, ms) = (g.planes() * g.cin, g.planes() * g.cout);
            let shares = Shares::of::<S>(tiles);
            for t in 0..tiles {
                let Walk { image, down: ty, across: tx } = reading;
                reading.step(g);
                let x = x.add(image * g.bordered(g.cin) + ty * T::OUT * row + tx * T::OUT * g.cin);
                tile_in::<S, T>(x, row, g.cin, v.add(t * vs));
                let pitch = g.gradient_pitch();
                let dy = dy.add(image * g.gradient() + (ty * T::OUT * pitch + tx * T::OUT) * g.cout);
                tile_gradient::<S, T>(dy, pitch * g.cout, g.cout, m.add(t * ms));
            }
            for z in 0..T::IN * T::IN {
                let s = Sizes { rows: tiles, k: g.cin, columns: g.cout, planes: T::IN * T::IN, plane: z };
                correlate::<S>(s, v, m, du.add(z * plane), fresh && first == 0);
                // The transformed input has served and makes room for its gradient.
                multiply::<S>(Sizes { k: g.cout, columns: g.cin, ..s }, shares, m, u.add(z * plane), v);
            }
            for t in 0..tiles {
                let Walk { image, down: ty, across: tx } = writing;
                writing.step(g);
                let dx = dx.add(image * g.bordered(g.cin) + ty * T::OUT * row + tx * T::OUT * g.cin);
                let v = v.add(t * vs);
                match (ty > 0, tx > 0) {
                    (false, false) => tile_spread::<S, T, false, false>(v, g.cin, dx, row),
                    (false, true) => tile_spread::<S, T, false, true>(v, g.cin, dx, row),
                    (true, false) => tile_spread::<S, T, true, false>(v, g.cin, dx, row),
                    (true, true) => tile_spread::<S, T, true, true>(v, g.cin, dx, row),
                }
            }
            first += tiles;
            blocks -= 1;
        }
    }
}

/// `A g A^T` of one tile, into cells.
#[inline(always)]
unsafe fn tile_gradient<S: Simd, T: Tiling>(dy: *const f32, row: usize, c: usize, m: *mut f32) {
    // SAFETY: the caller's promise.
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
unsafe fn tile_gradient_at<S: Simd, T: Tiling, const C: usize>(dy: *const f32, row: usize, c: usize, m: *mut f32) {
    let c = if C > 0 { C } else { c };
    // SAFETY: the caller's tile is readable and its cells are writable.
    unsafe { vectors!(S, c, ch => cell_gradient[T](dy.add(ch), row, c, m.add(T::IN * T::IN * ch))) }
}

#[inline(always)]
unsafe fn cell_gradient<V: Simd, T: Tiling>(dy: *const f32, row: usize, c: usize, m: *mut f32) {
    // SAFETY: the caller's tile is readable and its cell is writable.
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
#[inline(always)]
unsafe fn tile_spread<S: Simd, T: Tiling, const ABOVE: bool, const LEFT: bool>(
    v: *const f32,
    c: usize,
    dx: *mut f32,
    row: usize,
) {
    // SAFETY: the caller's cells are readable and its tile is readable and writable.
    unsafe { vectors!(S, c, ch => cell_spread[T, ABOVE, LEFT](v.add(T::IN * T::IN * ch), c, dx.add(ch), row)) }
}

#[inline(always)]
unsafe fn cell_spread<V: Simd, T: Tiling, const ABOVE: bool, const LEFT: bool>(
    v: *const f32,
    c: usize,
    dx: *mut f32,
    row: usize,
) {
    // SAFETY: the caller's cell is readable and its tile is readable and writable.
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

/// Writes the weights' gradient [9, cin, cout] that `du` stands for.
pub(crate) fn gather_weights(isa: Isa, g: Grid, du: &[f32], dw: &mut [f32]) {
    assert!(du.len() >= g.weights() && dw.len() >= 9 * g.cin * g.cout && g.cout.is_multiple_of(LANES));
    // SAFETY: the lengths were checked.
    unsafe { gather_isa(isa, g, du.as_ptr(), dw.as_mut_ptr()) }
}

dispatch!(unsafe fn gather_isa = gather_body(g: Grid, du: *const f32, dw: *mut f32));

#[inline(always)]
unsafe fn gather_body<S: Simd>(g: Grid, du: *const f32, dw: *mut f32) {
    // SAFETY: the caller's promise.
    unsafe {
        match g.filter {
            Filter::Four => gather_tiling::<S, Four>(g, du, dw),
            Filter::Three => gather_tiling::<S, Three>(g, du, dw),
            Filter::Window => gather_tiling::<S, Two>(g, du, dw),
        }
    }
}

#[inline(always)]
unsafe fn gather_tiling<S: Simd, T: Tiling>(g: Grid, du: *const f32, dw: *mut f32) {
    // SAFETY: offsets stay within the checked lengths.
    unsafe { vectors!(S, g.cin * g.cout, at => gather_at[T](g, du.add(at), dw.add(at))) }
}

#[inline(always)]
unsafe fn gather_at<V: Simd, T: Tiling>(g: Grid, du: *const f32, dw: *mut f32) {
    // SAFETY: offsets stay within the checked lengths.
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
