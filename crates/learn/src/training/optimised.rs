//! A model in training: what training, fine-tuning and pretraining have in common. Each of them
//! only makes batches.

use fewlabel_engine::rng::Key;
use fewlabel_engine::{AdamW, Average, Model, Team, Training};

use crate::error::LearnError;
use crate::finite;
use crate::training::schedule::schedule;

/// How a model is optimised, whatever its batches hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Optimisation {
    /// AdamW's learning rate, the highest where it follows a schedule.
    pub(crate) learning_rate: f32,
    /// AdamW's decoupled weight decay.
    pub(crate) weight_decay: f32,
    /// Decay of the average of the weights that is judged; 0 judges the weights themselves.
    pub(crate) average: f32,
}

impl Optimisation {
    /// The optimiser that these settings name.
    pub(crate) fn optimizer(&self) -> AdamW {
        AdamW {
            learning_rate: self.learning_rate,
            weight_decay: self.weight_decay,
            ..AdamW::default()
        }
    }
}

/// A model in training under the engine's head `H`.
pub(crate) struct Optimised<H> {
    training: Training<H>,
    optimisation: Optimisation,
    average: Option<Average>,
    /// Steps over which the learning rate rises and falls; without it the rate stays.
    scheduled: Option<u64>,
}

impl<H> Optimised<H> {
    /// Goes on from the model in `training`.
    pub(crate) fn new(training: Training<H>, optimisation: Optimisation) -> Self {
        let keeps_average = optimisation.average > 0.0;
        let average =
            keeps_average.then(|| Average::new(training.model().clone(), optimisation.average));
        Self { training, optimisation, average, scheduled: None }
    }

    /// Lets the learning rate rise and fall over `steps` steps.
    pub(crate) fn schedule_over(&mut self, steps: u64) {
        self.scheduled = Some(steps);
    }

    /// Takes one step, by `take`; returns its loss.
    ///
    /// # Errors
    /// If the loss is not a finite number.
    pub(crate) fn step(
        &mut self,
        take: impl FnOnce(&mut Training<H>) -> f32,
    ) -> Result<f32, LearnError> {
        if let Some(steps) = self.scheduled {
            let share = schedule(self.training.steps(), steps);
            self.training
                .set_learning_rate((f64::from(self.optimisation.learning_rate) * share) as f32);
        }
        let loss = take(&mut self.training);
        finite::check("loss", &[loss])?;
        if let Some(average) = &mut self.average {
            average.add(self.training.model());
        }
        Ok(loss)
    }

    /// Refuses weights that are not finite numbers, which cannot be gone on from.
    ///
    /// # Errors
    /// Names the tensor.
    pub(crate) fn check(&self) -> Result<(), LearnError> {
        finite::check_model(self.model())
    }

    /// Steps made so far.
    pub(crate) fn steps(&self) -> u64 {
        self.training.steps()
    }

    /// The threads that steps are split over.
    pub(crate) fn team(&self) -> Team {
        self.training.team()
    }

    /// The model as it is to be judged: as trained so far, or the average of its weights where one
    /// is kept.
    pub(crate) fn model(&self) -> &Model {
        self.average.as_ref().map_or(self.training.model(), Average::model)
    }

    /// The model to be judged, training ended.
    pub(crate) fn into_model(self) -> Model {
        match self.average {
            Some(average) => average.model().clone(),
            None => self.training.into_model(),
        }
    }

    /// What training goes on from: parameters, running statistics, moments of the optimiser and the
    /// number of steps; then the average, where one is kept.
    pub(crate) fn states(&self) -> Vec<Vec<u8>> {
        [Some(self.training.state()), self.average.as_ref().map(Average::state)]
            .into_iter()
            .flatten()
            .collect()
    }

    /// Goes back to [`Optimised::states`].
    ///
    /// # Errors
    /// If they belong to another network or to other settings.
    pub(crate) fn restore(&mut self, states: &[impl AsRef<[u8]>]) -> Result<(), LearnError> {
        match (states, &mut self.average) {
            ([state], None) => self.training.restore(state.as_ref())?,
            ([state, average], Some(held)) => {
                self.training.restore(state.as_ref())?;
                held.restore(average.as_ref())?;
            }
            _ => {
                return Err(LearnError::Snapshot(format!(
                    "it holds {} states of a training",
                    states.len()
                )));
            }
        }
        Ok(())
    }
}

/// Rows in passes, each in an order of its own and cut into whole batches. What is left over waits
/// for the next pass.
pub(crate) struct Passes {
    key: Key,
    batch: usize,
    order: Vec<u32>,
    ordered: Option<u64>,
}

impl Passes {
    /// Passes over `rows` rows in batches of `batch`; `key` names the orders.
    pub(crate) fn new(key: Key, rows: usize, batch: usize) -> Self {
        Self { key, batch, order: (0..rows as u32).collect(), ordered: None }
    }

    /// Batches in a pass.
    pub(crate) fn batches(&self) -> u64 {
        (self.order.len() / self.batch) as u64
    }

    /// The pass that `step` lies in, and the rows of its batch.
    pub(crate) fn at(&mut self, step: u64) -> (u64, &[u32]) {
        let batches = self.batches();
        let pass = step / batches;
        if self.ordered != Some(pass) {
            self.order = self.key.at(pass, 0).stream().permutation(self.order.len());
            self.ordered = Some(pass);
        }
        (pass, &self.order[(step % batches) as usize * self.batch..][..self.batch])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_shows_every_row_once_but_for_what_makes_no_batch() {
        let mut passes = Passes::new(Key::new(5, 0), 11, 4);
        let mut rows: Vec<u32> = (0..2).flat_map(|step| passes.at(step).1.to_vec()).collect();
        assert_eq!(passes.batches(), 2);
        let first = rows.clone();
        rows.sort_unstable();
        rows.dedup();
        assert_eq!(rows.len(), 8);
        assert_eq!(passes.at(2).0, 1);
        assert_ne!(passes.at(2).1, &first[..4]);
        assert_eq!(
            (0..2).flat_map(|step| passes.at(step).1.to_vec()).collect::<Vec<_>>(),
            first,
            "going back is the same"
        );
    }
}
