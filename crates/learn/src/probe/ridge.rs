//! Ridge regression and what it needs to know, from the labels at hand.

use fewlabel_engine::vector::{products_of_rows, softmax_rows};

use super::cholesky::Cholesky;
use super::{Probe, Targets};
use crate::acquire::Rows;
use crate::model::temperature::mean_nll;

/// How a classifier is fitted, and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ridge {
    /// What |W|^2 costs.
    pub decay: f64,
    /// Factor of the outputs before the softmax.
    pub sharpness: f64,
}

const DECAYS: [f64; 6] = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0];
const SHARPNESSES: [f64; 9] = [1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 30.0, 50.0];
/// The decay where there are more labels than [`MOST_LEFT_OUT`], too many to leave out each in
/// turn.
const USUAL: f64 = 1.0;
const MOST_LEFT_OUT: usize = 400;
/// There one label in so many is held out to choose the sharpness.
const HELD_OUT: usize = 5;

impl Ridge {
    /// The decay whose classifiers come nearest to labels left out one at a time, in squares, and
    /// the sharpness that puts the highest probability on these. No other label is looked at. With
    /// A = U U^T + decay, y_i = t_i - 1/K,
    ///
    /// ```text
    /// output for u_i of the classifier without i  =  y_i - (A^-1 y)_i / (A^-1)_ii
    /// ```
    ///
    /// Of more than 400 labels every fifth is left out, all at once and for the sharpness alone:
    /// there the decay is 1.
    ///
    /// Beside them stands the mean of -ln p over the labels left out, which tells how well the
    /// features suit the labels.
    pub fn choose(features: Rows<'_>, labels: &[u16], classes: usize) -> (Self, f64) {
        let gather = |at: &[usize]| {
            at.iter().flat_map(|&i| features.row(i as u32)).copied().collect::<Vec<f32>>()
        };
        let pick = |at: &[usize]| at.iter().map(|&i| labels[i]).collect::<Vec<u16>>();
        if labels.len() <= MOST_LEFT_OUT {
            let (decay, outputs) = System::new(features, &Targets::of_labels(labels, classes))
                .leave_each_out(features);
            let (sharpness, loss) = sharpness(&outputs, labels);
            return (Self { decay, sharpness }, loss);
        }
        let (out, kept): (Vec<usize>, Vec<usize>) =
            (0..labels.len()).partition(|i| i % HELD_OUT == 0);
        let (rows, targets) = (gather(&kept), Targets::of_labels(&pick(&kept), classes));
        let probe = Probe::fit(
            Rows::new(&rows, features.width()),
            &targets,
            Self { decay: USUAL, sharpness: 1.0 },
        );
        let (sharpness, loss) = sharpness(&probe.outputs(&gather(&out)), &pick(&out));
        (Self { decay: USUAL, sharpness }, loss)
    }
}

/// Parts of which each in turn is left out where there are too many labels for one at a time.
const FOLDS: usize = 10;

/// Probabilities [n, classes] of labelled images by a classifier that has not seen the image: what
/// tells a label that is likely to be a mistake. Of more than 400 labels a tenth is left out at a
/// time.
pub(super) fn left_out_probs_nc(features: Rows<'_>, labels: &[u16], classes: usize) -> Vec<f32> {
    if labels.len() <= MOST_LEFT_OUT {
        let targets = Targets::of_labels(labels, classes);
        let (_, mut outputs) = System::new(features, &targets).leave_each_out(features);
        let (sharpness, _) = sharpness(&outputs, labels);
        outputs.iter_mut().for_each(|z| *z *= sharpness as f32);
        softmax_rows(&mut outputs, classes);
        return outputs;
    }
    let mut probs = vec![0.0; labels.len() * classes];
    for fold in 0..FOLDS {
        let (out, kept): (Vec<usize>, Vec<usize>) =
            (0..labels.len()).partition(|i| i % FOLDS == fold);
        let gather = |at: &[usize]| {
            at.iter().flat_map(|&i| features.row(i as u32)).copied().collect::<Vec<f32>>()
        };
        let (rows, unseen) = (gather(&kept), gather(&out));
        let rows = Rows::new(&rows, features.width());
        let known: Vec<u16> = kept.iter().map(|&i| labels[i]).collect();
        let (ridge, _) = Ridge::choose(rows, &known, classes);
        let probe = Probe::fit(rows, &Targets::of_labels(&known, classes), ridge);
        for (&i, row) in out.iter().zip(probe.probs_nc(&unseen).chunks_exact(classes)) {
            probs[i * classes..(i + 1) * classes].copy_from_slice(row);
        }
    }
    probs
}

/// The sharpness of the highest probability of `labels` under `outputs` [n, classes], and the mean
/// of -ln p there.
fn sharpness(outputs: &[f32], labels: &[u16]) -> (f64, f64) {
    let tried = SHARPNESSES.map(|sharpness| (sharpness, mean_nll(outputs, labels, sharpness)));
    least(tried, |tried| tried.1)
}

/// The first of those whose loss is least.
fn least<T>(tried: impl IntoIterator<Item = T>, loss: impl Fn(&T) -> f64) -> T {
    let better = |best: T, next: T| if loss(&next) < loss(&best) { next } else { best };
    tried.into_iter().reduce(better).expect("something is tried")
}

/// Images whose sums are added up in `f32`.
const BLOCK: usize = 256;

/// The equations of one regression: directions and centred targets, each times the root of its
/// weight.
pub(super) struct System {
    /// [n, dim]
    directions: Vec<f32>,
    /// [n, classes]
    wanted: Vec<f64>,
    n: usize,
    dim: usize,
    pub(super) classes: usize,
}

impl System {
    /// # Panics
    /// If there is not one target for every row.
    pub(super) fn new(features: Rows<'_>, targets: &Targets) -> Self {
        let (n, dim) = (features.len(), features.width());
        assert!(
            n > 0 && targets.weights.len() == n,
            "one target for every row, and at least one row"
        );
        let classes = targets.classes.len() / n;
        let mut directions = features.values().to_vec();
        let mut wanted: Vec<f64> =
            targets.classes.iter().map(|&t| f64::from(t) - 1.0 / classes as f64).collect();
        let each = directions.chunks_exact_mut(dim).zip(wanted.chunks_exact_mut(classes));
        for ((row, wanted), weight) in each.zip(&targets.weights) {
            let (length, root) = (length(row), weight.sqrt());
            let factor = if length > 0.0 { root / length } else { 0.0 };
            row.iter_mut().for_each(|x| *x = (f64::from(*x) * factor) as f32);
            wanted.iter_mut().for_each(|y| *y *= root);
        }
        Self { directions, wanted, n, dim, classes }
    }

    /// Weights [dim, classes].
    pub(super) fn solve(&self, decay: f64) -> Vec<f64> {
        if self.n > self.dim {
            let mut weights = self.in_features(&self.wanted);
            Cholesky::of(plus(self.moments(), self.dim, decay), self.dim)
                .solve(&mut weights, self.classes);
            return weights;
        }
        let mut shares = self.wanted.clone();
        Cholesky::of(plus(self.gram(), self.n, decay), self.n).solve(&mut shares, self.classes);
        self.in_features(&shares)
    }

    /// The decay of least squares, and its outputs [n, classes] for each of `features` by a
    /// classifier that has not seen it.
    fn leave_each_out(&self, features: Rows<'_>) -> (f64, Vec<f32>) {
        let (n, classes, gram) = (self.n, self.classes, self.gram());
        let outputs = |decay: f64| {
            let inverse = Cholesky::of(plus(gram.clone(), n, decay), n).inverse();
            let mut outputs = self.wanted.clone();
            for (i, (row, out)) in
                inverse.chunks_exact(n).zip(outputs.chunks_exact_mut(classes)).enumerate()
            {
                for (a, wanted) in row.iter().zip(self.wanted.chunks_exact(classes)) {
                    out.iter_mut().zip(wanted).for_each(|(z, y)| *z -= a * y / row[i]);
                }
            }
            outputs
        };
        let squares = |outputs: &[f64]| {
            self.wanted.iter().zip(outputs).map(|(y, z)| (y - z) * (y - z)).sum::<f64>()
        };
        let tried = DECAYS.map(|decay| {
            let outputs = outputs(decay);
            (squares(&outputs), decay, outputs)
        });
        let (_, decay, mut whole) = least(tried, |tried| tried.0);
        for (row, x) in
            whole.chunks_exact_mut(classes).zip(features.values().chunks_exact(self.dim))
        {
            let length = length(x);
            row.iter_mut().for_each(|z| *z *= length);
        }
        (decay, whole.iter().map(|&z| z as f32).collect())
    }

    /// U U^T, [n, n].
    fn gram(&self) -> Vec<f64> {
        let mut products = vec![0.0; self.n * self.n];
        products_of_rows(self.dim, &self.directions, &self.directions, &mut products);
        products.into_iter().map(f64::from).collect()
    }

    /// U^T U, [dim, dim].
    fn moments(&self) -> Vec<f64> {
        let dim = self.dim;
        let mut moments = vec![0.0; dim * dim];
        let mut products = vec![0.0; dim * dim];
        for block in self.directions.chunks(BLOCK * dim) {
            let images = block.len() / dim;
            let columns: Vec<f32> =
                (0..dim).flat_map(|d| block.iter().skip(d).step_by(dim)).copied().collect();
            products_of_rows(images, &columns, &columns, &mut products);
            moments
                .iter_mut()
                .zip(&products)
                .for_each(|(sum, &product)| *sum += f64::from(product));
        }
        moments
    }

    /// U^T `values`, [dim, classes].
    fn in_features(&self, values: &[f64]) -> Vec<f64> {
        let mut weights = vec![0.0; self.dim * self.classes];
        for (row, values) in
            self.directions.chunks_exact(self.dim).zip(values.chunks_exact(self.classes))
        {
            for (&x, weights) in row.iter().zip(weights.chunks_exact_mut(self.classes)) {
                weights.iter_mut().zip(values).for_each(|(w, v)| *w += f64::from(x) * v);
            }
        }
        weights
    }
}

/// `matrix` [n, n] with `decay` added to its diagonal.
fn plus(mut matrix: Vec<f64>, n: usize, decay: f64) -> Vec<f64> {
    (0..n).for_each(|i| matrix[i * n + i] += decay);
    matrix
}

fn length(x: &[f32]) -> f64 {
    x.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::super::tests::clouds;
    use super::*;

    #[test]
    fn both_problems_have_the_same_solution() {
        let (x, labels) = clouds(12, 20, 2);
        let mut targets = Targets::of_labels(&labels, 3);
        targets.weights[2] = 0.25;
        targets.classes[..3].copy_from_slice(&[0.5, 0.25, 0.25]);
        let system = System::new(Rows::new(&x, 20), &targets);
        let mut primal = system.in_features(&system.wanted);
        Cholesky::of(plus(system.moments(), 20, 0.1), 20).solve(&mut primal, 3);
        for (dual, primal) in system.solve(0.1).iter().zip(&primal) {
            assert!((dual - primal).abs() < 1e-5, "{dual} {primal}");
        }
    }

    #[test]
    fn a_label_left_out_is_a_label_not_given() {
        let (x, labels) = clouds(15, 20, 7);
        let (decay, outputs) = System::new(Rows::new(&x, 20), &Targets::of_labels(&labels, 3))
            .leave_each_out(Rows::new(&x, 20));
        for i in 0..15 {
            let mut targets = Targets::of_labels(&labels, 3);
            targets.weights[i] = 0.0;
            let without = Probe::fit(Rows::new(&x, 20), &targets, Ridge { decay, sharpness: 1.0 });
            for (z, direct) in outputs[i * 3..][..3].iter().zip(without.outputs(&x[i * 20..][..20]))
            {
                assert!((z - direct).abs() < 1e-4, "{i}: {z} {direct}");
            }
        }
    }

    #[test]
    fn a_wrong_label_is_told_by_the_others() {
        for n in [60, 450] {
            let (x, mut labels) = clouds(n, 20, 9);
            labels[7] = (labels[7] + 1) % 3;
            let probs = left_out_probs_nc(Rows::new(&x, 20), &labels, 3);
            let of_label = |i: usize| probs[i * 3 + usize::from(labels[i])];
            let lower = (0..n).filter(|&i| of_label(i) < of_label(7)).count();
            assert!(lower < n / 10, "{n}: {lower} labels are less likely");
        }
    }

    #[test]
    fn one_label_and_images_without_features_are_no_trouble() {
        let x = [0.0, 0.0, 1.0, 2.0];
        for (rows, labels) in [(&x[..2], &[1][..]), (&x[2..], &[0]), (&x[..], &[1, 0])] {
            let rows = Rows::new(rows, 2);
            let probe =
                Probe::fit(rows, &Targets::of_labels(labels, 3), Ridge::choose(rows, labels, 3).0);
            assert!(probe.probs_nc(&x).iter().all(|p| p.is_finite()), "{labels:?}");
        }
    }
}
