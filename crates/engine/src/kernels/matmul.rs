//! Products of row-major matrices with one order of summation.

use super::Isa;
use super::dispatch::dispatch;
use super::simd::{LANES, PANEL, Simd};

/// `c[m, n] = bias[n] + a[m, k] b[k, n]`, for every output over k in order, fused; then rectified
/// if `relu`. `n` is a multiple of eight.
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
    product_on(isa, m, k, n, a, b, false, bias, c, relu);
}

/// [`product`] with `b` in [`panels`]: the same bits, and no strides where `b` is large.
pub(crate) fn product_of_panels(
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
    product_on(isa, m, k, n, a, b, true, bias, c, relu);
}

/// Writes `b` [k, n] in panels of sixteen columns, the last of eight if need be. A panel's rows lie
/// one after the other.
pub(crate) fn panels(n: usize, b: &[f32], out: &mut [f32]) {
    let k = b.len() / n;
    for (p, panel) in out.chunks_mut(k * PANEL).enumerate() {
        let wide = panel.len() / k;
        for (i, row) in panel.chunks_exact_mut(wide).enumerate() {
            row.copy_from_slice(&b[i * n + p * PANEL..][..wide]);
        }
    }
}

/// Writes the panels of the transpose of `b` [n, k].
pub(crate) fn panels_of_transpose(k: usize, b: &[f32], out: &mut [f32]) {
    for (p, panel) in out.chunks_mut(k * PANEL).enumerate() {
        let wide = panel.len() / k;
        let rows = &b[p * PANEL * k..][..wide * k];
        for (i, line) in panel.chunks_exact_mut(wide).enumerate() {
            for (t, v) in line.iter_mut().enumerate() {
                *v = rows[t * k + i];
            }
        }
    }
}

dispatch! {
    fn product_on = product_body(m: usize, k: usize, n: usize, a: &[f32], b: &[f32], panels: bool,
        bias: &[f32], c: &mut [f32], relu: bool)
}

#[inline(always)]
fn product_body<S: Simd>(
    m: usize,
    k: usize,
    n: usize,
    a: &[f32],
    b: &[f32],
    panels: bool,
    bias: &[f32],
    c: &mut [f32],
    relu: bool,
) {
    assert!(n.is_multiple_of(LANES) && a.len() >= m * k && b.len() >= k * n);
    assert!(bias.len() >= n && c.len() >= m * n);
    let (a, b, bias, c) = (a.as_ptr(), b.as_ptr(), bias.as_ptr(), c.as_mut_ptr());
    let mut col = 0;
    while col < n {
        let wide = n - col >= PANEL;
        let pitch = match (panels, wide) {
            (false, _) => n,
            (true, true) => PANEL,
            (true, false) => LANES,
        };
        // SAFETY: blocks take whole vectors of columns below n and rows below m, the sides of the
        // matrices whose lengths were compared above. A panel begins at `col * k`.
        unsafe {
            let (b, bias, c) =
                (b.add(if panels { col * k } else { col }), bias.add(col), c.add(col));
            let mut row = 0;
            while row < m {
                let (a, c) = (a.add(row * k), c.add(row * n));
                row += match (wide, S::LANES == PANEL, m - row) {
                    (true, true, 16..) => block::<S, 1, 16>(k, n, a, b, pitch, bias, c, relu),
                    (true, true, 8..) => block::<S, 1, 8>(k, n, a, b, pitch, bias, c, relu),
                    (true, true, 4..) => block::<S, 1, 4>(k, n, a, b, pitch, bias, c, relu),
                    (true, true, _) => block::<S, 1, 1>(k, n, a, b, pitch, bias, c, relu),
                    (true, false, 6..) => block::<S, 2, 6>(k, n, a, b, pitch, bias, c, relu),
                    (true, false, 4..) => block::<S, 2, 4>(k, n, a, b, pitch, bias, c, relu),
                    (true, false, 2..) => block::<S, 2, 2>(k, n, a, b, pitch, bias, c, relu),
                    (true, false, _) => block::<S, 2, 1>(k, n, a, b, pitch, bias, c, relu),
                    (false, _, 8..) => block::<S::Rest, 1, 8>(k, n, a, b, pitch, bias, c, relu),
                    (false, _, 4..) => block::<S::Rest, 1, 4>(k, n, a, b, pitch, bias, c, relu),
                    (false, _, _) => block::<S::Rest, 1, 1>(k, n, a, b, pitch, bias, c, relu),
                };
            }
        }
        col += if wide { PANEL } else { LANES };
    }
}

/// `T` rows of a product in `NV` vectors of columns. Rows of `b` are `pitch` apart.
#[inline(always)]
unsafe fn block<S: Simd, const NV: usize, const T: usize>(
    k: usize,
    n: usize,
    a: *const f32,
    b: *const f32,
    pitch: usize,
    bias: *const f32,
    c: *mut f32,
    relu: bool,
) -> usize {
    // SAFETY: the caller answers for T rows of k values in `a`, and for k rows of NV vectors in
    // `b`. It has NV vectors in `bias`, and T rows of them in `c`, which lie n apart.
    unsafe {
        let mut sum = [[S::zero(); NV]; T];
        for v in 0..NV {
            let bias = S::load(bias.add(v * S::LANES));
            for row in &mut sum {
                row[v] = bias;
            }
        }
        for i in 0..k {
            let mut w = [S::zero(); NV];
            for v in 0..NV {
                w[v] = S::load(b.add(i * pitch + v * S::LANES));
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
                r.store(c.add(t * n + v * S::LANES));
            }
        }
    }
    T
}

/// `c[k, n] += a[m, k]^T g[m, n]`, for every output over m in order, fused. `n` is a multiple of
/// eight.
pub(crate) fn add_transposed(
    isa: Isa,
    m: usize,
    k: usize,
    n: usize,
    a: &[f32],
    g: &[f32],
    c: &mut [f32],
) {
    add_rows_transposed(isa, m, k, k, n, a, g, c);
}

/// Rows of [`add_rows_transposed`] that fill sixteen registers.
pub(crate) const ROWS: usize = 6;

dispatch! {
    /// The first `rows` rows of [`add_transposed`]; rows of `a` are `k` apart.
    pub(crate) fn add_rows_transposed = transposed_body(
        m: usize, k: usize, rows: usize, n: usize, a: &[f32], g: &[f32], c: &mut [f32])
}

#[inline(always)]
fn transposed_body<S: Simd>(
    m: usize,
    k: usize,
    rows: usize,
    n: usize,
    a: &[f32],
    g: &[f32],
    c: &mut [f32],
) {
    assert!(n.is_multiple_of(LANES) && (m == 0 || a.len() >= (m - 1) * k + rows));
    assert!(rows <= k && g.len() >= m * n && c.len() >= rows * n);
    let (a, g, c) = (a.as_ptr(), g.as_ptr(), c.as_mut_ptr());
    let mut col = 0;
    while col < n {
        let left = n - col;
        // SAFETY: blocks take whole vectors of columns below n and rows of `c` below `rows`, the
        // sides of the matrices whose lengths were compared above.
        unsafe {
            let (g, c) = (g.add(col), c.add(col));
            let mut row = 0;
            while row < rows {
                let (a, c) = (a.add(row), c.add(row * n));
                row += match (left / S::LANES, rows - row) {
                    (2.., 6..) => outer::<S, 2, 6>(m, k, n, a, g, c),
                    (2.., 4..) => outer::<S, 2, 4>(m, k, n, a, g, c),
                    (2.., 2..) => outer::<S, 2, 2>(m, k, n, a, g, c),
                    (2.., _) => outer::<S, 2, 1>(m, k, n, a, g, c),
                    (1, 8..) => outer::<S, 1, 8>(m, k, n, a, g, c),
                    (1, 4..) => outer::<S, 1, 4>(m, k, n, a, g, c),
                    (1, _) => outer::<S, 1, 1>(m, k, n, a, g, c),
                    (_, 8..) => outer::<S::Rest, 1, 8>(m, k, n, a, g, c),
                    (_, _) => outer::<S::Rest, 1, 1>(m, k, n, a, g, c),
                };
            }
        }
        col += (2 * S::LANES).min(left - left % S::LANES).max(LANES);
    }
}

/// `T` rows of a transposed product in `NV` vectors of columns.
#[inline(always)]
unsafe fn outer<S: Simd, const NV: usize, const T: usize>(
    m: usize,
    k: usize,
    n: usize,
    a: *const f32,
    g: *const f32,
    c: *mut f32,
) -> usize {
    // SAFETY: the caller answers for T values of each of m rows of `a`, which lie k apart. It has m
    // rows of NV vectors in `g`, and T of them in `c`, both n apart.
    unsafe {
        let mut sum = [[S::zero(); NV]; T];
        for t in 0..T {
            for v in 0..NV {
                sum[t][v] = S::load(c.add(t * n + v * S::LANES));
            }
        }
        for i in 0..m {
            let mut w = [S::zero(); NV];
            for v in 0..NV {
                w[v] = S::load(g.add(i * n + v * S::LANES));
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
                sum[t][v].store(c.add(t * n + v * S::LANES));
            }
        }
    }
    T
}
