//! Eight lanes as two NEON vectors, with the operations and the bits of [`Portable`](super::simd::Portable).
//!
//! NEON belongs to every aarch64 machine, so nothing has to be detected.

use super::image::lanes::Lanes as ImageLanes;
use super::simd::{LANES, Simd};
use super::vector::lanes::Lanes as VectorLanes;
use crate::math::{ROOT_HALF_BITS, ROUND};
use std::arch::aarch64::*;

/// Lanes 0 to 3 and 4 to 7.
#[derive(Clone, Copy)]
pub(crate) struct Neon(float32x4_t, float32x4_t);

impl Neon {
    #[inline(always)]
    fn map(self, f: impl Fn(float32x4_t) -> float32x4_t) -> Self {
        Self(f(self.0), f(self.1))
    }

    #[inline(always)]
    fn zip(self, b: Self, f: impl Fn(float32x4_t, float32x4_t) -> float32x4_t) -> Self {
        Self(f(self.0, b.0), f(self.1, b.1))
    }
}

// SAFETY (every block below): every aarch64 machine has the instructions; for `load` and `store` the caller promises the memory.
impl Simd for Neon {
    const LANES: usize = LANES;
    const ROWS: [usize; 2] = [6, 13];
    type Rest = Self;

    #[inline(always)]
    fn splat(x: f32) -> Self {
        // SAFETY: see above.
        unsafe { Self(vdupq_n_f32(x), vdupq_n_f32(x)) }
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self {
        // SAFETY: see above.
        unsafe { Self(vld1q_f32(p), vld1q_f32(p.add(4))) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32) {
        // SAFETY: see above.
        unsafe {
            vst1q_f32(p, self.0);
            vst1q_f32(p.add(4), self.1);
        }
    }
    #[inline(always)]
    fn fma(self, b: Self, c: Self) -> Self {
        // SAFETY: see above.
        unsafe { Self(vfmaq_f32(c.0, self.0, b.0), vfmaq_f32(c.1, self.1, b.1)) }
    }
    #[inline(always)]
    fn add(self, b: Self) -> Self {
        // SAFETY: see above.
        self.zip(b, |a, b| unsafe { vaddq_f32(a, b) })
    }
    #[inline(always)]
    fn sub(self, b: Self) -> Self {
        // SAFETY: see above.
        self.zip(b, |a, b| unsafe { vsubq_f32(a, b) })
    }
    #[inline(always)]
    fn mul(self, b: Self) -> Self {
        // SAFETY: see above.
        self.zip(b, |a, b| unsafe { vmulq_f32(a, b) })
    }
    #[inline(always)]
    fn div(self, b: Self) -> Self {
        // SAFETY: see above.
        self.zip(b, |a, b| unsafe { vdivq_f32(a, b) })
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        // SAFETY: see above.
        self.map(|a| unsafe { vsqrtq_f32(a) })
    }
    /// Not `vmaxq`, whose rule for NaN is another.
    #[inline(always)]
    fn max(self, b: Self) -> Self {
        self.pick_greater(b, self, b)
    }
    #[inline(always)]
    fn pick_greater(self, b: Self, yes: Self, no: Self) -> Self {
        // SAFETY: see above.
        let pick = |a, b, yes, no| unsafe { vbslq_f32(vcgtq_f32(a, b), yes, no) };
        Self(pick(self.0, b.0, yes.0, no.0), pick(self.1, b.1, yes.1, no.1))
    }
}

// SAFETY (every block below): as above; for `corners` the caller promises the memory.
impl ImageLanes for Neon {
    #[inline(always)]
    fn floor(self) -> Self {
        // SAFETY: see above.
        self.map(|a| unsafe { vrndmq_f32(a) })
    }
    #[inline(always)]
    fn min(self, b: Self) -> Self {
        b.pick_greater(self, self, b)
    }
    #[inline(always)]
    unsafe fn corners(plane: *const f32, stride: usize, y: Self, x: Self) -> [Self; 4] {
        let mut at = [0i32; LANES];
        // SAFETY: see above; the array has eight places.
        unsafe {
            let index = |y, x| vmlaq_n_s32(vcvtq_s32_f32(x), vcvtq_s32_f32(y), stride as i32);
            vst1q_s32(at.as_mut_ptr(), index(y.0, x.0));
            vst1q_s32(at.as_mut_ptr().add(4), index(y.1, x.1));
            let [top_left, top_right] = pairs(plane, &at);
            let [bottom_left, bottom_right] = pairs(plane.add(stride), &at);
            [top_left, top_right, bottom_left, bottom_right]
        }
    }
}

/// The values at `at` and those to their right.
#[inline(always)]
unsafe fn pairs(plane: *const f32, at: &[i32; LANES]) -> [Neon; 2] {
    // SAFETY: the promises of `corners`.
    unsafe {
        let value = |i: usize| vld1_f32(plane.add(at[i] as usize));
        let quads = [0, 2, 4, 6].map(|i| vcombine_f32(value(i), value(i + 1)));
        let left = Neon(vuzp1q_f32(quads[0], quads[1]), vuzp1q_f32(quads[2], quads[3]));
        [left, Neon(vuzp2q_f32(quads[0], quads[1]), vuzp2q_f32(quads[2], quads[3]))]
    }
}

// SAFETY (every block below): every aarch64 machine has the instructions.
impl VectorLanes for Neon {
    type Wide = [float64x2_t; 4];

    #[inline(always)]
    fn split(self) -> (Self, Self) {
        // SAFETY: see above.
        let shifted = |a| unsafe { vsubq_s32(vreinterpretq_s32_f32(a), vdupq_n_s32(ROOT_HALF_BITS)) };
        // SAFETY: see above.
        let exponent = |a| unsafe { vcvtq_f32_s32(vshrq_n_s32::<23>(shifted(a))) };
        // SAFETY: see above.
        let mantissa = |a| unsafe {
            let bits = vandq_s32(shifted(a), vdupq_n_s32(0x007f_ffff));
            vsubq_f32(vreinterpretq_f32_s32(vaddq_s32(bits, vdupq_n_s32(ROOT_HALF_BITS))), vdupq_n_f32(1.0))
        };
        (self.map(exponent), self.map(mantissa))
    }
    #[inline(always)]
    fn powers_of_two(shifted: Self) -> (Self, Self) {
        // SAFETY: see above.
        let n = |a| unsafe { vsubq_s32(vreinterpretq_s32_f32(a), vdupq_n_s32(ROUND.to_bits() as i32)) };
        // SAFETY: see above.
        let power = |n| unsafe { vreinterpretq_f32_s32(vshlq_n_s32::<23>(vaddq_s32(n, vdupq_n_s32(127)))) };
        // SAFETY: see above.
        let half = |a| unsafe { vshrq_n_s32::<1>(n(a)) };
        // SAFETY: see above.
        let rest = |a| unsafe { vsubq_s32(n(a), half(a)) };
        (shifted.map(|a| power(half(a))), shifted.map(|a| power(rest(a))))
    }
    #[inline(always)]
    fn wide_zero() -> Self::Wide {
        // SAFETY: see above.
        unsafe { [vdupq_n_f64(0.0); 4] }
    }
    #[inline(always)]
    fn add_to(self, sums: Self::Wide) -> Self::Wide {
        // SAFETY: see above.
        unsafe {
            [
                vaddq_f64(sums[0], vcvt_f64_f32(vget_low_f32(self.0))),
                vaddq_f64(sums[1], vcvt_high_f64_f32(self.0)),
                vaddq_f64(sums[2], vcvt_f64_f32(vget_low_f32(self.1))),
                vaddq_f64(sums[3], vcvt_high_f64_f32(self.1)),
            ]
        }
    }
    #[inline(always)]
    fn wide_array(sums: Self::Wide) -> [f64; LANES] {
        let mut values = [0.0; LANES];
        for (pair, sum) in values.chunks_exact_mut(2).zip(sums) {
            // SAFETY: see above; the chunk has two places.
            unsafe { vst1q_f64(pair.as_mut_ptr(), sum) }
        }
        values
    }
}
