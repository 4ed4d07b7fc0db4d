//! Direct 3x3 convolution over images with a border of zeros.
//!
//! `x` is [h+2, w+2, cin], `weights` [9, cin, cout], `y` [h, w, cout]; for every output
//! `y = bias; for tap, for channel: y = x * w + y`, fused, in this order.

use super::dispatch::{dispatch, vectors};
use super::simd::{LANES, Simd};
use super::winograd::Filters;

/// The shape of one convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConvShape {
    pub(crate) height: usize,
    pub(crate) width: usize,
    /// Channels read: the image's own, or a multiple of eight.
    pub(crate) cin: usize,
    /// Channels written: a multiple of eight.
    pub(crate) cout: usize,
}

impl ConvShape {
    pub(crate) const fn pixels(&self) -> usize {
        self.height * self.width
    }
    /// Length of a bordered input image.
    pub(crate) const fn bordered(&self, channels: usize) -> usize {
        (self.height + 2) * (self.width + 2) * channels
    }
}

dispatch! {
    /// Convolution, bias, rectification and perhaps an affine map of one image. Rows of `y` are
    /// `row` apart.
    pub(crate) fn forward = forward_body(
        s: ConvShape, x: &[f32], f: Filters<'_>, y: &mut [f32], row: usize)
}

/// What every tile needs: pointers to `9 cin cout` weights and `cout` of each of the others.
#[derive(Clone, Copy)]
struct Args {
    s: ConvShape,
    w: *const f32,
    b: *const f32,
    /// Null without an affine map.
    scale: *const f32,
    shift: *const f32,
}

#[inline(always)]
fn forward_body<S: Simd>(s: ConvShape, x: &[f32], f: Filters<'_>, y: &mut [f32], row: usize) {
    assert!(s.cout.is_multiple_of(LANES) && x.len() >= s.bordered(s.cin));
    assert!(f.weights.len() >= 9 * s.cin * s.cout && f.bias.len() >= s.cout);
    assert!(y.len() >= (s.height - 1) * row + s.width * s.cout);
    let null = std::ptr::null();
    let (scale, shift) = f.affine.map_or((null, null), |(scale, shift)| {
        assert!(scale.len() >= s.cout && shift.len() >= s.cout);
        (scale.as_ptr(), shift.as_ptr())
    });
    let a = Args { s, w: f.weights.as_ptr(), b: f.bias.as_ptr(), scale, shift };
    let (x, y) = (x.as_ptr(), y.as_mut_ptr());
    for i in 0..s.height {
        // SAFETY: row i < height of the output, and bordered rows i to i + 2 of the input, lie
        // within the lengths compared above. Vectors end at or before `cout`.
        unsafe {
            let (x, y) = (x.add(i * (s.width + 2) * s.cin), y.add(i * row));
            vectors!(S, s.cout, co => line(a, co, x, y.add(co)));
        }
    }
}

/// Pixels of a row that are computed together, at most.
///
/// Their sums, three weights and a value fill the registers, or half of thirty-two, which is as
/// fast.
const fn most<V: Simd>() -> usize {
    if V::LANES > LANES { 14 } else { 12 }
}

/// A row of one vector of channels.
#[inline(always)]
unsafe fn line<V: Simd>(a: Args, co: usize, x: *const f32, y: *mut f32) {
    // SAFETY: the strips' widths add up to `width`, the pixels of the caller's row.
    unsafe {
        let parts = a.s.width.div_ceil(most::<V>());
        let (least, wider) = (a.s.width / parts, a.s.width % parts);
        let (mut x, mut y) = (x, y);
        for part in 0..parts {
            let wide = if part < wider { least + 1 } else { least };
            strip::<V>(a, wide, co, x, y);
            x = x.add(wide * a.s.cin);
            y = y.wrapping_add(wide * a.s.cout);
        }
    }
}

/// `wide` neighbouring pixels of one vector of channels.
#[inline(always)]
unsafe fn strip<S: Simd>(a: Args, wide: usize, co: usize, x: *const f32, y: *mut f32) {
    // SAFETY: the caller's strip has `wide` pixels, and no more are computed.
    unsafe {
        match wide {
            14.. if S::LANES > LANES => pixels::<S, 14>(a, co, x, y),
            13 if S::LANES > LANES => pixels::<S, 13>(a, co, x, y),
            12.. => pixels::<S, 12>(a, co, x, y),
            11 => pixels::<S, 11>(a, co, x, y),
            10 => pixels::<S, 10>(a, co, x, y),
            9 => pixels::<S, 9>(a, co, x, y),
            8 => pixels::<S, 8>(a, co, x, y),
            7 => pixels::<S, 7>(a, co, x, y),
            6 => pixels::<S, 6>(a, co, x, y),
            5 => pixels::<S, 5>(a, co, x, y),
            4 => pixels::<S, 4>(a, co, x, y),
            3 => pixels::<S, 3>(a, co, x, y),
            2 => pixels::<S, 2>(a, co, x, y),
            _ => pixels::<S, 1>(a, co, x, y),
        }
    }
}

/// A loop that is always unrolled: sums whose index the compiler does not know would lie in memory.
macro_rules! at_each {
    ($i:ident of $($value:literal)*: $body:expr) => {
        $({
            let $i: usize = $value;
            $body
        })*
    };
}

/// `T` neighbouring pixels of one vector of channels.
///
/// A value is fetched once for the three pixels of the row that it adds to. Each pixel still meets
/// its taps, and a tap's channels, in order.
#[inline(always)]
unsafe fn pixels<S: Simd, const T: usize>(a: Args, co: usize, x: *const f32, y: *mut f32) {
    // SAFETY: the taps of pixel t < T lie in columns t to t + 2 of three bordered rows, which are
    // two pixels wider than the output. Weights are read in rows tap < 9 and ci < cin. Vectors from
    // `co` on end at or before `cout`.
    unsafe {
        let s = a.s;
        // As far as `at_each!` goes.
        const { assert!(T + 2 <= 16) };
        let mut sum = [S::load(a.b.add(co)); T];
        for row in 0..3 {
            let x = x.add(row * (s.width + 2) * s.cin);
            let w = a.w.add(3 * row * s.cin * s.cout + co);
            if s.cin == 1 {
                let w: [S; 3] = [S::load(w), S::load(w.add(s.cout)), S::load(w.add(2 * s.cout))];
                at_each!(i of 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15: if i < T + 2 {
                    let x = S::broadcast(x.add(i));
                    for tap in 0..3 {
                        if i >= tap && i - tap < T {
                            sum[i - tap] = x.fma(w[tap], sum[i - tap]);
                        }
                    }
                });
                continue;
            }
            for tap in 0..3 {
                for ci in 0..s.cin {
                    let w = S::load(w.add((tap * s.cin + ci) * s.cout));
                    for t in 0..T {
                        sum[t] = S::broadcast(x.add((t + tap) * s.cin + ci)).fma(w, sum[t]);
                    }
                }
            }
        }
        let mut affine = None;
        if !a.scale.is_null() {
            affine = Some((S::load(a.scale.add(co)), S::load(a.shift.add(co))));
        }
        for t in 0..T {
            let mut r = sum[t].relu();
            if let Some((scale, shift)) = affine {
                r = r.fma(scale, shift);
            }
            r.store(y.wrapping_add(t * s.cout));
        }
    }
}
