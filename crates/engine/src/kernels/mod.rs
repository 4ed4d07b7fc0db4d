//! The only home of `unsafe`: kernels over [`simd::Simd`], chosen at run time by [`Isa`].
//!
//! Activations are channels last and channels are padded to a multiple of eight, so that lanes are independent
//! outputs and no sum ever runs across lanes: results do not depend on how many lanes a vector has. Functions here check the lengths of their slices and are safe to call.
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
    /// The same in vectors of sixteen, so that tests reach what [`Isa::Avx512`] does on any machine.
    #[cfg(test)]
    PortableWide,
    /// AVX2 and FMA; only made by [`Isa::available`].
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 for vectors of sixteen, and AVX2 for those of eight; only made by [`Isa::available`].
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// NEON, which every aarch64 machine has.
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Isa {
    /// What this machine has, the best last.
    pub(crate) fn available() -> Vec<Self> {
        #[cfg_attr(
            not(any(target_arch = "x86_64", target_arch = "aarch64")),
            expect(unused_mut, reason = "no other set")
        )]
        let mut sets = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
            sets.push(Self::Avx2);
            if std::is_x86_feature_detected!("avx512f") && std::is_x86_feature_detected!("avx512vl") {
                sets.push(Self::Avx512);
            }
        }
        #[cfg(target_arch = "aarch64")]
        sets.push(Self::Neon);
        sets
    }

    /// All that this machine has, and the plain path in vectors of sixteen; under Miri, which knows no vectors, the plain ones.
    #[cfg(test)]
    pub(crate) fn tested() -> Vec<Self> {
        let mut sets = if cfg!(miri) { vec![Self::Portable] } else { Self::available() };
        sets.push(Self::PortableWide);
        sets
    }

    /// The name that `FEWLABEL_SIMD` knows.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            #[cfg(test)]
            Self::PortableWide => "portable, sixteen lanes",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => "avx512",
            #[cfg(target_arch = "aarch64")]
            Self::Neon => "neon",
        }
    }

    /// The best this machine has, or the one it has by the name that stands in the environment's `FEWLABEL_SIMD`.
    pub(crate) fn detect() -> Self {
        static CHOICE: OnceLock<Isa> = OnceLock::new();
        *CHOICE.get_or_init(|| {
            let sets = Self::available();
            let wanted = std::env::var("FEWLABEL_SIMD").unwrap_or_default();
            let best = sets.last().copied().unwrap_or(Self::Portable);
            sets.into_iter().find(|set| set.name() == wanted).unwrap_or(best)
        })
    }
}

/// Rounds a channel count up to whole vectors.
pub(crate) const fn padded(channels: usize) -> usize {
    channels.div_ceil(simd::LANES) * simd::LANES
}

/// Makes `fn name(isa, args..)` out of an `#[inline(always)] unsafe fn body<S: Simd>(args..)`; with `eight lanes` the body is one
/// that reads a vector's bits or adds across it, and takes eight lanes on every machine.
macro_rules! dispatch {
    (unsafe fn $name:ident = $body:ident $args:tt) => {
        crate::kernels::dispatch!(@ $name $body Avx512 { 16 } $args);
    };
    (eight lanes, unsafe fn $name:ident = $body:ident $args:tt) => {
        crate::kernels::dispatch!(@ $name $body Avx2 { 8 } $args);
    };
    (@ $name:ident $body:ident $wide:ident $lanes:tt ( $($arg:ident : $ty:ty),* $(,)? )) => {
        unsafe fn $name(isa: crate::kernels::Isa, $($arg: $ty),*) {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            unsafe fn avx2($($arg: $ty),*) {
                // SAFETY: the caller's promises are those of the body.
                unsafe { $body::<crate::kernels::simd::Avx2>($($arg),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,avx512f,avx512vl")]
            unsafe fn avx512($($arg: $ty),*) {
                // SAFETY: the caller's promises are those of the body.
                unsafe { $body::<crate::kernels::simd::$wide>($($arg),*) }
            }
            match isa {
                // SAFETY: the caller's promises are those of the body.
                crate::kernels::Isa::Portable => unsafe { $body::<crate::kernels::simd::Portable>($($arg),*) },
                #[cfg(test)]
                // SAFETY: the caller's promises are those of the body.
                crate::kernels::Isa::PortableWide => unsafe {
                    $body::<crate::kernels::simd::Portable<$lanes>>($($arg),*)
                },
                #[cfg(target_arch = "x86_64")]
                // SAFETY: this value exists only on machines with AVX2 and FMA.
                crate::kernels::Isa::Avx2 => unsafe { avx2($($arg),*) },
                #[cfg(target_arch = "x86_64")]
                // SAFETY: this value exists only on machines with AVX2, FMA, AVX512F and AVX512VL.
                crate::kernels::Isa::Avx512 => unsafe { avx512($($arg),*) },
                #[cfg(target_arch = "aarch64")]
                // SAFETY: the caller's promises are those of the body.
                crate::kernels::Isa::Neon => unsafe { $body::<crate::kernels::neon::Neon>($($arg),*) },
            }
        }
    };
}
pub(crate) use dispatch;

/// Calls `f::<V, ..>(args..)`, written `f[..](args..)`, for the vectors that make up `n` values, a multiple of eight: `V` is
/// `S`, and `S::Rest` for the last eight if `S` has sixteen. `at` is the place of a vector's first value.
macro_rules! vectors {
    ($s:ident, $n:expr, $at:ident => $f:ident $([$($g:tt),*])? ( $($args:tt)* )) => {{
        let (n, mut $at) = ($n, 0);
        while $at + $s::LANES <= n {
            $f::<$s $($(, $g)*)?>($($args)*);
            $at += $s::LANES;
        }
        if $s::LANES > crate::kernels::simd::LANES && $at < n {
            $f::<$s::Rest $($(, $g)*)?>($($args)*);
        }
    }};
}
pub(crate) use vectors;
