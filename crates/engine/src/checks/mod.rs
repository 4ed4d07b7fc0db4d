//! Whole models against finite differences and against the bits of before.

mod finite_differences;
mod image_bits;
mod recorded_bits;
