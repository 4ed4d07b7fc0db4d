//! What a query looks at: the arrays its strategy needs, computed once, by the loop's model.

use fewlabel_engine::Model;
use fewlabel_engine::rng::Key;

use crate::acquire::{self, Inputs, Needs, Picks, Rows, Samples, Strategy};
use crate::error::LearnError;
use crate::predict::Predictor;
use crate::view::View;

/// How the arrays are computed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scoring {
    /// Names the once-and-for-all augmentation of the pool, where there is one.
    pub(crate) augment: Key,
    /// Names the Monte-Carlo masks, the same for every image.
    pub(crate) masks: Key,
    /// Monte-Carlo passes.
    pub(crate) samples: usize,
    /// Threads; never changes a bit.
    pub(crate) threads: usize,
}

/// The arrays of one query, row i being training image i.
pub(crate) struct PoolScores {
    rows: usize,
    classes: usize,
    probs_nc: Option<Vec<f32>>,
    features_nd: Option<Vec<f32>>,
    probs_nkc: Option<Vec<f32>>,
}

impl PoolScores {
    /// Computes what `needs` names, and nothing else, for the first `rows` images of `view`.
    pub(crate) fn compute(
        needs: Needs,
        model: &Model,
        view: &mut View<'_>,
        rows: usize,
        scoring: Scoring,
    ) -> Result<Self, LearnError> {
        let mut predictor = Predictor::new(model, scoring.threads)?;
        let mut scores =
            Self { rows, classes: model.architecture().classes, probs_nc: None, features_nd: None, probs_nkc: None };
        if needs.features {
            let (probs, features) = predictor.probs_and_features(view, rows, scoring.augment);
            (scores.probs_nc, scores.features_nd) = (Some(probs), Some(features));
        } else if needs.probs || needs.mc_probs {
            scores.probs_nc = Some(predictor.probs_nc(view, rows, scoring.augment));
        }
        if needs.mc_probs {
            let probs = predictor.probs_nkc(view, rows, scoring.augment, scoring.samples, scoring.masks);
            scores.probs_nkc = Some(probs);
        }
        Ok(scores)
    }

    /// Lets `strategy` choose `batch` images that are not among `labelled`.
    pub(crate) fn pick(
        &self,
        strategy: &dyn Strategy,
        labelled: &[u32],
        batch: usize,
        key: Key,
        threads: usize,
    ) -> Result<Picks, LearnError> {
        let per_row = |values: &Vec<f32>| values.len() / self.rows;
        let inputs = Inputs {
            probs: self.probs_nc.as_ref().map(|p| Rows::new(p, self.classes)),
            features: self.features_nd.as_ref().map(|f| Rows::new(f, per_row(f))),
            mc_probs: self.probs_nkc.as_ref().map(|p| Samples::new(p, per_row(p) / self.classes, self.classes)),
            labelled,
            ..Inputs::default()
        };
        let pool = acquire::unlabelled(self.rows, labelled)?;
        Ok(strategy.pick(&inputs, &pool, batch, key, threads)?)
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
