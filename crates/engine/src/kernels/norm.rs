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

/// An image of whole vectors of channels, and whether a pool reads it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plane {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
    pub(crate) pool: bool,
}

impl Plane {
    /// Values of the image.
    pub(crate) const fn len(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Rows and columns of what is read.
    const fn read(&self) -> (usize, usize) {
        if self.pool { (pooled(self.height), pooled(self.width)) } else { (self.height, self.width) }
    }

    /// Length of an image of the read size whose rows are `pitch` apart.
    const fn span(&self, pitch: usize) -> usize {
        (self.read().0 - 1) * pitch + self.read().1 * self.channels
    }

    fn check(&self, y: &[f32], vectors: &[&[f32]]) {
        assert!(self.channels.is_multiple_of(LANES) && y.len() >= self.len());
        assert!(vectors.iter().all(|v| v.len() >= self.channels));
    }
}

/// Writes `scale * y + shift`, pooled if a pool reads it, to `out`, whose rows are `pitch` apart.
pub(crate) fn normalise(isa: Isa, p: Plane, y: &[f32], scale: &[f32], shift: &[f32], out: &mut [f32], pitch: usize) {
    p.check(y, &[scale, shift]);
    assert!(out.len() >= p.span(pitch));
    // SAFETY: the lengths were checked.
    unsafe { normalise_isa(isa, p, y.as_ptr(), scale.as_ptr(), shift.as_ptr(), out.as_mut_ptr(), pitch) }
}

dispatch!(unsafe fn normalise_isa = normalise_body(
    p: Plane, y: *const f32, scale: *const f32, shift: *const f32, out: *mut f32, pitch: usize));

#[inline(always)]
unsafe fn normalise_body<S: Simd>(
    p: Plane,
    y: *const f32,
    scale: *const f32,
    shift: *const f32,
    out: *mut f32,
    pitch: usize,
) {
    // SAFETY: offsets stay within the checked lengths.
    unsafe {
        let (c, line) = (p.channels, p.width * p.channels);
        let (h, w) = p.read();
        for i in 0..h {
            for ch in (0..c).step_by(LANES) {
                let (a, b) = (S::load(scale.add(ch)), S::load(shift.add(ch)));
                let out = out.add(i * pitch + ch);
                if p.pool {
                    for j in 0..w {
                        let y = window::<S>(y.add(i * 3 * line + j * 3 * c + ch), line, c);
                        let [z0, z1, z2, z3] = affine(y, a, b);
                        z3.max(z2.max(z1.max(z0))).store(out.add(j * c));
                    }
                } else {
                    for j in 0..w {
                        S::load(y.add(i * line + j * c + ch)).fma(a, b).store(out.add(j * c));
                    }
                }
            }
        }
    }
}

/// The four values of a pooling window.
#[inline(always)]
unsafe fn window<S: Simd>(p: *const f32, line: usize, c: usize) -> [S; 4] {
    // SAFETY: the caller's window lies within the image.
    unsafe { [S::load(p), S::load(p.add(c)), S::load(p.add(line)), S::load(p.add(line + c))] }
}

/// The normalised values of a window.
#[inline(always)]
fn affine<S: Simd>(y: [S; 4], a: S, b: S) -> [S; 4] {
    [y[0].fma(a, b), y[1].fma(a, b), y[2].fma(a, b), y[3].fma(a, b)]
}

/// Shares a pooled value's gradient out: the first largest of the normalised values takes it.
#[inline(always)]
fn unpool<S: Simd>(y: [S; 4], a: S, b: S, d: S) -> [S; 4] {
    let z = affine(y, a, b);
    let zero = S::zero();
    let second = z[1].pick_greater(z[0], d, zero);
    let (first, best) = (z[1].pick_greater(z[0], zero, d), z[1].max(z[0]));
    let third = z[2].pick_greater(best, d, zero);
    let (first, second) = (z[2].pick_greater(best, zero, first), z[2].pick_greater(best, zero, second));
    let best = z[2].max(best);
    [
        z[3].pick_greater(best, zero, first),
        z[3].pick_greater(best, zero, second),
        z[3].pick_greater(best, zero, third),
        z[3].pick_greater(best, d, zero),
    ]
}

/// Writes to `sums` [2, c] what one image adds to a layer's statistics: the sums over pixels of y and y^2.
/// A row is summed in four parts, columns 0, 4, .. and so on, with what is left of a multiple of four in the first.
pub(crate) fn statistics(isa: Isa, p: Plane, y: &[f32], sums: &mut [f32]) {
    p.check(y, &[]);
    assert!(sums.len() >= 2 * p.channels);
    sums[..2 * p.channels].fill(0.0);
    // SAFETY: the lengths were checked.
    unsafe { statistics_isa(isa, p, y.as_ptr(), sums.as_mut_ptr()) }
}

dispatch!(unsafe fn statistics_isa = statistics_body(p: Plane, y: *const f32, sums: *mut f32));

#[inline(always)]
unsafe fn statistics_body<S: Simd>(p: Plane, y: *const f32, sums: *mut f32) {
    // SAFETY: offsets stay within the checked lengths.
    unsafe {
        let c = p.channels;
        for i in 0..p.height {
            for ch in (0..c).step_by(LANES) {
                let y = y.add(i * p.width * c + ch);
                let mut row = RowSums::<S>::new();
                let mut j = 0;
                while j + 4 <= p.width {
                    for q in 0..4 {
                        let y = S::load(y.add((j + q) * c));
                        row.add(q, (y, y.mul(y)));
                    }
                    j += 4;
                }
                while j < p.width {
                    let y = S::load(y.add(j * c));
                    row.add(0, (y, y.mul(y)));
                    j += 1;
                }
                row.store(sums.add(ch), sums.add(c + ch));
            }
        }
    }
}

/// One vector of two sums over a row, in four parts.
struct RowSums<S>([S; 4], [S; 4]);

impl<S: Simd> RowSums<S> {
    #[inline(always)]
    fn new() -> Self {
        Self([S::zero(); 4], [S::zero(); 4])
    }

    #[inline(always)]
    fn add(&mut self, part: usize, terms: (S, S)) {
        self.0[part] = self.0[part].add(terms.0);
        self.1[part] = self.1[part].add(terms.1);
    }

    /// # Safety
    /// Both point to a vector of sums.
    #[inline(always)]
    unsafe fn store(self, one: *mut f32, two: *mut f32) {
        let (a, b) = (self.0, self.1);
        // SAFETY: the caller's promise.
        unsafe {
            S::load(one).add(a[0].add(a[1]).add(a[2].add(a[3]))).store(one);
            S::load(two).add(b[0].add(b[1]).add(b[2].add(b[3]))).store(two);
        }
    }
}

/// What a layer's normalisation is in this step.
#[derive(Clone, Debug, Default)]
pub(crate) struct Norm {
    pub(crate) scale: Vec<f32>,
    pub(crate) shift: Vec<f32>,
    pub(crate) mean: Vec<f32>,
    /// One over the standard deviation.
    pub(crate) inverse: Vec<f64>,
    /// Of `g = a dz + (b y + c)`, [3, channels].
    pub(crate) factors: Vec<f32>,
}

/// Writes to `sums` [2, c] what one image adds to the backward statistics: the sums of dz and dz (y - mean), where `dz`,
/// with rows `pitch` apart, is the gradient of what is read. Rows are summed as in [`statistics`].
pub(crate) fn backward_statistics(isa: Isa, p: Plane, y: &[f32], dz: &[f32], pitch: usize, n: &Norm, sums: &mut [f32]) {
    p.check(y, &[&n.mean, &n.scale, &n.shift]);
    assert!(dz.len() >= p.span(pitch) && sums.len() >= 2 * p.channels);
    sums[..2 * p.channels].fill(0.0);
    let (scale, shift) = (n.scale.as_ptr(), n.shift.as_ptr());
    // SAFETY: the lengths were checked.
    unsafe {
        backward_sums_isa(isa, p, y.as_ptr(), dz.as_ptr(), pitch, n.mean.as_ptr(), scale, shift, sums.as_mut_ptr())
    }
}

dispatch!(unsafe fn backward_sums_isa = backward_sums_body(p: Plane, y: *const f32, dz: *const f32, pitch: usize,
    mean: *const f32, scale: *const f32, shift: *const f32, sums: *mut f32));

#[inline(always)]
unsafe fn backward_sums_body<S: Simd>(
    p: Plane,
    y: *const f32,
    dz: *const f32,
    pitch: usize,
    mean: *const f32,
    scale: *const f32,
    shift: *const f32,
    sums: *mut f32,
) {
    // SAFETY: offsets stay within the checked lengths.
    unsafe {
        let (c, line) = (p.channels, p.width * p.channels);
        let (h, w) = p.read();
        for i in 0..h {
            for ch in (0..c).step_by(LANES) {
                let mean = S::load(mean.add(ch));
                let (a, b) = (S::load(scale.add(ch)), S::load(shift.add(ch)));
                let (y, dz) = (y.add(if p.pool { 3 * i * line } else { i * line } + ch), dz.add(i * pitch + ch));
                let mut row = RowSums::<S>::new();
                let mut j = 0;
                while j + 4 <= w {
                    for q in 0..4 {
                        row.add(q, terms::<S>(p, y, dz, j + q, mean, a, b));
                    }
                    j += 4;
                }
                while j < w {
                    row.add(0, terms::<S>(p, y, dz, j, mean, a, b));
                    j += 1;
                }
                row.store(sums.add(ch), sums.add(c + ch));
            }
        }
    }
}

/// Column `j`'s terms of the backward statistics.
#[inline(always)]
unsafe fn terms<S: Simd>(p: Plane, y: *const f32, dz: *const f32, j: usize, mean: S, a: S, b: S) -> (S, S) {
    // SAFETY: the column lies within the row.
    unsafe {
        let c = p.channels;
        let d = S::load(dz.add(j * c));
        if !p.pool {
            return (d, d.mul(S::load(y.add(j * c)).sub(mean)));
        }
        let y = window::<S>(y.add(j * 3 * c), p.width * c, c);
        let z = affine(y, a, b);
        let (best, from) = (z[1].max(z[0]), z[1].pick_greater(z[0], y[1], y[0]));
        let (best, from) = (z[2].max(best), z[2].pick_greater(best, y[2], from));
        (d, d.mul(z[3].pick_greater(best, y[3], from).sub(mean)))
    }
}

/// The gradient before rectification, `g = y > 0 ? a dz + (b y + c) : 0`, where pixels that a pool does not read lack the
/// first term; rows of `g` are `g_pitch` apart. Its sums over pixels go to `sum` [c], row by row (two rows of pooling
/// windows together).
pub(crate) fn backward(
    isa: Isa,
    p: Plane,
    y: &[f32],
    dz: &[f32],
    pitch: usize,
    n: &Norm,
    g: &mut [f32],
    g_pitch: usize,
    sum: &mut [f32],
) {
    p.check(y, &[&n.scale, &n.shift]);
    assert!(dz.len() >= p.span(pitch) && n.factors.len() >= 3 * p.channels && sum.len() >= p.channels);
    assert!(g.len() >= (p.height - 1) * g_pitch + p.width * p.channels);
    sum[..p.channels].fill(0.0);
    let (scale, shift, factors) = (n.scale.as_ptr(), n.shift.as_ptr(), n.factors.as_ptr());
    let (y, dz, g, sum) = (y.as_ptr(), dz.as_ptr(), g.as_mut_ptr(), sum.as_mut_ptr());
    // SAFETY: the lengths were checked.
    unsafe { backward_isa(isa, p, y, dz, pitch, scale, shift, factors, g, g_pitch, sum) }
}

dispatch!(unsafe fn backward_isa = backward_body(p: Plane, y: *const f32, dz: *const f32, pitch: usize, scale: *const f32,
    shift: *const f32, factors: *const f32, g: *mut f32, g_pitch: usize, sum: *mut f32));

#[inline(always)]
unsafe fn backward_body<S: Simd>(
    p: Plane,
    y: *const f32,
    dz: *const f32,
    pitch: usize,
    scale: *const f32,
    shift: *const f32,
    factors: *const f32,
    g: *mut f32,
    g_pitch: usize,
    sum: *mut f32,
) {
    // SAFETY: offsets stay within the checked lengths.
    unsafe {
        let (c, line) = (p.channels, p.width * p.channels);
        for i in 0..p.height {
            for ch in (0..c).step_by(LANES) {
                let (ka, kb) = (S::load(factors.add(ch)), S::load(factors.add(c + ch)));
                let kc = S::load(factors.add(2 * c + ch));
                let (y, g) = (y.add(i * line + ch), g.add(i * g_pitch + ch));
                let mut total = [S::load(sum.add(ch)), S::zero()];
                let mut j = 0;
                if p.pool && i % 3 < 2 && i / 3 < pooled(p.height) {
                    if i % 3 == 1 {
                        continue;
                    }
                    let (a, b) = (S::load(scale.add(ch)), S::load(shift.add(ch)));
                    while j / 3 < pooled(p.width) {
                        let y4 = window::<S>(y.add(j * c), line, c);
                        let d = unpool(y4, a, b, S::load(dz.add(i / 3 * pitch + j / 3 * c + ch)));
                        for q in 0..4 {
                            let r = ka.fma(d[q], kb.fma(y4[q], kc));
                            let r = y4[q].pick_greater(S::zero(), r, S::zero());
                            r.store(g.add(q / 2 * g_pitch + (j + q % 2) * c));
                            total[q % 2] = total[q % 2].add(r);
                        }
                        j += 2;
                        if j < p.width {
                            for below in 0..2 {
                                let r = unread::<S>(y.add(below * line + j * c), kb, kc);
                                r.store(g.add(below * g_pitch + j * c));
                                total[below] = total[below].add(r);
                            }
                        }
                        j += 1;
                    }
                    while j < p.width {
                        for below in 0..2 {
                            let r = unread::<S>(y.add(below * line + j * c), kb, kc);
                            r.store(g.add(below * g_pitch + j * c));
                            total[below] = total[below].add(r);
                        }
                        j += 1;
                    }
                }
                let dz = dz.add(i * pitch + ch);
                while j < p.width {
                    for q in 0..2 {
                        if j + q < p.width {
                            let at = (j + q) * c;
                            let r = if p.pool {
                                unread::<S>(y.add(at), kb, kc)
                            } else {
                                let y = S::load(y.add(at));
                                let r = ka.fma(S::load(dz.add(at)), kb.fma(y, kc));
                                y.pick_greater(S::zero(), r, S::zero())
                            };
                            r.store(g.add(at));
                            total[q] = total[q].add(r);
                        }
                    }
                    j += 2;
                }
                total[0].add(total[1]).store(sum.add(ch));
            }
        }
    }
}

/// The gradient where no pool reads.
#[inline(always)]
unsafe fn unread<S: Simd>(y: *const f32, kb: S, kc: S) -> S {
    // SAFETY: the caller's pixel is readable.
    let y = unsafe { S::load(y) };
    y.pick_greater(S::zero(), kb.fma(y, kc), S::zero())
}
