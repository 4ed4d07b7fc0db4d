//! Student's t, the normal and the chi-square distribution.

use std::f64::consts::SQRT_2;

/// Iterations after which a continued fraction or series has long converged.
const ITERATIONS: usize = 1000;
const TINY: f64 = 1e-300;

/// P(|T| >= |t|) for Student's t with `df` degrees of freedom.
///
/// With x = df / (df + t²) it is the regularised incomplete beta function I_x(df/2, 1/2).
pub fn student_two_sided(t: f64, df: f64) -> f64 {
    if t.is_nan() {
        return f64::NAN;
    }
    if t.is_infinite() {
        return 0.0;
    }
    incomplete_beta(df / 2.0, 0.5, df / (df + t * t))
}

/// The t with P(T <= t) = `p` for `df` degrees of freedom.
///
/// # Panics
/// If `p` is outside (0, 1) or `df` is not positive.
pub fn student_quantile(p: f64, df: f64) -> f64 {
    assert!(
        p > 0.0 && p < 1.0 && df > 0.0,
        "a quantile needs 0 < p < 1 and positive degrees of freedom"
    );
    if p < 0.5 {
        return -student_quantile(1.0 - p, df);
    }
    let tail = 2.0 * (1.0 - p);
    let (mut low, mut high) = (0.0, 1.0);
    while student_two_sided(high, df) > tail {
        (low, high) = (high, high * 2.0);
    }
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if student_two_sided(middle, df) > tail { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// P(Z >= z) of the standard normal distribution.
pub fn normal_upper(z: f64) -> f64 {
    0.5 * libm::erfc(z / SQRT_2)
}

/// P(X >= x) of the chi-square distribution with `df` degrees of freedom.
pub fn chi_square_upper(x: f64, df: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    upper_gamma(df / 2.0, x / 2.0)
}

/// Regularised incomplete beta function I_x(a, b), by Lentz's continued fraction (Numerical
/// Recipes, section 6.4; DLMF 8.17.22).
fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let ln_front = libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b)
        + a * libm::log(x)
        + b * libm::log1p(-x);
    let front = libm::exp(ln_front);
    if x < (a + 1.0) / (a + b + 2.0) {
        front * beta_fraction(a, b, x) / a
    } else {
        1.0 - front * beta_fraction(b, a, 1.0 - x) / b
    }
}

fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    let nonzero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / nonzero(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for m in 1..ITERATIONS {
        let m = m as f64;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / nonzero(1.0 + even * d);
        c = nonzero(1.0 + even / c);
        fraction *= c * d;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / nonzero(1.0 + odd * d);
        c = nonzero(1.0 + odd / c);
        let step = c * d;
        fraction *= step;
        if (step - 1.0).abs() < 1e-16 {
            break;
        }
    }
    fraction
}

/// Regularised upper incomplete gamma function Q(a, x): the series below a + 1, the continued
/// fraction above (DLMF 8.9.2, 8.11.4).
fn upper_gamma(a: f64, x: f64) -> f64 {
    let front = libm::exp(a * libm::log(x) - x - libm::lgamma(a));
    if x < a + 1.0 {
        let (mut term, mut sum) = (1.0 / a, 1.0 / a);
        for n in 1..ITERATIONS {
            term *= x / (a + n as f64);
            sum += term;
            if term < sum * 1e-17 {
                break;
            }
        }
        return 1.0 - front * sum;
    }
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / b;
    let mut fraction = d;
    for n in 1..ITERATIONS {
        let n = n as f64;
        let factor = -n * (n - a);
        b += 2.0;
        d = 1.0 / (factor * d + b);
        c = b + factor / c;
        let step = c * d;
        fraction *= step;
        if (step - 1.0).abs() < 1e-16 {
            break;
        }
    }
    front * fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close(ours: f64, theirs: f64) {
        assert!((ours - theirs).abs() <= 1e-12 * theirs.abs().max(1e-3), "{ours} is not {theirs}");
    }

    // from scipy import stats
    // for t, df in [(0.5, 1), (2.776, 4), (4.5, 19), (12.0, 4), (1.96, 1000)]: print(repr(2 *
    // stats.t.sf(t, df)))
    #[test]
    fn the_t_distribution_s_tails_are_scipy_s() {
        let cases = [
            (0.5, 1.0, 0.7048327646991335),
            (2.776, 4.0, 0.05002277831997642),
            (4.5, 19.0, 0.0002451845115841997),
            (12.0, 4.0, 0.000276428548502973),
            (1.96, 1000.0, 0.050273184955748736),
        ];
        for (t, df, p) in cases {
            assert_close(student_two_sided(t, df), p);
            assert_close(student_two_sided(-t, df), p);
        }
    }

    // for p, df in [(0.975, 1), (0.975, 4), (0.975, 19), (0.8, 4), (0.975, 1e6), (0.025, 7)]:
    // print(repr(stats.t.ppf(p, df)))
    #[test]
    fn the_t_distribution_s_quantiles_are_scipy_s() {
        let cases = [
            (0.975, 1.0, 12.706204736174694),
            (0.975, 4.0, 2.7764451051977934),
            (0.975, 19.0, 2.0930240544083087),
            (0.8, 4.0, 0.9409645772351816),
            (0.975, 1000000.0, 1.959966356814107),
            (0.025, 7.0, -2.3646242515927844),
        ];
        for (p, df, t) in cases {
            assert!(
                (student_quantile(p, df) - t).abs() < 1e-9 * t.abs(),
                "{p} {df}: {} is not {t}",
                student_quantile(p, df)
            );
        }
    }

    // for x, df in [(0.3, 1), (3.84, 1), (9.0, 3), (40.0, 10)]: print(repr(stats.chi2.sf(x, df)))
    // for z in [-1.0, 0.0, 1.96, 5.0]: print(repr(stats.norm.sf(z)))
    #[test]
    fn chi_square_and_normal_tails_are_scipy_s() {
        let chi = [
            (0.3, 1.0, 0.583882420770365),
            (3.84, 1.0, 0.05004352124870519),
            (9.0, 3.0, 0.02929088653488826),
            (40.0, 10.0, 1.694474393006737e-05),
        ];
        for (x, df, p) in chi {
            assert_close(chi_square_upper(x, df), p);
        }
        let normal = [
            (-1.0, 0.8413447460685429),
            (0.0, 0.5),
            (1.96, 0.024997895148220435),
            (5.0, 2.866515718791933e-07),
        ];
        for (z, p) in normal {
            assert_close(normal_upper(z), p);
        }
    }

    #[test]
    fn limits_are_numbers_not_accidents() {
        assert_eq!(student_two_sided(f64::INFINITY, 4.0), 0.0);
        assert_eq!(student_two_sided(0.0, 4.0), 1.0);
        assert!(student_two_sided(f64::NAN, 4.0).is_nan());
        assert_eq!(chi_square_upper(0.0, 2.0), 1.0);
    }
}
