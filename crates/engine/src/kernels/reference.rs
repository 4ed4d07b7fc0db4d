//! Plain twins of the kernels: one value at a time, no blocks, no cells, no dispatch.
//!
//! For each output they do the same operations in the same order. `parity.rs` holds the kernels to
//! them bit by bit, and them to exact arithmetic.

use super::direct::ConvShape;
use super::simd::Simd;
use super::tiling::Tiling;

/// One value in the place of a vector.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Plain(pub(crate) f32);

impl Simd for Plain {
    const LANES: usize = 1;
    const ROWS: [usize; 2] = [1, 1];
    type Rest = Self;

    fn splat(x: f32) -> Self {
        Self(x)
    }
    unsafe fn load(p: *const f32) -> Self {
        // SAFETY: the caller answers for LANES = 1 value.
        Self(unsafe { *p })
    }
    unsafe fn store(self, p: *mut f32) {
        // SAFETY: the caller answers for LANES = 1 value.
        unsafe { *p = self.0 }
    }
    fn fma(self, b: Self, c: Self) -> Self {
        Self(self.0.mul_add(b.0, c.0))
    }
    fn add(self, b: Self) -> Self {
        Self(self.0 + b.0)
    }
    fn sub(self, b: Self) -> Self {
        Self(self.0 - b.0)
    }
    fn mul(self, b: Self) -> Self {
        Self(self.0 * b.0)
    }
    fn div(self, b: Self) -> Self {
        Self(self.0 / b.0)
    }
    fn sqrt(self) -> Self {
        Self(self.0.sqrt())
    }
    fn max(self, b: Self) -> Self {
        if self.0 > b.0 { self } else { b }
    }
    fn pick_greater(self, b: Self, yes: Self, no: Self) -> Self {
        if self.0 > b.0 { yes } else { no }
    }
}

/// Pixel (row, column) of channel `c` of an [h, w, channels] image. Outside, from -1 on, it is
/// zero.
pub(crate) fn pixel(
    s: ConvShape,
    channels: usize,
    x: &[f32],
    row: isize,
    column: isize,
    c: usize,
) -> f32 {
    if row < 0 || column < 0 || row >= s.height as isize || column >= s.width as isize {
        return 0.0;
    }
    x[(row as usize * s.width + column as usize) * channels + c]
}

/// Direct convolution before rectification: bias, then taps, then channels.
pub(crate) fn direct(s: ConvShape, x: &[f32], w: &[f32], bias: &[f32]) -> Vec<f32> {
    let mut y = Vec::new();
    for (row, column) in
        (0..s.height).flat_map(|r| (0..s.width).map(move |c| (r as isize, c as isize)))
    {
        for co in 0..s.cout {
            let mut sum = bias[co];
            for tap in 0..9 {
                for ci in 0..s.cin {
                    let x = pixel(
                        s,
                        s.cin,
                        x,
                        row + tap as isize / 3 - 1,
                        column + tap as isize % 3 - 1,
                        ci,
                    );
                    sum = x.mul_add(w[(tap * s.cin + ci) * s.cout + co], sum);
                }
            }
            y.push(sum);
        }
    }
    y
}

/// What one image adds to the parts of the first layer's gradient, pixels in order: [3, 9 cin + 1,
/// cout].
pub(crate) fn first_sums(s: ConvShape, x: &[f32], y: &[f32], dz: &[f32]) -> Vec<f32> {
    let mut out = Vec::new();
    for (part, input, co) in (0..3)
        .flat_map(|p| (0..9 * s.cin + 1).flat_map(move |i| (0..s.cout).map(move |c| (p, i, c))))
    {
        let (tap, ci, mut total) = (input / s.cin, input % s.cin, 0.0f32);
        for row in 0..s.height as isize {
            let mut sum = 0.0f32;
            for column in 0..s.width as isize {
                let y = pixel(s, s.cout, y, row, column, co);
                let on = |v: f32| if y > 0.0 { v } else { 0.0 };
                let term = [on(pixel(s, s.cout, dz, row, column, co)), y, on(1.0)][part];
                let (r, c) = (row + tap as isize / 3 - 1, column + tap as isize % 3 - 1);
                sum = if tap == 9 {
                    sum + term
                } else {
                    pixel(s, s.cin, x, r, c, ci).mul_add(term, sum)
                };
            }
            total += sum;
        }
        out.push(total);
    }
    out
}

type Tile = [[f32; 6]; 6];
type Transform = fn([Plain; 6]) -> [Plain; 6];

/// Columns first, then rows.
fn both(t: Tile, f: Transform) -> Tile {
    let mut half = [[0.0; 6]; 6];
    for j in 0..6 {
        let column = f(std::array::from_fn(|i| Plain(t[i][j])));
        (0..6).for_each(|i| half[i][j] = column[i].0);
    }
    half.map(|row| f(row.map(Plain)).map(|v| v.0))
}

fn weights<T: Tiling>(s: ConvShape, w: &[f32], ci: usize, co: usize) -> Tile {
    let mut half = [[0.0; 3]; 6];
    let at = |tap: usize| Plain(w[(tap * s.cin + ci) * s.cout + co]);
    for j in 0..3 {
        let column = T::weights([at(j), at(3 + j), at(6 + j)]);
        (0..6).for_each(|i| half[i][j] = column[i].0);
    }
    half.map(|row| T::weights(row.map(Plain)).map(|v| v.0))
}

/// The input tile whose first output is (row, column).
fn input<T: Tiling>(s: ConvShape, x: &[f32], row: usize, column: usize, ci: usize) -> Tile {
    let mut tile = [[0.0; 6]; 6];
    for (i, j) in (0..T::IN).flat_map(|i| (0..T::IN).map(move |j| (i, j))) {
        tile[i][j] = pixel(s, s.cin, x, (row + i) as isize - 1, (column + j) as isize - 1, ci);
    }
    both(tile, T::input)
}

/// One tile of a Winograd convolution before rectification: T::OUT x T::OUT values.
pub(crate) fn winograd<T: Tiling>(
    s: ConvShape,
    x: &[f32],
    w: &[f32],
    bias: f32,
    row: usize,
    column: usize,
    co: usize,
) -> Tile {
    let mut m = [[0.0f32; 6]; 6];
    for ci in 0..s.cin {
        let (v, u) = (input::<T>(s, x, row, column, ci), weights::<T>(s, w, ci, co));
        for (i, j) in (0..T::IN).flat_map(|i| (0..T::IN).map(move |j| (i, j))) {
            m[i][j] = v[i][j].mul_add(u[i][j], m[i][j]);
        }
    }
    both(m, T::output).map(|row| row.map(|v| v + bias))
}

fn gradient<T: Tiling>(s: ConvShape, g: &[f32], row: usize, column: usize, co: usize) -> Tile {
    let mut tile = [[0.0; 6]; 6];
    for (i, j) in (0..T::OUT).flat_map(|i| (0..T::OUT).map(move |j| (i, j))) {
        tile[i][j] = pixel(s, s.cout, g, (row + i) as isize, (column + j) as isize, co);
    }
    both(tile, T::gradient)
}

/// First pixels of all tiles.
fn tiles<T: Tiling>(s: ConvShape) -> impl Iterator<Item = (usize, usize)> {
    let across = s.width.div_ceil(T::OUT);
    (0..s.height.div_ceil(T::OUT))
        .flat_map(move |r| (0..across).map(move |c| (r * T::OUT, c * T::OUT)))
}

/// Winograd's gradient of the weights over some images.
pub(crate) fn winograd_weights<T: Tiling>(
    s: ConvShape,
    images: &[(Vec<f32>, Vec<f32>)],
) -> Vec<f32> {
    let mut dw = vec![0.0; 9 * s.cin * s.cout];
    for (ci, co) in (0..s.cin).flat_map(|ci| (0..s.cout).map(move |co| (ci, co))) {
        let mut u = [[0.0f32; 6]; 6];
        for ((x, g), (row, column)) in
            images.iter().flat_map(|image| tiles::<T>(s).map(move |t| (image, t)))
        {
            let (v, m) = (input::<T>(s, x, row, column, ci), gradient::<T>(s, g, row, column, co));
            for (i, j) in (0..T::IN).flat_map(|i| (0..T::IN).map(move |j| (i, j))) {
                u[i][j] = v[i][j].mul_add(m[i][j], u[i][j]);
            }
        }
        let mut half = [[0.0; 6]; 3];
        for j in 0..T::IN {
            let column = T::gather(std::array::from_fn(|i| Plain(u[i][j])));
            (0..3).for_each(|i| half[i][j] = column[i].0);
        }
        for (i, row) in half.iter().enumerate() {
            for (j, v) in T::gather(row.map(Plain)).iter().enumerate() {
                dw[((i * 3 + j) * s.cin + ci) * s.cout + co] = v.0;
            }
        }
    }
    dw
}

/// Winograd's gradient of one input image.
pub(crate) fn winograd_inputs<T: Tiling>(s: ConvShape, w: &[f32], g: &[f32]) -> Vec<f32> {
    let (high, wide) =
        (s.height.div_ceil(T::OUT) * T::OUT + 2, s.width.div_ceil(T::OUT) * T::OUT + 2);
    let mut dx = vec![0.0; s.pixels() * s.cin];
    for ci in 0..s.cin {
        let mut plane: Vec<Option<f32>> = vec![None; high * wide];
        for (row, column) in tiles::<T>(s) {
            let mut v = [[0.0f32; 6]; 6];
            for co in 0..s.cout {
                let (m, u) = (gradient::<T>(s, g, row, column, co), weights::<T>(s, w, ci, co));
                for (i, j) in (0..T::IN).flat_map(|i| (0..T::IN).map(move |j| (i, j))) {
                    v[i][j] = m[i][j].mul_add(u[i][j], v[i][j]);
                }
            }
            let v = both(v, T::spread);
            for (i, j) in (0..T::IN).flat_map(|i| (0..T::IN).map(move |j| (i, j))) {
                let at = &mut plane[(row + i) * wide + column + j];
                *at = Some(at.map_or(v[i][j], |sum| sum + v[i][j]));
            }
        }
        for (row, column) in (0..s.height).flat_map(|r| (0..s.width).map(move |c| (r, c))) {
            dx[(row * s.width + column) * s.cin + ci] =
                plane[(row + 1) * wide + column + 1].unwrap_or(0.0);
        }
    }
    dx
}
