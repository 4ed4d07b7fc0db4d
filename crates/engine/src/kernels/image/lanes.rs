//! What images need of eight lanes beyond [`Simd`].

use crate::kernels::simd::{LANES, Portable, Simd};

pub(in crate::kernels) trait Lanes: Simd {
    fn floor(self) -> Self;
    /// `self < b ? self : b` in every lane.
    fn min(self, b: Self) -> Self;
    /// The values at (y, x), (y, x+1), (y+1, x), (y+1, x+1) of a plane of rows `stride` apart; `y`, `x` are whole.
    /// # Safety
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
                // SAFETY: the caller's promise.
                corner[i] = unsafe { *plane.add(at + offset) };
            }
        }
        corners.map(Self)
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Lanes;
    use crate::kernels::simd::{Avx2, LANES};
    use std::arch::x86_64::*;

    // SAFETY (every block below): values of this type exist only inside functions compiled for AVX2 and FMA;
    // for `corners` the caller promises the memory.
    impl Lanes for Avx2 {
        #[inline(always)]
        fn floor(self) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm256_floor_ps(self.0) })
        }
        #[inline(always)]
        fn min(self, b: Self) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm256_min_ps(self.0, b.0) })
        }
        #[inline(always)]
        unsafe fn corners(plane: *const f32, stride: usize, y: Self, x: Self) -> [Self; 4] {
            // SAFETY: see above.
            unsafe {
                let rows = _mm256_mullo_epi32(_mm256_cvttps_epi32(y.0), _mm256_set1_epi32(stride as i32));
                let index = _mm256_add_epi32(rows, _mm256_cvttps_epi32(x.0));
                let mut at = [0i32; LANES];
                _mm256_storeu_si256(at.as_mut_ptr().cast(), index);
                let [top_left, top_right] = pairs(plane, &at);
                let [bottom_left, bottom_right] = pairs(plane.add(stride), &at);
                [top_left, top_right, bottom_left, bottom_right]
            }
        }
    }

    /// Eight neighbours two by two: eight loads of 64 bits and six shuffles take half the time of two gathers.
    #[inline(always)]
    unsafe fn pairs(plane: *const f32, at: &[i32; LANES]) -> [Avx2; 2] {
        // SAFETY: the promises of `corners`.
        unsafe {
            let two = |i: usize| {
                let low = _mm_load_sd(plane.add(at[i] as usize).cast());
                _mm_castpd_ps(_mm_loadh_pd(low, plane.add(at[i + 1] as usize).cast()))
            };
            let even = _mm256_set_m128(two(4), two(0));
            let odd = _mm256_set_m128(two(6), two(2));
            [Avx2(_mm256_shuffle_ps::<0b10_00_10_00>(even, odd)), Avx2(_mm256_shuffle_ps::<0b11_01_11_01>(even, odd))]
        }
    }
}
