//! Kernels on images: reading between pixels, and separable filters.
//!
//! One body over the lanes serves every instruction set, so that pixels have the same bits on all.

pub(crate) mod filter;
pub(crate) mod gather;
mod lanes;
