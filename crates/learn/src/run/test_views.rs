//! Several views of one held-out image, answered together.

use fewlabel_engine::Model;
use fewlabel_engine::rng::Key;

use crate::augment::Policy;
use crate::error::LearnError;
use crate::model::predict::Predictor;
use crate::model::view::View;
use crate::purpose;
use crate::run::learners::HeldOut;
use crate::run::plan::Plan;
use crate::run::resources::Resources;

/// Probabilities of held-out images under a network on an encoder, as a mean over the image and
/// `views` - 1 changed views of it.
pub(crate) fn of_network(
    model: &Model,
    mean: &[f32],
    policy: &Policy,
    held_out: HeldOut<'_>,
    views: usize,
    (plan, resources): (&Plan, &Resources<'_>),
) -> Result<Vec<f32>, LearnError> {
    let (split, threads) = (held_out.split, resources.context.threads);
    let mut predictor = Predictor::new(model, threads)?;
    let mut sums = vec![0.0; split.len() * resources.pool.classes];
    for view in 0..views as u64 {
        let key = Key::new(plan.seed, purpose::TEST_VIEWS).at(held_out.number, view).child();
        let policy = (view > 0).then_some(policy);
        let mut images = View::new(&split.images, mean, policy).threads(threads);
        let probs = predictor.probs_nc(&mut images, split.len(), key)?;
        sums.iter_mut().zip(probs).for_each(|(sum, p)| *sum += p / views as f32);
    }
    Ok(sums)
}
