//! Every instruction set gives the same bits, and both are within 1e-4 of a plain twin in f64.

use crate::image::{Border, Field, Filter, Matrix, Resampler, Sampling, Shape};
use crate::kernels::Isa;
use crate::rng::Key;

const SHAPES: &[(usize, usize, usize)] = if cfg!(miri) {
    &[(1, 1, 1), (1, 9, 1), (5, 3, 1), (3, 10, 3)]
} else {
    &[
        (28, 28, 1),
        (28, 28, 3),
        (1, 1, 1),
        (1, 9, 1),
        (9, 1, 3),
        (5, 3, 1),
        (13, 40, 2),
        (64, 33, 1),
        (3, 2, 3),
    ]
};
const BORDERS: [Border; 3] = [Border::Replicate, Border::Reflect, Border::Constant(0.3)];
const SAMPLINGS: [Sampling; 2] = [Sampling::Bilinear, Sampling::Nearest];

fn shapes() -> impl Iterator<Item = Shape> {
    SHAPES.iter().map(|&(height, width, channels)| Shape { height, width, channels })
}

fn noise(n: usize, seed: u64) -> Vec<f32> {
    let mut stream = Key::new(seed, 0).stream();
    (0..n).map(|_| stream.unit()).collect()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

/// The results of `change`, which are the same on every instruction set.
fn both(image: &[f32], mut change: impl FnMut(Isa, &mut [f32])) -> Vec<f32> {
    let mut plain = image.to_vec();
    change(Isa::Portable, &mut plain);
    for isa in Isa::tested() {
        let mut found = image.to_vec();
        change(isa, &mut found);
        assert_eq!(bits(&plain), bits(&found), "{isa:?}");
    }
    plain
}

fn assert_close(got: &[f32], want: &[f64], what: &str) {
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        assert!((f64::from(*g) - w).abs() < 1e-4, "{what}: value {i} is {g}, not {w}");
    }
}

/// The value of an image at any whole place.
fn pixel(image: &[f32], s: Shape, (y, x, c): (i64, i64, usize), border: Border) -> f64 {
    let fold = |i: i64, n: usize| {
        let n = n as i64;
        match border {
            Border::Constant(_) if i < 0 || i >= n => None,
            Border::Reflect => Some(i.rem_euclid(2 * n).min(2 * n - 1 - i.rem_euclid(2 * n))),
            _ => Some(i.clamp(0, n - 1)),
        }
    };
    match (fold(y, s.height), fold(x, s.width), border) {
        (Some(y), Some(x), _) => {
            f64::from(image[(y as usize * s.width + x as usize) * s.channels + c])
        }
        (_, _, Border::Constant(k)) => f64::from(k),
        _ => unreachable!("only a constant border has no pixel"),
    }
}

/// Bilinear sampling in f64, straight from the definition.
fn twin(
    image: &[f32],
    s: Shape,
    border: Border,
    place: impl Fn(usize, usize) -> (f64, f64),
) -> Vec<f64> {
    let mut out = Vec::new();
    for i in 0..s.len() {
        let (row, column, c) = (i / s.channels / s.width, i / s.channels % s.width, i % s.channels);
        let (y, x) = place(row, column);
        let mut sum = 0.0;
        for (dy, wy) in [(0, 1.0 - y.rem_euclid(1.0)), (1, y.rem_euclid(1.0))] {
            for (dx, wx) in [(0, 1.0 - x.rem_euclid(1.0)), (1, x.rem_euclid(1.0))] {
                sum += wy
                    * wx
                    * pixel(image, s, (y.floor() as i64 + dy, x.floor() as i64 + dx, c), border);
            }
        }
        out.push(sum);
    }
    out
}

const MATRICES: [Matrix; 4] = [
    [0.866_025_4, -0.5, 0.0, 0.5, 0.866_025_4, 0.0],
    [1.3, 0.2, -2.5, 0.0, 0.7, 1.25],
    [1.0, 0.0, 400.0, 0.0, 1.0, -300.5],
    [-1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
];

#[test]
fn affine_resampling_has_one_result_and_it_is_right() {
    for s in shapes() {
        let image = noise(s.len(), 1);
        for (m, border) in MATRICES.iter().flat_map(|m| BORDERS.map(|b| (m, b))) {
            for sampling in SAMPLINGS {
                let mut resampler = Resampler::new(s);
                let got = both(&image, |isa, x| resampler.affine_on(isa, x, m, sampling, border));
                if sampling == Sampling::Bilinear {
                    let (cy, cx) = (0.5 * (s.height as f64 - 1.0), 0.5 * (s.width as f64 - 1.0));
                    let m = m.map(f64::from);
                    let want = twin(&image, s, border, |row, column| {
                        let (y, x) = (row as f64 - cy, column as f64 - cx);
                        (m[3] * x + m[4] * y + m[5] + cy, m[0] * x + m[1] * y + m[2] + cx)
                    });
                    assert_close(&got, &want, &format!("{s:?} {m:?} {border:?}"));
                }
            }
        }
    }
}

#[test]
fn displacement_has_one_result_and_it_is_right() {
    for s in shapes() {
        let image = noise(s.len(), 2);
        let (dx, dy) = (noise(s.pixels(), 3), noise(s.pixels(), 4));
        for (border, scale) in BORDERS.iter().flat_map(|b| [-3.0f32, 7.0].map(|k| (*b, k))) {
            for sampling in SAMPLINGS {
                let mut resampler = Resampler::new(s);
                let field = Field { dx: &dx, dy: &dy, scale };
                let got =
                    both(&image, |isa, x| resampler.displace_on(isa, x, field, sampling, border));
                if sampling == Sampling::Bilinear {
                    let want = twin(&image, s, border, |row, column| {
                        let (i, k) = (row * s.width + column, f64::from(scale));
                        (row as f64 + k * f64::from(dy[i]), column as f64 + k * f64::from(dx[i]))
                    });
                    assert_close(&got, &want, &format!("{s:?} {border:?} {scale}"));
                }
            }
        }
    }
}

#[test]
fn positions_that_are_not_numbers_read_the_image_and_nothing_else() {
    let s = Shape { height: 4, width: 5, channels: 1 };
    for (bad, border) in [f32::NAN, f32::INFINITY, -f32::INFINITY, 3e38]
        .into_iter()
        .flat_map(|v| BORDERS.map(|b| (v, b)))
    {
        let (dx, dy) = (vec![bad; 20], vec![-bad; 20]);
        for sampling in SAMPLINGS {
            let mut resampler = Resampler::new(s);
            let field = Field { dx: &dx, dy: &dy, scale: 1.0 };
            let got = both(&noise(20, 5), |isa, x| {
                resampler.displace_on(isa, x, field, sampling, border)
            });
            assert!(got.iter().all(|v| (0.0..=1.0).contains(v)), "{bad} {border:?} {got:?}");
        }
    }
}

#[test]
fn filtering_has_one_result_and_it_is_right() {
    for s in shapes() {
        let image = noise(s.len(), 6);
        for half in
            [&[1.0f32][..], &[0.5, 0.25], &[0.2, 0.15, 0.1, 0.08, 0.04, 0.02, 0.01], &[0.03; 17]]
        {
            let mut filter = Filter::new(s, 16);
            let got = both(&image, |isa, x| filter.separable_on(isa, x, half));
            let weight = |t: i64| f64::from(half[t.unsigned_abs() as usize]);
            let radius = half.len() as i64 - 1;
            let mut want = Vec::new();
            for i in 0..s.len() {
                let (row, column, c) =
                    (i / s.channels / s.width, i / s.channels % s.width, i % s.channels);
                let mut sum = 0.0;
                for (dy, dx) in
                    (-radius..=radius).flat_map(|dy| (-radius..=radius).map(move |dx| (dy, dx)))
                {
                    let place = (row as i64 + dy, column as i64 + dx, c);
                    sum += weight(dy) * weight(dx) * pixel(&image, s, place, Border::Replicate);
                }
                want.push(sum);
            }
            assert_close(&got, &want, &format!("{s:?} {half:?}"));
        }
    }
}
