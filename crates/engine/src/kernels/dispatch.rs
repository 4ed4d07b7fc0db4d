//! How a kernel, written once over vectors, becomes a function for every instruction set.

/// Makes `fn name(isa, args..)` of an `#[inline(always)] fn body<S: Simd>(args..)`.
///
/// The body is compiled for every [`Isa`](crate::kernels::Isa). With `eight lanes` it gets vectors
/// of eight on every machine: some bodies read a vector's bits or add across it.
macro_rules! dispatch {
    (eight lanes, $($rest:tt)*) => {
        crate::kernels::dispatch::dispatch!(@ Avx2 { 8 } $($rest)*);
    };
    (@ $wide:ident { $lanes:literal } $(#[$doc:meta])* $visible:vis fn $name:ident = $body:ident
        ( $($arg:ident : $ty:ty),* $(,)? )) => {
        $(#[$doc])*
        $visible fn $name(isa: crate::kernels::Isa, $($arg: $ty),*) {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2($($arg: $ty),*) {
                $body::<crate::kernels::simd::Avx2>($($arg),*);
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,avx512f,avx512vl")]
            fn avx512($($arg: $ty),*) {
                $body::<crate::kernels::simd::$wide>($($arg),*);
            }
            match isa {
                crate::kernels::Isa::Portable => $body::<crate::kernels::simd::Portable>($($arg),*),
                #[cfg(test)]
                crate::kernels::Isa::PortableWide => {
                    $body::<crate::kernels::simd::Portable<$lanes>>($($arg),*);
                }
                #[cfg(target_arch = "x86_64")]
                // SAFETY: `Isa::available` makes this value only on machines with AVX2 and FMA.
                crate::kernels::Isa::Avx2 => unsafe { avx2($($arg),*) },
                #[cfg(target_arch = "x86_64")]
                // SAFETY: `Isa::available` makes this value only on machines with AVX2, FMA,
                // AVX512F and AVX512VL.
                crate::kernels::Isa::Avx512 => unsafe { avx512($($arg),*) },
                #[cfg(target_arch = "aarch64")]
                crate::kernels::Isa::Neon => $body::<crate::kernels::neon::Neon>($($arg),*),
            }
        }
    };
    ($($rest:tt)*) => {
        crate::kernels::dispatch::dispatch!(@ Avx512 { 16 } $($rest)*);
    };
}
pub(in crate::kernels) use dispatch;

/// Calls `f::<V, ..>(args..)`, written `f[..](args..)`, for the vectors that make up `n` values.
///
/// `n` is a multiple of eight. `V` is `S`, and `S::Rest` for the last eight if `S` has sixteen.
/// `at` is the place of a vector's first value, so that `at + V::LANES <= n` in every call.
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
pub(in crate::kernels) use vectors;
