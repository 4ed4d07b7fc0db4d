//! Training: batches in a random but named order, one optimiser step each.

use fewlabel_engine::image::Shape;
use fewlabel_engine::rng::Key;
use fewlabel_engine::{AdamW, Model, Targets, Trainer};
use serde::{Deserialize, Serialize};

use crate::augment::{Mixer, Mixing};
use crate::error::LearnError;
use crate::view::View;

/// How a model is trained; the defaults are PAPER.md's readings where the paper is silent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainSettings {
    /// Epochs of the final model.
    pub epochs: u32,
    /// Images in a step; the last batch of an epoch may be smaller, and is dropped when it holds one image.
    pub batch_size: usize,
    /// AdamW's learning rate.
    pub learning_rate: f32,
    /// AdamW's decoupled weight decay, acting on every parameter.
    pub weight_decay: f32,
    /// How the images of a batch are mixed; the labels with them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mixing: Option<Mixing>,
}

impl Default for TrainSettings {
    fn default() -> Self {
        Self { epochs: 40, batch_size: 64, learning_rate: 1e-3, weight_decay: 0.01, mixing: None }
    }
}

impl TrainSettings {
    /// Refuses settings that cannot train.
    ///
    /// # Errors
    /// Names the setting that is out of its range.
    pub fn check(&self) -> Result<(), LearnError> {
        let wrong = |what: &str| Err(LearnError::Setting(what.to_owned()));
        if self.epochs == 0 {
            return wrong("epochs must be at least 1");
        }
        if !(2..=4096).contains(&self.batch_size) {
            return wrong("batch_size must lie between 2 and 4096: batch norm has no variance over one image");
        }
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return wrong("learning_rate must be a positive number");
        }
        if !(self.weight_decay >= 0.0 && self.weight_decay.is_finite()) {
            return wrong("weight_decay must be zero or a positive number");
        }
        Ok(())
    }

    /// The optimiser these settings name.
    pub fn optimizer(&self) -> AdamW {
        AdamW { learning_rate: self.learning_rate, weight_decay: self.weight_decay, ..AdamW::default() }
    }
}

/// The keys that name an epoch's random numbers.
#[derive(Clone, Copy, Debug)]
pub struct EpochKeys {
    /// Order of the rows.
    pub order: Key,
    /// Augmentation; its counters are set to (`augment_epoch`, row).
    pub augment: Key,
    /// 0 where each row is augmented once and for all.
    pub augment_epoch: u64,
    /// Dropout masks; its first counter is set to the step.
    pub dropout: Key,
    /// Partners and shares of mixed images; its first counter is set to the step.
    pub mixing: Key,
}

/// A model in training on some rows of a split.
pub struct Fit {
    trainer: Trainer,
    batch: Vec<f32>,
    batch_labels: Vec<u16>,
    batch_size: usize,
    mixer: Option<Mixer>,
    soft: Vec<f32>,
    classes: usize,
}

impl Fit {
    /// Starts from `model`; `threads` never changes a bit of the result.
    ///
    /// # Errors
    /// If the engine cannot hold a batch of `settings.batch_size` images of this shape, or the mixing is out of its range.
    pub fn new(model: Model, settings: &TrainSettings, threads: usize) -> Result<Self, LearnError> {
        let shape = model.architecture();
        let (classes, batch_size) = (shape.classes, settings.batch_size);
        let image = Shape { height: shape.height, width: shape.width, channels: shape.channels };
        let mixer = settings.mixing.map(|mixing| Mixer::new(mixing, image, classes, batch_size)).transpose()?;
        Ok(Self {
            trainer: Trainer::new(model, settings.optimizer(), batch_size, threads)?,
            batch: vec![0.0; batch_size * image.len()],
            batch_labels: Vec::with_capacity(batch_size),
            batch_size,
            soft: vec![0.0; if mixer.is_some() { batch_size * classes } else { 0 }],
            mixer,
            classes,
        })
    }

    /// Trains once over `rows` with their `labels`; returns the mean loss over the images seen.
    pub fn epoch(&mut self, view: &mut View<'_>, rows: &[u32], labels: &[u16], keys: EpochKeys) -> f32 {
        let order = keys.order.stream().permutation(rows.len());
        let image_len = view.image_len();
        let mut batch_rows = Vec::with_capacity(self.batch_size);
        let (mut loss, mut seen) = (0.0f64, 0usize);
        for (step, positions) in order.chunks(self.batch_size).enumerate() {
            if positions.len() < 2 {
                continue;
            }
            batch_rows.clear();
            batch_rows.extend(positions.iter().map(|&p| rows[p as usize]));
            self.batch_labels.clear();
            self.batch_labels.extend(positions.iter().map(|&p| labels[p as usize]));
            let batch = &mut self.batch[..positions.len() * image_len];
            view.fill(&batch_rows, keys.augment, keys.augment_epoch, batch);
            let targets = match &mut self.mixer {
                None => Targets::Classes(&self.batch_labels),
                Some(mixer) => {
                    let soft = &mut self.soft[..positions.len() * self.classes];
                    one_hot(&self.batch_labels, self.classes, soft);
                    mixer.apply(keys.mixing.at(step as u64, 0), batch, soft);
                    Targets::Soft(soft)
                }
            };
            let dropout = keys.dropout.at(step as u64, 0).child();
            let mean = self.trainer.step(batch, targets, dropout);
            loss += f64::from(mean) * positions.len() as f64;
            seen += positions.len();
        }
        (loss / seen.max(1) as f64) as f32
    }

    /// The model as trained so far.
    pub fn model(&self) -> &Model {
        self.trainer.model()
    }

    /// The model, training ended.
    pub fn into_model(self) -> Model {
        self.trainer.into_model()
    }

    /// Everything that training goes on from: parameters, running statistics, optimiser moments, step count.
    pub fn state(&self) -> Vec<u8> {
        self.trainer.state()
    }

    /// Goes back to a [`Fit::state`].
    ///
    /// # Errors
    /// If the bytes are not a state of this architecture.
    pub fn restore(&mut self, state: &[u8]) -> Result<(), LearnError> {
        Ok(self.trainer.restore(state)?)
    }
}

fn one_hot(labels: &[u16], classes: usize, out: &mut [f32]) {
    out.fill(0.0);
    for (&label, row) in labels.iter().zip(out.chunks_exact_mut(classes)) {
        row[usize::from(label)] = 1.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_of_one_is_refused() {
        let settings = TrainSettings { batch_size: 1, ..TrainSettings::default() };
        assert!(settings.check().unwrap_err().to_string().contains("batch_size"));
    }

    #[test]
    fn a_learning_rate_must_be_a_number() {
        let settings = TrainSettings { learning_rate: f32::NAN, ..TrainSettings::default() };
        assert!(settings.check().is_err());
    }
}
