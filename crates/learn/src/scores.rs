//! What a query looks at: the arrays its strategy needs, computed once, by the loop's models.

use std::borrow::Cow;

use fewlabel_engine::rng::Key;

use crate::acquire::{self, Inputs, Needs, Picks, Rows, Samples, Strategy};
use crate::error::LearnError;
use crate::predict::{Predictor, argmax};
use crate::view::View;

/// Images that stand for those to be predicted later, where a strategy asks for targets: drawn from the pool, never from test.
const TARGETS: usize = 100;

/// The pool of one query and what names its random numbers.
pub(crate) struct Pool<'a, 'v> {
    /// The training images as the pool is scored.
    pub(crate) view: &'a mut View<'v>,
    /// The same images under fresh augmentation, for strategies that compare views.
    pub(crate) augmented: View<'v>,
    /// Number of images.
    pub(crate) rows: usize,
    /// Number of classes.
    pub(crate) classes: usize,
    /// Images already labelled.
    pub(crate) labelled: &'a [u32],
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
}

impl<'a> PoolScores<'a> {
    /// Computes what `needs` names and nothing else. Features are the model's where none are `given`.
    pub(crate) fn compute(
        needs: Needs,
        members: &mut [Predictor],
        given: Option<&'a [f32]>,
        pool: &mut Pool<'_, '_>,
    ) -> Result<Self, LearnError> {
        let classes = pool.classes;
        let mut scores = Self { rows: pool.rows, classes, ..Self::default() };
        let is_one = members.len() == 1;
        scores.features_nd = given.filter(|_| needs.features).map(Cow::Borrowed);
        if needs.features && given.is_none() {
            let (probs, features) = members[0].probs_and_features(pool.view, pool.rows, pool.once);
            (scores.probs_nc, scores.features_nd) = (Some(probs), Some(Cow::Owned(features)));
        }
        if needs.probs || needs.mc_probs {
            let mut each = members.iter_mut().map(|member| member.probs_nc(pool.view, pool.rows, pool.once));
            scores.probs_nc = match is_one {
                true => each.next(),
                false => {
                    let member_probs: Vec<Vec<f32>> = each.collect();
                    scores.probs_nkc = Some(interleaved(&member_probs, classes));
                    Some(mean(&member_probs))
                }
            };
        }
        if needs.mc_probs && is_one {
            let probs = members[0].probs_nkc(pool.view, pool.rows, pool.once, pool.mc_samples, pool.masks);
            scores.probs_nkc = Some(probs);
        }
        if needs.targets {
            scores.target_probs_tkc = Some(scores.targets(pool)?);
        }
        if needs.views {
            let unaugmented = members[0].probs_nc(pool.view, pool.rows, pool.once);
            let view = |v| members[0].probs_nc(&mut pool.augmented, pool.rows, pool.view_key.at(v, 0).child());
            let views: Vec<Vec<f32>> = std::iter::once(unaugmented).chain((1..pool.views as u64).map(view)).collect();
            scores.view_probs_nvc = Some(interleaved(&views, classes));
        }
        Ok(scores)
    }

    /// The predictions of some images of the pool, drawn by the target key.
    fn targets(&self, pool: &Pool<'_, '_>) -> Result<Vec<f32>, LearnError> {
        let probs = self.probs_nkc.as_ref().expect("targets come with several predictions an image");
        let mut unlabelled = acquire::unlabelled(self.rows, pool.labelled)?;
        pool.target_key.stream().shuffle(&mut unlabelled);
        let len = probs.len() / self.rows;
        Ok(unlabelled.iter().take(TARGETS).flat_map(|&row| &probs[row as usize * len..][..len]).copied().collect())
    }

    /// Lets `strategy` choose `batch` images that are not labelled.
    pub(crate) fn pick(
        &self,
        strategy: &dyn Strategy,
        pool: &Pool<'_, '_>,
        batch: usize,
        key: Key,
    ) -> Result<Picks, LearnError> {
        let samples = |values: &'_ [f32]| values.len() / self.rows / self.classes;
        let mc_samples = self.probs_nkc.as_deref().map_or(1, samples);
        let inputs = Inputs {
            probs: self.probs_nc.as_deref().map(|p| Rows::new(p, self.classes)),
            features: self.features_nd.as_deref().map(|f| Rows::new(f, f.len() / self.rows)),
            mc_probs: self.probs_nkc.as_deref().map(|p| Samples::new(p, mc_samples, self.classes)),
            target_mc_probs: self.target_probs_tkc.as_deref().map(|p| Samples::new(p, mc_samples, self.classes)),
            view_probs: self.view_probs_nvc.as_deref().map(|p| Samples::new(p, samples(p), self.classes)),
            labelled: pool.labelled,
        };
        let unlabelled = acquire::unlabelled(self.rows, pool.labelled)?;
        Ok(strategy.pick(&inputs, &unlabelled, batch, key, pool.threads)?)
    }

    /// The predicted class of every image, where probabilities were computed.
    pub(crate) fn predictions(&self) -> Option<Vec<u16>> {
        let probs_nc = self.probs_nc.as_ref()?;
        Some(probs_nc.chunks_exact(self.classes).map(|row| argmax(row) as u16).collect())
    }

    /// Entropy of every image's softmax in bits, where probabilities were computed.
    pub(crate) fn entropies(&self, threads: usize) -> Result<Option<Vec<f64>>, LearnError> {
        let Some(probs_nc) = &self.probs_nc else { return Ok(None) };
        let inputs = Inputs { probs: Some(Rows::new(probs_nc, self.classes)), ..Inputs::default() };
        let rows: Vec<u32> = (0..self.rows as u32).collect();
        let entropy = acquire::by_name("entropy")?;
        let score = entropy.as_score().expect("entropy is a score");
        Ok(Some(score.score_rows(&inputs, &rows, threads)?))
    }
}

/// Arrays [n, classes], one a sample, as one array [n, samples, classes].
fn interleaved(arrays: &[Vec<f32>], classes: usize) -> Vec<f32> {
    let rows = arrays[0].len() / classes;
    (0..rows).flat_map(|row| arrays.iter().flat_map(move |a| &a[row * classes..][..classes])).copied().collect()
}

/// The mean of several arrays of equal length, summed in order.
fn mean(arrays: &[Vec<f32>]) -> Vec<f32> {
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
