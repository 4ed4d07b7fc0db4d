//! The joint distribution of the labels chosen so far.

use crate::acquire::strategy::draw;
use fewlabel_engine::rng::Key;

/// What is known of the labels y of the images chosen so far: for rows m and samples k, p(y_m | k).
///
/// Exact: every combination of classes is a row. Sampled: a row is a draw, and is divided by its
/// mean over k, so that products of a hundred probabilities neither underflow nor lose digits; the
/// logarithm of the mean is kept.
pub(super) struct Joint {
    /// `[rows, samples]`.
    values: Vec<f64>,
    samples: usize,
    /// In a sampled joint, the mean over rows of ln p(y_m).
    log_mass: Option<f64>,
    /// ln p(y_m) of every row of a sampled joint.
    log_masses: Vec<f64>,
    key: Key,
    chosen: u64,
}

impl Joint {
    /// No labels: one row, certain.
    pub(super) fn empty(samples: usize, key: Key) -> Self {
        Self {
            values: vec![1.0; samples],
            samples,
            log_mass: None,
            log_masses: Vec::new(),
            key,
            chosen: 0,
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.values.len() / self.samples
    }

    /// Adds the labels of an image with the predictions `p` [samples, classes]: exactly while there
    /// are at most `limit` combinations, then by `limit` draws, for which `before` holds the
    /// predictions of the images chosen earlier.
    pub(super) fn add(&mut self, p: &[f32], before: &[&[f32]], limit: usize) {
        let classes = p.len() / self.samples;
        if self.log_mass.is_none() && self.rows() * classes <= limit {
            self.multiply(p, classes);
        } else {
            if self.log_mass.is_none() {
                self.values = vec![1.0; limit * self.samples];
                self.log_masses = vec![0.0; limit];
                self.chosen = 0;
                before.iter().for_each(|earlier| self.extend_draws(earlier, classes));
            }
            self.extend_draws(p, classes);
            self.log_mass = Some(self.log_masses.iter().sum::<f64>() / limit as f64);
        }
    }

    fn multiply(&mut self, p: &[f32], classes: usize) {
        let mut values = Vec::with_capacity(self.values.len() * classes);
        for row in self.values.chunks_exact(self.samples) {
            for class in 0..classes {
                values.extend(
                    row.iter()
                        .zip(p[class..].iter().step_by(classes))
                        .map(|(j, &p)| j * f64::from(p)),
                );
            }
        }
        self.values = values;
    }

    /// Draws this image's class in every row, from the sample that is the row's own: row m belongs
    /// to sample m mod samples.
    fn extend_draws(&mut self, p: &[f32], classes: usize) {
        for (m, (row, log_mass)) in
            self.values.chunks_exact_mut(self.samples).zip(&mut self.log_masses).enumerate()
        {
            let own = &p[m % self.samples * classes..][..classes];
            let u = draw(self.key, (self.chosen << 32) | m as u64).stream().unit_f64();
            let class = drawn(own, u);
            for (j, &p) in row.iter_mut().zip(p[class..].iter().step_by(classes)) {
                *j *= f64::from(p);
            }
            let mean = row.iter().sum::<f64>() / self.samples as f64;
            row.iter_mut().for_each(|j| *j /= mean);
            *log_mass += libm::log(mean);
        }
        self.chosen += 1;
    }

    /// Columns `first..first + width` of the transposed joint divided by the number of samples,
    /// `[samples, width]`; zeros beyond the last row.
    pub(super) fn tile(&self, first: usize, width: usize, tile: &mut Vec<f32>) {
        tile.clear();
        tile.resize(self.samples * width, 0.0);
        let scale = 1.0 / self.samples as f64;
        for (column, row) in
            self.values.chunks_exact(self.samples).skip(first).take(width).enumerate()
        {
            for (sample, &j) in row.iter().enumerate() {
                tile[sample * width + column] = (j * scale) as f32;
            }
        }
    }

    /// The joint entropy with one more image, from the sum of x ln x over the product of this joint
    /// with that image's predictions.
    pub(super) fn entropy(&self, xlogy: f64) -> f64 {
        match self.log_mass {
            None => -xlogy,
            Some(log_mass) => -(xlogy / self.rows() as f64 + log_mass),
        }
    }
}

/// The class in which `u` of the whole mass lies; one with positive probability.
fn drawn(p: &[f32], u: f64) -> usize {
    let mut left = u * p.iter().map(|&p| f64::from(p)).sum::<f64>();
    let mut class = 0;
    for (c, &p) in p.iter().enumerate().filter(|(_, p)| **p > 0.0) {
        class = c;
        left -= f64::from(p);
        if left < 0.0 {
            break;
        }
    }
    class
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_drawn_by_their_probability() {
        let p = [0.0, 0.5, 0.0, 0.25, 0.25];
        let drawn = [0.0, 0.49, 0.51, 0.74, 0.76, 0.999_999].map(|u| drawn(&p, u));
        assert_eq!(drawn, [1, 1, 3, 3, 4, 4]);
    }

    #[test]
    fn an_exact_joint_sums_to_one_in_every_sample() {
        let p = [0.25_f32, 0.75, 0.5, 0.5];
        let mut joint = Joint::empty(2, Key::new(0, 0));
        joint.add(&p, &[], 100);
        joint.add(&p, &[&p], 100);
        assert_eq!(joint.values, [0.0625, 0.25, 0.1875, 0.25, 0.1875, 0.25, 0.5625, 0.25]);
    }

    #[test]
    fn a_hundred_images_do_not_underflow() {
        let p = [0.001_f32, 0.999, 0.999, 0.001];
        let mut joint = Joint::empty(2, Key::new(0, 0));
        let before: Vec<&[f32]> = vec![&p; 100];
        for chosen in 0..100 {
            joint.add(&p, &before[..chosen], 8);
        }
        assert!(joint.values.iter().all(|j| j.is_finite()));
        assert!(joint.values.chunks(2).all(|row| (row[0] + row[1] - 2.0).abs() < 1e-9));
    }
}
