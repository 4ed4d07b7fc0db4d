//! Kernels over rows of numbers, behind [`crate::vector`]: each is written once and has the same
//! bits on every machine.

pub(crate) mod distance;
pub(crate) mod elementwise;
mod lanes;
#[cfg(test)]
mod parity;
pub(crate) mod product;
