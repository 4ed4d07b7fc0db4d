//! Every kernel on every instruction set: the same bits as the portable one, and close to plain
//! `f64` sums.

use super::{distance, elementwise, product};
use crate::kernels::Isa;
use crate::math;
use crate::rng::Key;

/// Lengths that leave every kind of remainder.
const LENGTHS: &[usize] =
    if cfg!(miri) { &[1, 8, 11, 31] } else { &[1, 2, 7, 8, 11, 16, 31, 64, 77] };

fn uniform(n: usize, low: f32, high: f32, name: u64) -> Vec<f32> {
    let mut stream = Key::new(11, name).stream();
    (0..n).map(|_| stream.uniform(low, high)).collect()
}

/// Bits, with every NaN the same.
fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| if x.is_nan() { u32::MAX } else { x.to_bits() }).collect()
}

/// Runs `kernel` on all paths, checks that the bits agree, and returns the result.
fn same_bits(outputs: usize, mut kernel: impl FnMut(Isa, &mut [f32])) -> Vec<f32> {
    let mut portable = vec![0.0; outputs];
    kernel(Isa::Portable, &mut portable);
    for isa in Isa::tested() {
        let mut found = vec![0.0; outputs];
        kernel(isa, &mut found);
        assert_eq!(bits(&portable), bits(&found), "{isa:?}");
    }
    portable
}

#[test]
fn exp_and_ln_have_the_bits_of_the_scalars() {
    let special =
        [0.0, -0.0, 1e-40, -1.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 88.7, -103.5, 1e-45];
    for &n in LENGTHS {
        let mut values = uniform(n, -100.0, 100.0, 1);
        values.iter_mut().zip(special).skip(n % 3).for_each(|(x, s)| *x = s);
        let run = |kernel: fn(Isa, &mut [f32]), scalar: fn(f32) -> f32| {
            let found = same_bits(n, |isa, out| {
                out.copy_from_slice(&values);
                kernel(isa, out);
            });
            assert_eq!(bits(&found), bits(&values.iter().map(|&x| scalar(x)).collect::<Vec<_>>()));
        };
        run(elementwise::exp, math::exp);
        run(elementwise::ln, math::ln);
    }
}

#[test]
fn softmax_rows_sum_to_one_and_match_f64() {
    for &width in LENGTHS {
        let values = uniform(3 * width, -30.0, 30.0, 2);
        let found = same_bits(3 * width, |isa, out| {
            out.copy_from_slice(&values);
            elementwise::softmax_rows(isa, out, width);
        });
        for (found, row) in found.chunks(width).zip(values.chunks(width)) {
            let sum: f64 = row.iter().map(|&x| libm::exp(f64::from(x))).sum();
            for (p, x) in found.iter().zip(row) {
                assert!((f64::from(*p) - libm::exp(f64::from(*x)) / sum).abs() < 3e-7, "{p} {x}");
            }
        }
    }
}

#[test]
fn dots_and_distances_match_f64_within_the_stated_bound() {
    for &dim in LENGTHS {
        for rows in [1, 3, 4, 9] {
            let (a, b) = (uniform(dim, -1.0, 1.0, 3), uniform(rows * dim, -1.0, 1.0, 4));
            let dots = same_bits(rows, |isa, out| distance::dots(isa, &a, &b, out));
            let distances =
                same_bits(rows, |isa, out| distance::squared_distances(isa, &a, &b, out));
            let reversed: Vec<u32> = (0..rows as u32).rev().collect();
            let mut backwards =
                same_bits(rows, |isa, out| distance::dots_at(isa, &a, &b, &reversed, out));
            backwards.reverse();
            assert_eq!(bits(&dots), bits(&backwards));
            let mut backwards = same_bits(rows, |isa, out| {
                distance::squared_distances_at(isa, &a, &b, &reversed, out)
            });
            backwards.reverse();
            assert_eq!(bits(&distances), bits(&backwards));
            for ((row, dot), distance) in b.chunks(dim).zip(dots).zip(distances) {
                let pairs = || a.iter().zip(row).map(|(&x, &y)| (f64::from(x), f64::from(y)));
                // dim / 16 + 4 roundings, each of half an ulp of a partial sum of at most 4 dim.
                let bound = (dim as f64 / 16.0 + 4.0) * 2f64.powi(-24) * 4.0 * dim as f64;
                assert!((f64::from(dot) - pairs().map(|(x, y)| x * y).sum::<f64>()).abs() <= bound);
                assert!(
                    (f64::from(distance) - pairs().map(|(x, y)| (x - y) * (x - y)).sum::<f64>())
                        .abs()
                        <= bound
                );
            }
        }
    }
}

#[test]
fn products_are_fused_sums_in_order() {
    for (m, k, n) in [(1, 1, 1), (7, 5, 9), (6, 16, 16), (13, 20, 33), (2, 3, 64), (21, 4, 17)] {
        let (a, b) = (uniform(m * k, -1.0, 1.0, 5), uniform(k * n, -1.0, 1.0, 6));
        let transposed: Vec<f32> = (0..n * k).map(|i| b[i % k * n + i / k]).collect();
        let found = same_bits(m * n, |isa, out| product::product(isa, k, &a, &b, out));
        let rows =
            same_bits(m * n, |isa, out| product::products_of_rows(isa, k, &a, &transposed, out));
        let twin: Vec<f32> = (0..m * n)
            .map(|at| (0..k).fold(0.0, |sum, i| a[at / n * k + i].mul_add(b[i * n + at % n], sum)))
            .collect();
        assert_eq!(bits(&found), bits(&twin));
        assert_eq!(bits(&rows), bits(&twin));
    }
}

#[test]
fn sums_of_x_ln_x_match_f64() {
    let exact = |x: f64| if x == 0.0 { 0.0 } else { x * libm::log(x) };
    for &width in LENGTHS {
        let mut values = uniform(2 * width, 0.0, 1.0, 7);
        values[0] = 0.0;
        let run = |isa| {
            let mut out = [0.0; 2];
            elementwise::xlogy_sums(isa, &values, width, &mut out);
            out
        };
        let found = run(Isa::Portable);
        for isa in Isa::tested() {
            assert_eq!(found.map(f64::to_bits), run(isa).map(f64::to_bits), "{isa:?}");
        }
        for (found, row) in found.iter().zip(values.chunks(width)) {
            let truth: f64 = row.iter().map(|&x| exact(f64::from(x))).sum();
            assert!((found - truth).abs() < 1e-7 * width as f64);
        }
    }
}

#[test]
fn the_sum_over_a_product_is_that_of_the_stored_product() {
    for (m, k, n) in [(1, 1, 8), (5, 3, 16), (11, 20, 24), (25, 4, 8)] {
        let (a, b) = (uniform(m * k, 0.0, 1.0, 8), uniform(k * n, 0.0, 0.1, 9));
        let found = product::xlogy_sum_of_product(Isa::Portable, k, &a, &b);
        for isa in Isa::tested() {
            assert_eq!(
                found.to_bits(),
                product::xlogy_sum_of_product(isa, k, &a, &b).to_bits(),
                "{isa:?}"
            );
        }
        let mut stored = vec![0.0; m * n];
        product::product(Isa::Portable, k, &a, &b, &mut stored);
        let truth: f64 = stored.iter().map(|&x| f64::from(x) * libm::log(f64::from(x))).sum();
        assert!((found - truth).abs() < 1e-6 * (m * n) as f64, "{found} {truth}");
    }
}
