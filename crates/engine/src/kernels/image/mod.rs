//! Kernels on images: reading between pixels, and separable filters.
//!
//! As everywhere here, one body over the lanes serves every instruction set, so that pixels have the same bits on all.

pub(crate) mod filter;
pub(crate) mod gather;
pub(in crate::kernels) mod lanes;
