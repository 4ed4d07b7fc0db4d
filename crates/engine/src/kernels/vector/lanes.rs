//! What rows of numbers need beyond [`Simd`](crate::kernels::simd::Simd): exponents, powers of two
//! and sums in `f64`.

use crate::kernels::simd::{EightLanes, LANES, Portable};
use crate::math::{ROOT_HALF_BITS, ROUND};

/// Eight lanes with access to their bits.
pub(super) trait Lanes: EightLanes {
    /// Eight `f64` sums, one a lane.
    type Wide: Copy;

    /// (exponent, f) of positive normal lanes: the value is 2^exponent (1 + f), and 1 + f lies in
    /// [sqrt(1/2), sqrt(2)).
    fn split(self) -> (Self, Self);
    /// Two factors whose product is 2^n, from `n` + [`ROUND`].
    fn powers_of_two(shifted: Self) -> (Self, Self);
    /// Eight sums of zero.
    fn wide_zero() -> Self::Wide;
    /// Adds every lane to its sum.
    fn add_to(self, sums: Self::Wide) -> Self::Wide;
    /// The eight sums.
    fn wide_array(sums: Self::Wide) -> [f64; LANES];

    /// The eight values.
    #[inline(always)]
    fn array(self) -> [f32; LANES] {
        let mut values = [0.0; LANES];
        self.write(&mut values);
        values
    }

    /// The first values of a shorter slice, then zeros.
    #[inline(always)]
    fn load_tail(values: &[f32]) -> Self {
        let mut padded = [0.0; LANES];
        padded[..values.len()].copy_from_slice(values);
        Self::from_array(&padded)
    }
}

/// The sum of eight lanes, always in this order.
#[inline(always)]
pub(crate) fn across(v: [f32; LANES]) -> f32 {
    ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]))
}

/// As [`across`], in `f64`.
#[inline(always)]
pub(crate) fn across_wide(v: [f64; LANES]) -> f64 {
    ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]))
}

impl Lanes for Portable {
    type Wide = [f64; LANES];

    #[inline(always)]
    fn split(self) -> (Self, Self) {
        let shifted = self.0.map(|x| (x.to_bits() as i32).wrapping_sub(ROOT_HALF_BITS));
        let mantissa = shifted
            .map(|s| f32::from_bits((s & 0x007f_ffff).wrapping_add(ROOT_HALF_BITS) as u32) - 1.0);
        (Self(shifted.map(|s| (s >> 23) as f32)), Self(mantissa))
    }
    #[inline(always)]
    fn powers_of_two(shifted: Self) -> (Self, Self) {
        let power = |n: i32| f32::from_bits((n.wrapping_add(127) as u32) << 23);
        let n = shifted.0.map(|s| (s.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32));
        (Self(n.map(|n| power(n >> 1))), Self(n.map(|n| power(n.wrapping_sub(n >> 1)))))
    }
    #[inline(always)]
    fn wide_zero() -> Self::Wide {
        [0.0; LANES]
    }
    #[inline(always)]
    fn add_to(self, sums: Self::Wide) -> Self::Wide {
        std::array::from_fn(|i| sums[i] + f64::from(self.0[i]))
    }
    #[inline(always)]
    fn wide_array(sums: Self::Wide) -> [f64; LANES] {
        sums
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{LANES, Lanes, ROOT_HALF_BITS, ROUND};
    use crate::kernels::simd::{Avx2, on_registers};
    use std::arch::x86_64::*;

    impl Lanes for Avx2 {
        type Wide = (__m256d, __m256d);

        #[inline(always)]
        fn split(self) -> (Self, Self) {
            on_registers!({
                let root_half = _mm256_set1_epi32(ROOT_HALF_BITS);
                let shifted = _mm256_sub_epi32(_mm256_castps_si256(self.0), root_half);
                let exponent = _mm256_cvtepi32_ps(_mm256_srai_epi32::<23>(shifted));
                let mantissa = _mm256_and_si256(shifted, _mm256_set1_epi32(0x007f_ffff));
                let bits = _mm256_add_epi32(mantissa, root_half);
                (
                    Self(exponent),
                    Self(_mm256_sub_ps(_mm256_castsi256_ps(bits), _mm256_set1_ps(1.0))),
                )
            })
        }
        #[inline(always)]
        fn powers_of_two(shifted: Self) -> (Self, Self) {
            on_registers!({
                let round = _mm256_set1_epi32(ROUND.to_bits() as i32);
                let n = _mm256_sub_epi32(_mm256_castps_si256(shifted.0), round);
                let half = _mm256_srai_epi32::<1>(n);
                let bias = _mm256_set1_epi32(127);
                let first = _mm256_slli_epi32::<23>(_mm256_add_epi32(half, bias));
                let second =
                    _mm256_slli_epi32::<23>(_mm256_add_epi32(_mm256_sub_epi32(n, half), bias));
                (Self(_mm256_castsi256_ps(first)), Self(_mm256_castsi256_ps(second)))
            })
        }
        #[inline(always)]
        fn wide_zero() -> Self::Wide {
            on_registers!((_mm256_setzero_pd(), _mm256_setzero_pd()))
        }
        #[inline(always)]
        fn add_to(self, sums: Self::Wide) -> Self::Wide {
            on_registers!({
                let low = _mm256_cvtps_pd(_mm256_castps256_ps128(self.0));
                let high = _mm256_cvtps_pd(_mm256_extractf128_ps::<1>(self.0));
                (_mm256_add_pd(sums.0, low), _mm256_add_pd(sums.1, high))
            })
        }
        #[inline(always)]
        fn wide_array(sums: Self::Wide) -> [f64; LANES] {
            let mut values = [0.0; LANES];
            // SAFETY: the array has eight places, four for each half, which may lie at any address.
            unsafe {
                _mm256_storeu_pd(values.as_mut_ptr(), sums.0);
                _mm256_storeu_pd(values.as_mut_ptr().add(4), sums.1);
            }
            values
        }
    }
}

#[cfg(target_arch = "aarch64")]
mod arm {
    use super::{LANES, Lanes, ROOT_HALF_BITS, ROUND};
    use crate::kernels::neon::Neon;
    use crate::kernels::simd::on_registers;
    use std::arch::aarch64::*;

    impl Lanes for Neon {
        type Wide = [float64x2_t; 4];

        #[inline(always)]
        fn split(self) -> (Self, Self) {
            let shifted =
                |a| on_registers!(vsubq_s32(vreinterpretq_s32_f32(a), vdupq_n_s32(ROOT_HALF_BITS)));
            let exponent = |a| on_registers!(vcvtq_f32_s32(vshrq_n_s32::<23>(shifted(a))));
            let mantissa = |a| {
                on_registers!({
                    let bits = vandq_s32(shifted(a), vdupq_n_s32(0x007f_ffff));
                    let bits = vaddq_s32(bits, vdupq_n_s32(ROOT_HALF_BITS));
                    vsubq_f32(vreinterpretq_f32_s32(bits), vdupq_n_f32(1.0))
                })
            };
            (self.map(exponent), self.map(mantissa))
        }
        #[inline(always)]
        fn powers_of_two(shifted: Self) -> (Self, Self) {
            let round = ROUND.to_bits() as i32;
            let n = |a| on_registers!(vsubq_s32(vreinterpretq_s32_f32(a), vdupq_n_s32(round)));
            let power = |n| {
                let bits = on_registers!(vshlq_n_s32::<23>(vaddq_s32(n, vdupq_n_s32(127))));
                on_registers!(vreinterpretq_f32_s32(bits))
            };
            let half = |a| on_registers!(vshrq_n_s32::<1>(n(a)));
            let rest = |a| on_registers!(vsubq_s32(n(a), half(a)));
            (shifted.map(|a| power(half(a))), shifted.map(|a| power(rest(a))))
        }
        #[inline(always)]
        fn wide_zero() -> Self::Wide {
            on_registers!([vdupq_n_f64(0.0); 4])
        }
        #[inline(always)]
        fn add_to(self, sums: Self::Wide) -> Self::Wide {
            on_registers!([
                vaddq_f64(sums[0], vcvt_f64_f32(vget_low_f32(self.0))),
                vaddq_f64(sums[1], vcvt_high_f64_f32(self.0)),
                vaddq_f64(sums[2], vcvt_f64_f32(vget_low_f32(self.1))),
                vaddq_f64(sums[3], vcvt_high_f64_f32(self.1)),
            ])
        }
        #[inline(always)]
        fn wide_array(sums: Self::Wide) -> [f64; LANES] {
            let mut values = [0.0; LANES];
            for (pair, sum) in values.as_chunks_mut::<2>().0.iter_mut().zip(sums) {
                // SAFETY: the chunk has the two places that are written.
                unsafe { vst1q_f64(pair.as_mut_ptr(), sum) }
            }
            values
        }
    }
}
