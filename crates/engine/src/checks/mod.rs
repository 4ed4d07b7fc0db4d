//! Whole models against finite differences and against the bits of before.

mod finite_differences;
mod recorded_bits;
