//! The only home of `unsafe`: kernels over [`simd::Simd`], chosen at run time by [`Isa`].
//!
//! Activations are channels last and channels are padded to a multiple of eight, so that lanes are independent
//! outputs and no sum ever runs across lanes. Functions here check the lengths of their slices and are safe to call.
#![expect(clippy::needless_range_loop, reason = "an index names the same place in several arrays of registers")]
#![expect(clippy::too_many_arguments, reason = "kernels take shapes, inputs and outputs")]

pub(crate) mod buffer;
pub(crate) mod direct;
pub(crate) mod first;
pub(crate) mod image;
pub(crate) mod matmul;
#[cfg(target_arch = "aarch64")]
mod neon;
pub(crate) mod norm;
mod panel;
#[cfg(test)]
mod parity;
pub(crate) mod peak;
#[cfg(test)]
mod reference;
pub(crate) mod simd;
mod tiling;
pub(crate) mod update;
pub(crate) mod vector;
pub(crate) mod winograd;
pub(crate) mod winograd_back;

use std::sync::OnceLock;

/// An instruction set. Results do not depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Isa {
    /// Plain Rust with `f32::mul_add`.
    Portable,
    /// AVX2 and FMA; only made by [`Isa::detect`].
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// NEON, which every aarch64 machine has.
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Isa {
    /// The best this machine has; `FEWLABEL_SIMD=portable` in the environment asks for the portable path.
    pub(crate) fn detect() -> Self {
        static CHOICE: OnceLock<Isa> = OnceLock::new();
        *CHOICE.get_or_init(|| {
            if std::env::var_os("FEWLABEL_SIMD").is_some_and(|v| v == "portable") {
                return Isa::Portable;
            }
            #[cfg(target_arch = "x86_64")]
            if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
                return Isa::Avx2;
            }
            #[cfg(target_arch = "aarch64")]
            return Isa::Neon;
            #[cfg(not(target_arch = "aarch64"))]
            Isa::Portable
        })
    }
}

/// Rounds a channel count up to whole vectors.
pub(crate) const fn padded(channels: usize) -> usize {
    channels.div_ceil(simd::LANES) * simd::LANES
}

/// Makes `fn name(isa, args..)` out of an `#[inline(always)] unsafe fn body<S: Simd>(args..)`.
macro_rules! dispatch {
    ($(#[$meta:meta])* $vis:vis unsafe fn $name:ident = $body:ident ( $($arg:ident : $ty:ty),* $(,)? )) => {
        $(#[$meta])*
        $vis unsafe fn $name(isa: crate::kernels::Isa, $($arg: $ty),*) {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            unsafe fn avx2($($arg: $ty),*) {
                // SAFETY: the caller's promises are those of the body.
                unsafe { $body::<crate::kernels::simd::Avx2>($($arg),*) }
            }
            match isa {
                // SAFETY: the caller's promises are those of the body.
                crate::kernels::Isa::Portable => unsafe { $body::<crate::kernels::simd::Portable>($($arg),*) },
                #[cfg(target_arch = "x86_64")]
                // SAFETY: this value exists only on machines with AVX2 and FMA.
                crate::kernels::Isa::Avx2 => unsafe { avx2($($arg),*) },
                #[cfg(target_arch = "aarch64")]
                // SAFETY: the caller's promises are those of the body.
                crate::kernels::Isa::Neon => unsafe { $body::<crate::kernels::neon::Neon>($($arg),*) },
            }
        }
    };
}
pub(crate) use dispatch;
