//! The instruction sets that kernels are written for, and what this machine has of them.

use std::sync::OnceLock;

/// An instruction set. Results do not depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Isa {
    /// Plain Rust with `f32::mul_add`.
    Portable,
    /// The same in vectors of sixteen. So tests reach what [`Isa::Avx512`] does on any machine.
    #[cfg(test)]
    PortableWide,
    /// AVX2 and FMA. Only [`Isa::available`] makes it.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 for vectors of sixteen, and AVX2 for those of eight. Only [`Isa::available`] makes
    /// it.
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
            if std::is_x86_feature_detected!("avx512f") && std::is_x86_feature_detected!("avx512vl")
            {
                sets.push(Self::Avx512);
            }
        }
        #[cfg(target_arch = "aarch64")]
        sets.push(Self::Neon);
        sets
    }

    /// All that this machine has, and the plain path in vectors of sixteen. Miri knows no vectors
    /// and gets the plain paths.
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

    /// The best this machine has, or the one that `FEWLABEL_SIMD` in the environment names.
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
