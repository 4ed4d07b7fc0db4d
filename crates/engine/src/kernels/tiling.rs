//! Winograd's minimal filters F(m x m, 3x3) (Lavin and Gray 2015, arXiv 1509.09308) as
//! one-dimensional transforms.
//!
//! With d an input of m + 2 values, w three weights and y the m outputs: `y = A^T ((G w) (B^T d))`.
//! Backward: `dw = G^T ((B^T d) (A dy))` and `dd = B ((G w) (A dy))`. Arrays hold six values; a
//! smaller filter uses the first few.

use super::simd::Simd;

/// One filter's six transforms.
pub(crate) trait Tiling {
    /// Outputs in a row of a tile.
    const OUT: usize;
    /// Inputs in a row of a tile.
    const IN: usize;
    /// Rows of each transform that are made together: they share inputs, and two rows of a tile fit
    /// the registers.
    const INPUT: [[usize; 2]; 3];
    /// As [`Self::INPUT`].
    const OUTPUT: [[usize; 2]; 2];
    /// As [`Self::INPUT`].
    const GRADIENT: [[usize; 2]; 3];
    /// As [`Self::INPUT`].
    const SPREAD: [[usize; 2]; 3];
    /// `B^T d`
    fn input<S: Simd>(d: [S; 6]) -> [S; 6];
    /// `A^T m`
    fn output<S: Simd>(m: [S; 6]) -> [S; 6];
    /// `A g`
    fn gradient<S: Simd>(g: [S; 6]) -> [S; 6];
    /// `B v`
    fn spread<S: Simd>(v: [S; 6]) -> [S; 6];
    /// `G w`
    fn weights<S: Simd>(w: [S; 3]) -> [S; 6];
    /// `G^T u`
    fn gather<S: Simd>(u: [S; 6]) -> [S; 3];
}

/// Transforms a tile by `$f`, down its columns and then along its rows, the rows of one of `$parts`
/// at a time.
///
/// `$load` is a column and `$store` takes a row. It is a macro because a closure would not be
/// compiled for the instruction set at hand.
macro_rules! transform {
    ($s:ty, $f:path, $parts:expr; $($part:literal)*, $across:expr,
        |$j:ident| $load:expr, |$i:ident, $d:ident| $store:expr) => {
        $({
            let [a, b]: [usize; 2] = $parts[$part];
            let (mut half_a, mut half_b) = ([<$s>::zero(); 6], [<$s>::zero(); 6]);
            for $j in 0..$across {
                let column = $f($load);
                half_a[$j] = column[a];
                half_b[$j] = column[b];
            }
            let ($i, $d) = (a, $f(half_a));
            $store
            if a != b {
                let ($i, $d) = (b, $f(half_b));
                $store
            }
        })*
    };
}
pub(super) use transform;

#[inline(always)]
fn k<S: Simd>(x: f32) -> S {
    S::splat(x)
}

/// F(4x4, 3x3) at the points 0, 1, -1, 2, -2 and infinity.
pub(crate) struct Four;

impl Tiling for Four {
    const OUT: usize = 4;
    const IN: usize = 6;
    const INPUT: [[usize; 2]; 3] = [[1, 2], [3, 4], [0, 5]];
    const OUTPUT: [[usize; 2]; 2] = [[0, 2], [1, 3]];
    const GRADIENT: [[usize; 2]; 3] = [[1, 2], [3, 4], [0, 5]];
    const SPREAD: [[usize; 2]; 3] = [[2, 4], [1, 3], [0, 5]];

    #[inline(always)]
    fn input<S: Simd>(d: [S; 6]) -> [S; 6] {
        let even = k::<S>(-4.0).fma(d[2], d[4]);
        let odd = k::<S>(-4.0).fma(d[1], d[3]);
        let (even2, odd2) = (d[4].sub(d[2]), d[3].sub(d[1]));
        [
            k::<S>(4.0).fma(d[0], k::<S>(-5.0).fma(d[2], d[4])),
            even.add(odd),
            even.sub(odd),
            k::<S>(2.0).fma(odd2, even2),
            k::<S>(-2.0).fma(odd2, even2),
            k::<S>(4.0).fma(d[1], k::<S>(-5.0).fma(d[3], d[5])),
        ]
    }

    #[inline(always)]
    fn output<S: Simd>(m: [S; 6]) -> [S; 6] {
        let (a, b) = (m[1].add(m[2]), m[1].sub(m[2]));
        let (c, d) = (m[3].add(m[4]), m[3].sub(m[4]));
        [
            m[0].add(a).add(c),
            k::<S>(2.0).fma(d, b),
            k::<S>(4.0).fma(c, a),
            k::<S>(8.0).fma(d, b).add(m[5]),
            S::zero(),
            S::zero(),
        ]
    }

    #[inline(always)]
    fn gradient<S: Simd>(g: [S; 6]) -> [S; 6] {
        let (a, b) = (g[0].add(g[2]), g[1].add(g[3]));
        let c = k::<S>(4.0).fma(g[2], g[0]);
        let d = k::<S>(8.0).fma(g[3], g[1].add(g[1]));
        [g[0], a.add(b), a.sub(b), c.add(d), c.sub(d), g[3]]
    }

    #[inline(always)]
    fn spread<S: Simd>(v: [S; 6]) -> [S; 6] {
        let (a, b) = (v[1].add(v[2]), v[1].sub(v[2]));
        let (c, d) = (v[3].add(v[4]), v[3].sub(v[4]));
        [
            k::<S>(4.0).mul(v[0]),
            k::<S>(-2.0).fma(d, k::<S>(4.0).mul(v[5].sub(b))),
            k::<S>(-5.0).fma(v[0], k::<S>(-4.0).fma(a, S::zero().sub(c))),
            k::<S>(-5.0).fma(v[5], k::<S>(2.0).fma(d, b)),
            v[0].add(a).add(c),
            v[5],
        ]
    }

    #[inline(always)]
    fn weights<S: Simd>(w: [S; 3]) -> [S; 6] {
        let outer = w[0].add(w[2]).mul(k(-1.0 / 6.0));
        let wide = k::<S>(1.0 / 6.0).fma(w[2], w[0].mul(k(1.0 / 24.0)));
        let (one, half) = (w[1].mul(k(1.0 / 6.0)), w[1].mul(k(1.0 / 12.0)));
        [w[0].mul(k(0.25)), outer.sub(one), outer.add(one), wide.add(half), wide.sub(half), w[2]]
    }

    #[inline(always)]
    fn gather<S: Simd>(u: [S; 6]) -> [S; 3] {
        let (a, b) = (u[1].add(u[2]), u[2].sub(u[1]));
        let (c, d) = (u[3].add(u[4]), u[3].sub(u[4]));
        let sixth = k::<S>(1.0 / 6.0);
        [
            k::<S>(0.25).fma(u[0], k::<S>(1.0 / 24.0).fma(c, k::<S>(-1.0 / 6.0).mul(a))),
            k::<S>(1.0 / 12.0).fma(d, sixth.mul(b)),
            sixth.fma(c.sub(a), u[5]),
        ]
    }
}

/// F(3x3, 3x3) at the points 0, 1, -1, 2 and infinity: it tiles images of 9x9 and 3x3 without rest.
pub(crate) struct Three;

impl Tiling for Three {
    const OUT: usize = 3;
    const IN: usize = 5;
    const INPUT: [[usize; 2]; 3] = [[1, 2], [0, 3], [4, 4]];
    const OUTPUT: [[usize; 2]; 2] = [[0, 2], [1, 1]];
    const GRADIENT: [[usize; 2]; 3] = [[1, 2], [0, 3], [4, 4]];
    const SPREAD: [[usize; 2]; 3] = [[1, 2], [0, 3], [4, 4]];

    #[inline(always)]
    fn input<S: Simd>(d: [S; 6]) -> [S; 6] {
        let odd = d[3].sub(d[1]);
        [
            k::<S>(2.0).fma(d[0].sub(d[2]), odd),
            k::<S>(-2.0).fma(d[1], d[3].sub(d[2])),
            k::<S>(2.0).fma(d[1], k::<S>(-3.0).fma(d[2], d[3])),
            odd,
            k::<S>(-2.0).fma(odd, d[4].sub(d[2])),
            S::zero(),
        ]
    }

    #[inline(always)]
    fn output<S: Simd>(m: [S; 6]) -> [S; 6] {
        let (a, b) = (m[1].add(m[2]), m[1].sub(m[2]));
        [
            m[0].add(a).add(m[3]),
            k::<S>(2.0).fma(m[3], b),
            k::<S>(4.0).fma(m[3], a).add(m[4]),
            S::zero(),
            S::zero(),
            S::zero(),
        ]
    }

    #[inline(always)]
    fn gradient<S: Simd>(g: [S; 6]) -> [S; 6] {
        let outer = g[0].add(g[2]);
        let wide = k::<S>(4.0).fma(g[2], g[0]);
        [g[0], outer.add(g[1]), outer.sub(g[1]), k::<S>(2.0).fma(g[1], wide), g[2], S::zero()]
    }

    #[inline(always)]
    fn spread<S: Simd>(v: [S; 6]) -> [S; 6] {
        let (sum, difference) = (v[1].add(v[2]), v[2].sub(v[1]));
        [
            v[0].add(v[0]),
            k::<S>(2.0).fma(difference.add(v[4]), S::zero().sub(v[0].add(v[3]))),
            k::<S>(-2.0).fma(v[0].add(v[2]), S::zero().sub(sum.add(v[4]))),
            k::<S>(-2.0).fma(v[4], v[0].add(sum).add(v[3])),
            v[4],
            S::zero(),
        ]
    }

    #[inline(always)]
    fn weights<S: Simd>(w: [S; 3]) -> [S; 6] {
        let outer = w[0].add(w[2]);
        let wide = k::<S>(2.0 / 3.0).fma(w[2], k::<S>(1.0 / 3.0).fma(w[1], w[0].mul(k(1.0 / 6.0))));
        [
            w[0].mul(k(0.5)),
            outer.add(w[1]).mul(k(-0.5)),
            w[1].sub(outer).mul(k(1.0 / 6.0)),
            wide,
            w[2],
            S::zero(),
        ]
    }

    #[inline(always)]
    fn gather<S: Simd>(u: [S; 6]) -> [S; 3] {
        let (half, sixth) = (k::<S>(-0.5).mul(u[1]), k::<S>(1.0 / 6.0).mul(u[2]));
        let (plus, minus) = (half.add(sixth), half.sub(sixth));
        [
            k::<S>(0.5).fma(u[0], k::<S>(1.0 / 6.0).fma(u[3], minus)),
            k::<S>(1.0 / 3.0).fma(u[3], plus),
            k::<S>(2.0 / 3.0).fma(u[3], minus).add(u[4]),
        ]
    }
}

/// F(2x2, 3x3) at the points 0, 1, -1 and infinity: one tile is one pooling window.
pub(crate) struct Two;

impl Tiling for Two {
    const OUT: usize = 2;
    const IN: usize = 4;
    const INPUT: [[usize; 2]; 3] = [[0, 1], [2, 3], [0, 0]];
    const OUTPUT: [[usize; 2]; 2] = [[0, 1], [0, 0]];
    const GRADIENT: [[usize; 2]; 3] = [[0, 1], [2, 3], [0, 0]];
    const SPREAD: [[usize; 2]; 3] = [[0, 1], [2, 3], [0, 0]];

    #[inline(always)]
    fn input<S: Simd>(d: [S; 6]) -> [S; 6] {
        [d[0].sub(d[2]), d[1].add(d[2]), d[2].sub(d[1]), d[1].sub(d[3]), S::zero(), S::zero()]
    }

    #[inline(always)]
    fn output<S: Simd>(m: [S; 6]) -> [S; 6] {
        let zero = S::zero();
        [m[0].add(m[1]).add(m[2]), m[1].sub(m[2]).sub(m[3]), zero, zero, zero, zero]
    }

    #[inline(always)]
    fn gradient<S: Simd>(g: [S; 6]) -> [S; 6] {
        let zero = S::zero();
        [g[0], g[0].add(g[1]), g[0].sub(g[1]), zero.sub(g[1]), zero, zero]
    }

    #[inline(always)]
    fn spread<S: Simd>(v: [S; 6]) -> [S; 6] {
        let (sum, zero) = (v[1].add(v[2]), S::zero());
        [v[0], v[1].sub(v[2]).add(v[3]), sum.sub(v[0]), zero.sub(v[3]), zero, zero]
    }

    #[inline(always)]
    fn weights<S: Simd>(w: [S; 3]) -> [S; 6] {
        let outer = w[0].add(w[2]);
        let half = k::<S>(0.5);
        [w[0], outer.add(w[1]).mul(half), outer.sub(w[1]).mul(half), w[2], S::zero(), S::zero()]
    }

    #[inline(always)]
    fn gather<S: Simd>(u: [S; 6]) -> [S; 3] {
        let (sum, difference) = (u[1].add(u[2]), u[1].sub(u[2]));
        let half = k::<S>(0.5);
        [half.fma(sum, u[0]), half.mul(difference), half.fma(sum, u[3])]
    }
}
