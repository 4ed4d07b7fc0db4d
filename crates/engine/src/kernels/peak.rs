//! How fast this machine multiplies and adds.

use super::simd::{LANES, Simd};
use super::{Isa, dispatch};

/// Floating-point operations in a round of [`rounds`].
pub(crate) const FLOPS: u64 = 12 * 2 * LANES as u64;

/// Twelve independent chains of `n` fused multiply-adds, which is what hides their latency; returns something of them.
pub(crate) fn rounds(isa: Isa, n: u64) -> f32 {
    let mut out = [0.0; LANES];
    // SAFETY: the array holds one vector.
    unsafe { rounds_isa(isa, n, out.as_mut_ptr()) }
    out[0]
}

dispatch!(unsafe fn rounds_isa = rounds_body(n: u64, out: *mut f32));

#[inline(always)]
unsafe fn rounds_body<S: Simd>(n: u64, out: *mut f32) {
    let mut chains = [S::splat(1.0); 12];
    let (a, b) = (S::splat(0.999_999), S::splat(1e-7));
    for _ in 0..n {
        for chain in &mut chains {
            *chain = chain.fma(a, b);
        }
    }
    let mut sum = chains[0];
    for chain in &chains[1..] {
        sum = sum.add(*chain);
    }
    // SAFETY: the caller's array holds one vector.
    unsafe { sum.store(out) }
}
