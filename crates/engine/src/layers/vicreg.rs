//! VICReg, a loss on two views that compares no image with another: variance, invariance and
//! covariance (Bardes et al. 2022, arXiv 2105.04906).
//!
//! ```text
//! y, z: embeddings of the two views, [n, d];    C(y) = covariance over the batch, [d, d]
//! loss = (25 |y - z|^2 / n  +  V(y) + V(z)) / d
//! V(u) = 12.5 sum_k max(0, 1 - sqrt(C(u)_kk + 1e-4))  +  sum_{k != l} C(u)_kl^2
//! ```
//!
//! The first term makes views alike. The second gives every number of an embedding some variance.
//! The third keeps any two of them from being correlated. Weights are the paper's.

const INVARIANCE: f64 = 25.0;
const VARIANCE: f64 = 25.0;
const COVARIANCE: f64 = 1.0;
/// Added to a variance before its root.
const SMALLEST: f64 = 1e-4;

/// Memory of one step.
pub(crate) struct VicReg {
    dim: usize,
    mean: Vec<f64>,
    covariance: Vec<f64>,
    centred: Vec<f64>,
}

impl VicReg {
    /// For embeddings of `dim` numbers.
    pub(crate) fn new(dim: usize) -> Self {
        Self {
            dim,
            mean: vec![0.0; dim],
            covariance: vec![0.0; dim * dim],
            centred: vec![0.0; dim],
        }
    }

    /// The loss of embeddings, and its gradient. Rows are `pitch` apart; the first half of them is
    /// one view, the second half the other.
    pub(crate) fn step(&mut self, embeddings: &[f32], pitch: usize, gradient: &mut [f32]) -> f64 {
        let (dim, n) = (self.dim, embeddings.len() / pitch / 2);
        let (first, second) = embeddings.split_at(n * pitch);
        let (of_first, of_second) = gradient.split_at_mut(n * pitch);
        let mut loss = 0.0;
        let scale = 2.0 * INVARIANCE / (n * dim) as f64;
        let rows = first.chunks_exact(pitch).zip(second.chunks_exact(pitch));
        for ((y, z), (a, b)) in
            rows.zip(of_first.chunks_exact_mut(pitch).zip(of_second.chunks_exact_mut(pitch)))
        {
            a[dim..].fill(0.0);
            b[dim..].fill(0.0);
            for k in 0..dim {
                let apart = f64::from(y[k]) - f64::from(z[k]);
                loss += INVARIANCE * apart * apart / (n * dim) as f64;
                a[k] = (scale * apart) as f32;
                b[k] = -a[k];
            }
        }
        loss + self.spread(first, pitch, of_first) + self.spread(second, pitch, of_second)
    }

    /// The loss of one view's variance and covariance. Adds its gradient.
    fn spread(&mut self, embeddings: &[f32], pitch: usize, gradient: &mut [f32]) -> f64 {
        let (dim, n) = (self.dim, (embeddings.len() / pitch) as f64);
        let rows = || embeddings.chunks_exact(pitch);
        self.mean.fill(0.0);
        for row in rows() {
            self.mean.iter_mut().zip(row).for_each(|(sum, &y)| *sum += f64::from(y));
        }
        self.mean.iter_mut().for_each(|sum| *sum /= n);
        self.covariance.fill(0.0);
        for row in rows() {
            self.centre(row);
            for (&y, sums) in self.centred.iter().zip(self.covariance.chunks_exact_mut(dim)) {
                sums.iter_mut().zip(&self.centred).for_each(|(sum, z)| *sum += y * z);
            }
        }
        self.covariance.iter_mut().for_each(|sum| *sum /= n - 1.0);
        let mut loss = 0.0;
        for k in 0..dim {
            let (before, rest) = self.covariance[k * dim..][..dim].split_at_mut(k);
            let (own, after) = rest.split_first_mut().expect("k is below the dimension");
            let deviation = (*own + SMALLEST).sqrt();
            loss += 0.5 * VARIANCE * (1.0 - deviation).max(0.0) / dim as f64;
            // From here on the matrix holds the gradient's factors of the centred embeddings.
            *own = if deviation < 1.0 {
                -0.5 * VARIANCE / (dim as f64 * (n - 1.0) * deviation)
            } else {
                0.0
            };
            for c in before.iter_mut().chain(after) {
                loss += COVARIANCE * *c * *c / dim as f64;
                *c *= 4.0 * COVARIANCE / (dim as f64 * (n - 1.0));
            }
        }
        for (row, gradient) in rows().zip(gradient.chunks_exact_mut(pitch)) {
            self.centre(row);
            for (g, factors) in gradient.iter_mut().zip(self.covariance.chunks_exact(dim)) {
                *g += factors.iter().zip(&self.centred).map(|(f, y)| f * y).sum::<f64>() as f32;
            }
        }
        loss
    }

    fn centre(&mut self, row: &[f32]) {
        for ((centred, &y), mean) in self.centred.iter_mut().zip(row).zip(&self.mean) {
            *centred = f64::from(y) - mean;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Key;

    #[test]
    fn the_gradient_is_the_slope_of_the_loss() {
        let (n, dim, pitch) = (6, 5, 8);
        let mut stream = Key::new(3, 0).stream();
        let mut y: Vec<f32> = (0..2 * n * pitch).map(|_| stream.normal() as f32).collect();
        y.chunks_exact_mut(pitch).for_each(|row| row[dim..].fill(0.0));
        // One number of the embedding spreads little, one much.
        y.chunks_exact_mut(pitch).for_each(|row| (row[0], row[1]) = (0.2 * row[0], 3.0 * row[1]));
        let mut vicreg = VicReg::new(dim);
        let (mut gradient, mut unused) = (vec![0.0; y.len()], vec![0.0; y.len()]);
        vicreg.step(&y, pitch, &mut gradient);
        for i in 0..y.len() {
            if i % pitch >= dim {
                assert_eq!(gradient[i], 0.0);
                continue;
            }
            let mut at = |by: f32| {
                let mut y = y.clone();
                y[i] += by;
                vicreg.step(&y, pitch, &mut unused)
            };
            let slope = (at(1e-2) - at(-1e-2)) / 2e-2;
            assert!(
                (slope - f64::from(gradient[i])).abs() < 2e-3 * (1.0 + slope.abs()),
                "{i}: {slope} {}",
                gradient[i]
            );
        }
    }

    #[test]
    fn equal_views_that_spread_and_do_not_repeat_themselves_lose_nothing() {
        // Corners of a square, wide enough; the two numbers are uncorrelated.
        let view = [2.0, 2.0, 2.0, -2.0, -2.0, 2.0, -2.0, -2.0];
        let y = [view, view].concat();
        let mut gradient = vec![1.0; 16];
        assert_eq!(VicReg::new(2).step(&y, 2, &mut gradient), 0.0);
        assert!(gradient.iter().all(|&g| g == 0.0));
        let collapsed = [1.0; 16];
        assert!(VicReg::new(2).step(&collapsed, 2, &mut gradient) > 12.0);
    }
}
