//! Eight lanes as two NEON vectors, with the operations and the bits of
//! [`Portable`](super::simd::Portable).
//!
//! NEON belongs to every aarch64 machine, so nothing has to be detected.

use super::simd::{LANES, Simd, on_registers};
use std::arch::aarch64::*;

/// Lanes 0 to 3 and 4 to 7.
#[derive(Clone, Copy)]
pub(crate) struct Neon(pub(in crate::kernels) float32x4_t, pub(in crate::kernels) float32x4_t);

impl Neon {
    /// `f` of both halves.
    #[inline(always)]
    pub(in crate::kernels) fn map(self, f: impl Fn(float32x4_t) -> float32x4_t) -> Self {
        Self(f(self.0), f(self.1))
    }

    #[inline(always)]
    fn zip(self, b: Self, f: impl Fn(float32x4_t, float32x4_t) -> float32x4_t) -> Self {
        Self(f(self.0, b.0), f(self.1, b.1))
    }
}

impl Simd for Neon {
    const LANES: usize = LANES;
    const ROWS: [usize; 2] = [6, 13];
    type Rest = Self;

    #[inline(always)]
    fn splat(x: f32) -> Self {
        on_registers!(Self(vdupq_n_f32(x), vdupq_n_f32(x)))
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self {
        // SAFETY: the caller answers for eight values, four for each half, which may lie at any
        // address.
        unsafe { Self(vld1q_f32(p), vld1q_f32(p.add(4))) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32) {
        // SAFETY: the caller answers for eight values, four for each half, which may lie at any
        // address.
        unsafe {
            vst1q_f32(p, self.0);
            vst1q_f32(p.add(4), self.1);
        }
    }
    #[inline(always)]
    fn fma(self, b: Self, c: Self) -> Self {
        on_registers!(Self(vfmaq_f32(c.0, self.0, b.0), vfmaq_f32(c.1, self.1, b.1)))
    }
    #[inline(always)]
    fn add(self, b: Self) -> Self {
        self.zip(b, |a, b| on_registers!(vaddq_f32(a, b)))
    }
    #[inline(always)]
    fn sub(self, b: Self) -> Self {
        self.zip(b, |a, b| on_registers!(vsubq_f32(a, b)))
    }
    #[inline(always)]
    fn mul(self, b: Self) -> Self {
        self.zip(b, |a, b| on_registers!(vmulq_f32(a, b)))
    }
    #[inline(always)]
    fn div(self, b: Self) -> Self {
        self.zip(b, |a, b| on_registers!(vdivq_f32(a, b)))
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        self.map(|a| on_registers!(vsqrtq_f32(a)))
    }
    /// Not `vmaxq`, whose rule for NaN is another.
    #[inline(always)]
    fn max(self, b: Self) -> Self {
        self.pick_greater(b, self, b)
    }
    #[inline(always)]
    fn pick_greater(self, b: Self, yes: Self, no: Self) -> Self {
        let pick = |a, b, yes, no| on_registers!(vbslq_f32(vcgtq_f32(a, b), yes, no));
        Self(pick(self.0, b.0, yes.0, no.0), pick(self.1, b.1, yes.1, no.1))
    }
}
