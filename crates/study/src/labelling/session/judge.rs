//! The classifier that follows every answer: what it takes each image for, and what it is worth.
//!
//! It has learned from every label but those that are held out, which are a random sample of the
//! pool. So its accuracy on these is what it is worth on images that nobody has seen.

use super::asker::Features;
use super::status::ModelStatus;
use super::{Inner, Shared};
use crate::labelling::curve::CurvePoint;
use crate::labelling::estimate::{Estimate, Judged, estimate};
use crate::labelling::event::{Guess, ImageId, Said};
use crate::labelling::loaded::Loaded;
use fewlabel_learn::data::Labelled;
use fewlabel_learn::model::predict::argmax;
use std::collections::HashMap;
use std::sync::Arc;

/// Labels from which a classifier is worth its time.
const LEAST_LABELS: usize = 2;
/// The learning curve has a point at each of these numbers of learned labels, and one at the
/// present.
const CURVE: [usize; 15] = [4, 6, 9, 13, 19, 28, 40, 60, 80, 120, 160, 240, 320, 480, 640];

/// The present classifier.
pub struct Present {
    pub(super) model: ModelStatus,
    pub(super) estimate: Option<Estimate>,
    pub(super) curve: Vec<CurvePoint>,
    loaded: Arc<Loaded>,
    features: Arc<Features>,
    learned: Labelled,
    names: Vec<String>,
    probs_nc: Vec<f32>,
}

impl Present {
    /// What the classifier takes an image for.
    pub(super) fn guess(&self, id: ImageId) -> Option<Guess> {
        let row = self.probs(id)?;
        let class = argmax(row);
        let probability = f64::from(row[class]);
        Some(Guess { class: self.names.get(class)?.clone(), probability })
    }

    /// The probabilities of an image's classes.
    pub(super) fn probs(&self, id: ImageId) -> Option<&[f32]> {
        let row = self.loaded.row(id)? as usize;
        self.probs_nc.chunks_exact(self.names.len()).nth(row)
    }

    /// The names of the classes, in the order of the probabilities.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The probability of each image's label by a classifier that has not seen it.
    pub(super) fn left_out(&self) -> HashMap<ImageId, f64> {
        let pool = self.features.pool().with_classes(self.names.len());
        let probs = pool.left_out_probs_nc(&self.learned);
        let each = self.learned.rows.iter().zip(&self.learned.labels);
        let each = each.zip(probs.chunks_exact(self.names.len()));
        each.map(|((&row, &label), probs)| {
            (self.loaded.ids[row as usize], f64::from(probs[usize::from(label)]))
        })
        .collect()
    }
}

/// What a classifier is made and judged by.
struct Question {
    version: u64,
    loaded: Arc<Loaded>,
    features: Arc<Features>,
    names: Vec<String>,
    learned: Labelled,
    held: Labelled,
    groups: Vec<Option<u32>>,
    /// Held-out images answered unsure, and unusable.
    unanswerable: [u32; 2],
}

pub(super) fn run(shared: &Arc<Shared>) {
    let mut seen = None;
    loop {
        let mut inner = shared.lock();
        while !shared.is_ending() && seen == Some(inner.version) {
            inner = shared.wait(inner);
        }
        if shared.is_ending() {
            return;
        }
        seen = Some(inner.version);
        let question = inner.question();
        drop(inner);
        let present = question.filter(Question::can_be_answered).map(|question| {
            let version = question.version;
            (version, question.answer())
        });
        let mut inner = shared.lock();
        // What was made of older classes is of no use; a few answers more or less do no harm.
        inner.present = present.map(|(_, present)| Arc::new(present));
    }
}

impl Inner {
    fn question(&self) -> Option<Question> {
        let (loaded, features) = (self.loaded.clone()?, self.features.clone()?);
        let places = self.state.class_places();
        let (mut learned, mut held) = (Labelled::default(), Labelled::default());
        let (mut groups, mut unanswerable) = (Vec::new(), [0; 2]);
        let mut numbers: HashMap<&str, u32> = HashMap::new();
        // Learned labels stand in the order in which they were given, for the learning curve.
        let mut order: Vec<(i64, u32, u16)> = Vec::new();
        for image in &self.state.images {
            let (Some(answer), Some(row)) = (image.answer(), loaded.row(image.id)) else {
                continue;
            };
            match (answer.given.said, answer.given.held_out) {
                (Said::Class(class), is_held) => {
                    let Some(&place) = places.get(&class) else { continue };
                    if !is_held {
                        order.push((answer.seq, row, place));
                        continue;
                    }
                    held.rows.push(row);
                    held.labels.push(place);
                    groups.push(image.group.as_deref().map(|group| {
                        let next = numbers.len() as u32;
                        *numbers.entry(group).or_insert(next)
                    }));
                }
                (Said::Unsure, true) => unanswerable[0] += 1,
                (Said::Unusable, true) => unanswerable[1] += 1,
                _ => {}
            }
        }
        order.sort_unstable();
        learned.rows = order.iter().map(|(_, row, _)| *row).collect();
        learned.labels = order.iter().map(|(_, _, label)| *label).collect();
        let open = self.state.open_classes();
        let names = open.iter().map(|class| class.name.clone()).collect();
        let version = self.version;
        Some(Question { version, loaded, features, names, learned, held, groups, unanswerable })
    }
}

impl Question {
    fn can_be_answered(&self) -> bool {
        let labels = &self.learned.labels;
        labels.len() >= LEAST_LABELS && labels.iter().any(|label| *label != labels[0])
    }

    fn answer(self) -> Present {
        let classes = self.names.len();
        let pool = self.features.pool().with_classes(classes);
        let probe = pool.fit(&self.learned, None);
        let probs_nc = pool.own_probs_nc(&probe);
        let predicted = self.predicted(&probs_nc);
        let judged: Vec<Judged> = (self.held.labels.iter().zip(&predicted).zip(&self.groups))
            .map(|((&truth, &predicted), &group)| Judged { truth, predicted, group })
            .collect();
        let [unsure, unusable] = self.unanswerable;
        let estimate = estimate(&judged, &self.names, unsure, unusable);
        let curve = self.curve(&predicted);
        let encoder = self.features.encoded().is_some();
        let model = ModelStatus { labels: self.learned.len(), encoder };
        let Self { loaded, features, learned, names, .. } = self;
        Present { model, estimate, curve, loaded, features, learned, names, probs_nc }
    }

    /// What the classifier took the held-out images for.
    fn predicted(&self, probs_nc: &[f32]) -> Vec<u16> {
        let classes = self.names.len();
        let of_row = |&row: &u32| argmax(&probs_nc[row as usize * classes..][..classes]) as u16;
        self.held.rows.iter().map(of_row).collect()
    }

    /// What classifiers of fewer labels say of the same held-out images.
    fn curve(&self, predicted: &[u16]) -> Vec<CurvePoint> {
        let pool = self.features.pool().with_classes(self.names.len());
        let (learned, held) = (self.learned.len(), self.held.len());
        let point = |count: usize, predicted: &[u16]| {
            let right = predicted.iter().zip(&self.held.labels).filter(|(p, truth)| p == truth);
            // As many labels as were given by then, held-out ones among them.
            let labels = (count * (learned + held)).div_ceil(learned) as u32;
            let (correct, judged) = (right.count() as u32, held as u32);
            CurvePoint { labels, correct, judged }
        };
        let mut points = Vec::new();
        for count in CURVE.into_iter().filter(|&count| count < learned) {
            let first = Labelled {
                rows: self.learned.rows[..count].to_vec(),
                labels: self.learned.labels[..count].to_vec(),
            };
            if first.labels.iter().any(|label| *label != first.labels[0]) {
                let probe = pool.fit(&first, None);
                let probs = pool.probs_of_rows_nc(&probe, &self.held.rows);
                let rows = probs.chunks_exact(self.names.len());
                points.push(point(count, &rows.map(|row| argmax(row) as u16).collect::<Vec<_>>()));
            }
        }
        points.push(point(learned, predicted));
        points
    }
}
