//! Random numbers as a pure function of a key.
//!
//! There is no shared generator. Every draw is named by a [`Key`], such as (seed, purpose, epoch,
//! image). So a result depends neither on the order in which work is scheduled nor on the number of
//! threads. The bits come from ChaCha with 8 rounds (Bernstein 2008) through `rand_chacha`. The
//! samplers are ours: those of `rand` change between versions, and a recorded study must not.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng};

/// The name of a stream of random numbers: four words, by convention (seed, purpose, and two
/// counters).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key(pub [u64; 4]);

impl Key {
    /// The key of `purpose` under `seed`, with both counters at zero.
    pub const fn new(seed: u64, purpose: u64) -> Self {
        Self([seed, purpose, 0, 0])
    }

    /// The same key with its two counters set, for example to an epoch and an image.
    pub const fn at(self, first: u64, second: u64) -> Self {
        Self([self.0[0], self.0[1], first, second])
    }

    /// A key under this one whose counters are free again: the first words of this key's stream.
    pub fn child(self) -> Self {
        let mut stream = self.stream();
        Self(std::array::from_fn(|_| stream.bits64()))
    }

    /// Opens the stream at its beginning.
    pub fn stream(self) -> Stream {
        let mut bytes = [0; 32];
        for (chunk, word) in bytes.chunks_exact_mut(8).zip(self.0) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        Stream(ChaCha8Rng::from_seed(bytes))
    }
}

/// A stream of random numbers opened with [`Key::stream`].
#[derive(Clone, Debug)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// 32 random bits.
    pub fn bits32(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// 64 random bits.
    pub fn bits64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Fills `bytes` with random bits.
    pub fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    /// Uniform in [0, 1), a multiple of 2^-24.
    pub fn unit(&mut self) -> f32 {
        (self.bits32() >> 8) as f32 * (1.0 / 16_777_216.0)
    }

    /// Uniform in [0, 1), a multiple of 2^-53.
    pub fn unit_f64(&mut self) -> f64 {
        (self.bits64() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// Uniform in [`low`, `high`).
    pub fn uniform(&mut self, low: f32, high: f32) -> f32 {
        self.unit().mul_add(high - low, low)
    }

    /// Uniform in 0..`bound` without bias (Lemire 2019, arXiv 1805.10941).
    ///
    /// # Panics
    /// If `bound` is zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "an empty range has nothing to draw");
        let threshold = bound.wrapping_neg() % bound;
        loop {
            let product = u128::from(self.bits64()) * u128::from(bound);
            if product as u64 >= threshold {
                return (product >> 64) as u64;
            }
        }
    }

    /// Standard normal (Box and Muller 1958), from two uniform draws.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * libm::log(1.0 - self.unit_f64())).sqrt();
        radius * libm::cos(std::f64::consts::TAU * self.unit_f64())
    }

    /// Standard Gumbel, -ln(-ln u).
    pub fn gumbel(&mut self) -> f64 {
        let open = self.unit_f64() + 0.5 / 9_007_199_254_740_992.0;
        -libm::log(-libm::log(open))
    }

    /// Shuffles `items` (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }

    /// A random order of 0..`n`.
    pub fn permutation(&mut self, n: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..n as u32).collect();
        self.shuffle(&mut order);
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_one_stream() {
        let key = Key::new(7, 1).at(2, 3);
        let (mut a, mut b) = (key.stream(), key.stream());
        assert!((0..100).all(|_| a.bits64() == b.bits64()));
        assert_ne!(key.at(2, 4).stream().bits64(), key.stream().bits64());
    }

    #[test]
    fn children_keep_their_parents_apart() {
        let child = |first| Key::new(7, 1).at(first, 0).child().at(5, 5);
        assert_eq!(child(1), child(1));
        assert_ne!(child(1).stream().bits64(), child(2).stream().bits64());
    }

    #[test]
    fn the_generator_never_changes() {
        let mut stream = Key::new(0, 0).stream();
        assert_eq!([stream.bits32(), stream.bits32()], FIRST_WORDS);
    }

    /// The first two words of ChaCha8 under an all-zero key.
    const FIRST_WORDS: [u32; 2] = [0x2fef_003e, 0xd640_5f89];

    #[test]
    fn below_is_uniform() {
        let mut stream = Key::new(3, 0).stream();
        let mut counts = [0u32; 7];
        for _ in 0..70_000 {
            counts[stream.below(7) as usize] += 1;
        }
        assert!(counts.iter().all(|&n| (9_500..10_500).contains(&n)), "{counts:?}");
    }

    #[test]
    fn normal_has_unit_variance() {
        let mut stream = Key::new(5, 0).stream();
        let draws: Vec<f64> = (0..40_000).map(|_| stream.normal()).collect();
        let mean = draws.iter().sum::<f64>() / 40_000.0;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 40_000.0;
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
    }

    #[test]
    fn a_permutation_holds_every_index_once() {
        let mut order = Key::new(1, 0).stream().permutation(100);
        order.sort_unstable();
        assert!(order.iter().enumerate().all(|(i, &v)| i as u32 == v));
    }
}
