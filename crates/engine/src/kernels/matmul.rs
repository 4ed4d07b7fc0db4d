//! Products of row-major matrices with one order of summation.

use super::simd::{LANES, Simd};
use super::{Isa, dispatch};

/// `c[m, n] = bias[n] + a[m, k] b[k, n]`, for every output over k in order, fused; then rectified if `relu`.
/// `n` is a multiple of eight.
pub(crate) fn product(
    isa: Isa,
    m: usize,
    k: usize,
    n: usize,
    a: &[f32],
    b: &[f32],
    bias: &[f32],
    c: &mut [f32],
    relu: bool,
) {
    assert!(n.is_multiple_of(LANES) && a.len() >= m * k && b.len() >= k * n && bias.len() >= n && c.len() >= m * n);
    // SAFETY: the lengths were checked.
    unsafe { product_isa(isa, m, k, n, a.as_ptr(), b.as_ptr(), bias.as_ptr(), c.as_mut_ptr(), relu) }
}

dispatch!(unsafe fn product_isa = product_body(
    m: usize, k: usize, n: usize, a: *const f32, b: *const f32, bias: *const f32, c: *mut f32, relu: bool));

#[inline(always)]
unsafe fn product_body<S: Simd>(
    m: usize,
    k: usize,
    n: usize,
    a: *const f32,
    b: *const f32,
    bias: *const f32,
    c: *mut f32,
    relu: bool,
) {
    // SAFETY: offsets stay within the checked lengths.
    unsafe {
        let mut col = 0;
        while col < n {
            let wide = n - col >= 2 * LANES;
            let (b, bias, c) = (b.add(col), bias.add(col), c.add(col));
            let mut row = 0;
            while row < m {
                let (a, c) = (a.add(row * k), c.add(row * n));
                row += match (wide, m - row) {
                    (true, 6..) => block::<S, 2, 6>(k, n, a, b, bias, c, relu),
                    (true, 4..) => block::<S, 2, 4>(k, n, a, b, bias, c, relu),
                    (true, 2..) => block::<S, 2, 2>(k, n, a, b, bias, c, relu),
                    (true, _) => block::<S, 2, 1>(k, n, a, b, bias, c, relu),
                    (false, 8..) => block::<S, 1, 8>(k, n, a, b, bias, c, relu),
                    (false, 4..) => block::<S, 1, 4>(k, n, a, b, bias, c, relu),
                    (false, _) => block::<S, 1, 1>(k, n, a, b, bias, c, relu),
                };
            }
            col += if wide { 2 * LANES } else { LANES };
        }
    }
}

#[inline(always)]
unsafe fn block<S: Simd, const NV: usize, const T: usize>(
    k: usize,
    n: usize,
    a: *const f32,
    b: *const f32,
    bias: *const f32,
    c: *mut f32,
    relu: bool,
) -> usize {
    // SAFETY: offsets stay within the checked lengths.
    unsafe {
        let mut sum = [[S::zero(); NV]; T];
        for v in 0..NV {
            let bias = S::load(bias.add(v * LANES));
            for row in &mut sum {
                row[v] = bias;
            }
        }
        for i in 0..k {
            let mut w = [S::zero(); NV];
            for v in 0..NV {
                w[v] = S::load(b.add(i * n + v * LANES));
            }
            for t in 0..T {
                let x = S::broadcast(a.add(t * k + i));
                for v in 0..NV {
                    sum[t][v] = x.fma(w[v], sum[t][v]);
                }
            }
        }
        for t in 0..T {
            for v in 0..NV {
                let r = if relu { sum[t][v].relu() } else { sum[t][v] };
                r.store(c.add(t * n + v * LANES));
            }
        }
    }
    T
}

/// `c[k, n] += a[m, k]^T g[m, n]`, for every output over m in order, fused. `n` is a multiple of eight.
pub(crate) fn add_transposed(isa: Isa, m: usize, k: usize, n: usize, a: &[f32], g: &[f32], c: &mut [f32]) {
    assert!(n.is_multiple_of(LANES) && a.len() >= m * k && g.len() >= m * n && c.len() >= k * n);
    // SAFETY: the lengths were checked.
    unsafe { transposed_isa(isa, m, k, n, a.as_ptr(), g.as_ptr(), c.as_mut_ptr()) }
}

dispatch!(unsafe fn transposed_isa = transposed_body(
    m: usize, k: usize, n: usize, a: *const f32, g: *const f32, c: *mut f32));

#[inline(always)]
unsafe fn transposed_body<S: Simd>(m: usize, k: usize, n: usize, a: *const f32, g: *const f32, c: *mut f32) {
    // SAFETY: offsets stay within the checked lengths.
    unsafe {
        let mut col = 0;
        while col < n {
            let wide = n - col >= 2 * LANES;
            let (g, c) = (g.add(col), c.add(col));
            let mut row = 0;
            while row < k {
                let (a, c) = (a.add(row), c.add(row * n));
                row += match (wide, k - row) {
                    (true, 6..) => outer::<S, 2, 6>(m, k, n, a, g, c),
                    (true, 4..) => outer::<S, 2, 4>(m, k, n, a, g, c),
                    (true, 2..) => outer::<S, 2, 2>(m, k, n, a, g, c),
                    (true, _) => outer::<S, 2, 1>(m, k, n, a, g, c),
                    (false, 8..) => outer::<S, 1, 8>(m, k, n, a, g, c),
                    (false, _) => outer::<S, 1, 1>(m, k, n, a, g, c),
                };
            }
            col += if wide { 2 * LANES } else { LANES };
        }
    }
}

#[inline(always)]
unsafe fn outer<S: Simd, const NV: usize, const T: usize>(
    m: usize,
    k: usize,
    n: usize,
    a: *const f32,
    g: *const f32,
    c: *mut f32,
) -> usize {
    // SAFETY: offsets stay within the checked lengths.
    unsafe {
        let mut sum = [[S::zero(); NV]; T];
        for t in 0..T {
            for v in 0..NV {
                sum[t][v] = S::load(c.add(t * n + v * LANES));
            }
        }
        for i in 0..m {
            let mut w = [S::zero(); NV];
            for v in 0..NV {
                w[v] = S::load(g.add(i * n + v * LANES));
            }
            for t in 0..T {
                let x = S::broadcast(a.add(i * k + t));
                for v in 0..NV {
                    sum[t][v] = x.fma(w[v], sum[t][v]);
                }
            }
        }
        for t in 0..T {
            for v in 0..NV {
                sum[t][v].store(c.add(t * n + v * LANES));
            }
        }
    }
    T
}
