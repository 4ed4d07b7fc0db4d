//! What lies between two convolutions: batch normalisation, max pooling 2x2 with stride 3, and the
//! border of zeros.

use super::dispatch::{dispatch, vectors};
use super::simd::{LANES, Simd};

/// Side of a pooled image: windows of two, three apart.
pub(crate) const fn pooled(side: usize) -> usize {
    if side < 2 { 0 } else { (side - 2) / 3 + 1 }
}

/// Copies an image of `row` values a row into the middle of a bordered one, which has `edge` zeros
/// at either end of a row.
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

    /// What is read of the image: all of it, or its pooled values.
    pub(crate) const fn read(self) -> Self {
        if self.pool {
            Self { height: pooled(self.height), width: pooled(self.width), pool: false, ..self }
        } else {
            self
        }
    }

    /// Length of such an image whose rows are `pitch` apart.
    const fn span(&self, pitch: usize) -> usize {
        (self.height - 1) * pitch + self.width * self.channels
    }

    fn check(&self, y: &[f32], vectors: &[&[f32]]) {
        assert!(self.channels.is_multiple_of(LANES) && y.len() >= self.len());
        assert!(vectors.iter().all(|v| v.len() >= self.channels));
    }
}

dispatch! {
    /// Writes `scale * y + shift` to `out`, whose rows are `pitch` apart.
    pub(crate) fn normalise = normalise_body(
        p: Plane, y: &[f32], scale: &[f32], shift: &[f32], out: &mut [f32], pitch: usize)
}

#[inline(always)]
fn normalise_body<S: Simd>(
    p: Plane,
    y: &[f32],
    scale: &[f32],
    shift: &[f32],
    out: &mut [f32],
    pitch: usize,
) {
    p.check(y, &[scale, shift]);
    assert!(out.len() >= p.span(pitch));
    let (y, scale, shift, out) = (y.as_ptr(), scale.as_ptr(), shift.as_ptr(), out.as_mut_ptr());
    for i in 0..p.height {
        // SAFETY: row i < height lies within `len` values of `y` and within `span` values of `out`.
        // Vectors end at or before `channels`, which `scale` and `shift` have too.
        unsafe {
            let (y, out) = (y.add(i * p.width * p.channels), out.add(i * pitch));
            vectors!(S, p.channels, ch =>
                normalise_line(p, y.add(ch), scale.add(ch), shift.add(ch), out.add(ch)));
        }
    }
}

/// One vector of channels of a row.
#[inline(always)]
unsafe fn normalise_line<V: Simd>(
    p: Plane,
    y: *const f32,
    scale: *const f32,
    shift: *const f32,
    out: *mut f32,
) {
    // SAFETY: the caller's rows have `width` pixels that lie `channels` apart, and j < width.
    unsafe {
        let (a, b) = (V::load(scale), V::load(shift));
        for j in 0..p.width {
            V::load(y.add(j * p.channels)).fma(a, b).store(out.add(j * p.channels));
        }
    }
}

dispatch! {
    /// Writes what a pool will read of an image that is yet to be normalised.
    ///
    /// This is the largest value of each window, or the smallest where `sign` is -1: there
    /// normalisation turns the order round.
    pub(crate) fn pool = pool_body(p: Plane, y: &[f32], sign: &[f32], out: &mut [f32])
}

#[inline(always)]
fn pool_body<S: Simd>(p: Plane, y: &[f32], sign: &[f32], out: &mut [f32]) {
    p.check(y, &[sign]);
    let read = p.read();
    assert!(p.pool && out.len() >= read.len());
    let (y, sign, out) = (y.as_ptr(), sign.as_ptr(), out.as_mut_ptr());
    for i in 0..read.height {
        // SAFETY: a pooled row i reads rows 3 i and 3 i + 1, which lie within `len` values of `y`;
        // `out` has all pooled rows. Vectors end at or before `channels`, which `sign` has too.
        unsafe {
            let (y, out) =
                (y.add(i * 3 * p.width * p.channels), out.add(i * read.width * p.channels));
            vectors!(S, p.channels, ch => pool_line(p, y.add(ch), sign.add(ch), out.add(ch)));
        }
    }
}

/// One vector of channels of a pooled row.
#[inline(always)]
unsafe fn pool_line<V: Simd>(p: Plane, y: *const f32, sign: *const f32, out: *mut f32) {
    // SAFETY: pooled pixel j reads columns 3 j and 3 j + 1 of two rows, which are below `width`;
    // the caller's pooled row has pixel j.
    unsafe {
        let (c, sign) = (p.channels, V::load(sign));
        for j in 0..p.read().width {
            let k = signed(window::<V>(y.add(j * 3 * c), p.width * c, c), sign);
            // Multiplied by one or minus one, nothing is rounded.
            k[3].max(k[2].max(k[1].max(k[0]))).mul(sign).store(out.add(j * c));
        }
    }
}

/// The four values of a pooling window, whose rows are `line` apart and columns `c`.
#[inline(always)]
unsafe fn window<S: Simd>(p: *const f32, line: usize, c: usize) -> [S; 4] {
    // SAFETY: the caller answers for a vector at each of the window's four places.
    unsafe { [S::load(p), S::load(p.add(c)), S::load(p.add(line)), S::load(p.add(line + c))] }
}

/// The values of a window in the order of their normalised values.
#[inline(always)]
fn signed<S: Simd>(y: [S; 4], sign: S) -> [S; 4] {
    [y[0].mul(sign), y[1].mul(sign), y[2].mul(sign), y[3].mul(sign)]
}

/// Gives a pooled value's gradient to the first of the largest normalised values.
#[inline(always)]
fn unpool<S: Simd>(y: [S; 4], sign: S, d: S) -> [S; 4] {
    let z = signed(y, sign);
    let zero = S::zero();
    let second = z[1].pick_greater(z[0], d, zero);
    let (first, best) = (z[1].pick_greater(z[0], zero, d), z[1].max(z[0]));
    let third = z[2].pick_greater(best, d, zero);
    let (first, second) =
        (z[2].pick_greater(best, zero, first), z[2].pick_greater(best, zero, second));
    let best = z[2].max(best);
    [
        z[3].pick_greater(best, zero, first),
        z[3].pick_greater(best, zero, second),
        z[3].pick_greater(best, zero, third),
        z[3].pick_greater(best, d, zero),
    ]
}

dispatch! {
    /// Adds to `sums` [2, c] the sums over pixels of y and y^2, of an image or of some of its rows.
    ///
    /// A row is summed in four parts: columns 0, 4, .. and so on. What is left of a multiple of
    /// four belongs to the first.
    pub(crate) fn statistics = statistics_body(p: Plane, y: &[f32], sums: &mut [f32])
}

#[inline(always)]
fn statistics_body<S: Simd>(p: Plane, y: &[f32], sums: &mut [f32]) {
    p.check(y, &[]);
    assert!(sums.len() >= 2 * p.channels);
    let (y, sums) = (y.as_ptr(), sums.as_mut_ptr());
    for i in 0..p.height {
        // SAFETY: row i < height lies within `len` values of `y`. Vectors end at or before
        // `channels`, of which `sums` has two.
        unsafe {
            let y = y.add(i * p.width * p.channels);
            vectors!(S, p.channels, ch => statistics_line(p, y.add(ch), sums.add(ch)));
        }
    }
}

/// One vector of channels of a row.
#[inline(always)]
unsafe fn statistics_line<V: Simd>(p: Plane, y: *const f32, sums: *mut f32) {
    // SAFETY: the caller's row has `width` pixels that lie `channels` apart, and j + q < width. Its
    // two sums lie `channels` apart.
    unsafe {
        let c = p.channels;
        let mut row = RowSums::<V>::new();
        let mut j = 0;
        while j + 4 <= p.width {
            for q in 0..4 {
                let y = V::load(y.add((j + q) * c));
                row.add(q, (y, y.mul(y)));
            }
            j += 4;
        }
        while j < p.width {
            let y = V::load(y.add(j * c));
            row.add(0, (y, y.mul(y)));
            j += 1;
        }
        row.add_to(sums, sums.add(c));
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
    unsafe fn add_to(self, one: *mut f32, two: *mut f32) {
        let (a, b) = (self.0, self.1);
        // SAFETY: the caller answers for a vector at each of the two.
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
    /// Minus one where `scale` is below zero, else one.
    pub(crate) sign: Vec<f32>,
    /// One over the standard deviation.
    pub(crate) inverse: Vec<f64>,
    /// Of `g = a dz + (b y + c)`, [3, channels].
    pub(crate) factors: Vec<f32>,
    /// The same before rounding, by channel.
    pub(crate) exact_factors: Vec<[f64; 3]>,
}

dispatch! {
    /// Adds to `sums` [2, c] the sums of dz and dz (y - mean), of an image or of some of its rows.
    ///
    /// `dz`, with rows `pitch` apart, is the gradient of the normalised y. Rows are summed as in
    /// [`statistics`].
    pub(crate) fn backward_statistics = backward_sums_body(
        p: Plane, y: &[f32], dz: &[f32], pitch: usize, mean: &[f32], sums: &mut [f32])
}

#[inline(always)]
fn backward_sums_body<S: Simd>(
    p: Plane,
    y: &[f32],
    dz: &[f32],
    pitch: usize,
    mean: &[f32],
    sums: &mut [f32],
) {
    p.check(y, &[mean]);
    assert!(dz.len() >= p.span(pitch) && sums.len() >= 2 * p.channels);
    let (y, dz, mean, sums) = (y.as_ptr(), dz.as_ptr(), mean.as_ptr(), sums.as_mut_ptr());
    for i in 0..p.height {
        // SAFETY: row i < height lies within `len` values of `y` and within `span` values of `dz`.
        // Vectors end at or before `channels`, which `mean` has once and `sums` twice.
        unsafe {
            let (y, dz) = (y.add(i * p.width * p.channels), dz.add(i * pitch));
            vectors!(S, p.channels, ch =>
                backward_sums_line(p, y.add(ch), dz.add(ch), mean.add(ch), sums.add(ch)));
        }
    }
}

/// One vector of channels of a row.
#[inline(always)]
unsafe fn backward_sums_line<V: Simd>(
    p: Plane,
    y: *const f32,
    dz: *const f32,
    mean: *const f32,
    sums: *mut f32,
) {
    // SAFETY: the caller's rows have `width` pixels that lie `channels` apart, and j + q < width.
    // Its two sums lie `channels` apart.
    unsafe {
        let (c, mean) = (p.channels, V::load(mean));
        let mut row = RowSums::<V>::new();
        let mut j = 0;
        while j + 4 <= p.width {
            for q in 0..4 {
                let d = V::load(dz.add((j + q) * c));
                row.add(q, (d, d.mul(V::load(y.add((j + q) * c)).sub(mean))));
            }
            j += 4;
        }
        while j < p.width {
            let d = V::load(dz.add(j * c));
            row.add(0, (d, d.mul(V::load(y.add(j * c)).sub(mean))));
            j += 1;
        }
        row.add_to(sums, sums.add(c));
    }
}

dispatch! {
    /// The gradient before rectification, `g = y > 0 ? a dz + (b y + c) : 0`.
    ///
    /// Pixels that a pool does not read lack the first term. Rows of `g` are `g_pitch` apart. Its
    /// sums over pixels go to `sum` [c], row by row, or by two rows where a pool reads them
    /// together.
    pub(crate) fn backward = backward_body(p: Plane, y: &[f32], dz: &[f32], pitch: usize, n: &Norm,
        g: &mut [f32], g_pitch: usize, sum: &mut [f32])
}

#[inline(always)]
fn backward_body<S: Simd>(
    p: Plane,
    y: &[f32],
    dz: &[f32],
    pitch: usize,
    n: &Norm,
    g: &mut [f32],
    g_pitch: usize,
    sum: &mut [f32],
) {
    p.check(y, &[&n.sign]);
    assert!(dz.len() >= p.read().span(pitch) && n.factors.len() >= 3 * p.channels);
    assert!(g.len() >= p.span(g_pitch) && sum.len() >= p.channels);
    sum[..p.channels].fill(0.0);
    let (sign, factors) = (n.sign.as_ptr(), n.factors.as_ptr());
    let (y, dz, g, sum) = (y.as_ptr(), dz.as_ptr(), g.as_mut_ptr(), sum.as_mut_ptr());
    for i in 0..p.height {
        // Of two rows that a pool reads together the first makes both.
        let pooled_row = p.pool && i % 3 < 2 && i / 3 < pooled(p.height);
        if pooled_row && i % 3 == 1 {
            continue;
        }
        // SAFETY: row i < height lies within `len` values of `y` and `span` values of `g`, and so
        // does row i + 1 where a pool reads both; what is read of row i lies within the span of
        // `dz`. Vectors end at or before `channels`, which `sign` and `sum` have once and `factors`
        // thrice.
        unsafe {
            let dz = match (p.pool, pooled_row) {
                (true, true) => dz.add(i / 3 * pitch),
                (true, false) => dz,
                (false, _) => dz.add(i * pitch),
            };
            let (y, g) = (y.add(i * p.width * p.channels), g.add(i * g_pitch));
            vectors!(S, p.channels, ch => backward_line(p, pooled_row, y.add(ch), dz.add(ch),
                sign.add(ch), factors.add(ch), g.add(ch), g_pitch, sum.add(ch)));
        }
    }
}

/// One row, or the two that a pool reads.
#[inline(always)]
unsafe fn backward_line<V: Simd>(
    p: Plane,
    pooled_row: bool,
    y: *const f32,
    dz: *const f32,
    sign: *const f32,
    factors: *const f32,
    g: *mut f32,
    g_pitch: usize,
    sum: *mut f32,
) {
    // SAFETY: j and j + q stay below `width`, and j / 3 below the pooled width, in the caller's row
    // or its two rows. Pixels lie `channels` apart, the three factors too.
    unsafe {
        let (c, line) = (p.channels, p.width * p.channels);
        let (ka, kb, kc) = (V::load(factors), V::load(factors.add(c)), V::load(factors.add(2 * c)));
        let mut total = [V::load(sum), V::zero()];
        let mut j = 0;
        if pooled_row {
            let sign = V::load(sign);
            while j / 3 < pooled(p.width) {
                let y4 = window::<V>(y.add(j * c), line, c);
                let d = unpool(y4, sign, V::load(dz.add(j / 3 * c)));
                for q in 0..4 {
                    let r = ka.fma(d[q], kb.fma(y4[q], kc));
                    let r = y4[q].pick_greater(V::zero(), r, V::zero());
                    r.store(g.add(q / 2 * g_pitch + (j + q % 2) * c));
                    total[q % 2] = total[q % 2].add(r);
                }
                j += 2;
                if j < p.width {
                    unread_column(y.add(j * c), line, kb, kc, g.add(j * c), g_pitch, &mut total);
                }
                j += 1;
            }
            while j < p.width {
                unread_column(y.add(j * c), line, kb, kc, g.add(j * c), g_pitch, &mut total);
                j += 1;
            }
        }
        while j < p.width {
            for q in 0..2 {
                if j + q < p.width {
                    let at = (j + q) * c;
                    let r = if p.pool {
                        unread::<V>(y.add(at), kb, kc)
                    } else {
                        let y = V::load(y.add(at));
                        let r = ka.fma(V::load(dz.add(at)), kb.fma(y, kc));
                        y.pick_greater(V::zero(), r, V::zero())
                    };
                    r.store(g.add(at));
                    total[q] = total[q].add(r);
                }
            }
            j += 2;
        }
        total[0].add(total[1]).store(sum);
    }
}

/// A pixel that no pool reads, and the one below it.
#[inline(always)]
unsafe fn unread_column<V: Simd>(
    y: *const f32,
    line: usize,
    kb: V,
    kc: V,
    g: *mut f32,
    g_pitch: usize,
    total: &mut [V; 2],
) {
    // SAFETY: the caller answers for a vector at both pixels, `line` apart in `y` and `g_pitch` in
    // `g`.
    unsafe {
        for below in 0..2 {
            let r = unread::<V>(y.add(below * line), kb, kc);
            r.store(g.add(below * g_pitch));
            total[below] = total[below].add(r);
        }
    }
}

/// The gradient where no pool reads.
#[inline(always)]
unsafe fn unread<S: Simd>(y: *const f32, kb: S, kc: S) -> S {
    // SAFETY: the caller answers for the pixel's vector.
    let y = unsafe { S::load(y) };
    y.pick_greater(S::zero(), kb.fma(y, kc), S::zero())
}
