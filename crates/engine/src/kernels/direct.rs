//! Direct 3x3 convolution over images with a border of zeros.
//!
//! `x` is [h+2, w+2, cin], `weights` [9, cin, cout], `y` [h, w, cout]; for every output
//! `y = bias; for tap, for channel: y = x * w + y`, fused, in this order.

use super::simd::{LANES, Simd};
use super::winograd::Filters;
use super::{Isa, dispatch};

/// The shape of one convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) height: usize,
    pub(crate) width: usize,
    /// Channels read: the image's own, or a multiple of eight.
    pub(crate) cin: usize,
    /// Channels written: a multiple of eight.
    pub(crate) cout: usize,
}

impl Shape {
    pub(crate) const fn pixels(&self) -> usize {
        self.height * self.width
    }
    /// Length of a bordered input image.
    pub(crate) const fn bordered(&self, channels: usize) -> usize {
        (self.height + 2) * (self.width + 2) * channels
    }
}

/// Convolution, bias, rectification and perhaps an affine map of one image; rows of `y` are `row` apart.
pub(crate) fn forward(isa: Isa, s: Shape, x: &[f32], f: Filters<'_>, y: &mut [f32], row: usize) {
    assert!(s.cout.is_multiple_of(LANES) && x.len() >= s.bordered(s.cin) && f.weights.len() >= 9 * s.cin * s.cout);
    assert!(f.bias.len() >= s.cout && y.len() >= (s.height - 1) * row + s.width * s.cout);
    let null = std::ptr::null();
    let (scale, shift) = f.affine.map_or((null, null), |(scale, shift)| {
        assert!(scale.len() >= s.cout && shift.len() >= s.cout);
        (scale.as_ptr(), shift.as_ptr())
    });
    let a = Args { s, w: f.weights.as_ptr(), b: f.bias.as_ptr(), scale, shift, row };
    // SAFETY: the lengths were checked.
    unsafe { forward_isa(isa, a, x.as_ptr(), y.as_mut_ptr()) }
}

/// What every tile needs.
#[derive(Clone, Copy)]
struct Args {
    s: Shape,
    w: *const f32,
    b: *const f32,
    scale: *const f32,
    shift: *const f32,
    row: usize,
}

dispatch!(unsafe fn forward_isa = forward_body(a: Args, x: *const f32, y: *mut f32));

#[inline(always)]
unsafe fn forward_body<S: Simd>(a: Args, x: *const f32, y: *mut f32) {
    // SAFETY: offsets stay within the checked lengths.
    unsafe {
        let mut co = 0;
        while co < a.s.cout {
            if a.s.cout - co >= 2 * LANES {
                rows::<S, 2, 6>(a, co, x, y.add(co));
                co += 2 * LANES;
            } else {
                rows::<S, 1, 12>(a, co, x, y.add(co));
                co += LANES;
            }
        }
    }
}

#[inline(always)]
unsafe fn rows<S: Simd, const NV: usize, const T: usize>(a: Args, co: usize, x: *const f32, y: *mut f32) {
    // SAFETY: offsets stay within the checked lengths.
    unsafe {
        let s = a.s;
        for row in 0..s.height {
            let (x, y) = (x.add(row * (s.width + 2) * s.cin), y.add(row * a.row));
            let mut col = 0;
            while col + T <= s.width {
                tile::<S, NV, T>(a, co, x.add(col * s.cin), y.add(col * s.cout));
                col += T;
            }
            if col + 4 <= s.width {
                tile::<S, NV, 4>(a, co, x.add(col * s.cin), y.add(col * s.cout));
                col += 4;
            }
            if col + 3 <= s.width {
                tile::<S, NV, 3>(a, co, x.add(col * s.cin), y.add(col * s.cout));
                col += 3;
            }
            while col < s.width {
                tile::<S, NV, 1>(a, co, x.add(col * s.cin), y.add(col * s.cout));
                col += 1;
            }
        }
    }
}

/// `T` neighbouring pixels of `NV` vectors of channels from `co` on.
#[inline(always)]
unsafe fn tile<S: Simd, const NV: usize, const T: usize>(a: Args, co: usize, x: *const f32, y: *mut f32) {
    // SAFETY: offsets stay within the checked lengths.
    unsafe {
        let s = a.s;
        let mut sum = [[S::zero(); NV]; T];
        for v in 0..NV {
            let bias = S::load(a.b.add(co + v * LANES));
            for t in 0..T {
                sum[t][v] = bias;
            }
        }
        for tap in 0..9 {
            let x = x.add((tap / 3 * (s.width + 2) + tap % 3) * s.cin);
            let w = a.w.add(tap * s.cin * s.cout + co);
            for ci in 0..s.cin {
                let mut k = [S::zero(); NV];
                for v in 0..NV {
                    k[v] = S::load(w.add(ci * s.cout + v * LANES));
                }
                for t in 0..T {
                    let a = S::broadcast(x.add(t * s.cin + ci));
                    for v in 0..NV {
                        sum[t][v] = a.fma(k[v], sum[t][v]);
                    }
                }
            }
        }
        for v in 0..NV {
            for t in 0..T {
                let mut r = sum[t][v].relu();
                if !a.scale.is_null() {
                    r = r.fma(S::load(a.scale.add(co + v * LANES)), S::load(a.shift.add(co + v * LANES)));
                }
                r.store(y.add(t * s.cout + v * LANES));
            }
        }
    }
}

/// Adds one image's part to the gradient of the weights: `x` is bordered, the output's
/// gradient `g` is not.
/// For every weight, over the pixels in order: `dw = x * g + dw`.
pub(crate) fn backward_weights(isa: Isa, s: Shape, x: &[f32], g: &[f32], dw: &mut [f32]) {
    assert!(s.cout.is_multiple_of(LANES) && x.len() >= s.bordered(s.cin) && g.len() >= s.pixels() * s.cout);
    assert!(dw.len() >= 9 * s.cin * s.cout);
    // SAFETY: the lengths were checked.
    unsafe { weights_isa(isa, s, x.as_ptr(), g.as_ptr(), dw.as_mut_ptr()) }
}

dispatch!(unsafe fn weights_isa = weights_body(s: Shape, x: *const f32, g: *const f32, dw: *mut f32));

#[inline(always)]
unsafe fn weights_body<S: Simd>(s: Shape, x: *const f32, g: *const f32, dw: *mut f32) {
    // SAFETY: offsets stay within the checked lengths.
    unsafe {
        if s.cin == 1 {
            for co in (0..s.cout).step_by(LANES) {
                nine_taps::<S>(s, x, g.add(co), dw.add(co));
            }
            return;
        }
        for tap in 0..9 {
            let (x, dw) = (x.add((tap / 3 * (s.width + 2) + tap % 3) * s.cin), dw.add(tap * s.cin * s.cout));
            let mut co = 0;
            while co < s.cout {
                if s.cout - co >= 2 * LANES {
                    inputs::<S, 2, 6>(s, x, g.add(co), dw.add(co));
                    co += 2 * LANES;
                } else {
                    inputs::<S, 1, 8>(s, x, g.add(co), dw.add(co));
                    co += LANES;
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn inputs<S: Simd, const NV: usize, const T: usize>(s: Shape, x: *const f32, g: *const f32, dw: *mut f32) {
    // SAFETY: offsets stay within the checked lengths.
    unsafe {
        let mut ci = 0;
        while ci + T <= s.cin {
            patch::<S, NV, T>(s, x.add(ci), g, dw.add(ci * s.cout));
            ci += T;
        }
        while ci + 2 <= s.cin {
            patch::<S, NV, 2>(s, x.add(ci), g, dw.add(ci * s.cout));
            ci += 2;
        }
        while ci < s.cin {
            patch::<S, NV, 1>(s, x.add(ci), g, dw.add(ci * s.cout));
            ci += 1;
        }
    }
}

/// `T` input channels times `NV` vectors of output channels, summed over all pixels.
#[inline(always)]
unsafe fn patch<S: Simd, const NV: usize, const T: usize>(s: Shape, x: *const f32, g: *const f32, dw: *mut f32) {
    // SAFETY: offsets stay within the checked lengths.
    unsafe {
        let mut sum = [[S::zero(); NV]; T];
        for t in 0..T {
            for v in 0..NV {
                sum[t][v] = S::load(dw.add(t * s.cout + v * LANES));
            }
        }
        for row in 0..s.height {
            let (x, g) = (x.add(row * (s.width + 2) * s.cin), g.add(row * s.width * s.cout));
            for col in 0..s.width {
                let mut k = [S::zero(); NV];
                for v in 0..NV {
                    k[v] = S::load(g.add(col * s.cout + v * LANES));
                }
                for t in 0..T {
                    let a = S::broadcast(x.add(col * s.cin + t));
                    for v in 0..NV {
                        sum[t][v] = a.fma(k[v], sum[t][v]);
                    }
                }
            }
        }
        for t in 0..T {
            for v in 0..NV {
                sum[t][v].store(dw.add(t * s.cout + v * LANES));
            }
        }
    }
}

/// One input channel: all nine taps of one vector of output channels in one pass.
#[inline(always)]
unsafe fn nine_taps<S: Simd>(s: Shape, x: *const f32, g: *const f32, dw: *mut f32) {
    // SAFETY: offsets stay within the checked lengths.
    unsafe {
        let mut sum = [S::zero(); 9];
        for (tap, sum) in sum.iter_mut().enumerate() {
            *sum = S::load(dw.add(tap * s.cout));
        }
        let pitch = s.width + 2;
        for row in 0..s.height {
            let (x, g) = (x.add(row * pitch), g.add(row * s.width * s.cout));
            for col in 0..s.width {
                let k = S::load(g.add(col * s.cout));
                for (tap, sum) in sum.iter_mut().enumerate() {
                    *sum = S::broadcast(x.add(tap / 3 * pitch + col + tap % 3)).fma(k, *sum);
                }
            }
        }
        for (tap, sum) in sum.iter().enumerate() {
            sum.store(dw.add(tap * s.cout));
        }
    }
}
