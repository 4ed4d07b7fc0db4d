//! What lies between two convolutions: batch normalisation, max pooling 2x2 with stride 3, the border of zeros.

use super::simd::{LANES, Simd};
use super::{Isa, dispatch};

/// Side of a pooled image: windows of two, three apart.
pub(crate) const fn pooled(side: usize) -> usize {
    if side < 2 { 0 } else { (side - 2) / 3 + 1 }
}

/// Copies an image of `row` values a row into the middle of one with a border of `edge` zeros at either end.
pub(crate) fn add_border(row: usize, edge: usize, image: &[f32], out: &mut [f32]) {
    let wide = row + 2 * edge;
    for (from, to) in image.chunks_exact(row).zip(out[wide..].chunks_exact_mut(wide)) {
        to[edge..edge + row].copy_from_slice(from);
    }
}

/// `scale * y + shift` of an [h, w, c] image; pooled if `pool`; written `offset` values into rows of `pitch` values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Read {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
    pub(crate) pool: bool,
    /// Distance of two rows of the output.
    pub(crate) pitch: usize,
}

/// Writes the normalised (and pooled) image to `out`, whose first pixel is `out[0]`.
pub(crate) fn normalise(isa: Isa, r: Read, y: &[f32], scale: &[f32], shift: &[f32], out: &mut [f32]) {
    let (h, w) = if r.pool { (pooled(r.height), pooled(r.width)) } else { (r.height, r.width) };
    assert!(r.channels.is_multiple_of(LANES) && y.len() >= r.height * r.width * r.channels);
    assert!(scale.len() >= r.channels && shift.len() >= r.channels && out.len() >= (h - 1) * r.pitch + w * r.channels);
    // SAFETY: the lengths were checked.
    unsafe { normalise_isa(isa, r, y.as_ptr(), scale.as_ptr(), shift.as_ptr(), out.as_mut_ptr()) }
}

dispatch!(unsafe fn normalise_isa = normalise_body(
    r: Read, y: *const f32, scale: *const f32, shift: *const f32, out: *mut f32));

#[inline(always)]
unsafe fn normalise_body<S: Simd>(r: Read, y: *const f32, scale: *const f32, shift: *const f32, out: *mut f32) {
    // SAFETY: offsets stay within the checked lengths.
    unsafe {
        let line = r.width * r.channels;
        let (h, w) = if r.pool { (pooled(r.height), pooled(r.width)) } else { (r.height, r.width) };
        for c in (0..r.channels).step_by(LANES) {
            let (a, b) = (S::load(scale.add(c)), S::load(shift.add(c)));
            for i in 0..h {
                let out = out.add(i * r.pitch + c);
                if r.pool {
                    for j in 0..w {
                        let p = y.add(i * 3 * line + j * 3 * r.channels + c);
                        let [z0, z1, z2, z3] = window::<S>(p, line, r.channels, a, b);
                        z3.max(z2.max(z1.max(z0))).store(out.add(j * r.channels));
                    }
                } else {
                    for j in 0..w {
                        S::load(y.add(i * line + j * r.channels + c)).fma(a, b).store(out.add(j * r.channels));
                    }
                }
            }
        }
    }
}

/// The four normalised values of a pooling window.
#[inline(always)]
unsafe fn window<S: Simd>(p: *const f32, line: usize, channels: usize, a: S, b: S) -> [S; 4] {
    // SAFETY: the caller's window lies within the image.
    unsafe {
        [
            S::load(p).fma(a, b),
            S::load(p.add(channels)).fma(a, b),
            S::load(p.add(line)).fma(a, b),
            S::load(p.add(line + channels)).fma(a, b),
        ]
    }
}

/// Writes the gradient of the normalised image from that of the pooled one: the first largest value of a window takes it.
pub(crate) fn unpool(
    isa: Isa,
    h: usize,
    w: usize,
    c: usize,
    y: &[f32],
    scale: &[f32],
    shift: &[f32],
    dp: &[f32],
    dz: &mut [f32],
) {
    assert!(c.is_multiple_of(LANES) && y.len() >= h * w * c && dz.len() >= h * w * c);
    assert!(scale.len() >= c && shift.len() >= c && dp.len() >= pooled(h) * pooled(w) * c);
    dz[..h * w * c].fill(0.0);
    // SAFETY: the lengths were checked.
    unsafe { unpool_isa(isa, h, w, c, y.as_ptr(), scale.as_ptr(), shift.as_ptr(), dp.as_ptr(), dz.as_mut_ptr()) }
}

dispatch!(unsafe fn unpool_isa = unpool_body(h: usize, w: usize, c: usize,
    y: *const f32, scale: *const f32, shift: *const f32, dp: *const f32, dz: *mut f32));

#[inline(always)]
unsafe fn unpool_body<S: Simd>(
    h: usize,
    w: usize,
    c: usize,
    y: *const f32,
    scale: *const f32,
    shift: *const f32,
    dp: *const f32,
    dz: *mut f32,
) {
    // SAFETY: offsets stay within the checked lengths.
    unsafe {
        for ch in (0..c).step_by(LANES) {
            let (a, b) = (S::load(scale.add(ch)), S::load(shift.add(ch)));
            for i in 0..pooled(h) {
                for j in 0..pooled(w) {
                    let at = (i * 3 * w + j * 3) * c + ch;
                    let z = window::<S>(y.add(at), w * c, c, a, b);
                    let mut part = [S::load(dp.add((i * pooled(w) + j) * c + ch)), S::zero(), S::zero(), S::zero()];
                    let mut best = z[0];
                    for q in 1..4 {
                        let mut moved = S::zero();
                        for part in &mut part[..q] {
                            moved = moved.add(*part);
                            *part = z[q].pick_greater(best, S::zero(), *part);
                        }
                        part[q] = z[q].pick_greater(best, moved, S::zero());
                        best = z[q].pick_greater(best, z[q], best);
                    }
                    for (q, part) in part.iter().enumerate() {
                        part.store(dz.add(at + (q / 2) * w * c + (q % 2) * c));
                    }
                }
            }
        }
    }
}

/// Writes to `sums` [2, c] what one image adds to a layer's statistics: the sums over pixels of y and y^2.
pub(crate) fn statistics(isa: Isa, pixels: usize, c: usize, y: &[f32], sums: &mut [f32]) {
    assert!(c.is_multiple_of(LANES) && y.len() >= pixels * c && sums.len() >= 2 * c);
    // SAFETY: the lengths were checked.
    unsafe { statistics_isa(isa, pixels, c, y.as_ptr(), sums.as_mut_ptr()) }
}

dispatch!(unsafe fn statistics_isa = statistics_body(pixels: usize, c: usize, y: *const f32, sums: *mut f32));

#[inline(always)]
unsafe fn statistics_body<S: Simd>(pixels: usize, c: usize, y: *const f32, sums: *mut f32) {
    // SAFETY: offsets stay within the checked lengths.
    unsafe {
        for ch in (0..c).step_by(LANES) {
            let (mut one, mut two) = (S::zero(), S::zero());
            for p in 0..pixels {
                let y = S::load(y.add(p * c + ch));
                one = one.add(y);
                two = y.fma(y, two);
            }
            one.store(sums.add(ch));
            two.store(sums.add(c + ch));
        }
    }
}

/// Writes to `sums` [2, c] what one image adds to the backward statistics: the sums of dz and dz (y - mean).
pub(crate) fn backward_statistics(
    isa: Isa,
    pixels: usize,
    c: usize,
    y: &[f32],
    dz: &[f32],
    mean: &[f32],
    sums: &mut [f32],
) {
    assert!(
        c.is_multiple_of(LANES)
            && y.len() >= pixels * c
            && dz.len() >= pixels * c
            && mean.len() >= c
            && sums.len() >= 2 * c
    );
    // SAFETY: the lengths were checked.
    unsafe { backward_statistics_isa(isa, pixels, c, y.as_ptr(), dz.as_ptr(), mean.as_ptr(), sums.as_mut_ptr()) }
}

dispatch!(unsafe fn backward_statistics_isa = backward_statistics_body(
    pixels: usize, c: usize, y: *const f32, dz: *const f32, mean: *const f32, sums: *mut f32));

#[inline(always)]
unsafe fn backward_statistics_body<S: Simd>(
    pixels: usize,
    c: usize,
    y: *const f32,
    dz: *const f32,
    mean: *const f32,
    sums: *mut f32,
) {
    // SAFETY: offsets stay within the checked lengths.
    unsafe {
        for ch in (0..c).step_by(LANES) {
            let (mut one, mut two) = (S::zero(), S::zero());
            let mean = S::load(mean.add(ch));
            for p in 0..pixels {
                let (y, d) = (S::load(y.add(p * c + ch)), S::load(dz.add(p * c + ch)));
                one = one.add(d);
                two = d.fma(y.sub(mean), two);
            }
            one.store(sums.add(ch));
            two.store(sums.add(c + ch));
        }
    }
}

/// The gradient before rectification, `g = y > 0 ? a dz + (b y + c) : 0`, into a bordered image, and its sum over
/// pixels into `sum` [c]. `factors` holds a, b and c, [3, channels].
pub(crate) fn backward(
    isa: Isa,
    h: usize,
    w: usize,
    c: usize,
    y: &[f32],
    dz: &[f32],
    factors: &[f32],
    g: &mut [f32],
    sum: &mut [f32],
) {
    assert!(c.is_multiple_of(LANES) && y.len() >= h * w * c && dz.len() >= h * w * c && factors.len() >= 3 * c);
    assert!(g.len() >= (h + 2) * (w + 2) * c && sum.len() >= c);
    // SAFETY: the lengths were checked.
    unsafe { backward_isa(isa, h, w, c, y.as_ptr(), dz.as_ptr(), factors.as_ptr(), g.as_mut_ptr(), sum.as_mut_ptr()) }
}

dispatch!(unsafe fn backward_isa = backward_body(h: usize, w: usize, c: usize,
    y: *const f32, dz: *const f32, factors: *const f32, g: *mut f32, sum: *mut f32));

#[inline(always)]
unsafe fn backward_body<S: Simd>(
    h: usize,
    w: usize,
    c: usize,
    y: *const f32,
    dz: *const f32,
    factors: *const f32,
    g: *mut f32,
    sum: *mut f32,
) {
    // SAFETY: offsets stay within the checked lengths.
    unsafe {
        for ch in (0..c).step_by(LANES) {
            let (ka, kb, kc) =
                (S::load(factors.add(ch)), S::load(factors.add(c + ch)), S::load(factors.add(2 * c + ch)));
            let mut total = S::zero();
            for i in 0..h {
                let g = g.add((i + 1) * (w + 2) * c + c + ch);
                for j in 0..w {
                    let at = (i * w + j) * c + ch;
                    let (y, d) = (S::load(y.add(at)), S::load(dz.add(at)));
                    let r = y.pick_greater(S::zero(), ka.fma(d, kb.fma(y, kc)), S::zero());
                    total = total.add(r);
                    r.store(g.add(j * c));
                }
            }
            total.store(sum.add(ch));
        }
    }
}
