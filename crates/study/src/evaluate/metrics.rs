//! How well probabilities fit the truth of a split: what `result.json` keeps, so that any figure
//! can be drawn from it.

use fewlabel_learn::counted;
use fewlabel_learn::model::predict::argmax;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bins of the reliability curve (Guo et al. 2017 use 15).
const BINS: usize = 15;

/// Probabilities below this count as this in the log-likelihood: f32 softmax may give exactly zero.
const LEAST_PROBABILITY: f64 = 1e-12;

/// A model's figures on one split. What is a mean of nothing is absent, never 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct Metrics {
    /// Images judged.
    pub images: usize,
    /// Share of images whose most probable class is the label.
    pub accuracy: f64,
    /// Mean recall over the classes that occur.
    pub balanced_accuracy: f64,
    /// Mean F1 over the classes that occur or were predicted.
    pub macro_f1: f64,
    /// Mean area under the one-vs-rest ROC curves (MedMNIST's definition), over the classes for
    /// which it is defined: those with an image in the class and one outside. Absent where there is
    /// no such class.
    pub auc: Option<f64>,
    /// How many classes that are, where it is not all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auc_classes: Option<usize>,
    /// Mean negative log-likelihood in nats.
    pub nll: f64,
    /// Expected calibration error over the reliability bins.
    pub ece: f64,
    /// `confusion[label][predicted]`: numbers of images.
    pub confusion: Vec<Vec<u32>>,
    /// Images by the probability of their predicted class, in bins of equal width.
    pub reliability: Vec<Bin>,
}

// `remote` makes the derived code a function of its own name, so that what is read can be put right
// here.
impl Serialize for Metrics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Metrics {
    /// Early records say 0 where no area is defined, and never how many are.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut metrics = Self::deserialize(deserializer)?;
        metrics.auc_classes = fewer(areas(&metrics.confusion), metrics.confusion.len());
        metrics.auc = metrics.auc.filter(|_| metrics.auc_classes != Some(0));
        Ok(metrics)
    }
}

/// One bin of the reliability curve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Images in it.
    pub images: u32,
    /// Their mean probability of the predicted class; 0 in an empty bin.
    pub confidence: f64,
    /// The share of them predicted rightly; 0 in an empty bin.
    pub accuracy: f64,
}

impl Metrics {
    /// The AUC as people read it, with the number of classes where it is not all of them.
    pub fn auc_in_words(auc: Option<f64>, classes: Option<usize>) -> String {
        match (auc, classes) {
            (Some(auc), None) => format!("AUC {auc:.4}"),
            (Some(auc), Some(classes)) => {
                format!("AUC {auc:.4} (mean over the {} that have one)", counted(classes, "class"))
            }
            (None, _) => "AUC not defined (one class alone)".to_owned(),
        }
    }

    /// Judges `probs_nc`, one row of class probabilities an image.
    ///
    /// # Panics
    /// If there are no labels, or not one row for each.
    pub fn of(probs_nc: &[f32], labels: &[u16]) -> Self {
        let mut judge = Judge::new(labels, probs_nc.len() / labels.len());
        judge.add(probs_nc);
        judge.metrics()
    }
}

/// Judges rows of class probabilities as they come. It keeps four bytes an image and class, which
/// exact areas take.
pub(crate) struct Judge<'a> {
    labels: &'a [u16],
    seen: usize,
    confusion: Vec<Vec<u32>>,
    reliability: Vec<Bin>,
    nll: f64,
    /// Scores of each class for the images that belong to it, and for the others.
    scores: Vec<[Vec<f32>; 2]>,
}

impl<'a> Judge<'a> {
    /// Expects one row for each of `labels`.
    pub(crate) fn new(labels: &'a [u16], classes: usize) -> Self {
        let scores = |class: usize| {
            let own = labels.iter().filter(|label| usize::from(**label) == class).count();
            // Room at once: a pool of millions has none for vectors that double.
            [Vec::with_capacity(own), Vec::with_capacity(labels.len() - own)]
        };
        Self {
            labels,
            seen: 0,
            confusion: vec![vec![0; classes]; classes],
            reliability: vec![Bin::default(); BINS],
            nll: 0.0,
            scores: (0..classes).map(scores).collect(),
        }
    }

    /// Takes the next rows.
    ///
    /// # Panics
    /// If they are no whole rows, or more than there are labels.
    pub(crate) fn add(&mut self, probs_nc: &[f32]) {
        let classes = self.confusion.len();
        let rows = probs_nc.len() / classes;
        assert_eq!(rows * classes, probs_nc.len(), "whole rows");
        for (row, &label) in
            probs_nc.chunks_exact(classes).zip(&self.labels[self.seen..self.seen + rows])
        {
            let (label, predicted) = (usize::from(label), argmax(row));
            self.confusion[label][predicted] += 1;
            let confidence = f64::from(row[predicted]);
            let bin = &mut self.reliability[((confidence * BINS as f64) as usize).min(BINS - 1)];
            bin.images += 1;
            bin.confidence += confidence;
            bin.accuracy += f64::from(u8::from(predicted == label));
            self.nll -= libm::log(f64::from(row[label]).max(LEAST_PROBABILITY));
            for (class, (&score, scores)) in row.iter().zip(&mut self.scores).enumerate() {
                scores[usize::from(class != label)].push(score);
            }
        }
        self.seen += rows;
    }

    /// The figures of all rows.
    ///
    /// # Panics
    /// If a label has no row.
    pub(crate) fn metrics(self) -> Metrics {
        self.figures().0
    }

    /// The figures of all rows, and the area under each class's own curve.
    ///
    /// # Panics
    /// If a label has no row.
    pub(crate) fn figures(mut self) -> (Metrics, Vec<Option<f64>>) {
        assert!(self.seen == self.labels.len() && self.seen > 0, "one row a label");
        for bin in self.reliability.iter_mut().filter(|bin| bin.images > 0) {
            bin.confidence /= f64::from(bin.images);
            bin.accuracy /= f64::from(bin.images);
        }
        let (n, confusion, reliability) = (self.seen as f64, self.confusion, self.reliability);
        let OfCounts { accuracy, balanced_accuracy, macro_f1, ece } =
            of_counts(&confusion, &reliability);
        let areas_of: Vec<Option<f64>> = self.scores.into_iter().map(auc).collect();
        let metrics = Metrics {
            images: self.seen,
            accuracy,
            balanced_accuracy,
            macro_f1,
            auc: mean(areas_of.iter().copied().flatten()),
            auc_classes: fewer(areas(&confusion), confusion.len()),
            nll: self.nll / n,
            ece,
            confusion,
            reliability,
        };
        (metrics, areas_of)
    }
}

/// The figures that counts alone decide.
pub(crate) struct OfCounts {
    pub(crate) accuracy: f64,
    pub(crate) balanced_accuracy: f64,
    pub(crate) macro_f1: f64,
    pub(crate) ece: f64,
}

/// Figures of a square confusion matrix and its reliability curve.
pub(crate) fn of_counts(confusion: &[Vec<u32>], reliability: &[Bin]) -> OfCounts {
    let n = confusion.iter().flatten().map(|&count| u64::from(count)).sum::<u64>() as f64;
    OfCounts {
        accuracy: (0..confusion.len()).map(|c| f64::from(confusion[c][c])).sum::<f64>() / n,
        balanced_accuracy: mean(recalls(confusion).into_iter().flatten()).unwrap_or(0.0),
        macro_f1: mean(f1s(confusion).into_iter().flatten()).unwrap_or(0.0),
        ece: reliability
            .iter()
            .map(|b| f64::from(b.images) / n * (b.accuracy - b.confidence).abs())
            .sum(),
    }
}

/// Recall of every class; `None` where the class does not occur.
pub fn recalls(confusion: &[Vec<u32>]) -> Vec<Option<f64>> {
    let recall = |(class, row): (usize, &Vec<u32>)| {
        let total: u32 = row.iter().sum();
        (total > 0).then(|| f64::from(row[class]) / f64::from(total))
    };
    confusion.iter().enumerate().map(recall).collect()
}

fn f1s(confusion: &[Vec<u32>]) -> Vec<Option<f64>> {
    let f1 = |class: usize| {
        let labelled: u32 = confusion[class].iter().sum();
        let predicted: u32 = confusion.iter().map(|row| row[class]).sum();
        let total = labelled + predicted;
        (total > 0).then(|| 2.0 * f64::from(confusion[class][class]) / f64::from(total))
    };
    (0..confusion.len()).map(f1).collect()
}

/// Classes with an image in them and one outside: those that have an area under their curve.
fn areas(confusion: &[Vec<u32>]) -> usize {
    let sizes: Vec<u64> =
        confusion.iter().map(|row| row.iter().map(|&count| u64::from(count)).sum()).collect();
    let all: u64 = sizes.iter().sum();
    sizes.iter().filter(|&&size| size > 0 && size < all).count()
}

fn fewer(count: usize, than: usize) -> Option<usize> {
    (count < than).then_some(count)
}

/// The mean; `None` of nothing.
fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, n) = values.fold((0.0, 0u32), |(sum, n), value| (sum + value, n + 1));
    (n > 0).then(|| sum / f64::from(n))
}

/// Area under the ROC curve of one class against the rest: the share of pairs in the right order,
/// ties counting half.
fn auc([mut positives, mut negatives]: [Vec<f32>; 2]) -> Option<f64> {
    if positives.is_empty() || negatives.is_empty() {
        return None;
    }
    positives.sort_unstable_by(f32::total_cmp);
    negatives.sort_unstable_by(f32::total_cmp);
    let (mut below, mut up_to, mut pairs) = (0, 0, 0.0);
    for score in &positives {
        below +=
            negatives[below..].iter().take_while(|other| other.total_cmp(score).is_lt()).count();
        up_to +=
            negatives[up_to..].iter().take_while(|other| other.total_cmp(score).is_le()).count();
        pairs += (below + up_to) as f64 / 2.0;
    }
    Some(pairs / (positives.len() as f64 * negatives.len() as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-7, "{a} against {b}");
    }

    /// ```python
    /// import numpy as np; from sklearn.metrics import *
    /// p = np.float32([[.7,.2,.1],[.1,.6,.3],[.3,.3,.4],[.5,.4,.1],[.2,.2,.6],[.5,.1,.4]])
    /// y = np.array([0,1,2,1,2,2])
    /// h = p.argmax(1); print(balanced_accuracy_score(y, h), f1_score(y, h, average="macro"),
    ///       log_loss(y, p / p.sum(1, keepdims=True)),
    ///   np.mean([roc_auc_score(y == c, p[:, c]) for c in range(3)]))
    /// ```
    #[test]
    fn the_figures_are_those_of_scikit_learn() {
        let probs = [
            0.7, 0.2, 0.1, 0.1, 0.6, 0.3, 0.3, 0.3, 0.4, 0.5, 0.4, 0.1, 0.2, 0.2, 0.6, 0.5, 0.1,
            0.4,
        ];
        let metrics = Metrics::of(&probs, &[0, 1, 2, 1, 2, 2]);
        close(metrics.accuracy, 4.0 / 6.0);
        close(metrics.balanced_accuracy, (1.0 + 0.5 + 2.0 / 3.0) / 3.0);
        close(metrics.macro_f1, (0.5 + 2.0 / 3.0 + 0.8) / 3.0);
        close(metrics.auc.expect("defined"), 1.0);
        assert_eq!(metrics.auc_classes, None);
        close(metrics.nll, -((0.7f64 * 0.6 * 0.4 * 0.4 * 0.6 * 0.4).ln()) / 6.0);
        assert_eq!(metrics.confusion, [[1, 0, 0], [1, 1, 0], [1, 0, 2]]);
    }

    /// ```python
    /// import numpy as np; from sklearn.metrics import *; n, c = 40, 4; rows = np.arange(n)
    /// raw = np.array([[float((i * 37 + k * 53 + i * k * 11) % 97 + 3) for k in range(c)]
    ///                 for i in range(n)])
    /// y = np.array([(i * 7 + i // 5) % c for i in range(n)]); raw[rows, y] += 40
    /// p = (raw / raw.sum(1, keepdims=True)).astype(np.float32); h = p.argmax(1)
    /// s = p.max(1).astype(float); b = (s * 15).astype(int)
    /// print(accuracy_score(y, h), balanced_accuracy_score(y, h), f1_score(y, h, average="macro"),
    ///   np.mean([roc_auc_score(y == k, p[:, k]) for k in range(c)]),
    ///   -np.mean(np.log(p[rows, y].astype(float))),
    ///   sum(abs((h == y)[b == k].mean() - s[b == k].mean()) * (b == k).mean() for k in set(b)))
    /// ```
    #[test]
    fn forty_images_have_scikit_learn_s_figures_too() {
        let (mut probs, mut labels) = (Vec::new(), Vec::new());
        for i in 0..40usize {
            let label = (i * 7 + i / 5) % 4;
            let raw: Vec<f64> = (0..4)
                .map(|k| {
                    ((i * 37 + k * 53 + i * k * 11) % 97 + 3) as f64
                        + if k == label { 40.0 } else { 0.0 }
                })
                .collect();
            let sum: f64 = raw.iter().sum();
            probs.extend(raw.iter().map(|value| (value / sum) as f32));
            labels.push(label as u16);
        }
        let metrics = Metrics::of(&probs, &labels);
        close(metrics.accuracy, 0.625);
        close(metrics.balanced_accuracy, 0.609375);
        close(metrics.macro_f1, 0.6);
        close(metrics.auc.expect("defined"), 0.8505859375);
        close(metrics.nll, 1.0329670444321226);
        close(metrics.ece, 0.22128160074353218);
    }

    /// With one class in the truth no area is defined; the mean recall is over that class, as in
    /// scikit-learn's balanced_accuracy_score, and macro-F1 over it and the classes predicted, as
    /// in f1_score(average="macro").
    #[test]
    fn one_class_in_the_truth_leaves_the_area_undefined() {
        let metrics = Metrics::of(&[0.7, 0.2, 0.1, 0.1, 0.8, 0.1], &[0, 0]);
        assert_eq!((metrics.auc, metrics.auc_classes), (None, Some(0)));
        close(metrics.balanced_accuracy, 0.5);
        close(metrics.macro_f1, (2.0 / 3.0 + 0.0) / 2.0);
        let text = serde_json::to_string(&metrics).expect("written");
        assert!(text.contains("\"auc\":null,\"auc_classes\":0,"), "{text}");
        assert_eq!(serde_json::from_str::<Metrics>(&text).expect("read"), metrics);
    }

    #[test]
    fn the_area_is_a_mean_over_the_classes_that_have_one() {
        let metrics = Metrics::of(&[0.7, 0.2, 0.1, 0.1, 0.8, 0.1, 0.6, 0.3, 0.1], &[0, 1, 1]);
        // Class 0: 0.7 above 0.1 and 0.6; class 1: 0.8 and 0.3 above 0.2; class 2 has none.
        assert_eq!((metrics.auc, metrics.auc_classes), (Some(1.0), Some(2)));
    }

    #[test]
    fn records_from_before_absent_numbers_still_read() {
        let old = |metrics: &Metrics| {
            let mut value = serde_json::to_value(metrics).expect("plain data");
            let fields = value.as_object_mut().expect("an object");
            fields.remove("auc_classes");
            fields.entry("auc").and_modify(|auc| *auc = auc.as_f64().unwrap_or(0.0).into());
            serde_json::from_value::<Metrics>(value).expect("read")
        };
        for labels in [[0, 0, 0], [0, 1, 1], [0, 1, 2]] {
            let metrics = Metrics::of(&[0.7, 0.2, 0.1, 0.1, 0.8, 0.1, 0.2, 0.2, 0.6], &labels);
            assert_eq!(old(&metrics), metrics);
        }
    }

    #[test]
    fn ties_count_half_in_the_area() {
        close(auc([vec![0.5, 0.8], vec![0.5]]).expect("defined"), 0.75);
        assert_eq!(auc([vec![], vec![0.5]]), None);
    }

    #[test]
    fn a_confident_error_is_miscalibrated() {
        let metrics = Metrics::of(&[1.0, 0.0, 0.0, 1.0], &[1, 1]);
        close(metrics.ece, 0.5);
        assert_eq!(metrics.reliability[BINS - 1].images, 2);
        assert!(metrics.nll.is_finite());
    }
}
