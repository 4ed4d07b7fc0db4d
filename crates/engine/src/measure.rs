//! What a benchmark needs to know about the machine and about a step.

use crate::kernels::buffer::Buffer;
use crate::kernels::winograd::{self, Filters, Grid, Out};
use crate::kernels::{Isa, peak, winograd_back};
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

/// Fused multiply-adds of one core in GFLOP/s, two operations each, on the instructions that the
/// engine uses: the best of `repeats` runs of about ten milliseconds.
pub fn peak_gflops(repeats: usize) -> f64 {
    let rate = |n: u64| {
        let start = Instant::now();
        multiply_add(n) / start.elapsed().as_secs_f64() / 1e9
    };
    // Ten milliseconds at the speed of a short run.
    let short = 10_000;
    let start = Instant::now();
    multiply_add(short);
    let n = (short as f64 * 0.01 / start.elapsed().as_secs_f64()) as u64;
    (0..repeats.max(1)).map(|_| rate(n.max(1))).fold(0.0, f64::max)
}

/// Runs `rounds` rounds of independent fused multiply-adds and returns their number of operations.
pub fn multiply_add(rounds: u64) -> f64 {
    let (result, operations) = peak::rounds(Isa::detect(), std::hint::black_box(rounds));
    std::hint::black_box(result);
    operations as f64
}

/// What the engine uses of this machine: "avx512", "avx2", "neon" or "portable".
pub fn instructions() -> &'static str {
    Isa::detect().name()
}

/// The time that one convolution takes for an image, see [`convolution`].
#[derive(Clone, Copy, Debug)]
pub struct Convolution {
    /// Seconds forward.
    pub forward: f64,
    /// Seconds backward, towards weights and inputs.
    pub backward: f64,
    /// Fused multiply-adds of the products alone, forward; backward needs twice as many.
    pub products: f64,
}

/// Times a 3x3 convolution of images of `side` x `side`, as training runs it, from `cin` to `cout`
/// channels, which are multiples of eight.
///
/// Operands are in the cache. It takes the best of `repeats`, on one thread. The products fall
/// short of the machine's peak by what transforms cost.
///
/// # Panics
/// If a number of channels is no multiple of eight.
pub fn convolution(side: usize, cin: usize, cout: usize, repeats: usize) -> Convolution {
    let (isa, g) = (Isa::detect(), Grid::new(side, side, cin, cout));
    // As many small images as training takes together.
    let count = (36 / g.tiles()).clamp(1, 16);
    let filled = |len: usize| {
        let mut buffer = Buffer::zeros(len);
        buffer.iter_mut().enumerate().for_each(|(i, v)| *v = (i % 13) as f32 / 13.0 - 0.5);
        buffer
    };
    let (x, dy) = (filled(count * g.bordered(cin)), filled(count * g.gradient()));
    let (u, transposed, bias) =
        (filled(g.weights()), filled(g.transposed().weights()), Buffer::zeros(cout));
    let (mut y, mut dx) =
        (Buffer::zeros(count * side * side * cout), Buffer::zeros(count * g.bordered(cin)));
    let (mut du, mut tiles) =
        (Buffer::zeros(g.weights()), [Buffer::zeros(g.buffer()), Buffer::zeros(g.buffer())]);
    let out = Out { row: side * cout, image: side * side * cout };
    let filters = Filters { weights: &u, bias: &bias, affine: None };
    let best = |work: &mut dyn FnMut()| {
        let time = |work: &mut dyn FnMut()| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64() / count as f64
        };
        (0..repeats.max(1)).map(|_| time(work)).fold(f64::INFINITY, f64::min)
    };
    let forward =
        best(&mut || winograd::forward(isa, g, count, &x, filters, &mut y, out, &mut tiles));
    let backward = best(&mut || {
        winograd_back::backward(
            isa,
            g,
            count,
            &x,
            &dy,
            &transposed,
            &mut du,
            true,
            &mut dx,
            &mut tiles,
        );
    });
    Convolution { forward, backward, products: (g.planes() * g.tiles() * cin * cout) as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_above_zero() {
        assert!(peak_gflops(1) > 0.0);
    }

    #[test]
    fn a_convolution_takes_time_and_counts_its_products() {
        let small = convolution(9, 8, 16, 1);
        assert!(small.forward > 0.0 && small.backward > 0.0);
        assert_eq!(small.products, 9.0 * 25.0 * 8.0 * 16.0);
    }
}
