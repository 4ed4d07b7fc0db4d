//! AdamW over flat parameters, with the gradient summed from its parts on the way.

use super::dispatch::{dispatch, vectors};
use super::simd::{LANES, Simd};

/// The scalars of one step, as PyTorch forms them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rates {
    /// `1 - learning rate * weight decay`
    pub(crate) keep: f32,
    pub(crate) beta1: f32,
    pub(crate) beta2: f32,
    /// `learning rate / (1 - beta1^t)`
    pub(crate) step: f32,
    /// `sqrt(1 - beta2^t)`
    pub(crate) correction: f32,
    pub(crate) epsilon: f32,
}

dispatch! {
    /// `p = p keep - step m / (sqrt(v) / correction + epsilon)`, after the gradient has updated the
    /// moments m and v. Lengths are multiples of eight.
    pub(crate) fn adamw = adamw_body(
        r: Rates, p: &mut [f32], m: &mut [f32], v: &mut [f32], g: &[f32])
}

#[inline(always)]
fn adamw_body<S: Simd>(r: Rates, p: &mut [f32], m: &mut [f32], v: &mut [f32], g: &[f32]) {
    let n = p.len();
    assert!(n.is_multiple_of(LANES) && m.len() == n && v.len() == n && g.len() == n);
    let (p, m, v, g) = (p.as_mut_ptr(), m.as_mut_ptr(), v.as_mut_ptr(), g.as_ptr());
    // SAFETY: vectors end at or before n, the length of all four slices.
    unsafe { vectors!(S, n, i => move_vector(r, p.add(i), m.add(i), v.add(i), g.add(i))) }
}

/// One vector of parameters.
#[inline(always)]
unsafe fn move_vector<S: Simd>(r: Rates, p: *mut f32, m: *mut f32, v: *mut f32, g: *const f32) {
    let (keep, beta1, beta2) = (S::splat(r.keep), S::splat(r.beta1), S::splat(r.beta2));
    let (new1, new2) = (S::splat(1.0 - r.beta1), S::splat(1.0 - r.beta2));
    let (step, correction, epsilon) =
        (S::splat(-r.step), S::splat(r.correction), S::splat(r.epsilon));
    // SAFETY: the caller answers for a vector at each of the four pointers.
    unsafe {
        let g = S::load(g);
        let first = beta1.fma(S::load(m), new1.mul(g));
        let second = beta2.fma(S::load(v), new2.mul(g.mul(g)));
        let bottom = second.sqrt().div(correction).add(epsilon);
        first.store(m);
        second.store(v);
        step.fma(first.div(bottom), S::load(p).mul(keep)).store(p);
    }
}

/// `sum += part`, value by value.
pub(crate) fn add(sum: &mut [f32], part: &[f32]) {
    for (s, p) in sum.iter_mut().zip(part) {
        *s += p;
    }
}
