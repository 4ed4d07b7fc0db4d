//! Training: batches in a random but named order, one optimiser step each.

use fewlabel_engine::image::Shape;
use fewlabel_engine::rng::Key;
use fewlabel_engine::{ClassHead, Model, Targets, Trainer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::augment::{Mixer, Mixing};
use crate::error::LearnError;
use crate::model::view::View;
use crate::training::optimised::{Optimisation, Optimised};

/// How a model is trained; the defaults are PAPER.md's readings where the paper is silent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrainSettings {
    /// Epochs of the final model.
    pub epochs: u32,
    /// Images in a step; the last batch of an epoch may be smaller, and is dropped when it holds
    /// one image.
    pub batch_size: usize,
    /// AdamW's learning rate.
    pub learning_rate: f32,
    /// AdamW's decoupled weight decay, acting on every parameter.
    pub weight_decay: f32,
    /// How the images of a batch are mixed; the labels with them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mixing: Option<Mixing>,
    /// What the final model's training does beyond the paper's.
    #[serde(skip_serializing_if = "Recipe::is_the_paper_s")]
    pub recipe: Recipe,
}

/// A recipe for few labels, each part of which is off by default: so the paper trains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Recipe {
    /// Steps in place of epochs: as many epochs as make at least so many steps. 0 counts in epochs.
    pub steps: u32,
    /// Whether the learning rate rises over the first twentieth of the steps and falls as a cosine.
    pub cosine: bool,
    /// Share of every label that is dealt out to all classes alike (Szegedy et al. 2016, arXiv
    /// 1512.00567).
    pub label_smoothing: f32,
    /// Decay of the average of the weights that is judged; 0 judges the weights themselves.
    pub average: f32,
}

impl Recipe {
    /// What networks from scratch learn few labels by, outside the paper's regimes: chosen by
    /// validation accuracy at 1 % of the labels (`docs/label-efficiency.md`).
    pub const FEW_LABELS: Self =
        Self { steps: 500, cosine: true, label_smoothing: 0.1, average: 0.98 };

    fn is_the_paper_s(&self) -> bool {
        *self == Self::default()
    }

    fn check(&self) -> Result<(), LearnError> {
        if (0.0..1.0).contains(&self.label_smoothing) && (0.0..1.0).contains(&self.average) {
            return Ok(());
        }
        Err(LearnError::Setting(
            "recipe: label_smoothing and average must lie between 0 and 1, 1 excluded".to_owned(),
        ))
    }
}

impl Default for TrainSettings {
    fn default() -> Self {
        Self {
            epochs: 40,
            batch_size: 64,
            learning_rate: 1e-3,
            weight_decay: 0.01,
            mixing: None,
            recipe: Recipe::default(),
        }
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
            return wrong(
                "batch_size must lie between 2 and 4096: batch norm has no variance over one image",
            );
        }
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return wrong("learning_rate must be a positive number");
        }
        if !(self.weight_decay >= 0.0 && self.weight_decay.is_finite()) {
            return wrong("weight_decay must be zero or a positive number");
        }
        self.recipe.check()
    }

    /// Epochs over `rows` images: those that were asked for, or as many as make the steps that were
    /// asked for.
    pub fn epochs_over(&self, rows: usize) -> u32 {
        match self.recipe.steps {
            0 => self.epochs,
            steps => steps.div_ceil(self.steps_in_epoch(rows).max(1) as u32),
        }
    }

    /// Batches of at least two images.
    fn steps_in_epoch(&self, rows: usize) -> u64 {
        (rows / self.batch_size + usize::from(rows % self.batch_size > 1)) as u64
    }

    fn optimisation(&self) -> Optimisation {
        let Self { learning_rate, weight_decay, .. } = *self;
        Optimisation { learning_rate, weight_decay, average: self.recipe.average }
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
    model: Optimised<ClassHead>,
    settings: TrainSettings,
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
    /// If the engine cannot hold a batch of `settings.batch_size` images of this shape, or the
    /// mixing is out of its range.
    pub fn new(model: Model, settings: &TrainSettings, threads: usize) -> Result<Self, LearnError> {
        let shape = model.architecture();
        let (classes, batch_size) = (shape.classes, settings.batch_size);
        let image = Shape { height: shape.height, width: shape.width, channels: shape.channels };
        let mixer = settings
            .mixing
            .map(|mixing| Mixer::new(mixing, image, classes, batch_size))
            .transpose()?;
        let is_soft = mixer.is_some() || settings.recipe.label_smoothing > 0.0;
        let optimisation = settings.optimisation();
        let trainer = Trainer::new(model, optimisation.optimizer(), batch_size, threads)?;
        Ok(Self {
            settings: settings.clone(),
            model: Optimised::new(trainer, optimisation),
            batch: vec![0.0; batch_size * image.len()],
            batch_labels: Vec::with_capacity(batch_size),
            batch_size,
            soft: vec![0.0; if is_soft { batch_size * classes } else { 0 }],
            mixer,
            classes,
        })
    }

    /// Trains once over `rows` with their `labels`; returns the mean loss over the images seen.
    ///
    /// # Errors
    /// If a loss, or a weight afterwards, is not a finite number.
    pub fn epoch(
        &mut self,
        view: &mut View<'_>,
        rows: &[u32],
        labels: &[u16],
        keys: EpochKeys,
    ) -> Result<f32, LearnError> {
        let loss = self.model.team().run(|| self.steps(view, rows, labels, keys))?;
        self.model.check()?;
        Ok(loss)
    }

    fn steps(
        &mut self,
        view: &mut View<'_>,
        rows: &[u32],
        labels: &[u16],
        keys: EpochKeys,
    ) -> Result<f32, LearnError> {
        let order = keys.order.stream().permutation(rows.len());
        let image_len = view.image_len();
        let mut batch_rows = Vec::with_capacity(self.batch_size);
        let (mut loss, mut seen) = (0.0f64, 0usize);
        let recipe = self.settings.recipe;
        if recipe.cosine {
            let epochs = u64::from(self.settings.epochs_over(rows.len()));
            self.model.schedule_over(epochs * self.settings.steps_in_epoch(rows.len()));
        }
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
            let targets = if self.soft.is_empty() {
                Targets::Classes(&self.batch_labels)
            } else {
                let soft = &mut self.soft[..positions.len() * self.classes];
                one_hot(&self.batch_labels, self.classes, soft);
                if let Some(mixer) = &mut self.mixer {
                    mixer.apply(keys.mixing.at(step as u64, 0), batch, soft);
                }
                smooth(soft, recipe.label_smoothing / self.classes as f32, recipe.label_smoothing);
                Targets::Soft(soft)
            };
            let dropout = keys.dropout.at(step as u64, 0).child();
            let mean = self.model.step(|trainer| trainer.step(batch, targets, dropout))?;
            loss += f64::from(mean) * positions.len() as f64;
            seen += positions.len();
        }
        Ok((loss / seen.max(1) as f64) as f32)
    }

    /// The model as it is to be judged: as trained so far, or the average of its weights where one
    /// is kept.
    pub fn model(&self) -> &Model {
        self.model.model()
    }

    /// The model, training ended.
    pub fn into_model(self) -> Model {
        self.model.into_model()
    }

    /// Everything that training goes on from: parameters, running statistics, optimiser moments,
    /// step count; before them the average with its length, where one is kept.
    pub fn state(&self) -> Vec<u8> {
        match &self.model.states()[..] {
            [state, average] => {
                [&(average.len() as u64).to_le_bytes()[..], average, state].concat()
            }
            states => states.concat(),
        }
    }

    /// Goes back to a [`Fit::state`].
    ///
    /// # Errors
    /// If the bytes are not a state of this architecture.
    pub fn restore(&mut self, state: &[u8]) -> Result<(), LearnError> {
        if self.settings.recipe.average == 0.0 {
            return self.model.restore(&[state]);
        }
        let parts = state.split_first_chunk::<8>().and_then(|(length, rest)| {
            rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)
        });
        let Some((held, state)) = parts else {
            return Err(LearnError::Snapshot("it holds no average of weights".to_owned()));
        };
        self.model.restore(&[state, held])
    }
}

/// Takes `share` of every target and deals it out, `each` to every class.
fn smooth(targets: &mut [f32], each: f32, share: f32) {
    if share > 0.0 {
        targets.iter_mut().for_each(|target| *target = (1.0 - share) * *target + each);
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
    fn steps_are_made_up_of_epochs() {
        let settings = |steps| TrainSettings {
            recipe: Recipe { steps, ..Recipe::default() },
            ..TrainSettings::default()
        };
        assert_eq!(settings(0).epochs_over(139), 40);
        // 64 + 64 + 11 images.
        assert_eq!([500, 501, 3].map(|steps| settings(steps).epochs_over(139)), [167, 167, 1]);
        // The last of 65 images alone is no batch.
        assert_eq!(settings(10).epochs_over(65), 10);
    }

    #[test]
    fn a_smoothed_label_still_adds_up_to_one() {
        let mut targets = [0.0, 1.0, 0.0, 0.0];
        smooth(&mut targets, 0.05, 0.2);
        assert!(
            (targets.iter().sum::<f32>() - 1.0).abs() < 1e-6 && (targets[1] - 0.85).abs() < 1e-6
        );
    }

    #[test]
    fn a_learning_rate_must_be_a_number() {
        let settings = TrainSettings { learning_rate: f32::NAN, ..TrainSettings::default() };
        assert!(settings.check().is_err());
    }
}
