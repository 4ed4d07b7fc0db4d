//! What a query looks at: the arrays its strategy needs, computed once, by the loop's models.

use std::borrow::Cow;

use fewlabel_engine::rng::Key;

use crate::acquire::{self, Inputs, Needs, Picks, Query, Rows, Samples, Score, Strategy};
use crate::data::Pool;
use crate::error::LearnError;
use crate::model::predict::{Predictor, argmax};
use crate::model::view::View;

/// Images that stand for those to be predicted later, where a strategy asks for targets: drawn from
/// the pool, never from test.
const TARGETS: usize = 100;

/// Images scored together where each is scored by itself: their probabilities are forgotten, so
/// that a pool of millions takes the memory of its scores.
const CHUNK: usize = 1 << 14;

/// The pool as a network scores it, and what names its random numbers.
pub(crate) struct Scored<'a, 'v> {
    /// The training images as the pool is scored.
    pub(crate) view: &'a mut View<'v>,
    /// The same images under fresh augmentation, for strategies that compare views.
    pub(crate) augmented: View<'v>,
    /// Number of images.
    pub(crate) rows: usize,
    /// Number of classes.
    pub(crate) classes: usize,
    /// Images that may be asked.
    pub(crate) open: &'a [u32],
    /// Names the once-and-for-all augmentation of the pool, where there is one.
    pub(crate) once: Key,
    /// Names the Monte-Carlo masks, the same for every image.
    pub(crate) masks: Key,
    /// Monte-Carlo passes, where there is one model.
    pub(crate) mc_samples: usize,
    /// Names the augmented views.
    pub(crate) view_key: Key,
    /// Views an image, the unaugmented one included.
    pub(crate) views: usize,
    /// Names the choice of targets.
    pub(crate) target_key: Key,
    /// Threads; never changes a bit.
    pub(crate) threads: usize,
}

/// What a strategy chooses from.
#[derive(Clone, Copy)]
pub(crate) struct Choice<'a> {
    /// Images that may be asked, in ascending order.
    pub(crate) open: &'a [u32],
    /// Images with a label.
    pub(crate) labelled: &'a [u32],
    /// How many are to be asked, and what decides where scores do not.
    pub(crate) query: Query,
    /// Threads; never changes a bit.
    pub(crate) threads: usize,
}

/// The arrays of one query, row i being training image i.
#[derive(Default)]
pub(crate) struct PoolScores<'a> {
    rows: usize,
    classes: usize,
    probs_nc: Option<Vec<f32>>,
    features_nd: Option<Cow<'a, [f32]>>,
    probs_nkc: Option<Vec<f32>>,
    target_probs_tkc: Option<Vec<f32>>,
    view_probs_nvc: Option<Vec<f32>>,
    by_image: Option<ByImage>,
}

/// What is kept of every image where the strategy scores each by itself.
#[derive(Default)]
struct ByImage {
    scores: Vec<f64>,
    /// Entropies in bits; none where they are the scores.
    entropies: Option<Vec<f64>>,
    predictions: Vec<u16>,
}

impl<'a> PoolScores<'a> {
    /// Computes what `needs` names and nothing else. Features are the model's where none are
    /// `given`.
    pub(crate) fn compute(
        strategy: &dyn Strategy,
        needs: Needs,
        members: &mut [Predictor],
        given: Option<&'a [f32]>,
        pool: &mut Scored<'_, '_>,
    ) -> Result<Self, LearnError> {
        let classes = pool.classes;
        let mut scores = Self { rows: pool.rows, classes, ..Self::default() };
        let is_one = members.len() == 1;
        if let (Some(score), [member], Needs::PROBS) = (strategy.as_score(), &mut *members, needs) {
            scores.by_image = Some(ByImage::compute(score, member, pool)?);
            return Ok(scores);
        }
        scores.features_nd = given.filter(|_| needs.features).map(Cow::Borrowed);
        if needs.features && given.is_none() {
            let (probs, features) =
                members[0].probs_and_features(pool.view, pool.rows, pool.once)?;
            (scores.probs_nc, scores.features_nd) = (Some(probs), Some(Cow::Owned(features)));
        }
        if needs.probs || needs.mc_probs {
            let mut each =
                members.iter_mut().map(|member| member.probs_nc(pool.view, pool.rows, pool.once));
            scores.probs_nc = match is_one {
                true => each.next().transpose()?,
                false => {
                    let member_probs = each.collect::<Result<Vec<_>, _>>()?;
                    scores.probs_nkc = Some(interleaved(&member_probs, classes));
                    Some(mean(&member_probs))
                }
            };
        }
        if needs.mc_probs && is_one {
            let probs = members[0].probs_nkc(
                pool.view,
                pool.rows,
                pool.once,
                pool.mc_samples,
                pool.masks,
            )?;
            scores.probs_nkc = Some(probs);
        }
        if needs.targets {
            scores.target_probs_tkc = Some(scores.targets(pool));
        }
        if needs.views {
            let unaugmented = members[0].probs_nc(pool.view, pool.rows, pool.once);
            let view = |v| {
                members[0].probs_nc(&mut pool.augmented, pool.rows, pool.view_key.at(v, 0).child())
            };
            let all = std::iter::once(unaugmented).chain((1..pool.views as u64).map(view));
            let views = all.collect::<Result<Vec<_>, _>>()?;
            scores.view_probs_nvc = Some(interleaved(&views, classes));
        }
        Ok(scores)
    }

    /// The predictions of some images of the pool, drawn by the target key.
    fn targets(&self, pool: &Scored<'_, '_>) -> Vec<f32> {
        let probs =
            self.probs_nkc.as_ref().expect("targets come with several predictions an image");
        let mut open = pool.open.to_vec();
        pool.target_key.stream().shuffle(&mut open);
        let len = probs.len() / self.rows;
        open.iter()
            .take(TARGETS)
            .flat_map(|&row| &probs[row as usize * len..][..len])
            .copied()
            .collect()
    }

    /// Scores of a pool that was seen as features, and as probabilities where there are some.
    pub(crate) fn of_arrays(
        pool: &Pool<'_>,
        probs_nc: Option<Vec<f32>>,
        features_nd: Option<&'a [f32]>,
    ) -> Self {
        let features_nd = features_nd.map(Cow::Borrowed);
        Self { rows: pool.len(), classes: pool.classes, probs_nc, features_nd, ..Self::default() }
    }

    /// Lets `strategy` choose `batch` of the `open` images.
    pub(crate) fn pick(
        &self,
        strategy: &dyn Strategy,
        choice: &Choice<'_>,
    ) -> Result<Picks, LearnError> {
        let Choice { open, labelled, query, threads } = *choice;
        if let (Some(by_image), Some(score)) = (&self.by_image, strategy.as_score()) {
            acquire::check_batch(query.batch, open.len())?;
            let scores: Vec<f64> = open.iter().map(|&row| by_image.scores[row as usize]).collect();
            return Ok(score.choose(open, &scores, &query));
        }
        let samples = |values: &'_ [f32]| values.len() / self.rows / self.classes;
        let mc_samples = self.probs_nkc.as_deref().map_or(1, samples);
        let inputs = Inputs {
            probs: self.probs_nc.as_deref().map(|p| Rows::new(p, self.classes)),
            features: self.features_nd.as_deref().map(|f| Rows::new(f, f.len() / self.rows)),
            mc_probs: self.probs_nkc.as_deref().map(|p| Samples::new(p, mc_samples, self.classes)),
            target_mc_probs: self
                .target_probs_tkc
                .as_deref()
                .map(|p| Samples::new(p, mc_samples, self.classes)),
            view_probs: self
                .view_probs_nvc
                .as_deref()
                .map(|p| Samples::new(p, samples(p), self.classes)),
            labelled,
        };
        Ok(strategy.pick(&inputs, open, &query, threads)?)
    }

    /// The predicted class of every image, where probabilities were computed.
    pub(crate) fn predictions(&self) -> Option<Vec<u16>> {
        if let Some(by_image) = &self.by_image {
            return Some(by_image.predictions.clone());
        }
        let probs_nc = self.probs_nc.as_ref()?;
        Some(probs_nc.chunks_exact(self.classes).map(|row| argmax(row) as u16).collect())
    }

    /// Entropy of every image's softmax in bits, where probabilities were computed.
    pub(crate) fn entropies(&self, threads: usize) -> Result<Option<Cow<'_, [f64]>>, LearnError> {
        if let Some(by_image) = &self.by_image {
            return Ok(Some(Cow::Borrowed(
                by_image.entropies.as_ref().unwrap_or(&by_image.scores),
            )));
        }
        let Some(probs_nc) = &self.probs_nc else { return Ok(None) };
        Ok(Some(Cow::Owned(entropies(Rows::new(probs_nc, self.classes), threads)?)))
    }
}

impl ByImage {
    fn compute(
        score: &dyn Score,
        member: &mut Predictor,
        pool: &mut Scored<'_, '_>,
    ) -> Result<Self, LearnError> {
        let (classes, rows, threads) = (pool.classes, pool.rows, pool.threads);
        let is_entropy = score.name() == ENTROPY;
        let mut kept = Self { entropies: (!is_entropy).then(Vec::new), ..Self::default() };
        let mut chunk = Vec::with_capacity(CHUNK.min(rows) * classes);
        member.each_block(pool.view, rows, pool.once, |probs, _| {
            chunk.extend_from_slice(probs);
            let seen = kept.scores.len() + chunk.len() / classes;
            if seen == rows || chunk.len() >= CHUNK * classes {
                kept.add(score, Rows::new(&chunk, classes), threads)?;
                chunk.clear();
            }
            Ok::<_, LearnError>(())
        })?;
        Ok(kept)
    }

    fn add(
        &mut self,
        score: &dyn Score,
        probs: Rows<'_>,
        threads: usize,
    ) -> Result<(), LearnError> {
        let rows: Vec<u32> = (0..probs.len() as u32).collect();
        let inputs = Inputs { probs: Some(probs), ..Inputs::default() };
        self.scores.extend(score.score_rows(&inputs, &rows, threads)?);
        if let Some(all) = &mut self.entropies {
            all.extend(entropies(probs, threads)?);
        }
        self.predictions.extend(rows.iter().map(|&row| argmax(probs.row(row)) as u16));
        Ok(())
    }
}

/// The strategy whose scores are entropies in bits.
const ENTROPY: &str = "entropy";

/// Entropy of every row in bits.
fn entropies(probs: Rows<'_>, threads: usize) -> Result<Vec<f64>, LearnError> {
    let rows: Vec<u32> = (0..probs.len() as u32).collect();
    let entropy = acquire::by_name(ENTROPY)?;
    let score = entropy.as_score().expect("entropy is a score");
    Ok(score.score_rows(&Inputs { probs: Some(probs), ..Inputs::default() }, &rows, threads)?)
}

/// Arrays [n, classes], one a sample, as one array [n, samples, classes].
fn interleaved(arrays: &[Vec<f32>], classes: usize) -> Vec<f32> {
    let rows = arrays[0].len() / classes;
    (0..rows)
        .flat_map(|row| arrays.iter().flat_map(move |a| &a[row * classes..][..classes]))
        .copied()
        .collect()
}

/// The mean of several arrays of equal length, summed in order.
pub(crate) fn mean(arrays: &[Vec<f32>]) -> Vec<f32> {
    let count = arrays.len() as f32;
    (0..arrays[0].len()).map(|i| arrays.iter().map(|a| a[i]).sum::<f32>() / count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_interleaved_by_image() {
        let members = [vec![0.1, 0.9, 0.2, 0.8], vec![0.3, 0.7, 0.4, 0.6]];
        assert_eq!(interleaved(&members, 2), [0.1, 0.9, 0.3, 0.7, 0.2, 0.8, 0.4, 0.6]);
    }

    #[test]
    fn an_ensemble_s_prediction_is_the_mean_of_probabilities() {
        assert_eq!(mean(&[vec![0.25, 0.75], vec![0.75, 0.25]]), [0.5, 0.5]);
    }
}
