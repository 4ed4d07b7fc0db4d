//! Kernels over rows of numbers, behind [`crate::vector`]: each written once, with the same bits on every machine.

pub(crate) mod distance;
pub(crate) mod elementwise;
pub(in crate::kernels) mod lanes;
#[cfg(test)]
mod parity;
pub(crate) mod product;
