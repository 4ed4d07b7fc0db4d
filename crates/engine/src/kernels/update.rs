//! AdamW over flat parameters, with the gradient summed from its parts on the way.

use super::simd::{LANES, Simd};
use super::{Isa, dispatch, vectors};

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

/// `p = p keep - step m / (sqrt(v) / correction + epsilon)` after updating the moments m and v with the gradient.
/// Lengths are multiples of eight.
pub(crate) fn adamw(isa: Isa, r: Rates, p: &mut [f32], m: &mut [f32], v: &mut [f32], g: &[f32]) {
    let n = p.len();
    assert!(n.is_multiple_of(LANES) && m.len() == n && v.len() == n && g.len() == n);
    // SAFETY: the lengths were checked.
    unsafe { adamw_isa(isa, r, n, p.as_mut_ptr(), m.as_mut_ptr(), v.as_mut_ptr(), g.as_ptr()) }
}

dispatch!(unsafe fn adamw_isa = adamw_body(r: Rates, n: usize, p: *mut f32, m: *mut f32, v: *mut f32, g: *const f32));

#[inline(always)]
unsafe fn adamw_body<S: Simd>(r: Rates, n: usize, p: *mut f32, m: *mut f32, v: *mut f32, g: *const f32) {
    // SAFETY: offsets stay within the checked lengths.
    unsafe { vectors!(S, n, i => move_vector(r, p.add(i), m.add(i), v.add(i), g.add(i))) }
}

#[inline(always)]
unsafe fn move_vector<S: Simd>(r: Rates, p: *mut f32, m: *mut f32, v: *mut f32, g: *const f32) {
    let (keep, beta1, beta2) = (S::splat(r.keep), S::splat(r.beta1), S::splat(r.beta2));
    let (new1, new2) = (S::splat(1.0 - r.beta1), S::splat(1.0 - r.beta2));
    let (step, correction, epsilon) = (S::splat(-r.step), S::splat(r.correction), S::splat(r.epsilon));
    // SAFETY: the caller's vectors are readable and writable.
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

/// `sum += part`, for the gradients of the groups of a batch, in order.
pub(crate) fn add(sum: &mut [f32], part: &[f32]) {
    for (s, p) in sum.iter_mut().zip(part) {
        *s += p;
    }
}
