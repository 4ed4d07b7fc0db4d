//! The first layer backward, in one pass over rows of an image.
//!
//! The rows' output `y` and its gradient `dz` are in the cache then. The gradient before
//! rectification is `g = y > 0 ? a dz + b y + c : 0`. Its factors are known only when the whole
//! batch has been seen. But it is linear in them, so the gradients of weights and bias are
//! `a A + b B + c C` with three sums that do not wait for the factors:
//!
//! ```text
//! A = sum x [y > 0] dz,    B = sum x y,    C = sum x [y > 0]
//! ```

use super::direct::ConvShape;
use super::dispatch::{dispatch, vectors};
use super::simd::{LANES, Simd};

/// Length of one of the three parts of [`sums`]: a row of `cout` for every tap and channel, then
/// one for the bias.
pub(crate) const fn part(s: ConvShape) -> usize {
    (9 * s.cin + 1) * s.cout
}

dispatch! {
    /// Adds A, B and C of an image, or of some of its rows, to `out` [3, 9 cin + 1, cout].
    ///
    /// Sums run fused over the pixels of a row in order, and then over rows in order, so that
    /// chains of roundings stay short. The last row of each part is that of an `x` of ones. `x` is
    /// bordered, `y` is not, rows of `dz` are `pitch` apart.
    pub(crate) fn sums = sums_body(
        s: ConvShape, x: &[f32], y: &[f32], dz: &[f32], pitch: usize, out: &mut [f32])
}

#[inline(always)]
fn sums_body<S: Simd>(
    s: ConvShape,
    x: &[f32],
    y: &[f32],
    dz: &[f32],
    pitch: usize,
    out: &mut [f32],
) {
    assert!(s.cout.is_multiple_of(LANES) && x.len() >= s.bordered(s.cin));
    assert!(
        y.len() >= s.pixels() * s.cout && dz.len() >= (s.height - 1) * pitch + s.width * s.cout
    );
    assert!(out.len() >= 3 * part(s));
    let (x, y, dz, out) = (x.as_ptr(), y.as_ptr(), dz.as_ptr(), out.as_mut_ptr());
    // SAFETY: the slices hold a bordered image, an output, its gradient and three parts of shape
    // `s`. Vectors end at or before `cout`, the channels of all but the image.
    unsafe {
        vectors!(S, s.cout, co => vector_sums(s, x, y.add(co), dz.add(co), pitch, out.add(co)))
    }
}

/// One vector of output channels.
#[inline(always)]
unsafe fn vector_sums<S: Simd>(
    s: ConvShape,
    x: *const f32,
    y: *const f32,
    dz: *const f32,
    pitch: usize,
    out: *mut f32,
) {
    // SAFETY: the taps of row `row` < 3 and channel `ci` < cin read from there on in the bordered
    // image. Their rows of sums, and that of the bias, are below 9 cin + 1 in each part.
    unsafe {
        for (row, ci) in (0..3).flat_map(|row| (0..s.cin).map(move |ci| (row, ci))) {
            let x = x.add(row * (s.width + 2) * s.cin + ci);
            let (taps, bias) =
                (out.add((3 * row * s.cin + ci) * s.cout), out.add(9 * s.cin * s.cout));
            if row == 0 && ci == 0 {
                three_taps::<S, true>(s, x, y, dz, pitch, taps, bias);
            } else {
                three_taps::<S, false>(s, x, y, dz, pitch, taps, bias);
            }
        }
    }
}

/// What a pixel adds: `[y > 0] dz`, `y` and `[y > 0]`.
#[inline(always)]
unsafe fn terms<S: Simd>(y: *const f32, dz: *const f32) -> [S; 3] {
    // SAFETY: the caller answers for a vector at both.
    unsafe {
        let (y, zero) = (S::load(y), S::zero());
        [y.pick_greater(zero, S::load(dz), zero), y, y.pick_greater(zero, S::splat(1.0), zero)]
    }
}

/// Three taps of one channel, and the bias if `BIAS`.
#[inline(always)]
unsafe fn three_taps<S: Simd, const BIAS: bool>(
    s: ConvShape,
    x: *const f32,
    y: *const f32,
    dz: *const f32,
    pitch: usize,
    taps: *mut f32,
    bias: *mut f32,
) {
    // SAFETY: output pixels are below height and width. Their taps, 0 to 2 columns to the right,
    // lie in the bordered row, which is two pixels wider. `taps` has three rows `cin * cout` apart
    // and `bias` one, in each of three parts.
    unsafe {
        let (mut total, mut bias_total) = ([[S::zero(); 3]; 3], [S::zero(); 3]);
        for part in 0..3 {
            for tap in 0..3 {
                total[part][tap] = S::load(taps.add(part * self::part(s) + tap * s.cin * s.cout));
            }
            if BIAS {
                bias_total[part] = S::load(bias.add(part * self::part(s)));
            }
        }
        for row in 0..s.height {
            let (mut sum, mut bias_sum) = ([[S::zero(); 3]; 3], [S::zero(); 3]);
            let (mut x, mut y, mut dz) = (
                x.add(row * (s.width + 2) * s.cin),
                y.add(row * s.width * s.cout),
                dz.add(row * pitch),
            );
            for _ in 0..s.width {
                let terms = terms::<S>(y, dz);
                for tap in 0..3 {
                    let x = S::broadcast(x.add(tap * s.cin));
                    for part in 0..3 {
                        sum[part][tap] = x.fma(terms[part], sum[part][tap]);
                    }
                }
                if BIAS {
                    for part in 0..3 {
                        bias_sum[part] = bias_sum[part].add(terms[part]);
                    }
                }
                (x, y, dz) =
                    (x.wrapping_add(s.cin), y.wrapping_add(s.cout), dz.wrapping_add(s.cout));
            }
            for part in 0..3 {
                bias_total[part] = bias_total[part].add(bias_sum[part]);
                for tap in 0..3 {
                    total[part][tap] = total[part][tap].add(sum[part][tap]);
                }
            }
        }
        for part in 0..3 {
            for tap in 0..3 {
                total[part][tap].store(taps.add(part * self::part(s) + tap * s.cin * s.cout));
            }
            if BIAS {
                bias_total[part].store(bias.add(part * self::part(s)));
            }
        }
    }
}
