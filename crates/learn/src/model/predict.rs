//! Scoring: class probabilities of many images in blocks, so that memory is that of one block.

use fewlabel_engine::rng::Key;
use fewlabel_engine::vector::softmax_rows;
use fewlabel_engine::{Model, Scorer};

use crate::error::LearnError;
use crate::finite;
use crate::model::temperature::{self, Temperature};
use crate::model::view::View;

/// Images scored at a time.
const BLOCK: usize = 256;

/// A model ready to score; an image's outputs have the same bits in any block and for any number of
/// threads.
pub struct Predictor {
    scorer: Scorer,
    classes: usize,
    feature_len: usize,
    input: Vec<f32>,
    rows: Vec<u32>,
    temperature: Option<Temperature>,
}

impl Predictor {
    /// Prepares `model` for scoring on `threads` threads.
    ///
    /// # Errors
    /// If the engine cannot hold a block of images of this shape.
    pub fn new(model: &Model, threads: usize) -> Result<Self, LearnError> {
        let shape = model.architecture();
        Ok(Self {
            scorer: Scorer::new(model, BLOCK, threads)?,
            classes: shape.classes,
            feature_len: shape.feature_len(),
            input: vec![0.0; BLOCK * shape.height * shape.width * shape.channels],
            rows: Vec::with_capacity(BLOCK),
            temperature: None,
        })
    }

    /// Divides all logits from here on by the temperature that makes the model's probabilities fit
    /// the `labels` of the view's images best.
    ///
    /// # Errors
    /// If a logit is not a finite number.
    ///
    /// # Panics
    /// If there are no labels, or a label is not a class.
    pub fn calibrate(
        &mut self,
        view: &mut View<'_>,
        labels: &[u16],
        key: Key,
    ) -> Result<Temperature, LearnError> {
        let classes = self.classes;
        let mut logits_nc = vec![0.0; labels.len() * classes];
        self.blocks(view, &mut logits_nc, classes, key, Scorer::logits);
        finite::check("logit", &logits_nc)?;
        Ok(*self.temperature.insert(temperature::fit(&logits_nc, labels)))
    }

    /// Has `score` fill `out`, `row_len` values for each of the view's first images, a block at a
    /// time.
    fn blocks(
        &mut self,
        view: &mut View<'_>,
        out: &mut [f32],
        row_len: usize,
        key: Key,
        score: impl Fn(&mut Scorer, &[f32], &mut [f32]) + Sync,
    ) {
        let Self { scorer, rows, input, .. } = self;
        scorer.team().run(|| {
            for (block, out) in out.chunks_mut(BLOCK * row_len).enumerate() {
                let input = fill_block(rows, input, view, block * BLOCK, out.len() / row_len, key);
                score(scorer, input, out);
            }
        });
    }

    /// Turns rows of logits into probabilities.
    fn probabilities(&self, logits: &mut [f32]) -> Result<(), LearnError> {
        if let Some(temperature) = self.temperature {
            temperature.scale(logits);
        }
        softmax_rows(logits, self.classes);
        finite::check("probability", logits)
    }

    /// Softmax probabilities `probs_nc` of rows 0..`n` of the view's images, augmented once under
    /// `key` where the view augments.
    ///
    /// # Errors
    /// If one is not a finite number.
    pub fn probs_nc(
        &mut self,
        view: &mut View<'_>,
        n: usize,
        key: Key,
    ) -> Result<Vec<f32>, LearnError> {
        let classes = self.classes;
        let mut probs_nc = vec![0.0; n * classes];
        self.blocks(view, &mut probs_nc, classes, key, Scorer::logits);
        self.probabilities(&mut probs_nc)?;
        Ok(probs_nc)
    }

    /// Probabilities as [`Predictor::probs_nc`] and the penultimate features `features_nd` (after
    /// the last ReLU).
    ///
    /// # Errors
    /// If one is not a finite number.
    pub fn probs_and_features(
        &mut self,
        view: &mut View<'_>,
        n: usize,
        key: Key,
    ) -> Result<(Vec<f32>, Vec<f32>), LearnError> {
        let mut probs_nc = Vec::with_capacity(n * self.classes);
        let mut features_nd = Vec::with_capacity(n * self.feature_len);
        let keep = |probs: &[f32], features: &[f32]| {
            probs_nc.extend_from_slice(probs);
            features_nd.extend_from_slice(features);
            Ok::<_, LearnError>(())
        };
        self.each_block(view, n, key, keep)?;
        Ok((probs_nc, features_nd))
    }

    /// Hands the rows of [`Predictor::probs_and_features`] to `take` block by block, in order: for
    /// results larger than memory.
    ///
    /// # Errors
    /// The first one of `take`, or a number that is not finite; either ends the scoring.
    pub fn each_block<E: From<LearnError>>(
        &mut self,
        view: &mut View<'_>,
        n: usize,
        key: Key,
        mut take: impl FnMut(&[f32], &[f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        let (mut probs, mut features) =
            (vec![0.0; BLOCK * self.classes], vec![0.0; BLOCK * self.feature_len]);
        for start in (0..n).step_by(BLOCK) {
            let count = BLOCK.min(n - start);
            let (probs, features) =
                (&mut probs[..count * self.classes], &mut features[..count * self.feature_len]);
            let Self { scorer, rows, input, .. } = self;
            scorer.team().run(|| {
                let input = fill_block(rows, input, view, start, count, key);
                scorer.logits_and_features(input, probs, features);
            });
            self.probabilities(probs)?;
            finite::check("feature", features)?;
            take(probs, features)?;
        }
        Ok(())
    }

    /// Monte-Carlo dropout probabilities `probs_nkc`: `samples` passes whose masks, named by
    /// (`masks`, sample), are the same for every image.
    ///
    /// # Errors
    /// If one is not a finite number.
    pub fn probs_nkc(
        &mut self,
        view: &mut View<'_>,
        n: usize,
        key: Key,
        samples: usize,
        masks: Key,
    ) -> Result<Vec<f32>, LearnError> {
        let row_len = samples * self.classes;
        let mut probs_nkc = vec![0.0; n * row_len];
        let score = |scorer: &mut Scorer, input: &[f32], out: &mut [f32]| {
            scorer.monte_carlo(input, samples, masks, out)
        };
        self.blocks(view, &mut probs_nkc, row_len, key, score);
        self.probabilities(&mut probs_nkc)?;
        Ok(probs_nkc)
    }
}

fn fill_block<'b>(
    rows: &mut Vec<u32>,
    input: &'b mut [f32],
    view: &mut View<'_>,
    start: usize,
    len: usize,
    key: Key,
) -> &'b [f32] {
    rows.clear();
    rows.extend(start as u32..(start + len) as u32);
    let input = &mut input[..len * view.image_len()];
    view.fill(rows, key, 0, input);
    input
}

/// The share of rows whose most probable class (the lowest of equals) is the label.
pub fn accuracy(probs_nc: &[f32], labels: &[u16]) -> f64 {
    let classes = probs_nc.len() / labels.len().max(1);
    let hits = probs_nc
        .chunks_exact(classes)
        .zip(labels)
        .filter(|(row, label)| argmax(row) == usize::from(**label));
    hits.count() as f64 / labels.len() as f64
}

/// The index of the largest value, the lowest of equals.
pub fn argmax(row: &[f32]) -> usize {
    let mut best = 0;
    for (index, value) in row.iter().enumerate() {
        if *value > row[best] {
            best = index;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accuracy_counts_the_most_probable_class() {
        let probs = [0.1, 0.9, 0.5, 0.5, 0.8, 0.2];
        assert_eq!(accuracy(&probs, &[1, 0, 1]), 2.0 / 3.0);
    }

    #[test]
    fn the_lowest_of_equals_wins() {
        assert_eq!(argmax(&[0.25, 0.5, 0.5]), 1);
    }
}
