//! How fast this machine multiplies and adds.

use super::simd::{LANES, Simd};
use super::{Isa, dispatch};

/// Independent chains, which is what hides the latency of a fused multiply-add.
const CHAINS: usize = 12;

/// `n` rounds of fused multiply-adds; returns something of them, and how many floating-point operations they were.
pub(crate) fn rounds(isa: Isa, n: u64) -> (f32, u64) {
    let (mut out, mut lanes) = ([0.0; 2 * LANES], 0);
    // SAFETY: the array holds the largest vector.
    unsafe { rounds_isa(isa, n, out.as_mut_ptr(), &mut lanes) }
    (out[0], n * (CHAINS * 2 * lanes) as u64)
}

dispatch!(unsafe fn rounds_isa = rounds_body(n: u64, out: *mut f32, lanes: &mut usize));

#[inline(always)]
unsafe fn rounds_body<S: Simd>(n: u64, out: *mut f32, lanes: &mut usize) {
    *lanes = S::LANES;
    let mut chains = [S::splat(1.0); CHAINS];
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
