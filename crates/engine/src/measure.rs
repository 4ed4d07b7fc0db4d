//! What a benchmark needs to know about the machine and about a step.

use crate::kernels::{Isa, peak};
use std::time::{Duration, Instant};

/// Time spent in the parts of training steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// From the images to the encoder's output.
    pub forward: Duration,
    /// The head, the loss, and from there to the gradients.
    pub backward: Duration,
    /// The optimiser.
    pub update: Duration,
}

/// Fused multiply-adds of one core in GFLOP/s (two operations each) on the instructions that the engine uses: the best of
/// `repeats` runs of about ten milliseconds.
pub fn peak_gflops(repeats: usize) -> f64 {
    let isa = Isa::detect();
    let rate = |n: u64| {
        let start = Instant::now();
        std::hint::black_box(peak::rounds(isa, std::hint::black_box(n)));
        (n * peak::FLOPS) as f64 / start.elapsed().as_secs_f64() / 1e9
    };
    // Ten milliseconds at the speed of a short run.
    let n = (rate(10_000) * 1e7 / peak::FLOPS as f64) as u64;
    (0..repeats.max(1)).map(|_| rate(n.max(1))).fold(0.0, f64::max)
}

/// Runs `rounds` rounds of independent fused multiply-adds and returns how many floating-point operations they were.
pub fn multiply_add(rounds: u64) -> f64 {
    std::hint::black_box(peak::rounds(Isa::detect(), std::hint::black_box(rounds)));
    (rounds * peak::FLOPS) as f64
}

/// What [`peak_gflops`] measures the instructions of: "avx2+fma", "neon" or "portable".
pub fn instructions() -> &'static str {
    match Isa::detect() {
        Isa::Portable => "portable",
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => "avx2+fma",
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => "neon",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_above_zero() {
        assert!(peak_gflops(1) > 0.0);
    }
}
