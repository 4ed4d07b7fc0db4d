//! One symmetric kernel along columns, then rows. Outside, the border repeats.
//!
//! `out = half[0] x[0]; for t in 1..: out = half[t] (x[-t] + x[t]) + out`, fused, in this order, on
//! both axes.

use super::lanes::Lanes;
use crate::geometry::Shape;
use crate::kernels::dispatch::dispatch;
use crate::kernels::simd::LANES;

/// Distance of rows in the buffer between the two passes, for a kernel of `taps` weights.
pub(crate) const fn stride(shape: Shape, taps: usize) -> usize {
    (shape.width + 2 * (taps - 1)) * shape.channels
}

dispatch! {
    eight lanes,
    /// Filters `image`. `lines` is the buffer between the passes, `height * stride` values.
    pub(crate) fn separable = separable_body(
        shape: Shape, image: &mut [f32], lines: &mut [f32], half: &[f32])
}

#[inline(always)]
fn separable_body<S: Lanes>(shape: Shape, image: &mut [f32], lines: &mut [f32], half: &[f32]) {
    assert!(!half.is_empty() && !shape.is_empty() && image.len() == shape.len());
    assert!(lines.len() >= shape.height * stride(shape, half.len()));
    let Shape { height, width, channels } = shape;
    let (row, margin, stride) =
        (width * channels, (half.len() - 1) * channels, stride(shape, half.len()));
    for y in 0..height {
        let line = &mut lines[y * stride..][..stride];
        let at = |y: usize| y * row;
        let pair = |t: usize| (at(y.saturating_sub(t)), at((y + t).min(height - 1)));
        // SAFETY: the offsets name rows below `height` of `row` values each. A line has room for
        // `row` values between its two margins.
        unsafe {
            weigh::<S>(image.as_ptr(), line.as_mut_ptr().add(margin), row, half, pair, at(y))
        };
        repeat_ends(line, margin, channels);
    }
    for y in 0..height {
        // SAFETY: a line has `row` values in its middle and a margin to both sides, and no offset
        // is larger than that. Row y < height of the image takes `row` values.
        unsafe {
            let from = lines.as_ptr().add(y * stride);
            let to = image.as_mut_ptr().add(y * row);
            weigh::<S>(
                from,
                to,
                row,
                half,
                |t| (margin - t * channels, margin + t * channels),
                margin,
            );
        }
    }
}

/// Fills the margins of a line with its first and last pixel.
#[inline(always)]
fn repeat_ends(line: &mut [f32], margin: usize, channels: usize) {
    match channels {
        1 => repeat_pixels::<1>(line, margin),
        2 => repeat_pixels::<2>(line, margin),
        3 => repeat_pixels::<3>(line, margin),
        _ => {
            let end = line.len() - margin;
            (0..margin).rev().for_each(|i| line[i] = line[i + channels]);
            (end..line.len()).for_each(|i| line[i] = line[i - channels]);
        }
    }
}

#[inline(always)]
fn repeat_pixels<const C: usize>(line: &mut [f32], margin: usize) {
    let (pixels, margin) = (line.as_chunks_mut::<C>().0, margin / C);
    let end = pixels.len() - margin;
    let (first, last) = (pixels[margin], pixels[end - 1]);
    pixels[..margin].fill(first);
    pixels[end..].fill(last);
}

/// `n` weighted sums of values at the centre and at pairs of places, all relative to the same
/// start.
///
/// # Safety
/// `n` values are readable from `from` plus the centre and any of the offsets, and writable at
/// `to`.
#[inline(always)]
unsafe fn weigh<S: Lanes>(
    from: *const f32,
    to: *mut f32,
    n: usize,
    half: &[f32],
    pair: impl Fn(usize) -> (usize, usize) + Copy,
    centre: usize,
) {
    // SAFETY: i < n, and n is at least LANES where vectors are taken, the last of which ends at n.
    unsafe {
        if n < LANES {
            return scalars(from, to, n, half, pair, centre);
        }
        let mut i = 0;
        while i < n {
            // A sum waits for its last weight, so four to eight at a time keep the adders busy.
            let left = (n - i).div_ceil(LANES);
            match left {
                0 | 1 => vectors::<S, 1>(from, to, (i, n), half, pair, centre),
                2 | 3 => vectors::<S, 2>(from, to, (i, n), half, pair, centre),
                4..=6 => vectors::<S, 4>(from, to, (i, n), half, pair, centre),
                7 => vectors::<S, 7>(from, to, (i, n), half, pair, centre),
                _ => vectors::<S, 8>(from, to, (i, n), half, pair, centre),
            }
            i += LANES
                * match left {
                    0 | 1 => 1,
                    2 | 3 => 2,
                    4..=6 => 4,
                    7 => 7,
                    _ => 8,
                };
        }
    }
}

/// The sums of a row shorter than a vector.
#[inline(always)]
unsafe fn scalars(
    from: *const f32,
    to: *mut f32,
    n: usize,
    half: &[f32],
    pair: impl Fn(usize) -> (usize, usize),
    centre: usize,
) {
    for i in 0..n {
        // SAFETY: i < n, and the caller answers for n values behind each offset.
        unsafe {
            let mut sum = half[0] * *from.add(centre + i);
            for (t, &weight) in half.iter().enumerate().skip(1) {
                let (before, after) = pair(t);
                sum = (*from.add(before + i) + *from.add(after + i)).mul_add(weight, sum);
            }
            *to.add(i) = sum;
        }
    }
}

/// `N` vectors of sums from place `i` on, kept in registers; the last one moves back to end at `n`.
#[inline(always)]
unsafe fn vectors<S: Lanes, const N: usize>(
    from: *const f32,
    to: *mut f32,
    (i, n): (usize, usize),
    half: &[f32],
    pair: impl Fn(usize) -> (usize, usize),
    centre: usize,
) {
    // Before `i` where a single vector ends the row.
    let last = ((N - 1) * LANES) as isize;
    let last = last.min(n.wrapping_sub(LANES).wrapping_sub(i) as isize);
    let at = |v: usize| if v == N - 1 { last } else { (v * LANES) as isize };
    // SAFETY: vector v begins at i + at(v), which is at least 0 and at most n - LANES, in each of
    // the caller's runs of n values.
    unsafe {
        let (from, to) = (from.add(i), to.add(i));
        let first = S::splat(half[0]);
        let mut sums: [S; N] =
            std::array::from_fn(|v| first.mul(S::load(from.add(centre).offset(at(v)))));
        for (t, &weight) in half.iter().enumerate().skip(1) {
            let ((before, after), weight) = (pair(t), S::splat(weight));
            let (before, after) = (from.add(before), from.add(after));
            for (v, sum) in sums.iter_mut().enumerate() {
                let (a, b) = (S::load(before.offset(at(v))), S::load(after.offset(at(v))));
                *sum = a.add(b).fma(weight, *sum);
            }
        }
        for (v, sum) in sums.into_iter().enumerate() {
            sum.store(to.offset(at(v)));
        }
    }
}
