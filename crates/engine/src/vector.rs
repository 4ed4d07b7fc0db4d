//! Primitives over rows of numbers. They use the best instructions that this machine has, and give
//! the same bits on every machine.
//!
//! Strategies and features are built from these. Every sum has one order, which the kernels state.
//! Rows lie one after the other. A function panics when the lengths of its slices do not fit: that
//! is a mistake in the caller, not in a user's data.

use crate::kernels::Isa;
use crate::kernels::vector::{distance, elementwise, product as products};

/// Columns of `b` in [`xlogy_sum_of_product`] come in multiples of this.
pub const LANES: usize = crate::kernels::simd::LANES;

/// The dot product of two rows of equal length.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut out = [0.0];
    dots(a, b, &mut out);
    out[0]
}

/// `out[i]` = dot product of `row` with row i of `rows`.
pub fn dots(row: &[f32], rows: &[f32], out: &mut [f32]) {
    distance::dots(Isa::detect(), row, rows, out);
}

/// `out[i]` = dot product of `row` with row `at[i]` of `rows`. It has the bits of [`dots`].
pub fn dots_at(row: &[f32], rows: &[f32], at: &[u32], out: &mut [f32]) {
    distance::dots_at(Isa::detect(), row, rows, at, out);
}

/// `out[i]` = squared Euclidean distance of `row` from row i of `rows`. It sums squared
/// differences, so that nothing cancels.
pub fn squared_distances(row: &[f32], rows: &[f32], out: &mut [f32]) {
    distance::squared_distances(Isa::detect(), row, rows, out);
}

/// `out[i]` = squared Euclidean distance of `row` from row `at[i]` of `rows`. It has the bits of
/// [`squared_distances`].
pub fn squared_distances_at(row: &[f32], rows: &[f32], at: &[u32], out: &mut [f32]) {
    distance::squared_distances_at(Isa::detect(), row, rows, at, out);
}

/// `out[i, j]` = squared Euclidean distance of row i of `a` from row j of `b`. Rows have length
/// `dim`.
pub fn squared_distances_between(dim: usize, a: &[f32], b: &[f32], out: &mut [f32]) {
    let columns = b.len() / dim;
    assert_eq!(out.len(), a.len() / dim * columns, "one output for every pair of rows");
    for (row, out) in a.chunks_exact(dim).zip(out.chunks_exact_mut(columns.max(1))) {
        squared_distances(row, b, out);
    }
}

/// `c[m, n]` = `a[m, k]` `b[k, n]`, every sum over k in order, fused.
pub fn product(k: usize, a: &[f32], b: &[f32], c: &mut [f32]) {
    products::product(Isa::detect(), k, a, b, c);
}

/// `c[i, j]` = dot product of row i of `a` with row j of `b`, every sum in order, fused. Rows have
/// length `dim`.
pub fn products_of_rows(dim: usize, a: &[f32], b: &[f32], c: &mut [f32]) {
    products::products_of_rows(Isa::detect(), dim, a, b, c);
}

/// e to the power of every value, as [`crate::math::exp`].
pub fn exp(values: &mut [f32]) {
    elementwise::exp(Isa::detect(), values);
}

/// Natural logarithm of every value, as [`crate::math::ln`].
pub fn ln(values: &mut [f32]) {
    elementwise::ln(Isa::detect(), values);
}

/// Softmax of every row of `width` values, in place. A row needs one finite value.
pub fn softmax_rows(values: &mut [f32], width: usize) {
    assert!(width > 0 && values.len().is_multiple_of(width), "whole rows");
    elementwise::softmax_rows(Isa::detect(), values, width);
}

/// `out[i]` = sum of x ln x over row i: minus the entropy in nats. Rows have `width` values, none
/// below zero. 0 ln 0 is 0.
pub fn xlogy_sums(values: &[f32], width: usize, out: &mut [f64]) {
    assert!(width > 0 && values.len() == width * out.len(), "one output a row");
    elementwise::xlogy_sums(Isa::detect(), values, width, out);
}

/// Sum of x ln x over all elements x of `a[m, k]` `b[k, n]`, a product that is not stored.
///
/// `n` is a multiple of [`LANES`]: fill up with zeros, which add nothing. Products and logarithms
/// are in `f32`, the sum is in `f64`.
pub fn xlogy_sum_of_product(k: usize, a: &[f32], b: &[f32]) -> f64 {
    products::xlogy_sum_of_product(Isa::detect(), k, a, b)
}
