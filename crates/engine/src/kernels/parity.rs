//! Every kernel on every instruction set against its plain twin, bit by bit, and the twins against
//! exact arithmetic.

use super::buffer::Buffer;
use super::direct::{self, ConvShape};
use super::dispatch::dispatch;
use super::norm::{self, Norm, Plane};
use super::panel::{self, Shares, Sizes};
use super::simd::{LANES, Simd};
use super::tiling::{Four, Three, Tiling, Two};
use super::update::Rates;
use super::winograd::{self, Filter, Filters, Grid, Out};
use super::{Isa, first, matmul, reference, update, winograd_back};
use crate::rng::Key;

fn numbers(n: usize, salt: u64) -> Vec<f32> {
    let mut stream = Key::new(salt, 99).stream();
    (0..n).map(|_| stream.uniform(-1.0, 1.0)).collect()
}

/// An image inside a bordered one of `pitch` pixels a row.
fn bordered(s: ConvShape, channels: usize, x: &[f32], pitch: usize, len: usize) -> Vec<f32> {
    let mut out = vec![0.0; len];
    for (row, line) in x.chunks_exact(s.width * channels).enumerate() {
        out[((row + 1) * pitch + 1) * channels..][..line.len()].copy_from_slice(line);
    }
    out
}

/// Exact convolution without bias, and the sum of the terms' sizes.
fn exact(s: ConvShape, x: &[f32], w: &[f32], row: usize, column: usize, co: usize) -> (f64, f64) {
    let (mut sum, mut size) = (0.0, 0.0);
    for (tap, ci) in (0..9).flat_map(|t| (0..s.cin).map(move |c| (t, c))) {
        let (r, c) = ((row + tap / 3) as isize - 1, (column + tap % 3) as isize - 1);
        let term = f64::from(reference::pixel(s, s.cin, x, r, c, ci))
            * f64::from(w[(tap * s.cin + ci) * s.cout + co]);
        sum += term;
        size += term.abs();
    }
    (sum, size)
}

/// Miri takes some thousand times as long: the smallest shapes that have every kind of border and
/// remainder.
const SHAPES: &[ConvShape] = if cfg!(miri) {
    &[
        ConvShape { height: 4, width: 6, cin: 8, cout: 8 },
        ConvShape { height: 3, width: 3, cin: 24, cout: 24 },
        ConvShape { height: 1, width: 3, cin: 8, cout: 56 },
        ConvShape { height: 1, width: 5, cin: 8, cout: 8 },
    ]
} else {
    &[
        ConvShape { height: 9, width: 9, cin: 8, cout: 16 },
        ConvShape { height: 8, width: 12, cin: 16, cout: 8 },
        ConvShape { height: 29, width: 30, cin: 8, cout: 8 },
        ConvShape { height: 3, width: 3, cin: 24, cout: 40 },
        ConvShape { height: 9, width: 10, cin: 40, cout: 56 },
        ConvShape { height: 8, width: 12, cin: 32, cout: 32 },
        ConvShape { height: 5, width: 20, cin: 32, cout: 80 },
        ConvShape { height: 1, width: 5, cin: 8, cout: 24 },
    ]
};

/// Errors are in units of 2^-24 times the sum of the terms' sizes plus the largest input times
/// weight. Winograd's transforms add and subtract values much larger than the result.
fn check_forward<T: Tiling>(s: ConvShape, filter: Filter, bound: f64) {
    let g = Grid::new(s.height, s.width, s.cin, s.cout);
    if g.filter != filter {
        return;
    }
    let count = 3;
    let images: Vec<Vec<f32>> = (0..count).map(|i| numbers(s.pixels() * s.cin, i as u64)).collect();
    let (w, bias) = (numbers(9 * s.cin * s.cout, 7), numbers(s.cout, 8));
    let x: Vec<f32> =
        images.iter().flat_map(|x| bordered(s, s.cin, x, g.pitch(), g.bordered(s.cin))).collect();
    for isa in Isa::tested() {
        let mut u = vec![0.0; g.weights()];
        winograd::transform_weights(isa, g, &w, &mut u);
        let mut y = vec![0.0; count * s.pixels() * s.cout];
        let out = Out { row: s.width * s.cout, image: s.pixels() * s.cout };
        let mut buffers = [Buffer::zeros(g.buffer()), Buffer::zeros(g.buffer())];
        let filters = Filters { weights: &u, bias: &bias, affine: None };
        winograd::forward(isa, g, count, &x, filters, &mut y, out, &mut buffers);
        // The twin makes a whole tile for each value: Miri looks at some.
        for (i, &got) in y.iter().enumerate().step_by(if cfg!(miri) { 29 } else { 1 }) {
            let (image, rest) = (i / out.image, i % out.image);
            let (row, column, co) = (rest / out.row, rest % out.row / s.cout, rest % s.cout);
            let (top, left) = (row / T::OUT * T::OUT, column / T::OUT * T::OUT);
            let tile = reference::winograd::<T>(s, &images[image], &w, bias[co], top, left, co);
            let twin = reference::Plain(tile[row - top][column - left]);
            assert_eq!(got.to_bits(), twin.relu().0.to_bits(), "{s:?} {isa:?} {i}");
            let (sum, size) = exact(s, &images[image], &w, row, column, co);
            let error = (f64::from(twin.0) - sum - f64::from(bias[co])).abs() / (size + 1.0)
                * f64::from(1 << 24);
            assert!(error < bound, "{s:?}: error {error}");
        }
    }
}

#[test]
fn winograd_forward_is_its_twin_and_near_exact() {
    for &s in SHAPES {
        check_forward::<Four>(s, Filter::Four, 64.0);
        check_forward::<Three>(s, Filter::Three, 64.0);
    }
}

fn check_backward<T: Tiling>(s: ConvShape, filter: Filter) {
    let g = Grid::new(s.height, s.width, s.cin, s.cout);
    if g.filter != filter {
        return;
    }
    let images: Vec<(Vec<f32>, Vec<f32>)> = (0..2)
        .map(|i| (numbers(s.pixels() * s.cin, i), numbers(s.pixels() * s.cout, 20 + i)))
        .collect();
    let w = numbers(9 * s.cin * s.cout, 7);
    let x: Vec<f32> = images
        .iter()
        .flat_map(|i| bordered(s, s.cin, &i.0, g.pitch(), g.bordered(s.cin)))
        .collect();
    let mut dy = vec![0.0; 2 * g.gradient()];
    for (image, out) in images.iter().zip(dy.chunks_exact_mut(g.gradient())) {
        let line = s.width * s.cout;
        for (row, values) in image.1.chunks_exact(line).enumerate() {
            out[row * g.gradient_pitch() * s.cout..][..line].copy_from_slice(values);
        }
    }
    let mut exchanged = vec![0.0; w.len()];
    for (i, &w) in w.iter().enumerate() {
        let (tap, ci, co) = (i / (s.cin * s.cout), i / s.cout % s.cin, i % s.cout);
        exchanged[(tap * s.cout + co) * s.cin + ci] = w;
    }
    for isa in Isa::tested() {
        let mut u = vec![0.0; g.transposed().weights()];
        winograd::transform_weights(isa, g.transposed(), &exchanged, &mut u);
        let (mut du, mut dx) = (vec![f32::NAN; g.weights()], vec![f32::NAN; 2 * g.bordered(s.cin)]);
        let mut buffers = [Buffer::zeros(g.buffer()), Buffer::zeros(g.buffer())];
        winograd_back::backward(isa, g, 2, &x, &dy, &u, &mut du, true, &mut dx, &mut buffers);
        let mut dw = vec![0.0; w.len()];
        winograd_back::gather_weights(isa, g, &du, &mut dw);
        assert_eq!(dw, reference::winograd_weights::<T>(s, &images), "{s:?} {isa:?}");
        for (image, dx) in images.iter().zip(dx.chunks_exact(g.bordered(s.cin))) {
            let twin = reference::winograd_inputs::<T>(s, &w, &image.1);
            for (row, line) in twin.chunks_exact(s.width * s.cin).enumerate() {
                assert_eq!(
                    &dx[((row + 1) * g.pitch() + 1) * s.cin..][..line.len()],
                    line,
                    "{s:?} {isa:?}"
                );
            }
        }
        for (i, &got) in dw.iter().enumerate() {
            let (mut sum, mut size) = (0.0, 0.0);
            for (x, g) in &images {
                let (tap, ci, co) = (i / (s.cin * s.cout), i / s.cout % s.cin, i % s.cout);
                for p in 0..s.pixels() {
                    let (row, column) = (
                        (p / s.width + tap / 3) as isize - 1,
                        (p % s.width + tap % 3) as isize - 1,
                    );
                    let x = reference::pixel(s, s.cin, x, row, column, ci);
                    let term = f64::from(x) * f64::from(g[p * s.cout + co]);
                    sum += term;
                    size += term.abs();
                }
            }
            let error = (f64::from(got) - sum).abs() / (size + 1.0) * f64::from(1 << 24);
            assert!(error < 100.0, "{s:?}: error {error}");
        }
    }
}

#[test]
fn winograd_backward_is_its_twin_and_near_exact() {
    for &s in SHAPES {
        check_backward::<Four>(s, Filter::Four);
        check_backward::<Three>(s, Filter::Three);
    }
}

#[test]
fn scoring_windows_are_their_twin() {
    let s = ConvShape { height: 11, width: 8, cin: 8, cout: 24 };
    let g = Grid::windows(s.height, s.width, s.cin, s.cout);
    let (x, w, bias) =
        (numbers(s.pixels() * s.cin, 1), numbers(9 * s.cin * s.cout, 2), numbers(s.cout, 3));
    let (scale, shift) = (numbers(s.cout, 4), numbers(s.cout, 5));
    let input = bordered(s, s.cin, &x, g.pitch(), (s.height + 2) * (s.width + 2) * s.cin);
    assert_eq!((g.down, g.across, g.pitch()), (4, 3, 10));
    for isa in Isa::tested() {
        let mut u = vec![0.0; g.weights()];
        winograd::transform_weights(isa, g, &w, &mut u);
        let mut y = vec![0.0; 12 * s.cout];
        let filters = Filters { weights: &u, bias: &bias, affine: Some((&scale, &shift)) };
        let mut buffers = [Buffer::zeros(g.buffer()), Buffer::zeros(g.buffer())];
        winograd::forward(
            isa,
            g,
            1,
            &input,
            filters,
            &mut y,
            Out { row: 3 * s.cout, image: 0 },
            &mut buffers,
        );
        for (i, &got) in y.iter().enumerate() {
            let (row, column, co) = (i / (3 * s.cout) * 3, i / s.cout % 3 * 3, i % s.cout);
            let tile = reference::winograd::<Two>(s, &x, &w, bias[co], row, column, co);
            let value = |i: usize, j: usize| tile[i][j].max(0.0).mul_add(scale[co], shift[co]);
            let best = value(0, 0).max(value(0, 1)).max(value(1, 0)).max(value(1, 1));
            assert_eq!(got, best, "{isa:?} {i}");
        }
    }
}

#[test]
fn direct_kernels_are_their_twins() {
    let shapes: &[_] = if cfg!(miri) {
        &[(1, 24, 3, 14), (3, 24, 2, 5)]
    } else {
        &[
            (1, 8, 28, 28),
            (1, 24, 9, 28),
            (1, 16, 2, 27),
            (3, 24, 2, 14),
            (3, 16, 2, 13),
            (3, 24, 5, 29),
            (2, 16, 7, 3),
            (1, 40, 1, 1),
        ]
    };
    for &(cin, cout, height, width) in shapes {
        let s = ConvShape { height, width, cin, cout };
        let (x, w, bias) =
            (numbers(s.pixels() * cin, 1), numbers(9 * cin * cout, 2), numbers(cout, 3));
        let dz = numbers(s.pixels() * cout, 4);
        let input = bordered(s, cin, &x, width + 2, s.bordered(cin));
        let twin: Vec<f32> = reference::direct(s, &x, &w, &bias)
            .into_iter()
            .map(|v| reference::Plain(v).relu().0)
            .collect();
        for isa in Isa::tested() {
            let mut y = vec![0.0; s.pixels() * cout];
            let filters = Filters { weights: &w, bias: &bias, affine: None };
            direct::forward(isa, s, &input, filters, &mut y, width * cout);
            assert_eq!(y, twin, "{s:?} {isa:?}");
            let mut sums = vec![0.0; 3 * first::part(s)];
            // Some rows after the others are the whole image.
            for (row, high) in [(0, height / 2), (height / 2, height - height / 2)]
                .into_iter()
                .filter(|rows| rows.1 > 0)
            {
                let (x, at) = (&input[row * (width + 2) * cin..], row * width * cout);
                first::sums(
                    isa,
                    ConvShape { height: high, ..s },
                    x,
                    &y[at..],
                    &dz[at..],
                    width * cout,
                    &mut sums,
                );
            }
            assert_eq!(sums, reference::first_sums(s, &x, &y, &dz), "{s:?} {isa:?}");
        }
    }
}

#[test]
fn products_have_one_order_of_summation() {
    for (m, k, n) in [(7, 5, 8), (1, 33, 24), (13, 8, 40), (31, 13, 56), (16, 10, 32)] {
        let (a, b, bias, g) =
            (numbers(m * k, 1), numbers(k * n, 2), numbers(n, 3), numbers(m * n, 4));
        for isa in Isa::tested() {
            let (mut c, mut d) = (vec![0.0; m * n], vec![0.5; k * n]);
            matmul::product(isa, m, k, n, &a, &b, &bias, &mut c, false);
            matmul::add_transposed(isa, m, k, n, &a, &g, &mut d);
            let (mut panels, mut same, mut exchanged) =
                (vec![0.0; k * n], vec![0.0; m * n], vec![0.0; k * n]);
            matmul::panels(n, &b, &mut panels);
            matmul::product_of_panels(isa, m, k, n, &a, &panels, &bias, &mut same, false);
            assert_eq!(same, c, "{isa:?}");
            let transpose: Vec<f32> = (0..k * n).map(|i| b[i % k * n + i / k]).collect();
            matmul::panels_of_transpose(k, &transpose, &mut exchanged);
            assert_eq!(exchanged, panels);
            for (row, col) in (0..m).flat_map(|r| (0..n).map(move |c| (r, c))) {
                let sum =
                    (0..k).fold(bias[col], |sum, i| a[row * k + i].mul_add(b[i * n + col], sum));
                assert_eq!(c[row * n + col], sum, "{isa:?}");
            }
            for (row, col) in (0..k).flat_map(|r| (0..n).map(move |c| (r, c))) {
                let sum = (0..m).fold(0.5, |sum, i| a[i * k + row].mul_add(g[i * n + col], sum));
                assert_eq!(d[row * n + col], sum, "{isa:?}");
            }
        }
    }
}

/// `a b` and `a^T g` of one of the planes of cells, for plain matrices.
#[inline(always)]
fn planes_body<S: Simd>(s: Sizes, a: &[f32], b: &[f32], g: &[f32], c: &mut [f32], d: &mut [f32]) {
    let lanes = |channels: usize, ch: usize| {
        if ch - ch % S::LANES + S::LANES <= channels { S::LANES } else { LANES }
    };
    let cell = |channels: usize, tile: usize, ch: usize| {
        let lanes = lanes(channels, ch);
        let first = ch - ch % lanes;
        (tile * channels + first) * s.planes + s.plane * lanes + ch - first
    };
    let cells = |channels: usize, plain: &[f32]| {
        let mut out = vec![f32::NAN; s.planes * plain.len()];
        plain
            .iter()
            .enumerate()
            .for_each(|(i, &v)| out[cell(channels, i / channels, i % channels)] = v);
        out
    };
    let (a, g, mut product) = (cells(s.k, a), cells(s.columns, g), vec![0.0; s.planes * c.len()]);
    let mut panels = vec![0.0; b.len()];
    for (i, &v) in b.iter().enumerate() {
        let (row, column) = (i / s.columns, i % s.columns);
        let lanes = lanes(s.columns, column);
        let first = column - column % lanes;
        let place = if lanes == S::LANES {
            panel::place::<S, S>(s.k, s.columns, row, first)
        } else {
            panel::place::<S, S::Rest>(s.k, s.columns, row, first)
        };
        panels[place + column - first] = v;
    }
    // SAFETY: the cells have `rows` tiles of `planes` planes with `k` and `columns` channels, the
    // panels and `d` have `k * columns` values.
    unsafe {
        panel::multiply::<S>(
            s,
            Shares::of::<S>(s.rows),
            a.as_ptr(),
            panels.as_ptr(),
            product.as_mut_ptr(),
        );
        panel::correlate::<S>(s, a.as_ptr(), g.as_ptr(), d.as_mut_ptr(), false);
    }
    c.iter_mut()
        .enumerate()
        .for_each(|(i, v)| *v = product[cell(s.columns, i / s.columns, i % s.columns)]);
}

dispatch! {
    fn planes_on = planes_body(
        s: Sizes, a: &[f32], b: &[f32], g: &[f32], c: &mut [f32], d: &mut [f32])
}

#[test]
fn products_of_planes_are_fused_sums_in_order() {
    let rows = if cfg!(miri) { vec![1, 13, 14] } else { (1..=25).collect() };
    for (rows, k, columns) in rows
        .into_iter()
        .flat_map(|r| [(8, 16), (16, 24), (24, 48), (24, 56)].map(|(k, c)| (r, k, c)))
    {
        let (a, b, g) = (numbers(rows * k, 1), numbers(k * columns, 2), numbers(rows * columns, 3));
        let sum = |n: usize, start: f32, term: &dyn Fn(usize) -> (f32, f32)| {
            (0..n).map(term).fold(start, |sum, (x, y)| x.mul_add(y, sum))
        };
        let twin: Vec<f32> = (0..rows * columns)
            .map(|i| sum(k, 0.0, &|j| (a[i / columns * k + j], b[j * columns + i % columns])))
            .collect();
        let correlated: Vec<f32> = (0..k * columns)
            .map(|i| sum(rows, 0.5, &|t| (a[t * k + i / columns], g[t * columns + i % columns])))
            .collect();
        for isa in Isa::tested() {
            let (mut c, mut d) = (vec![0.0; rows * columns], vec![0.5; k * columns]);
            let s = Sizes { rows, k, columns, planes: 2, plane: 1 };
            planes_on(isa, s, &a, &b, &g, &mut c, &mut d);
            assert_eq!(c, twin, "{rows} {k} {columns} {isa:?}");
            assert_eq!(d, correlated, "{rows} {k} {columns} {isa:?}");
        }
    }
}

/// Results of all kernels of `norm.rs` and of AdamW on one instruction set.
fn rest(isa: Isa, p: Plane) -> Vec<Vec<f32>> {
    let c = p.channels;
    let y: Vec<f32> = numbers(p.len(), 1).iter().map(|v| v.max(0.0)).collect();
    let dz = numbers(p.read().len(), 2);
    let sign: Vec<f32> = (0..c).map(|i| if i % 3 == 0 { -1.0 } else { 1.0 }).collect();
    let n = Norm { sign, factors: numbers(3 * c, 3), mean: numbers(c, 4), ..Norm::default() };
    let (mut pooled, mut stats, mut back) =
        (vec![0.0; p.read().len()], vec![0.0; 2 * c], vec![0.0; 2 * c]);
    let (mut g, mut sum, mut z) = (vec![0.0; p.len()], vec![0.0; c], vec![0.0; p.len()]);
    if p.pool {
        norm::pool(isa, p, &y, &n.sign, &mut pooled);
    }
    norm::statistics(isa, p, &y, &mut stats);
    norm::normalise(isa, Plane { pool: false, ..p }, &y, &n.factors, &n.mean, &mut z, p.width * c);
    let seen = if p.pool { &pooled } else { &y };
    norm::backward_statistics(isa, p.read(), seen, &dz, p.read().width * c, &n.mean, &mut back);
    norm::backward(isa, p, &y, &dz, p.read().width * c, &n, &mut g, p.width * c, &mut sum);
    let (keep, step, correction) = (0.99999, 0.0037, 0.055);
    let rates = Rates { keep, beta1: 0.9, beta2: 0.999, step, correction, epsilon: 1e-8 };
    let (mut parameters, mut m, mut v) = (numbers(72, 5), numbers(72, 6), stats[..8].repeat(9));
    update::adamw(isa, rates, &mut parameters, &mut m, &mut v, &numbers(72, 7));
    vec![pooled, stats, z, back, g, sum, parameters, m, v]
}

#[test]
fn what_lies_between_convolutions_is_its_twin() {
    for pool in [false, true] {
        let p = Plane { height: 11, width: 13, channels: 24, pool };
        let got = rest(Isa::Portable, p);
        for isa in Isa::tested() {
            assert_eq!(got, rest(isa, p), "{isa:?}");
        }
        let c = p.channels;
        let y: Vec<f32> = numbers(p.len(), 1).iter().map(|v| v.max(0.0)).collect();
        let (dz, f) = (numbers(p.read().len(), 2), numbers(3 * c, 3));
        for (i, &g) in got[4].iter().enumerate() {
            let (row, column, ch) = (i / (p.width * c), i / c % p.width, i % c);
            let base = f[c + ch].mul_add(y[i], f[2 * c + ch]);
            let at = |row: usize, column: usize| {
                y[(row * p.width + column) * c + ch] * if ch % 3 == 0 { -1.0 } else { 1.0 }
            };
            let (wr, wc) = (row / 3, column / 3);
            let expected = if !pool {
                f[ch].mul_add(dz[i], base)
            } else if row % 3 < 2 && column % 3 < 2 && wr < p.read().height && wc < p.read().width {
                let places =
                    [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(r, q)| (wr * 3 + r, wc * 3 + q));
                let best = places
                    .into_iter()
                    .reduce(|a, b| if at(b.0, b.1) > at(a.0, a.1) { b } else { a });
                let taken = best == Some((row, column));
                f[ch].mul_add(
                    if taken { dz[(wr * p.read().width + wc) * c + ch] } else { 0.0 },
                    base,
                )
            } else {
                base
            };
            assert_eq!(g, if y[i] > 0.0 { expected } else { 0.0 }, "{pool} {i}");
        }
        for ch in 0..c {
            let exact: f64 = got[4].iter().skip(ch).step_by(c).map(|&g| f64::from(g)).sum();
            assert!((f64::from(got[5][ch]) - exact).abs() < 1e-4);
            let exact: f64 =
                y.iter().skip(ch).step_by(c).map(|&y| f64::from(y) * f64::from(y)).sum();
            assert!((f64::from(got[1][c + ch]) - exact).abs() < 1e-4);
        }
    }
}
