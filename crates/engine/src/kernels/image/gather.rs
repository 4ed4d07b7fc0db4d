//! Reading an image at positions between its pixels.
//!
//! The source lies in planes, one a channel, with a margin of one pixel before and two after every
//! axis. For an output pixel with the position (y, x), after the border's rule has brought it to
//! within one pixel of the image:
//!
//! ```text
//! y0 = floor(y), fy = y - y0, x0 = floor(x), fx = x - x0
//! top    = s[y0][x0]   + fx (s[y0][x0+1]   - s[y0][x0])        each line fused
//! bottom = s[y0+1][x0] + fx (s[y0+1][x0+1] - s[y0+1][x0])
//! out    = top + fy (bottom - top)
//! ```

use super::lanes::Lanes;
use crate::geometry::{Border, Field, Matrix, Sampling, Shape};
use crate::kernels::dispatch::dispatch;
use crate::kernels::simd::LANES;

/// Pixels added before and after an axis of the source.
pub(crate) const BEFORE: usize = 1;
const AFTER: usize = 2;

/// Rows, and values in a row, of a plane of the source.
pub(crate) const fn plane(shape: Shape) -> (usize, usize) {
    (shape.height + BEFORE + AFTER, shape.width + BEFORE + AFTER)
}

/// Where the pixels of the result come from.
#[derive(Clone, Copy)]
pub(crate) enum Map<'a> {
    /// An affine function of the place, with the origin in the first pixel.
    Affine(Matrix),
    /// The place itself, moved.
    Field(Field<'a>),
}

/// The source and the places of the result. `grid` holds y and x of every output pixel, padded to
/// whole vectors.
#[derive(Clone, Copy)]
pub(crate) struct Job<'a> {
    pub(crate) shape: Shape,
    pub(crate) source: &'a [f32],
    pub(crate) grid: (&'a [f32], &'a [f32]),
    pub(crate) map: Map<'a>,
    pub(crate) sampling: Sampling,
    pub(crate) border: Border,
}

dispatch! {
    eight lanes,
    /// Fills `out`, channels last.
    pub(crate) fn sample = sample_body(job: &Job<'_>, out: &mut [f32])
}

#[inline(always)]
fn sample_body<S: Lanes>(job: &Job<'_>, out: &mut [f32]) {
    match (job.border == Border::Reflect, job.sampling == Sampling::Nearest) {
        (false, false) => mapped::<S, false, false>(job, out),
        (false, true) => mapped::<S, false, true>(job, out),
        (true, false) => mapped::<S, true, false>(job, out),
        (true, true) => mapped::<S, true, true>(job, out),
    }
}

#[inline(always)]
fn mapped<S: Lanes, const REFLECT: bool, const NEAREST: bool>(job: &Job<'_>, out: &mut [f32]) {
    let (ys, xs) = job.grid;
    let padded = job.shape.pixels().next_multiple_of(LANES);
    assert!(ys.len() >= padded && xs.len() >= padded);
    // SAFETY: `pixels` asks for multiples of LANES below the number of pixels, and both rows of the
    // grid are as long as that number rounded up to whole vectors.
    let place = |i: usize| unsafe { (S::load(ys.as_ptr().add(i)), S::load(xs.as_ptr().add(i))) };
    match job.map {
        Map::Affine(m) => {
            let m = m.map(S::splat);
            pixels::<S, REFLECT, NEAREST>(job, out, |i| {
                let (y, x) = place(i);
                (m[3].fma(x, m[4].fma(y, m[5])), m[0].fma(x, m[1].fma(y, m[2])))
            });
        }
        Map::Field(Field { dx, dy, scale }) => {
            assert!(dx.len() >= job.shape.pixels() && dy.len() >= job.shape.pixels());
            let scale = S::splat(scale);
            pixels::<S, REFLECT, NEAREST>(job, out, |i| {
                let (y, x) = place(i);
                (scale.fma(load_or_zero(dy, i), y), scale.fma(load_or_zero(dx, i), x))
            });
        }
    }
}

/// Eight values from place `i` on, with zeros behind the last.
#[inline(always)]
fn load_or_zero<S: Lanes>(values: &[f32], i: usize) -> S {
    let rest = &values[i..];
    if let Some(whole) = rest.first_chunk() {
        return S::from_array(whole);
    }
    let mut tail = [0.0; LANES];
    tail[..rest.len()].copy_from_slice(rest);
    S::from_array(&tail)
}

/// Fills `out`. `position` gives y and x of eight pixels from a multiple of eight on.
#[inline(always)]
fn pixels<S: Lanes, const REFLECT: bool, const NEAREST: bool>(
    job: &Job<'_>,
    out: &mut [f32],
    position: impl Fn(usize) -> (S, S),
) {
    let Shape { height, width, channels } = job.shape;
    let (rows, stride) = plane(job.shape);
    assert!(job.source.len() >= rows * stride * channels && out.len() == job.shape.len());
    assert!(rows * stride < 1 << 24, "an image of fewer than 2^24 pixels");
    let outside = if matches!(job.border, Border::Constant(_)) { 1.0 } else { 0.0 };
    let (rule_y, rule_x) = (Axis::<S>::new(height, outside), Axis::<S>::new(width, outside));
    for i in (0..height * width).step_by(LANES) {
        let (y, x) = position(i);
        let (y, fy) = rule_y.split::<REFLECT, NEAREST>(y);
        let (x, fx) = rule_x.split::<REFLECT, NEAREST>(x);
        for channel in 0..channels {
            // SAFETY: `split` makes y and x whole, at least 0 and at most the last but one row and
            // column of a plane. The source has a plane for every channel, and fewer than 2^24
            // values in it, so that every place is exact in f32.
            let value = unsafe {
                let [a, b, c, d] =
                    S::corners(job.source.as_ptr().add(channel * rows * stride), stride, y, x);
                let (top, bottom) = (b.sub(a).fma(fx, a), d.sub(c).fma(fx, c));
                bottom.sub(top).fma(fy, top)
            };
            write(value, &mut out[i * channels + channel..], channels);
        }
    }
}

/// Puts the lanes `step` apart, as far as there is room.
#[inline(always)]
fn write<S: Lanes>(value: S, out: &mut [f32], step: usize) {
    if step == 1
        && let Some(out) = out.first_chunk_mut()
    {
        return value.write(out);
    }
    let mut lanes = [0.0; LANES];
    value.write(&mut lanes);
    for (to, lane) in out.iter_mut().step_by(step).zip(lanes) {
        *to = lane;
    }
}

/// The border's rule along one axis.
#[derive(Clone, Copy)]
struct Axis<S> {
    low: S,
    high: S,
    length: S,
    period: S,
    frequency: S,
}

impl<S: Lanes> Axis<S> {
    #[inline(always)]
    fn new(n: usize, outside: f32) -> Self {
        let (length, period) = (n as f32, 2.0 * n as f32);
        Self {
            low: S::splat(-outside),
            high: S::splat(length - 1.0 + outside),
            length: S::splat(length),
            period: S::splat(period),
            frequency: S::splat(1.0 / period),
        }
    }

    /// Whole part, counted from the source's margin, and fraction of a position. NaN reads the
    /// lower end.
    #[inline(always)]
    fn split<const REFLECT: bool, const NEAREST: bool>(&self, position: S) -> (S, S) {
        let (half, one, zero) = (S::splat(0.5), S::splat(BEFORE as f32), S::zero());
        let mut p = position;
        if REFLECT {
            let q = p.add(half);
            let q = zero.sub(q.mul(self.frequency).floor()).fma(self.period, q);
            p = q.pick_greater(self.length, self.period.sub(q), q).sub(half);
        }
        let p = p.max(self.low).min(self.high);
        if NEAREST {
            return (p.add(half).floor().add(one), zero);
        }
        let whole = p.floor();
        (whole.add(one), p.sub(whole))
    }
}
