//! exp, ln, softmax and sums of x ln x over rows: the operations of [`crate::math`], eight lanes at
//! a time.

use super::lanes::{Lanes, across_wide};
use crate::kernels::dispatch::dispatch;
use crate::kernels::simd::LANES;
use crate::math;
use std::f32::consts::LOG2_E;

/// [`math::exp`] in every lane.
#[inline(always)]
pub(super) fn exp_lanes<S: Lanes>(x: S) -> S {
    let (highest, lowest) = (S::splat(math::EXP_HIGHEST), S::splat(math::EXP_LOWEST));
    let x = x.pick_greater(highest, highest, x);
    let x = lowest.pick_greater(x, lowest, x);
    let shifted = x.fma(S::splat(LOG2_E), S::splat(math::ROUND));
    let n = shifted.sub(S::splat(math::ROUND));
    let r = n.fma(S::splat(-math::LN2_LOW), n.fma(S::splat(-math::LN2_HIGH), x));
    let mut q = S::splat(math::EXP_TERMS[4]);
    for term in math::EXP_TERMS[..4].iter().rev() {
        q = q.fma(r, S::splat(*term));
    }
    let mantissa = r.mul(r).fma(q, r).add(S::splat(1.0));
    let (first, second) = S::powers_of_two(shifted);
    mantissa.mul(first).mul(second)
}

/// [`math::ln`] in every lane that holds a positive normal number.
#[inline(always)]
fn ln_normal<S: Lanes>(x: S, exponent_shift: S) -> S {
    let (exponent, f) = x.split();
    let exponent = exponent.sub(exponent_shift);
    let mut q = S::splat(math::LN_TERMS[8]);
    for term in math::LN_TERMS[..8].iter().rev() {
        q = q.fma(f, S::splat(*term));
    }
    let mantissa = f.mul(f).fma(q, f);
    exponent.fma(S::splat(math::LN2_HIGH), exponent.fma(S::splat(math::LN2_LOW), mantissa))
}

/// [`math::ln`] in every lane.
#[inline(always)]
fn ln_lanes<S: Lanes>(x: S) -> S {
    let least = S::splat(f32::MIN_POSITIVE);
    let scaled = least.pick_greater(x, x.mul(S::splat(math::DENORMAL_SCALE)), x);
    let shift = least.pick_greater(x, S::splat(math::DENORMAL_EXPONENT as f32), S::zero());
    let y = ln_normal(scaled, shift);
    let finite = S::splat(f32::INFINITY).pick_greater(x, y, x);
    let zero_or_nan = x.add(S::splat(f32::NEG_INFINITY));
    let outside = S::zero().pick_greater(x, S::splat(f32::NAN), zero_or_nan);
    x.pick_greater(S::zero(), finite, outside)
}

/// x ln x in every lane; 0 where x is below the least normal number.
#[inline(always)]
pub(super) fn xlogy_lanes<S: Lanes>(x: S) -> S {
    x.mul(ln_normal(x.max(S::splat(f32::MIN_POSITIVE)), S::zero()))
}

/// Puts an expression of every vector of a slice in its place.
///
/// It is a macro because a closure of more than a few instructions is compiled by itself. It then
/// lacks the instruction set of the kernel that calls it, and is ten times slower.
macro_rules! map {
    ($values:expr, |$x:ident: $lanes:ident| $f:expr) => {{
        let (whole, tail) = $values.as_chunks_mut::<LANES>();
        for chunk in whole {
            let $x = $lanes::from_array(chunk);
            $f.write(chunk);
        }
        if !tail.is_empty() {
            let $x = $lanes::load_tail(tail);
            let last = $f.array();
            tail.copy_from_slice(&last[..tail.len()]);
        }
    }};
}

dispatch! {
    eight lanes,
    /// See [`crate::vector::exp`].
    pub(crate) fn exp = exp_body(values: &mut [f32])
}

#[inline(always)]
fn exp_body<S: Lanes>(values: &mut [f32]) {
    map!(values, |x: S| exp_lanes(x));
}

dispatch! {
    eight lanes,
    /// See [`crate::vector::ln`].
    pub(crate) fn ln = ln_body(values: &mut [f32])
}

#[inline(always)]
fn ln_body<S: Lanes>(values: &mut [f32]) {
    map!(values, |x: S| ln_lanes(x));
}

dispatch! {
    eight lanes,
    /// See [`crate::vector::softmax_rows`].
    pub(crate) fn softmax_rows = softmax_body(values: &mut [f32], width: usize)
}

/// The greatest value of a row is taken away first. The sum runs in `f64`.
#[inline(always)]
fn softmax_body<S: Lanes>(values: &mut [f32], width: usize) {
    for row in values.chunks_exact_mut(width) {
        let greatest = row.iter().fold(f32::NEG_INFINITY, |a, &b| if b > a { b } else { a });
        map!(row, |x: S| exp_lanes(x.sub(S::splat(greatest))));
        let sum: f64 = row.iter().map(|&x| f64::from(x)).sum();
        let scale = (1.0 / sum) as f32;
        map!(row, |x: S| x.mul(S::splat(scale)));
    }
}

dispatch! {
    eight lanes,
    /// See [`crate::vector::xlogy_sums`].
    pub(crate) fn xlogy_sums = xlogy_body(values: &[f32], width: usize, out: &mut [f64])
}

/// Products run in `f32`, sums in `f64`, one a lane.
#[inline(always)]
fn xlogy_body<S: Lanes>(values: &[f32], width: usize, out: &mut [f64]) {
    for (row, out) in values.chunks_exact(width).zip(out) {
        let mut sums = S::wide_zero();
        let (whole, tail) = row.as_chunks::<LANES>();
        for chunk in whole {
            sums = xlogy_lanes(S::from_array(chunk)).add_to(sums);
        }
        if !tail.is_empty() {
            sums = xlogy_lanes(S::load_tail(tail)).add_to(sums);
        }
        *out = across_wide(S::wide_array(sums));
    }
}
