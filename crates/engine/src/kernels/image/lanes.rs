//! What images need of eight lanes beyond [`Simd`](crate::kernels::simd::Simd).

use crate::kernels::simd::{EightLanes, LANES, Portable};

pub(super) trait Lanes: EightLanes {
    fn floor(self) -> Self;
    /// `self < b ? self : b` in every lane.
    fn min(self, b: Self) -> Self;
    /// The values at (y, x), (y, x+1), (y+1, x), (y+1, x+1) of a plane of rows `stride` apart.
    ///
    /// # Safety
    /// `y` and `x` are whole numbers.
    /// In every lane those four places are readable, and y and x are neither negative nor NaN.
    unsafe fn corners(plane: *const f32, stride: usize, y: Self, x: Self) -> [Self; 4];
}

impl Lanes for Portable {
    #[inline(always)]
    fn floor(self) -> Self {
        Self(self.0.map(f32::floor))
    }
    #[inline(always)]
    fn min(self, b: Self) -> Self {
        Self(std::array::from_fn(|i| if self.0[i] < b.0[i] { self.0[i] } else { b.0[i] }))
    }
    #[inline(always)]
    unsafe fn corners(plane: *const f32, stride: usize, y: Self, x: Self) -> [Self; 4] {
        let mut corners = [[0.0; LANES]; 4];
        for i in 0..LANES {
            let at = y.0[i] as usize * stride + x.0[i] as usize;
            for (corner, offset) in corners.iter_mut().zip([0, 1, stride, stride + 1]) {
                // SAFETY: the caller answers for this corner of lane i.
                corner[i] = unsafe { *plane.add(at + offset) };
            }
        }
        corners.map(Self)
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Lanes;
    use crate::kernels::simd::{Avx2, LANES, on_registers};
    use std::arch::x86_64::*;

    impl Lanes for Avx2 {
        #[inline(always)]
        fn floor(self) -> Self {
            Self(on_registers!(_mm256_floor_ps(self.0)))
        }
        #[inline(always)]
        fn min(self, b: Self) -> Self {
            Self(on_registers!(_mm256_min_ps(self.0, b.0)))
        }
        #[inline(always)]
        unsafe fn corners(plane: *const f32, stride: usize, y: Self, x: Self) -> [Self; 4] {
            let index = on_registers!({
                let rows =
                    _mm256_mullo_epi32(_mm256_cvttps_epi32(y.0), _mm256_set1_epi32(stride as i32));
                _mm256_add_epi32(rows, _mm256_cvttps_epi32(x.0))
            });
            let mut at = [0i32; LANES];
            // SAFETY: `at` has the 32 bytes that are written. The caller answers for a value at
            // each index, one to its right, and for both in the row `stride` values on.
            unsafe {
                _mm256_storeu_si256(at.as_mut_ptr().cast(), index);
                let [top_left, top_right] = pairs(plane, &at);
                let [bottom_left, bottom_right] = pairs(plane.add(stride), &at);
                [top_left, top_right, bottom_left, bottom_right]
            }
        }
    }

    /// Eight neighbours two by two. Eight loads of 64 bits and six shuffles take half the time of
    /// two gathers.
    #[inline(always)]
    unsafe fn pairs(plane: *const f32, at: &[i32; LANES]) -> [Avx2; 2] {
        // SAFETY: the caller answers for two values, 64 bits, at each of the eight places.
        unsafe {
            let two = |i: usize| {
                let low = _mm_load_sd(plane.add(at[i] as usize).cast());
                _mm_castpd_ps(_mm_loadh_pd(low, plane.add(at[i + 1] as usize).cast()))
            };
            let even = _mm256_set_m128(two(4), two(0));
            let odd = _mm256_set_m128(two(6), two(2));
            [
                Avx2(_mm256_shuffle_ps::<0b10_00_10_00>(even, odd)),
                Avx2(_mm256_shuffle_ps::<0b11_01_11_01>(even, odd)),
            ]
        }
    }
}

#[cfg(target_arch = "aarch64")]
mod arm {
    use super::Lanes;
    use crate::kernels::neon::Neon;
    use crate::kernels::simd::{LANES, Simd, on_registers};
    use std::arch::aarch64::*;

    impl Lanes for Neon {
        #[inline(always)]
        fn floor(self) -> Self {
            self.map(|a| on_registers!(vrndmq_f32(a)))
        }
        #[inline(always)]
        fn min(self, b: Self) -> Self {
            b.pick_greater(self, self, b)
        }
        #[inline(always)]
        unsafe fn corners(plane: *const f32, stride: usize, y: Self, x: Self) -> [Self; 4] {
            let index = |y, x| {
                on_registers!(vmlaq_n_s32(vcvtq_s32_f32(x), vcvtq_s32_f32(y), stride as i32))
            };
            let mut at = [0i32; LANES];
            // SAFETY: `at` has the eight places that are written. The caller answers for a value at
            // each index, one to its right, and for both in the row `stride` values on.
            unsafe {
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
        // SAFETY: the caller answers for two values at each of the eight places.
        unsafe {
            let value = |i: usize| vld1_f32(plane.add(at[i] as usize));
            let quads = [0, 2, 4, 6].map(|i| vcombine_f32(value(i), value(i + 1)));
            let left = Neon(vuzp1q_f32(quads[0], quads[1]), vuzp1q_f32(quads[2], quads[3]));
            [left, Neon(vuzp2q_f32(quads[0], quads[1]), vuzp2q_f32(quads[2], quads[3]))]
        }
    }
}
