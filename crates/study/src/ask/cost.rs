//! How much work a run is, for putting the longest first and for the time left.

use fewlabel_learn::acquire::CLUSTERS;
use fewlabel_learn::data::Dataset;
use fewlabel_learn::model::network::NetworkSettings;
use fewlabel_learn::run::events::{EpochEvent, Phase};
use fewlabel_learn::run::learners::STEPS_TOLD;
use fewlabel_learn::run::plan::{Plan, Selection};
use fewlabel_learn::run::transfer::EncoderSource;
use fewlabel_learn::training::fine_tuning::FineTuning;

/// Forward and backward pass in units of a forward pass.
const TRAINING: f64 = 3.0;

/// Work that an image costs beside its multiplications, in multiplications: reading, augmenting,
/// small layers.
const PER_IMAGE: f64 = 300_000.0;

/// Work of a choice by clusters, for every image, cluster and channel of the encoder's first block:
/// some passes of k-means and the distances within clusters. Other strategies take less.
const CHOICE: f64 = 500.0;

/// The work of a plan, in multiplications, by how far it has come.
#[derive(Clone, Debug)]
pub struct Cost {
    /// Work done before the first epoch of each round of the loop; the last entry is the start of
    /// the final model.
    rounds: Vec<f64>,
    loop_epochs: Vec<f64>,
    final_epoch: f64,
    total: f64,
}

impl Cost {
    /// The work of `plan` on `data`.
    pub fn of(plan: &Plan, data: &Dataset) -> Self {
        let pixels = data.train.images.height * data.train.images.width;
        let image = |network: &NetworkSettings| {
            multiplications(network.width, pixels, data.train.images.channels)
        };
        let rows = data.train.len() as f64;
        let (mut rounds, mut loop_epochs) = (vec![0.0], Vec::new());
        let mut labels = match &plan.selection {
            Selection::Active(active) => active.initial,
            selection => selection.labels(data.train.len()),
        } as f64;
        if let Some(transfer) = &plan.transfer {
            let choice = match &plan.selection {
                Selection::OnFeatures { .. } => {
                    CHOICE * rows * labels.min(CLUSTERS as f64) * plan.network.width as f64
                }
                _ => 0.0,
            };
            let tuning = transfer.fine_tuning.as_ref();
            return Self::on_features(labels, rows, choice, tuning, image(&plan.network));
        }
        if let Selection::Active(active) = &plan.selection {
            let small = image(&active.network);
            while labels < active.labels as f64 {
                let round = loop_epochs.len() as u32;
                let epoch = labels * TRAINING * small;
                let query = (rows - labels) * small;
                rounds.push(
                    rounds[round as usize]
                        + f64::from(active.schedule.epochs(round)) * epoch
                        + query,
                );
                loop_epochs.push(epoch);
                labels = (labels + active.query_size.max(1) as f64).min(active.labels as f64);
            }
        }
        let large = image(&plan.network);
        let validation = if plan.validate_every_epoch { data.val.len() as f64 } else { 0.0 };
        let final_epoch = labels * TRAINING * large + validation * large;
        let judging = (data.val.len() + data.test.len()) as f64 * large;
        let epochs = plan.training.epochs_over(labels as usize);
        let total = rounds[loop_epochs.len()] + f64::from(epochs) * final_epoch + judging;
        Self { rounds, loop_epochs, final_epoch, total }
    }

    /// What is left where the queries are known from another run.
    pub(crate) fn without_loop(mut self) -> Self {
        self.total -= self.rounds[self.loop_epochs.len()];
        self.rounds.fill(0.0);
        self.loop_epochs.fill(0.0);
        self
    }

    /// What is left where the model is known from another run.
    pub(crate) fn of_judging(mut self, plan: &Plan) -> Self {
        self = self.without_loop();
        self.total -= f64::from(plan.training.epochs) * self.final_epoch;
        self.final_epoch = 0.0;
        self
    }

    /// The work on features that are there: a classifier with its cross-validation, a choice, or
    /// fine-tuning.
    fn on_features(
        labels: f64,
        rows: f64,
        choice: f64,
        tuning: Option<&FineTuning>,
        image: f64,
    ) -> Self {
        let classifier = PER_IMAGE * (50.0 * labels + rows) + choice;
        let events = tuning.map_or(1.0, |t| f64::from(t.steps) / STEPS_TOLD as f64).max(1.0);
        let tuning = tuning.map_or(0.0, |t| {
            f64::from(t.steps) * labels.min(t.batch_size as f64) * TRAINING * image
        });
        Self {
            rounds: vec![classifier],
            loop_epochs: Vec::new(),
            final_epoch: tuning / events,
            total: classifier + tuning,
        }
    }

    /// All of it.
    pub fn total(&self) -> f64 {
        self.total
    }

    /// What is done when `event` comes.
    pub fn until(&self, event: &EpochEvent) -> f64 {
        let round = event.round as usize;
        let done = match event.phase {
            Phase::Loop => {
                let epoch = self.loop_epochs.get(round).copied().unwrap_or(0.0);
                self.rounds.get(round).copied().unwrap_or(0.0) + f64::from(event.epoch) * epoch
            }
            Phase::Final => {
                self.rounds[self.loop_epochs.len()] + f64::from(event.epoch) * self.final_epoch
            }
        };
        done.min(self.total)
    }
}

/// The cost of training C(`width`) on one image.
pub(crate) fn of_training(width: usize, pixels: usize, channels: usize) -> f64 {
    TRAINING * multiplications(width, pixels, channels)
}

/// The work of training the encoder that `source` describes on `data`; a file's is done.
pub fn of_encoder(source: &EncoderSource, data: &Dataset) -> f64 {
    let EncoderSource::Pretraining { settings, .. } = source else { return 0.0 };
    let images = &data.train.images;
    let views = 2.0 * f64::from(settings.epochs) * data.train.len() as f64;
    views * of_training(settings.width, images.height * images.width, images.channels)
}

/// Multiplications of one forward pass of C(f), whose pools divide the pixels by nine.
fn multiplications(width: usize, pixels: usize, channels: usize) -> f64 {
    let (f, pixels, channels) = (width as f64, pixels as f64, channels as f64);
    let first = pixels * 9.0 * (channels * f + f * f);
    let second = pixels / 9.0 * 9.0 * (f * 2.0 * f + 4.0 * f * f);
    let third = pixels / 81.0 * 9.0 * (2.0 * f * 3.0 * f + 9.0 * f * f);
    first + second + third + pixels / 81.0 * 3.0 * f * 8.0 * f + PER_IMAGE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::regimes::REGIMES;
    use crate::ask::settings::Point;
    use crate::testing;

    #[test]
    fn the_last_epoch_leaves_only_the_judging() {
        let data = testing::dataset(200);
        for regime in REGIMES {
            let plan = regime
                .plan(&testing::quick_point(), data.train.len(), data.val.len())
                .expect("a plan");
            let cost = Cost::of(&plan, &data);
            let event = EpochEvent {
                phase: Phase::Final,
                round: 0,
                epoch: plan.training.epochs,
                labels: 2,
                train_loss: Some(0.0),
                val_accuracy: None,
            };
            let left = 1.0 - cost.until(&event) / cost.total();
            assert!((0.0..0.5).contains(&left), "{}: {left}", regime.name);
        }
    }

    #[test]
    fn all_labels_cost_more_than_a_few() {
        let data = testing::dataset(2000);
        let total = |i: usize| {
            Cost::of(&REGIMES[i].plan(&Point::default(), 2000, 400).expect("a plan"), &data).total()
        };
        assert!(total(0) > total(1));
    }
}
