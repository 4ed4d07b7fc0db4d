//! How fast this machine multiplies and adds.

use super::Isa;
use super::dispatch::dispatch;
use super::simd::{LANES, Simd};

/// Independent chains, which is what hides the latency of a fused multiply-add.
const CHAINS: usize = 12;

/// `n` rounds of fused multiply-adds. Returns something of them, and how many operations they were.
pub(crate) fn rounds(isa: Isa, n: u64) -> (f32, u64) {
    let (mut out, mut lanes) = ([0.0; 2 * LANES], 0);
    rounds_on(isa, n, &mut out, &mut lanes);
    (out[0], n * (CHAINS * 2 * lanes) as u64)
}

dispatch! { fn rounds_on = rounds_body(n: u64, out: &mut [f32; 2 * LANES], lanes: &mut usize) }

#[inline(always)]
fn rounds_body<S: Simd>(n: u64, out: &mut [f32; 2 * LANES], lanes: &mut usize) {
    const { assert!(S::LANES <= 2 * LANES) };
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
    // SAFETY: `out` has 2 * LANES places, which was compared with the lanes above.
    unsafe { sum.store(out.as_mut_ptr()) }
}
