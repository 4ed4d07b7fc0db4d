//! How the final model is judged on the held-out splits, which only a simulated study has.

use super::{Finished, Judged, Run};
use crate::error::LearnError;
use crate::model::predict::accuracy;
use crate::run::events::{RunObserver, Work};
use crate::run::learners::HeldOut;

impl<'a> Run<'a> {
    /// Accuracy on the validation split after an epoch of the final model; after the last,
    /// [`Run::judge`] finds the probabilities.
    pub(super) fn validate(
        &mut self,
        is_last: bool,
        observer: &mut dyn RunObserver,
    ) -> Result<f64, LearnError> {
        observer.phase(Work::Validation);
        let val = self.held_out(0, "validation")?;
        let probs_nc = self.predict(val)?;
        let accuracy = accuracy(&probs_nc, &val.split.labels);
        self.last_val_probs_nc = is_last.then_some(probs_nc);
        Ok(accuracy)
    }

    pub(super) fn judge(mut self, observer: &mut dyn RunObserver) -> Result<Finished, LearnError> {
        let judged =
            if self.resources.benchmark.is_some() { Some(self.judged(observer)?) } else { None };
        Ok(Finished {
            judged,
            model: self.learner.expect("the final model was trained").into_model()?,
            answers: self.answers,
            stopped: self.stopped,
            learned: self.learned,
        })
    }

    fn judged(&mut self, observer: &mut dyn RunObserver) -> Result<Judged, LearnError> {
        observer.phase(Work::Validation);
        let (val, test) = (self.held_out(0, "judging")?, self.held_out(1, "judging")?);
        let plain = match self.last_val_probs_nc.take() {
            Some(probs_nc) => probs_nc,
            None => self.predict(val)?,
        };
        let last = accuracy(&plain, &val.split.labels);
        let val_probs_nc = self.with_views(val, plain)?;
        // Of a network from nothing the image alone counts, on an encoder what is judged; so it has
        // been recorded from the start.
        let is_on_encoder = self.plan.transfer.is_some();
        let last = if is_on_encoder { accuracy(&val_probs_nc, &val.split.labels) } else { last };
        observer.phase(Work::Test);
        let test_probs_nc = self.with_views(test, self.predict(test)?)?;
        Ok(Judged {
            val_accuracy_best: self.val_accuracy_best.max(last),
            val_probs_nc,
            test_probs_nc,
        })
    }

    fn with_views(&self, held_out: HeldOut<'_>, plain: Vec<f32>) -> Result<Vec<f32>, LearnError> {
        if self.plan.test_time_views < 2 {
            return Ok(plain);
        }
        self.learner().predict_views(held_out, plain).map_err(|error| self.at_place(error))
    }

    pub(super) fn predict(&self, held_out: HeldOut<'_>) -> Result<Vec<f32>, LearnError> {
        self.learner().predict(held_out).map_err(|error| self.at_place(error))
    }

    pub(super) fn held_out(
        &self,
        number: u64,
        what: &'static str,
    ) -> Result<HeldOut<'a>, LearnError> {
        let benchmark = self.resources.benchmark(what)?;
        Ok(HeldOut { number, split: if number == 0 { benchmark.val } else { benchmark.test } })
    }
}
