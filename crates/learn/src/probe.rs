//! A linear classifier on given features: what a few labels are worth beside a pretrained encoder.
//!
//! Multinomial logistic regression, in `f64` with one order of summation:
//!
//! ```text
//! loss(W, b) = sum_i v_i CE(softmax(W x_i + b), t_i) / sum_i v_i  +  decay / 2 |W|^2
//! ```
//!
//! x: standardised over the pool and divided by the root of its length, so that |x|^2 is about 1 whatever the encoder;
//! t: class weights that add up to 1. With fewer images than features the problem is turned into the images' own span
//! (the Cholesky factor of their Gram matrix stands for them), which has the same solution and is smaller.

mod lbfgs;

use fewlabel_engine::vector::{product, softmax_rows};

use crate::acquire::Rows;

/// Decays among which [`choose_decay`] chooses.
pub const DECAYS: [f64; 9] = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0];
/// The decay where there are more labels than [`MOST_VALIDATED`], too many to be fitted 45 times over.
const USUAL: f64 = 1e-3;
const MOST_VALIDATED: usize = 400;
/// Parts in cross-validation.
const FOLDS: usize = 5;

/// How features are standardised: over the pool, whose images need no labels for that.
#[derive(Clone, Debug)]
pub struct Scaler {
    mean: Vec<f64>,
    factor: Vec<f64>,
}

impl Scaler {
    /// Mean and spread of every feature over all rows; a feature that never changes becomes 0.
    pub fn of(features: Rows<'_>) -> Self {
        let (n, dim) = (features.len().max(1) as f64, features.width());
        let mut mean = vec![0.0; dim];
        for row in features.values().chunks_exact(dim) {
            mean.iter_mut().zip(row).for_each(|(sum, &x)| *sum += f64::from(x));
        }
        mean.iter_mut().for_each(|sum| *sum /= n);
        let mut variance = vec![0.0; dim];
        for row in features.values().chunks_exact(dim) {
            let each = variance.iter_mut().zip(&mean).zip(row);
            each.for_each(|((sum, mean), &x)| *sum += (f64::from(x) - mean) * (f64::from(x) - mean));
        }
        let factor = |v: &f64| if *v > 1e-12 * n { 1.0 / (v / n * dim as f64).sqrt() } else { 0.0 };
        Self { factor: variance.iter().map(factor).collect(), mean }
    }

    /// Standardises rows in place.
    pub fn apply(&self, features: &mut [f32]) {
        for row in features.chunks_exact_mut(self.mean.len()) {
            for ((x, mean), factor) in row.iter_mut().zip(&self.mean).zip(&self.factor) {
                *x = ((f64::from(*x) - mean) * factor) as f32;
            }
        }
    }
}

/// What images are to be classified as.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    /// Class weights [n, classes]; a row adds up to 1.
    pub classes: Vec<f32>,
    /// How much each image counts.
    pub weights: Vec<f64>,
}

impl Targets {
    /// Given labels, each of which counts 1.
    pub fn of_labels(labels: &[u16], classes: usize) -> Self {
        let mut targets = Self { classes: vec![0.0; labels.len() * classes], weights: vec![1.0; labels.len()] };
        for (row, &label) in targets.classes.chunks_exact_mut(classes).zip(labels) {
            row[usize::from(label)] = 1.0;
        }
        targets
    }
}

/// A fitted classifier.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    classes: usize,
    /// [dim, classes]
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Probe {
    /// Fits the standardised `features` of images to their targets.
    ///
    /// # Panics
    /// If there is not one target for every row.
    pub fn fit(features: Rows<'_>, targets: &Targets, decay: f64) -> Self {
        let (n, dim) = (features.len(), features.width());
        assert_eq!(targets.weights.len(), n, "one target for every row");
        let classes = targets.classes.len() / n;
        let x: Vec<f64> = features.values().iter().map(|&v| f64::from(v)).collect();
        let spanned = (n < dim).then(|| cholesky(&x, n, dim));
        let (rows, width) = spanned.as_ref().map_or((&x, dim), |factor| (factor, n));
        let mut problem = Problem { rows, width, classes, targets, decay, probs: vec![0.0; n * classes] };
        let solution = lbfgs::minimise(vec![0.0; (width + 1) * classes], |at, slope| problem.loss(at, slope));
        let (weights, bias) = solution.split_at(width * classes);
        let weights = match &spanned {
            Some(factor) => in_features(&x, dim, &solve_transposed(factor, n, weights, classes), classes),
            None => weights.to_vec(),
        };
        let narrow = |values: &[f64]| values.iter().map(|&v| v as f32).collect();
        Self { classes, weights: narrow(&weights), bias: narrow(bias) }
    }

    /// Probabilities [n, classes] of standardised features.
    pub fn probs_nc(&self, features: &[f32]) -> Vec<f32> {
        let dim = self.weights.len() / self.classes;
        let mut probs = vec![0.0; features.len() / dim * self.classes];
        product(dim, features, &self.weights, &mut probs);
        for row in probs.chunks_exact_mut(self.classes) {
            row.iter_mut().zip(&self.bias).for_each(|(x, b)| *x += b);
        }
        softmax_rows(&mut probs, self.classes);
        probs
    }

    /// Weights [dim, classes] and bias of the same classifier on features before `scaler` standardised them.
    pub fn on_raw_features(&self, scaler: &Scaler) -> (Vec<f32>, Vec<f32>) {
        let mut bias: Vec<f64> = self.bias.iter().map(|&b| f64::from(b)).collect();
        let mut weights = Vec::with_capacity(self.weights.len());
        for ((row, mean), factor) in self.weights.chunks_exact(self.classes).zip(&scaler.mean).zip(&scaler.factor) {
            for (&w, b) in row.iter().zip(&mut bias) {
                let w = f64::from(w) * factor;
                *b -= w * mean;
                weights.push(w as f32);
            }
        }
        (weights, bias.iter().map(|&b| b as f32).collect())
    }
}

/// The decay whose classifiers, fitted to four fifths of the labels at hand, put the highest probability on the labels of
/// the remaining fifth. No other label is looked at.
pub fn choose_decay(features: Rows<'_>, labels: &[u16], classes: usize) -> f64 {
    if labels.len() > MOST_VALIDATED {
        return USUAL;
    }
    let fold_of = folds(labels);
    let loss = |decay: f64| {
        let each = (0..FOLDS.min(labels.len())).map(|fold| held_out(features, labels, classes, &fold_of, fold, decay));
        each.sum::<f64>()
    };
    let losses: Vec<f64> = DECAYS.iter().map(|&decay| loss(decay)).collect();
    let best = (0..DECAYS.len()).fold(0, |best, i| if losses[i] < losses[best] { i } else { best });
    DECAYS[best]
}

/// The part of every label: the classes' labels are dealt out in turn.
fn folds(labels: &[u16]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_by_key(|&i| (labels[i], i));
    let mut fold_of = vec![0; labels.len()];
    order.iter().enumerate().for_each(|(place, &i)| fold_of[i] = place % FOLDS);
    fold_of
}

/// Sum of -ln p of the labels of part `fold` under a classifier fitted to the others.
fn held_out(features: Rows<'_>, labels: &[u16], classes: usize, fold_of: &[usize], fold: usize, decay: f64) -> f64 {
    let (out, kept): (Vec<usize>, Vec<usize>) = (0..labels.len()).partition(|&i| fold_of[i] == fold);
    if kept.is_empty() {
        return 0.0;
    }
    let gather = |at: &[usize]| at.iter().flat_map(|&i| features.row(i as u32)).copied().collect::<Vec<f32>>();
    let picked: Vec<u16> = kept.iter().map(|&i| labels[i]).collect();
    let targets = Targets::of_labels(&picked, classes);
    let probe = Probe::fit(Rows::new(&gather(&kept), features.width()), &targets, decay);
    let probs = probe.probs_nc(&gather(&out));
    let loss = |(row, &i): (&[f32], &usize)| -libm::log(f64::from(row[usize::from(labels[i])]).max(1e-12));
    probs.chunks_exact(classes).zip(&out).map(loss).sum()
}

/// The loss over rows [n, width] as a function of weights [width, classes] and bias.
struct Problem<'a> {
    rows: &'a [f64],
    width: usize,
    classes: usize,
    targets: &'a Targets,
    decay: f64,
    probs: Vec<f64>,
}

impl Problem<'_> {
    /// The loss at `at`; its gradient goes to `slope`.
    fn loss(&mut self, at: &[f64], slope: &mut [f64]) -> f64 {
        let (k, width) = (self.classes, self.width);
        let (weights, bias) = at.split_at(width * k);
        let total: f64 = self.targets.weights.iter().sum();
        let mut loss = 0.0;
        slope.fill(0.0);
        let (weight_slope, bias_slope) = slope.split_at_mut(width * k);
        let each = self.rows.chunks_exact(width).zip(self.probs.chunks_exact_mut(k));
        for (i, (row, probs)) in each.enumerate() {
            probs.copy_from_slice(bias);
            for (&x, w) in row.iter().zip(weights.chunks_exact(k)) {
                probs.iter_mut().zip(w).for_each(|(sum, w)| *sum += x * w);
            }
            let (targets, share) = (&self.targets.classes[i * k..][..k], self.targets.weights[i] / total);
            let largest = probs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let log_sum = largest + libm::log(probs.iter().map(|&y| libm::exp(y - largest)).sum());
            for (y, &t) in probs.iter_mut().zip(targets) {
                loss += share * f64::from(t) * (log_sum - *y);
                *y = share * (libm::exp(*y - log_sum) - f64::from(t));
            }
            for (&x, slope) in row.iter().zip(weight_slope.chunks_exact_mut(k)) {
                slope.iter_mut().zip(&*probs).for_each(|(sum, g)| *sum += x * g);
            }
            bias_slope.iter_mut().zip(&*probs).for_each(|(sum, g)| *sum += g);
        }
        for (slope, &w) in weight_slope.iter_mut().zip(weights) {
            loss += 0.5 * self.decay * w * w;
            *slope += self.decay * w;
        }
        loss
    }
}

/// The lower factor L, [n, n], of X X^T, whose rows have the same products with each other as the rows of X.
fn cholesky(x: &[f64], n: usize, dim: usize) -> Vec<f64> {
    let row = |i: usize| &x[i * dim..][..dim];
    let mut factor = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..=i {
            let dot: f64 = row(i).iter().zip(row(j)).map(|(a, b)| a * b).sum();
            let done: f64 = (0..j).map(|k| factor[i * n + k] * factor[j * n + k]).sum();
            // Twins and dependent images leave nothing on the diagonal; a little keeps the factor regular.
            factor[i * n + j] = if i == j { (dot - done).max(1e-8).sqrt() } else { (dot - done) / factor[j * n + j] };
        }
    }
    factor
}

/// L^-T `values`, [n, columns].
fn solve_transposed(factor: &[f64], n: usize, values: &[f64], columns: usize) -> Vec<f64> {
    let mut solved = values.to_vec();
    for i in (0..n).rev() {
        let (before, rest) = solved.split_at_mut(i * columns);
        let row = &mut rest[..columns];
        row.iter_mut().for_each(|v| *v /= factor[i * n + i]);
        for (j, other) in before.chunks_exact_mut(columns).enumerate() {
            other.iter_mut().zip(&*row).for_each(|(o, v)| *o -= factor[i * n + j] * v);
        }
    }
    solved
}

/// X^T `values`: weights [dim, columns].
fn in_features(x: &[f64], dim: usize, values: &[f64], columns: usize) -> Vec<f64> {
    let mut weights = vec![0.0; dim * columns];
    for (row, value) in x.chunks_exact(dim).zip(values.chunks_exact(columns)) {
        for (&x, w) in row.iter().zip(weights.chunks_exact_mut(columns)) {
            w.iter_mut().zip(value).for_each(|(w, v)| *w += x * v);
        }
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;
    use fewlabel_engine::rng::Key;

    /// Three noisy clouds in `dim` dimensions.
    fn clouds(n: usize, dim: usize, seed: u64) -> (Vec<f32>, Vec<u16>) {
        let mut stream = Key::new(seed, 0).stream();
        let labels: Vec<u16> = (0..n).map(|i| (i % 3) as u16).collect();
        let at = |label: u16, d: usize| f32::from(u8::from(d % 3 == usize::from(label)));
        let each = labels.iter().flat_map(|&l| (0..dim).map(move |d| (l, d)));
        (each.map(|(l, d)| at(l, d) + 0.8 * stream.normal() as f32).collect(), labels)
    }

    #[test]
    fn the_gradient_is_the_slope_of_the_loss() {
        let (x, labels) = clouds(10, 4, 1);
        let rows: Vec<f64> = x.iter().map(|&v| f64::from(v)).collect();
        let mut targets = Targets::of_labels(&labels, 3);
        targets.weights[2] = 0.25;
        targets.classes[..3].copy_from_slice(&[0.5, 0.25, 0.25]);
        let mut problem =
            Problem { rows: &rows, width: 4, classes: 3, targets: &targets, decay: 0.1, probs: vec![0.0; 30] };
        let at: Vec<f64> = (0..15).map(|i| f64::from(i) * 0.1 - 0.7).collect();
        let (mut slope, mut unused) = (vec![0.0; 15], vec![0.0; 15]);
        problem.loss(&at, &mut slope);
        for i in 0..15 {
            let mut moved = |by: f64| {
                let mut at = at.clone();
                at[i] += by;
                problem.loss(&at, &mut unused)
            };
            let numeric = (moved(1e-6) - moved(-1e-6)) / 2e-6;
            assert!((numeric - slope[i]).abs() < 1e-7, "{i}: {numeric} {}", slope[i]);
        }
    }

    #[test]
    fn few_images_in_many_dimensions_have_the_same_solution() {
        let (x, labels) = clouds(12, 20, 2);
        let rows: Vec<f64> = x.iter().map(|&v| f64::from(v)).collect();
        let targets = Targets::of_labels(&labels, 3);
        let mut problem =
            Problem { rows: &rows, width: 20, classes: 3, targets: &targets, decay: 0.01, probs: vec![0.0; 36] };
        let direct = lbfgs::minimise(vec![0.0; 63], |at, slope| problem.loss(at, slope));
        let probe = Probe::fit(Rows::new(&x, 20), &targets, 0.01);
        for (ours, direct) in probe.weights.iter().chain(&probe.bias).zip(&direct) {
            assert!((f64::from(*ours) - direct).abs() < 1e-4, "{ours} {direct}");
        }
    }

    #[test]
    fn new_images_of_the_clouds_are_recognised() {
        let ((x, labels), (new, truth)) = (clouds(60, 12, 3), clouds(300, 12, 4));
        let scaler = Scaler::of(Rows::new(&new, 12));
        let (mut x, mut new) = (x, new);
        scaler.apply(&mut x);
        scaler.apply(&mut new);
        let decay = choose_decay(Rows::new(&x, 12), &labels, 3);
        let probe = Probe::fit(Rows::new(&x, 12), &Targets::of_labels(&labels, 3), decay);
        let accuracy = crate::predict::accuracy(&probe.probs_nc(&new), &truth);
        assert!(accuracy > 0.85, "{accuracy} at decay {decay}");
    }

    #[test]
    fn standardised_features_have_length_one_on_average() {
        let (mut x, _) = clouds(50, 8, 5);
        x.chunks_exact_mut(8).for_each(|row| row[3] = 7.0);
        Scaler::of(Rows::new(&x, 8)).apply(&mut x);
        let squares: f32 = x.iter().map(|v| v * v).sum();
        assert!((squares / 50.0 - 7.0 / 8.0).abs() < 1e-4, "{squares}");
        assert!(x.chunks_exact(8).all(|row| row[3] == 0.0));
    }
}
