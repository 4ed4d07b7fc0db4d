//! exp, ln and log2 of an `f32`, the same bits on every machine.
//!
//! The standard library asks the platform's C library, whose last bits differ between systems.
//! These are short polynomials in fused multiply-adds. [`crate::vector`] runs the same operations
//! in the same order on whole rows. Coefficients are our own weighted minimax fits, rounded to
//! `f32`: a linear programme on 4,001 Chebyshev points. Each function states its greatest error
//! over all finite arguments, in units in the last place of the exact result. Tests hold it against
//! `libm` in `f64`.

use std::f32::consts::LOG2_E;

/// High part of ln 2, with trailing zeros so that its product with an exponent is exact.
pub(crate) const LN2_HIGH: f32 = 0.693_359_4;
/// ln 2 minus [`LN2_HIGH`].
pub(crate) const LN2_LOW: f32 = -2.121_944_4e-4;
/// log2(e) minus its `f32`.
pub(crate) const LOG2_E_LOW: f32 = 1.925_963e-8;
/// Adding and subtracting 1.5 * 2^23 rounds to the nearest integer.
pub(crate) const ROUND: f32 = 12_582_912.0;
/// Below this exp is 0, its last denormal included.
pub(crate) const EXP_LOWEST: f32 = -104.0;
/// Above this exp is infinite.
pub(crate) const EXP_HIGHEST: f32 = 89.0;
/// (e^r - 1 - r) / r^2 on |r| <= ln 2 / 2, constant term first. The relative error of e^r is below
/// 3.1e-9.
pub(crate) const EXP_TERMS: [f32; 5] =
    [0.499_999_94, 0.166_665_21, 0.041_668_39, 0.008_368_745, 0.001_381_454];
/// (ln(1 + f) - f) / f^2 on sqrt(1/2) - 1 <= f <= sqrt(2) - 1, constant term first. The relative
/// error of ln is below 4.1e-9.
pub(crate) const LN_TERMS: [f32; 9] = [
    -0.499_999_88,
    0.333_333_25,
    -0.250_015_83,
    0.200_019_73,
    -0.166_090_83,
    0.141_818_26,
    -0.132_429_88,
    0.129_044_34,
    -0.076_217_78,
];
/// The bits of sqrt(1/2): mantissas are brought into [sqrt(1/2), sqrt(2)).
pub(crate) const ROOT_HALF_BITS: i32 = 0x3f35_04f3;
/// Multiplies a denormal into the normal range.
pub(crate) const DENORMAL_SCALE: f32 = 8_388_608.0;
/// The exponent of [`DENORMAL_SCALE`].
pub(crate) const DENORMAL_EXPONENT: i32 = 23;

/// e to the power `x`: within 1 ulp, denormal results included.
///
/// exp(-inf) = 0, exp(inf) = inf, exp(NaN) = NaN; overflow gives inf, underflow 0.
#[inline]
pub fn exp(x: f32) -> f32 {
    let x = if EXP_HIGHEST < x { EXP_HIGHEST } else { x };
    let x = if EXP_LOWEST > x { EXP_LOWEST } else { x };
    let shifted = x.mul_add(LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = n.mul_add(-LN2_LOW, n.mul_add(-LN2_HIGH, x));
    let mut q = EXP_TERMS[4];
    for term in EXP_TERMS[..4].iter().rev() {
        q = q.mul_add(r, *term);
    }
    let mantissa = (r * r).mul_add(q, r) + 1.0;
    // Two factors, because 2^n alone overflows at n = 128 and is denormal below n = -126.
    let exponent = (shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    let half = exponent >> 1;
    mantissa * power_of_two(half) * power_of_two(exponent.wrapping_sub(half))
}

/// 2^n for -126 <= n <= 127; anything for other n.
#[inline]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) as u32) << 23)
}

/// Natural logarithm of `x`: within 1 ulp, denormal arguments included.
///
/// ln(0) = ln(-0) = -inf, ln(inf) = inf, ln of a negative number or of NaN is NaN.
#[inline]
pub fn ln(x: f32) -> f32 {
    let (exponent, mantissa) = split(x);
    let y = exponent.mul_add(LN2_HIGH, exponent.mul_add(LN2_LOW, ln_of_mantissa(mantissa)));
    outside_the_domain(x).unwrap_or(y)
}

/// Logarithm of `x` to base 2: within 2 ulp, exact at powers of two; special arguments as [`ln`].
#[inline]
pub fn log2(x: f32) -> f32 {
    let (exponent, mantissa) = split(x);
    let y = ln_of_mantissa(mantissa);
    let low = y.mul_add(LOG2_E_LOW, exponent);
    let y =
        if exponent == 0.0 { y.mul_add(LOG2_E, y * LOG2_E_LOW) } else { y.mul_add(LOG2_E, low) };
    outside_the_domain(x).unwrap_or(y)
}

/// `x` = 2^exponent (1 + f), with f the second value, for positive finite `x`.
#[inline]
fn split(x: f32) -> (f32, f32) {
    let denormal = x < f32::MIN_POSITIVE;
    let scaled = if denormal { x * DENORMAL_SCALE } else { x };
    let shifted = (scaled.to_bits() as i32).wrapping_sub(ROOT_HALF_BITS);
    let exponent = (shifted >> 23) - if denormal { DENORMAL_EXPONENT } else { 0 };
    let mantissa = f32::from_bits((shifted & 0x007f_ffff).wrapping_add(ROOT_HALF_BITS) as u32);
    (exponent as f32, mantissa - 1.0)
}

/// ln(1 + f).
#[inline]
fn ln_of_mantissa(f: f32) -> f32 {
    let mut q = LN_TERMS[8];
    for term in LN_TERMS[..8].iter().rev() {
        q = q.mul_add(f, *term);
    }
    (f * f).mul_add(q, f)
}

/// The logarithm where [`split`] does not apply: zero, negative, infinite, NaN.
#[inline]
fn outside_the_domain(x: f32) -> Option<f32> {
    if x > 0.0 && x < f32::INFINITY {
        None
    } else if x == 0.0 {
        Some(f32::NEG_INFINITY)
    } else if x == f32::INFINITY {
        Some(x)
    } else {
        Some(f32::NAN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Distance of `ours` from the exact value in units in the last place of the exact value.
    fn ulps(ours: f32, exact: f64) -> f64 {
        let exponent = libm::ilogb(exact).max(-126) - 23;
        (f64::from(ours) - exact).abs() / libm::exp2(f64::from(exponent))
    }

    /// Greatest error over every `step`-th positive finite argument, negated too if `signs`.
    fn worst(step: usize, signs: bool, ours: fn(f32) -> f32, exact: fn(f64) -> f64) -> f64 {
        let mut worst = 0.0_f64;
        for bits in (1..f32::INFINITY.to_bits()).step_by(step) {
            for x in [f32::from_bits(bits), -f32::from_bits(bits)]
                .into_iter()
                .take(1 + usize::from(signs))
            {
                let truth = exact(f64::from(x));
                if truth > f64::from(f32::MAX) || truth == 0.0 || (signs && truth < 1e-45) {
                    continue;
                }
                worst = worst.max(ulps(ours(x), truth));
            }
        }
        worst
    }

    #[test]
    fn exp_is_within_one_ulp() {
        let error = worst(1009, true, exp, libm::exp);
        assert!(error < 1.0, "{error}");
    }

    #[test]
    fn ln_is_within_one_ulp() {
        let error = worst(1009, false, ln, libm::log);
        assert!(error < 1.0, "{error}");
    }

    #[test]
    fn log2_is_within_two_ulps() {
        let error = worst(1009, false, log2, libm::log2);
        assert!(error < 2.0, "{error}");
    }

    #[test]
    fn log2_is_exact_at_powers_of_two() {
        assert!((-149..128).all(|n| log2(libm::exp2f(n as f32)) == n as f32));
    }

    #[test]
    fn special_arguments_follow_the_documentation() {
        assert_eq!(
            [exp(f32::NEG_INFINITY), exp(-200.0), exp(0.0), exp(-0.0)],
            [0.0, 0.0, 1.0, 1.0]
        );
        assert_eq!([exp(f32::INFINITY), exp(88.8), exp(1e30)], [f32::INFINITY; 3]);
        assert!(exp(88.7) < f32::MAX && exp(-103.9) > 0.0 && exp(-104.0) == 0.0);
        for log in [ln, log2] {
            assert_eq!(
                [log(0.0), log(-0.0), log(1.0)],
                [f32::NEG_INFINITY, f32::NEG_INFINITY, 0.0]
            );
            assert_eq!(log(f32::INFINITY), f32::INFINITY);
            assert!(
                log(-1.0).is_nan() && log(f32::NEG_INFINITY).is_nan() && log(f32::NAN).is_nan()
            );
        }
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn bits_never_change() {
        let arguments = [0.1_f32, 1.0, 2.5, 1e-40, 77.0];
        let found = arguments.map(|x| [exp(x).to_bits(), ln(x).to_bits(), log2(x).to_bits()]);
        assert_eq!(found, RECORDED, "{found:#x?}");
    }

    /// Results of this module when it was written. A change needs a new numeric version of the
    /// engine.
    const RECORDED: [[u32; 3]; 5] = [
        [0x3f8d_763e, 0xc013_5d8e, 0xc054_9a78],
        [0x402d_f854, 0, 0],
        [0x4142_eb7f, 0x3f6a_9208, 0x3fa9_34f1],
        [0x3f80_0000, 0xc2b8_34f2, 0xc304_e08c],
        [0x7708_0156, 0x408b_0074, 0x40c8_8984],
    ];
}
