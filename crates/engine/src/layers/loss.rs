//! Cross-entropy on the softmax.

use crate::math::{exp, ln};

/// What the outputs should be.
#[derive(Clone, Copy, Debug)]
pub enum Targets<'a> {
    /// A class an image.
    Classes(&'a [u16]),
    /// Weights of all classes an image, [n, classes].
    Soft(&'a [f32]),
}

impl<'a> Targets<'a> {
    /// The targets of `count` images from `first` on.
    pub(crate) fn part(self, classes: usize, first: usize, count: usize) -> Targets<'a> {
        match self {
            Targets::Classes(all) => Targets::Classes(&all[first..first + count]),
            Targets::Soft(all) => Targets::Soft(&all[first * classes..(first + count) * classes]),
        }
    }
}

/// Writes `scale` times the gradient of each row's loss and returns the sum of the losses.
///
/// Rows of `logits` and `gradient` are `pitch` apart. What follows the classes in a row of
/// `gradient` stays as it is.
///
/// # Panics
/// If a class is not below `classes`.
pub(crate) fn cross_entropy(
    logits: &[f32],
    pitch: usize,
    classes: usize,
    targets: Targets<'_>,
    scale: f32,
    gradient: &mut [f32],
) -> f64 {
    let mut total = 0.0;
    let rows = logits.chunks_exact(pitch).zip(gradient.chunks_exact_mut(pitch));
    for (i, (row, grad)) in rows.enumerate() {
        let (row, grad) = (&row[..classes], &mut grad[..classes]);
        let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut sum = 0.0;
        for (g, &x) in grad.iter_mut().zip(row) {
            *g = exp(x - largest);
            sum += *g;
        }
        let log_sum = largest + ln(sum);
        let soft = match targets {
            Targets::Classes(all) => {
                let class = usize::from(all[i]);
                assert!(
                    class < classes,
                    "class {class} of image {i}, but there are only {classes}"
                );
                total += f64::from(log_sum - row[class]);
                for (k, g) in grad.iter_mut().enumerate() {
                    *g = scale * (*g / sum - f32::from(u8::from(k == class)));
                }
                continue;
            }
            Targets::Soft(all) => &all[i * classes..][..classes],
        };
        let weight: f32 = soft.iter().sum();
        for ((g, &t), &x) in grad.iter_mut().zip(soft).zip(row) {
            if t != 0.0 {
                total += f64::from(t) * f64::from(log_sum - x);
            }
            *g = scale * (weight * (*g / sum) - t);
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_is_the_slope_of_the_loss() {
        let logits = [0.3f32, -1.2, 2.0, 0.0, 1.0, 0.5, 0.25, 0.0];
        let soft = [0.2f32, 0.5, 0.3, 0.0, 1.0, 0.0];
        let loss = |x: &[f32]| cross_entropy(x, 4, 3, Targets::Soft(&soft), 1.0, &mut [0.0; 8]);
        let mut gradient = [9.0; 8];
        cross_entropy(&logits, 4, 3, Targets::Soft(&soft), 1.0, &mut gradient);
        for i in [0, 1, 2, 4, 5, 6] {
            let (mut up, mut down) = (logits, logits);
            up[i] += 1e-2;
            down[i] -= 1e-2;
            let slope = (loss(&up) - loss(&down)) / 2e-2;
            assert!((slope - f64::from(gradient[i])).abs() < 1e-4, "{i}: {slope} {}", gradient[i]);
        }
        assert_eq!(gradient[3], 9.0);
    }

    #[test]
    fn a_class_is_a_soft_target_of_one() {
        let logits = [0.3f32, -1.2, 2.0];
        let (mut a, mut b) = ([0.0; 3], [0.0; 3]);
        let hard = cross_entropy(&logits, 3, 3, Targets::Classes(&[1]), 0.5, &mut a);
        let soft = cross_entropy(&logits, 3, 3, Targets::Soft(&[0.0, 1.0, 0.0]), 0.5, &mut b);
        assert_eq!((hard, a), (soft, b));
    }

    #[test]
    fn huge_outputs_stay_finite() {
        let mut gradient = [0.0; 2];
        let loss = cross_entropy(&[3e38, -3e38], 2, 2, Targets::Classes(&[0]), 1.0, &mut gradient);
        assert_eq!((loss, gradient), (0.0, [0.0, 0.0]));
    }
}
