//! The only home of `unsafe`: kernels over [`simd::Simd`], chosen at run time by [`Isa`].
//!
//! Activations are channels last, and channels are padded to a multiple of eight. So lanes are
//! independent outputs and no sum ever runs across lanes: results do not depend on how many lanes a
//! vector has. Functions here check the lengths of their slices and are safe to call.
#![expect(
    clippy::needless_range_loop,
    reason = "an index names the same place in several arrays of registers"
)]
#![expect(clippy::too_many_arguments, reason = "kernels take shapes, inputs and outputs")]

pub(crate) mod buffer;
pub(crate) mod direct;
mod dispatch;
pub(crate) mod first;
pub(crate) mod image;
mod isa;
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

pub(crate) use isa::Isa;
pub(crate) use simd::padded;
