//! Vectors of f32, portable, AVX2, AVX-512 and NEON (`neon.rs`), with the same operations and bits.
//!
//! A kernel is written once over [`Simd`] in an `#[inline(always)]` body.
//! [`dispatch!`](crate::kernels::dispatch::dispatch) instantiates it for every set: for
//! [`Portable`], and for the machine's own vectors, [`Avx2`] say, inside a function that is
//! compiled for them. `max` and the comparisons follow the x86 rules for NaN and signed zeros in
//! all.

/// Lanes of the smallest vector: numbers of channels are padded to a multiple of it.
pub(crate) const LANES: usize = 8;

/// Rounds a channel count up to whole vectors.
pub(crate) const fn padded(channels: usize) -> usize {
    channels.div_ceil(LANES) * LANES
}

/// Columns of a panel that two vectors of eight or one of sixteen read.
pub(crate) const PANEL: usize = 2 * LANES;

/// Some f32 values: eight or sixteen, or one in the tests' twins. Every operation rounds once, as
/// IEEE 754 says.
pub(crate) trait Simd: Copy {
    /// How many.
    const LANES: usize;
    /// Rows of a product whose sums fill the registers, with two vectors of columns and with one.
    const ROWS: [usize; 2];
    /// A vector of eight, for what is left of channels.
    type Rest: Simd;

    fn splat(x: f32) -> Self;
    /// # Safety
    /// `p` points to [`Self::LANES`] readable values, at any alignment that f32 may have.
    unsafe fn load(p: *const f32) -> Self;
    /// # Safety
    /// `p` points to [`Self::LANES`] writable values, at any alignment that f32 may have.
    unsafe fn store(self, p: *mut f32);
    /// `self * b + c`, rounded once.
    fn fma(self, b: Self, c: Self) -> Self;
    fn add(self, b: Self) -> Self;
    fn sub(self, b: Self) -> Self;
    fn mul(self, b: Self) -> Self;
    fn div(self, b: Self) -> Self;
    fn sqrt(self) -> Self;
    /// `self > b ? self : b` in every lane.
    fn max(self, b: Self) -> Self;
    /// `self > b ? yes : no` in every lane.
    fn pick_greater(self, b: Self, yes: Self, no: Self) -> Self;

    #[inline(always)]
    fn zero() -> Self {
        Self::splat(0.0)
    }
    /// `max(0, x)`; NaN stays NaN.
    #[inline(always)]
    fn relu(self) -> Self {
        Self::zero().max(self)
    }
    /// # Safety
    /// `p` points to one readable value.
    #[inline(always)]
    unsafe fn broadcast(p: *const f32) -> Self {
        // SAFETY: the caller answers for the one value that is read.
        Self::splat(unsafe { *p })
    }
}

/// Vectors of eight lanes, which read and write arrays.
pub(crate) trait EightLanes: Simd {
    /// The eight values of an array.
    #[inline(always)]
    fn from_array(values: &[f32; LANES]) -> Self {
        const { assert!(Self::LANES == LANES) };
        // SAFETY: the array has LANES values, as many as the vector.
        unsafe { Self::load(values.as_ptr()) }
    }

    /// Writes the eight values.
    #[inline(always)]
    fn write(self, to: &mut [f32; LANES]) {
        const { assert!(Self::LANES == LANES) };
        // SAFETY: the array has LANES places, as many as the vector has values.
        unsafe { self.store(to.as_mut_ptr()) }
    }
}

impl<S: Simd> EightLanes for S {}

/// Plain arrays: the bits of [`Avx2`] on any machine.
#[derive(Clone, Copy)]
pub(crate) struct Portable<const N: usize = LANES>(pub(in crate::kernels) [f32; N]);

impl<const N: usize> Portable<N> {
    #[inline(always)]
    fn zip(self, b: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        Self(std::array::from_fn(|i| f(self.0[i], b.0[i])))
    }
}

impl<const N: usize> Simd for Portable<N> {
    const LANES: usize = N;
    // Sixteen lanes are for tests alone and should not take long to compile.
    const ROWS: [usize; 2] = if N > LANES { [4, 6] } else { [6, 13] };
    type Rest = Portable;

    #[inline(always)]
    fn splat(x: f32) -> Self {
        Self([x; N])
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self {
        // SAFETY: the caller answers for N = LANES values; an array of f32 is aligned as f32 is.
        Self(unsafe { p.cast::<[f32; N]>().read() })
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32) {
        // SAFETY: the caller answers for N = LANES values; an array of f32 is aligned as f32 is.
        unsafe { p.cast::<[f32; N]>().write(self.0) }
    }
    #[inline(always)]
    fn fma(self, b: Self, c: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i].mul_add(b.0[i], c.0[i])))
    }
    #[inline(always)]
    fn add(self, b: Self) -> Self {
        self.zip(b, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, b: Self) -> Self {
        self.zip(b, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, b: Self) -> Self {
        self.zip(b, |a, b| a * b)
    }
    #[inline(always)]
    fn div(self, b: Self) -> Self {
        self.zip(b, |a, b| a / b)
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(self.0.map(f32::sqrt))
    }
    #[inline(always)]
    fn max(self, b: Self) -> Self {
        self.zip(b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn pick_greater(self, b: Self, yes: Self, no: Self) -> Self {
        Self(std::array::from_fn(|i| if self.0[i] > b.0[i] { yes.0[i] } else { no.0[i] }))
    }
}

/// A call of the machine's own instructions that touches registers alone.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! on_registers {
    ($call:expr) => {
        // SAFETY: no memory is read or written, and the machine has the instruction: a vector of
        // its own exists only in code that `dispatch!` enters for a set of `Isa::available`.
        unsafe { $call }
    };
}
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(in crate::kernels) use on_registers;

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Simd;
    use std::arch::x86_64::*;

    /// AVX2 and FMA. Values exist only inside functions compiled for both.
    #[derive(Clone, Copy)]
    pub(crate) struct Avx2(pub(in crate::kernels) __m256);

    /// AVX-512. Values exist only inside functions compiled for it, and for AVX2 and FMA.
    #[derive(Clone, Copy)]
    pub(crate) struct Avx512(__m512);

    /// Both have the same operations under different names; only the comparison is another.
    macro_rules! lanes {
        ($name:ident, $lanes:literal, $rows:expr, $set1:ident $load:ident $store:ident $fma:ident
            $add:ident $sub:ident $mul:ident $div:ident $sqrt:ident $max:ident,
            |$a:ident, $b:ident, $yes:ident, $no:ident| $pick:expr) => {
            impl Simd for $name {
                const LANES: usize = $lanes;
                const ROWS: [usize; 2] = $rows;
                type Rest = Avx2;

                #[inline(always)]
                fn splat(x: f32) -> Self {
                    Self(on_registers!($set1(x)))
                }
                #[inline(always)]
                unsafe fn load(p: *const f32) -> Self {
                    // SAFETY: the caller answers for LANES values, which may lie at any address;
                    // the machine has the instruction, as for `on_registers!`.
                    Self(unsafe { $load(p) })
                }
                #[inline(always)]
                unsafe fn store(self, p: *mut f32) {
                    // SAFETY: the caller answers for LANES values, which may lie at any address;
                    // the machine has the instruction, as for `on_registers!`.
                    unsafe { $store(p, self.0) }
                }
                #[inline(always)]
                fn fma(self, b: Self, c: Self) -> Self {
                    Self(on_registers!($fma(self.0, b.0, c.0)))
                }
                #[inline(always)]
                fn add(self, b: Self) -> Self {
                    Self(on_registers!($add(self.0, b.0)))
                }
                #[inline(always)]
                fn sub(self, b: Self) -> Self {
                    Self(on_registers!($sub(self.0, b.0)))
                }
                #[inline(always)]
                fn mul(self, b: Self) -> Self {
                    Self(on_registers!($mul(self.0, b.0)))
                }
                #[inline(always)]
                fn div(self, b: Self) -> Self {
                    Self(on_registers!($div(self.0, b.0)))
                }
                #[inline(always)]
                fn sqrt(self) -> Self {
                    Self(on_registers!($sqrt(self.0)))
                }
                #[inline(always)]
                fn max(self, b: Self) -> Self {
                    Self(on_registers!($max(self.0, b.0)))
                }
                #[inline(always)]
                fn pick_greater(self, $b: Self, $yes: Self, $no: Self) -> Self {
                    let $a = self;
                    Self(on_registers!($pick))
                }
            }
        };
    }
    lanes!(Avx2, 8, [6, 13], _mm256_set1_ps _mm256_loadu_ps _mm256_storeu_ps _mm256_fmadd_ps
        _mm256_add_ps _mm256_sub_ps _mm256_mul_ps _mm256_div_ps _mm256_sqrt_ps _mm256_max_ps,
        |a, b, yes, no|
        _mm256_blendv_ps(no.0, yes.0, _mm256_cmp_ps::<_CMP_GT_OQ>(a.0, b.0)));
    lanes!(Avx512, 16, [13, 13], _mm512_set1_ps _mm512_loadu_ps _mm512_storeu_ps _mm512_fmadd_ps
        _mm512_add_ps _mm512_sub_ps _mm512_mul_ps _mm512_div_ps _mm512_sqrt_ps _mm512_max_ps,
        |a, b, yes, no|
        _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(a.0, b.0), no.0, yes.0));
}
