//! 3x3 convolution with Winograd's minimal filters, forward; `winograd_back.rs` is the way back.
//!
//! An image's border of zeros is widened to whole tiles. Tiles are transformed in blocks that stay
//! in the cache. In the transformed domain a convolution is one small matrix product for each of
//! the tile's values. What comes out does not depend on the size of a block.

use super::buffer::Buffer;
use super::dispatch::{dispatch, vectors};
use super::norm::pooled;
use super::panel::{self, Shares, Sizes, multiply};
use super::simd::{LANES, Simd};
use super::tiling::{Four, Three, Tiling, Two, transform};

/// Which filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filter {
    /// F(4x4, 3x3)
    Four,
    /// F(3x3, 3x3)
    Three,
    /// F(2x2, 3x3), one tile for each pooling window; forward only.
    Window,
}

/// A convolution cut into tiles. Channels are multiples of eight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) cin: usize,
    pub(crate) cout: usize,
    pub(crate) filter: Filter,
    /// Tiles.
    pub(crate) down: usize,
    pub(crate) across: usize,
}

impl Grid {
    /// Chooses the filter that multiplies less often.
    pub(crate) fn new(height: usize, width: usize, cin: usize, cout: usize) -> Self {
        let cost = |out: usize| height.div_ceil(out) * width.div_ceil(out) * (out + 2) * (out + 2);
        let (filter, out) = if cost(4) < cost(3) { (Filter::Four, 4) } else { (Filter::Three, 3) };
        Self {
            height,
            width,
            cin,
            cout,
            filter,
            down: height.div_ceil(out),
            across: width.div_ceil(out),
        }
    }

    /// A convolution of which only the pixels are computed that a pool of 2x2 with stride 3 reads.
    pub(crate) fn windows(height: usize, width: usize, cin: usize, cout: usize) -> Self {
        Self {
            height,
            width,
            cin,
            cout,
            filter: Filter::Window,
            down: pooled(height),
            across: pooled(width),
        }
    }

    const fn out(&self) -> usize {
        match self.filter {
            Filter::Four => 4,
            Filter::Three => 3,
            Filter::Window => 2,
        }
    }

    /// Distance of two tiles' inputs.
    const fn step(&self) -> usize {
        match self.filter {
            Filter::Window => 3,
            _ => self.out(),
        }
    }

    /// Rows of a bordered image.
    const fn bordered_rows(&self) -> usize {
        (self.down - 1) * self.step() + self.out() + 2
    }

    /// Values of a transformed tile.
    pub(crate) const fn planes(&self) -> usize {
        (self.out() + 2) * (self.out() + 2)
    }

    /// Makes sure that the tiles are those of `T`, and channels whole vectors.
    pub(super) fn check<T: Tiling>(&self) {
        assert!(self.planes() == T::IN * T::IN && self.out() == T::OUT);
        assert!(self.cin.is_multiple_of(LANES) && self.cout.is_multiple_of(LANES));
    }

    pub(crate) const fn tiles(&self) -> usize {
        self.down * self.across
    }

    /// Pixels in a row of a bordered image.
    pub(crate) const fn pitch(&self) -> usize {
        (self.across - 1) * self.step() + self.out() + 2
    }

    /// Length of a bordered image.
    pub(crate) const fn bordered(&self, channels: usize) -> usize {
        self.bordered_rows() * self.pitch() * channels
    }

    /// Pixels in a row of a gradient, which has no border but whole tiles.
    pub(crate) const fn gradient_pitch(&self) -> usize {
        self.across * self.out()
    }

    /// Length of a gradient.
    pub(crate) const fn gradient(&self) -> usize {
        self.down * self.out() * self.gradient_pitch() * self.cout
    }

    /// Length of the transformed weights.
    pub(crate) const fn weights(&self) -> usize {
        self.planes() * apart(self.cin * self.cout)
    }

    /// The convolution that carries gradients back.
    pub(crate) const fn transposed(self) -> Self {
        Self { cin: self.cout, cout: self.cin, ..self }
    }

    /// The most tiles that are transformed together.
    ///
    /// Their transforms pass through the second cache, which costs less than to walk through the
    /// weights more often. An image of 28x28, 49 tiles, falls into 24 and 25. The registers take
    /// these in blocks of six and of five, or of thirteen and twelve.
    pub(super) const fn block(&self) -> usize {
        25
    }

    /// Length of each of the two buffers of a block.
    pub(crate) const fn buffer(&self) -> usize {
        let wide = if self.cin > self.cout { self.cin } else { self.cout };
        self.planes() * self.block() * wide
    }
}

/// A distance of planes of `len` values: an odd number of cache lines, so that planes do not meet
/// in one cache set.
pub(super) const fn apart(len: usize) -> usize {
    (len.div_ceil(16) | 1) * 16
}

dispatch! {
    /// Transforms `weights` [9, cin, cout] to panels, one matrix a plane.
    pub(crate) fn transform_weights = weights_body(g: Grid, weights: &[f32], out: &mut [f32])
}

#[inline(always)]
fn weights_body<S: Simd>(g: Grid, weights: &[f32], out: &mut [f32]) {
    match g.filter {
        Filter::Four => weights_tiling::<S, Four>(g, weights, out),
        Filter::Three => weights_tiling::<S, Three>(g, weights, out),
        Filter::Window => weights_tiling::<S, Two>(g, weights, out),
    }
}

#[inline(always)]
fn weights_tiling<S: Simd, T: Tiling>(g: Grid, weights: &[f32], out: &mut [f32]) {
    g.check::<T>();
    assert!(weights.len() >= 9 * g.cin * g.cout && out.len() >= g.weights());
    let (w, u) = (weights.as_ptr(), out.as_mut_ptr());
    for ci in 0..g.cin {
        // SAFETY: ci < cin, and vectors end at or before `cout`: the sides of each of the nine
        // matrices of `weights` and of the planes of `out`.
        unsafe { vectors!(S, g.cout, co => weights_at[S, T](g, ci, co, w, u)) }
    }
}

/// One vector of the weights of input channel `ci`.
#[inline(always)]
unsafe fn weights_at<V: Simd, S: Simd, T: Tiling>(
    g: Grid,
    ci: usize,
    co: usize,
    w: *const f32,
    u: *mut f32,
) {
    // SAFETY: the nine taps lie `cin * cout` apart in `w`, the IN * IN planes `plane` apart in `u`.
    // In a plane `place` is below `cin * cout` by a vector.
    unsafe {
        let (w, plane) = (w.add(ci * g.cout + co), apart(g.cin * g.cout));
        let u = u.add(panel::place::<S, V>(g.cin, g.cout, ci, co));
        let mut half = [[V::zero(); 3]; 6];
        for j in 0..3 {
            let (w, down) = (w.add(j * g.cin * g.cout), 3 * g.cin * g.cout);
            let column = T::weights([V::load(w), V::load(w.add(down)), V::load(w.add(2 * down))]);
            for i in 0..T::IN {
                half[i][j] = column[i];
            }
        }
        for i in 0..T::IN {
            let row = T::weights(half[i]);
            for j in 0..T::IN {
                row[j].store(u.add((i * T::IN + j) * plane));
            }
        }
    }
}

/// Where outputs go: distances of rows and of images.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Out {
    pub(crate) row: usize,
    pub(crate) image: usize,
}

/// What every forward kernel reads besides the image.
#[derive(Clone, Copy)]
pub(crate) struct Filters<'a> {
    /// Weights, transformed for the filter.
    pub(crate) weights: &'a [f32],
    pub(crate) bias: &'a [f32],
    /// Factor and summand after rectification.
    pub(crate) affine: Option<(&'a [f32], &'a [f32])>,
}

dispatch! {
    /// Convolution, bias, rectification and perhaps an affine map of `count` bordered images.
    pub(crate) fn forward = forward_body(g: Grid, count: usize, x: &[f32], f: Filters<'_>,
        y: &mut [f32], out: Out, buffers: &mut [Buffer; 2])
}

#[inline(always)]
fn forward_body<S: Simd>(
    g: Grid,
    count: usize,
    x: &[f32],
    f: Filters<'_>,
    y: &mut [f32],
    out: Out,
    buffers: &mut [Buffer; 2],
) {
    match g.filter {
        Filter::Four => forward_tiling::<S, Four>(g, count, x, f, y, out, buffers),
        Filter::Three => forward_tiling::<S, Three>(g, count, x, f, y, out, buffers),
        Filter::Window => forward_tiling::<S, Two>(g, count, x, f, y, out, buffers),
    }
}

/// What follows a convolution: pointers to `cout` values each.
#[derive(Clone, Copy)]
struct After {
    bias: *const f32,
    /// Null without an affine map.
    scale: *const f32,
    shift: *const f32,
}

impl After {
    /// The pointers to channel `ch`.
    #[inline(always)]
    fn from(self, ch: usize) -> Self {
        let Self { bias, scale, shift } = self;
        Self {
            bias: bias.wrapping_add(ch),
            scale: scale.wrapping_add(ch),
            shift: shift.wrapping_add(ch),
        }
    }
}

#[inline(always)]
fn forward_tiling<S: Simd, T: Tiling>(
    g: Grid,
    count: usize,
    x: &[f32],
    f: Filters<'_>,
    y: &mut [f32],
    out: Out,
    buffers: &mut [Buffer; 2],
) {
    g.check::<T>();
    let pool = g.filter == Filter::Window;
    let (h, w) = if pool { (g.down, g.across) } else { (g.height, g.width) };
    assert!(
        x.len() >= count * g.bordered(g.cin)
            && f.weights.len() >= g.weights()
            && f.bias.len() >= g.cout
    );
    assert!(count == 0 || y.len() >= (count - 1) * out.image + (h - 1) * out.row + w * g.cout);
    assert!(buffers.iter().all(|b| b.len() >= g.buffer()));
    assert!(!pool || f.affine.is_some(), "a pool reads normalised values");
    let null = std::ptr::null();
    let (scale, shift) = f.affine.map_or((null, null), |(scale, shift)| {
        assert!(scale.len() >= g.cout && shift.len() >= g.cout);
        (scale.as_ptr(), shift.as_ptr())
    });
    let (x, u, y) = (x.as_ptr(), f.weights.as_ptr(), y.as_mut_ptr());
    let after = After { bias: f.bias.as_ptr(), scale, shift };
    let [v, m] = buffers.each_mut().map(|buffer| buffer.as_mut_ptr());
    let (total, plane) = (count * g.tiles(), apart(g.cin * g.cout));
    let mut blocks = total.div_ceil(g.block());
    let (mut first, mut reading, mut writing) = (0, Walk::default(), Walk::default());
    while blocks > 0 {
        let tiles = (total - first).div_ceil(blocks);
        let (vs, ms) = (g.planes() * g.cin, g.planes() * g.cout);
        // SAFETY: no block has more than `g.block()` tiles, for which both buffers have room. Both
        // walks stay within `count` images of `down * across` tiles. Such a tile's inputs lie in
        // the bordered image; its outputs lie in the image as far as `tile_out` writes them. Planes
        // of weights lie `plane` apart, and so far the weights reach.
        unsafe {
            for t in 0..tiles {
                let Walk { image, down: ty, across: tx } = reading;
                reading.step(g);
                let x = x.add(
                    image * g.bordered(g.cin) + (ty * g.step() * g.pitch() + tx * g.step()) * g.cin,
                );
                tile_in::<S, T>(x, g.pitch() * g.cin, g.cin, v.add(t * vs));
            }
            let shares = Shares::of::<S>(tiles);
            for z in 0..T::IN * T::IN {
                let s = Sizes {
                    rows: tiles,
                    k: g.cin,
                    columns: g.cout,
                    planes: T::IN * T::IN,
                    plane: z,
                };
                multiply::<S>(s, shares, v, u.add(z * plane), m);
            }
            for t in 0..tiles {
                let Walk { image, down: ty, across: tx } = writing;
                writing.step(g);
                let (m, y) = (m.add(t * ms), y.add(image * out.image));
                if T::OUT == 2 {
                    tile_pool::<S, T>(m, g.cout, after, y.add(ty * out.row + tx * g.cout));
                    continue;
                }
                let y = y.add(ty * T::OUT * out.row + tx * T::OUT * g.cout);
                let (high, wide) = (g.height - ty * T::OUT, g.width - tx * T::OUT);
                match (high >= T::OUT && wide >= T::OUT, scale.is_null()) {
                    (true, true) => {
                        tile_out::<S, T, true, false>(m, g.cout, after, y, out.row, 0, 0)
                    }
                    (true, false) => {
                        tile_out::<S, T, true, true>(m, g.cout, after, y, out.row, 0, 0)
                    }
                    (false, true) => {
                        tile_out::<S, T, false, false>(m, g.cout, after, y, out.row, high, wide)
                    }
                    (false, false) => {
                        tile_out::<S, T, false, true>(m, g.cout, after, y, out.row, high, wide)
                    }
                }
            }
        }
        first += tiles;
        blocks -= 1;
    }
}

/// The tiles of some images in order.
#[derive(Clone, Copy, Default)]
pub(super) struct Walk {
    pub(super) image: usize,
    pub(super) down: usize,
    pub(super) across: usize,
}

impl Walk {
    #[inline(always)]
    pub(super) fn step(&mut self, g: Grid) {
        self.across += 1;
        if self.across == g.across {
            self.across = 0;
            self.down += 1;
            if self.down == g.down {
                self.down = 0;
                self.image += 1;
            }
        }
    }
}

/// `B^T d B` of one tile, into cells. The compiler is told common numbers of channels, and then
/// needs no arithmetic for addresses.
///
/// # Safety
/// `x` points to IN rows, `row` apart, of IN pixels of `c` channels; `v` points to `IN * IN * c`
/// values.
#[inline(always)]
pub(super) unsafe fn tile_in<S: Simd, T: Tiling>(x: *const f32, row: usize, c: usize, v: *mut f32) {
    // SAFETY: the caller answers for the tile and its cells, whatever `c` is.
    unsafe {
        match c {
            8 => tile_in_at::<S, T, 8>(x, row, c, v),
            16 => tile_in_at::<S, T, 16>(x, row, c, v),
            32 => tile_in_at::<S, T, 32>(x, row, c, v),
            64 => tile_in_at::<S, T, 64>(x, row, c, v),
            _ => tile_in_at::<S, T, 0>(x, row, c, v),
        }
    }
}

#[inline(always)]
unsafe fn tile_in_at<S: Simd, T: Tiling, const C: usize>(
    x: *const f32,
    row: usize,
    c: usize,
    v: *mut f32,
) {
    let c = if C > 0 { C } else { c };
    // SAFETY: vectors end at or before `c`; the cells before channel `ch` take IN * IN * ch values.
    unsafe { vectors!(S, c, ch => cell_in[T](x.add(ch), row, c, v.add(T::IN * T::IN * ch))) }
}

#[inline(always)]
unsafe fn cell_in<V: Simd, T: Tiling>(x: *const f32, row: usize, c: usize, v: *mut f32) {
    // SAFETY: i and j are below IN, the rows and columns of the caller's tile and of its cell's
    // planes.
    unsafe {
        transform!(V, T::input, T::INPUT; 0 1 2, T::IN,
            |j| {
                let mut d = [V::zero(); 6];
                for i in 0..T::IN {
                    d[i] = V::load(x.wrapping_add(j * c).wrapping_add(i * row));
                }
                d
            },
            |i, d| {
                for j in 0..T::IN {
                    d[j].store(v.add((i * T::IN + j) * V::LANES));
                }
            }
        );
    }
}

/// `A^T m A`, bias, rectification, affine map. Writes the whole tile, or the `high` rows and `wide`
/// columns of it that the image has.
///
/// # Safety
/// `m` points to `IN * IN * c` values, each pointer of `after` to `c`, but for those of an affine
/// map without `AFFINE`. `y` points to what is written of OUT rows, `row` apart, of OUT pixels.
#[inline(always)]
unsafe fn tile_out<S: Simd, T: Tiling, const WHOLE: bool, const AFFINE: bool>(
    m: *const f32,
    c: usize,
    after: After,
    y: *mut f32,
    row: usize,
    high: usize,
    wide: usize,
) {
    // SAFETY: vectors end at or before `c`; the cells before channel `ch` take IN * IN * ch values.
    unsafe {
        vectors!(S, c, ch => cell_out[T, WHOLE, AFFINE](
            m.add(T::IN * T::IN * ch), c, after.from(ch), y.add(ch), row, high, wide));
    }
}

#[inline(always)]
unsafe fn cell_out<V: Simd, T: Tiling, const WHOLE: bool, const AFFINE: bool>(
    m: *const f32,
    c: usize,
    after: After,
    y: *mut f32,
    row: usize,
    high: usize,
    wide: usize,
) {
    // SAFETY: the cell has IN * IN planes. A pixel is written if the tile is whole or i < high and
    // j < wide, as the caller answers for.
    unsafe {
        let bias = V::load(after.bias);
        let (mut scaled, mut shifted) = (V::zero(), V::zero());
        if AFFINE {
            (scaled, shifted) = (V::load(after.scale), V::load(after.shift));
        }
        transform!(V, T::output, T::OUTPUT; 0 1, T::IN,
            |j| {
                let mut d = [V::zero(); 6];
                for i in 0..T::IN {
                    d[i] = V::load(m.add((i * T::IN + j) * V::LANES));
                }
                d
            },
            |i, d| {
                for j in 0..T::OUT {
                    let mut r = d[j].add(bias).relu();
                    if AFFINE {
                        r = r.fma(scaled, shifted);
                    }
                    if WHOLE || (i < high && j < wide) {
                        r.store(y.wrapping_add(j * c).wrapping_add(i * row));
                    }
                }
            }
        );
    }
}

/// As [`tile_out`] with an affine map, and then the largest of the four values.
///
/// # Safety
/// `m` points to `IN * IN * c` values, each pointer of `after` to `c`, and `y` to the pixel's `c`.
#[inline(always)]
unsafe fn tile_pool<S: Simd, T: Tiling>(m: *const f32, c: usize, after: After, y: *mut f32) {
    // SAFETY: vectors end at or before `c`; the cells before channel `ch` take IN * IN * ch values.
    unsafe {
        vectors!(S, c, ch => cell_pool[T](m.add(T::IN * T::IN * ch), after.from(ch), y.add(ch)))
    }
}

#[inline(always)]
unsafe fn cell_pool<V: Simd, T: Tiling>(m: *const f32, after: After, y: *mut f32) {
    // SAFETY: i and j are below IN, and the cell has IN * IN planes. The caller answers for a
    // vector at each of the other pointers.
    unsafe {
        let mut half = [[V::zero(); 6]; 2];
        for j in 0..T::IN {
            let mut d = [V::zero(); 6];
            for i in 0..T::IN {
                d[i] = V::load(m.add((i * T::IN + j) * V::LANES));
            }
            let d = T::output(d);
            half[0][j] = d[0];
            half[1][j] = d[1];
        }
        let (bias, scale, shift) =
            (V::load(after.bias), V::load(after.scale), V::load(after.shift));
        let (above, below) = (T::output(half[0]), T::output(half[1]));
        let mut best = above[0].add(bias).relu().fma(scale, shift);
        for r in [above[1], below[0], below[1]] {
            best = r.add(bias).relu().fma(scale, shift).max(best);
        }
        best.store(y);
    }
}
