//! Learning from the images alone, before the first label.
//!
//! Two views of each image are to look alike, and unlike all other images (SimCLR: Chen et al.
//! 2020, arXiv 2002.05709). What comes out is an encoder: its output serves as features for the
//! choice of labels and for a classifier on few of them. Only images of the training split are
//! seen, never a label, never a validation or test image.

mod encoder;
mod pretrained;
pub mod views;

pub use encoder::Encoder;
pub use pretrained::Pretrained;

use fewlabel_engine::rng::Key;
use fewlabel_engine::{Architecture, Contrastive, Model, Objective, ProjectionHead};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::augment::Policy;
use crate::data::{Images, Pool};
use crate::error::LearnError;
use crate::memory;
use crate::model::view::View;
use crate::purpose;
use crate::training::optimised::{Optimisation, Optimised, Passes};

/// What an encoder is held to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Views of an image are to be alike, and unlike those of others.
    #[default]
    SimClr,
    /// Views are to be alike, and embeddings to keep their variance without saying anything twice
    /// (arXiv 2105.04906).
    VicReg,
}

impl Method {
    /// The method called `name`.
    ///
    /// # Errors
    /// If there is none.
    pub fn from_name(name: &str) -> Result<Self, LearnError> {
        match name {
            "simclr" => Ok(Self::SimClr),
            "vicreg" => Ok(Self::VicReg),
            _ => Err(LearnError::Setting(format!(
                "no method is called `{name}`; there are simclr and vicreg"
            ))),
        }
    }
}

/// How an encoder is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PretrainSettings {
    /// What for.
    pub method: Method,
    /// f of the encoder, whose blocks have (f, 2f, 3f) channels.
    pub width: usize,
    /// Passes over the images.
    pub epochs: u32,
    /// Images in a step, two views each.
    pub batch_size: usize,
    /// AdamW's learning rate at its highest: it rises over the first twentieth of the steps and
    /// falls as a cosine.
    pub learning_rate: f32,
    /// AdamW's decoupled weight decay.
    pub weight_decay: f32,
    /// What `simclr` divides similarities by: a lower temperature looks more at the most similar
    /// images.
    pub temperature: f32,
    /// Hidden units of the projection.
    pub hidden: usize,
    /// Numbers in an embedding.
    pub embedding: usize,
    /// What a view may change; what suits the data if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub views: Option<Policy>,
}

impl Default for PretrainSettings {
    fn default() -> Self {
        Self {
            method: Method::SimClr,
            width: 32,
            epochs: 24,
            batch_size: 64,
            learning_rate: 2e-3,
            weight_decay: 0.01,
            temperature: 0.5,
            hidden: 256,
            embedding: 64,
            views: None,
        }
    }
}

impl PretrainSettings {
    /// Refuses settings that cannot train on `images` images.
    ///
    /// # Errors
    /// Names the setting that is out of its range.
    pub fn check(&self, images: usize) -> Result<(), LearnError> {
        let wrong = |what: String| Err(LearnError::Setting(what));
        if self.epochs == 0 {
            return wrong("epochs must be at least 1".to_owned());
        }
        if !(2..=2048).contains(&self.batch_size) {
            return wrong(format!(
                "batch_size must lie between 2 and 2048, not {}",
                self.batch_size
            ));
        }
        if images < 2 {
            return wrong(format!("{images} images cannot be told apart: at least 2 are needed"));
        }
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return wrong("learning_rate must be a positive number".to_owned());
        }
        if !(self.weight_decay >= 0.0 && self.weight_decay.is_finite()) {
            return wrong("weight_decay must be zero or a positive number".to_owned());
        }
        if self.views.as_ref().is_some_and(Policy::is_learned) {
            return wrong(
                "views cannot be learned: a learned policy is chosen on labels".to_owned(),
            );
        }
        Ok(())
    }

    pub(crate) fn architecture(&self, images: &Images) -> Architecture {
        let f = self.width;
        Architecture {
            height: images.height,
            width: images.width,
            channels: images.channels,
            block_widths: [1, 2, 3].map(|n| f.saturating_mul(n)).to_vec(),
            hidden: vec![self.hidden],
            classes: self.embedding,
            dropout: 0.0,
        }
    }
}

/// An encoder in training: a pure function of data, settings and seed, whatever the number of
/// threads and however often it was stopped and gone on with.
pub struct Pretraining<'a> {
    settings: PretrainSettings,
    seed: u64,
    model: Optimised<ProjectionHead>,
    view: View<'a>,
    passes: Passes,
    buffer: Vec<f32>,
    /// Mean loss of each epoch that is over, and the sum in this one.
    losses: Vec<f64>,
    sum: f64,
}

/// What a snapshot holds beside the trainer's state.
#[derive(Serialize, Deserialize)]
struct Header {
    settings: PretrainSettings,
    seed: u64,
    losses: Vec<f64>,
    sum: f64,
}

impl<'a> Pretraining<'a> {
    /// Starts on the images of a pool.
    ///
    /// # Errors
    /// If a setting is out of its range or the network cannot be built.
    pub fn new(
        pool: &Pool<'a>,
        settings: &PretrainSettings,
        seed: u64,
        threads: usize,
    ) -> Result<Self, LearnError> {
        let images = pool.images;
        settings.check(images.len())?;
        let setting = format!(
            "pretrain.width = {} with batch_size = {}",
            settings.width, settings.batch_size
        );
        let views = 2 * settings.batch_size.min(images.len());
        let bytes = memory::of_training(&settings.architecture(images).checked()?, views);
        memory::check(&setting, "training the encoder", bytes)?;
        let key = Key::new(seed, purpose::PRETRAIN_WEIGHTS);
        let model = Model::new(settings.architecture(images), key)?;
        let PretrainSettings { learning_rate, weight_decay, .. } = *settings;
        let optimisation = Optimisation { learning_rate, weight_decay, average: 0.0 };
        let objective = match settings.method {
            Method::SimClr => Objective::NtXent { temperature: settings.temperature },
            Method::VicReg => Objective::VicReg,
        };
        let batch = settings.batch_size.min(images.len());
        let policy = settings.views.clone().unwrap_or_else(|| views::for_pool(pool));
        let passes = Passes::new(Key::new(seed, purpose::PRETRAIN_ORDER), images.len(), batch);
        let training =
            Contrastive::new(model, optimisation.optimizer(), objective, batch, threads)?;
        let mut model = Optimised::new(training, optimisation);
        model.schedule_over(passes.batches() * u64::from(settings.epochs));
        Ok(Self {
            model,
            view: View::new(images, &pool.mean(), Some(&policy)).threads(threads),
            seed,
            passes,
            buffer: vec![0.0; 2 * batch * images.image_len()],
            losses: Vec::new(),
            sum: 0.0,
            settings: settings.clone(),
        })
    }

    /// Steps altogether.
    pub fn steps(&self) -> u64 {
        self.passes.batches() * u64::from(self.settings.epochs)
    }

    /// Steps made.
    pub fn steps_made(&self) -> u64 {
        self.model.steps()
    }

    /// Mean loss, in nats, of each epoch that is over.
    pub fn losses(&self) -> &[f64] {
        &self.losses
    }

    /// Makes one step; `false` when there is none left. Images beyond the last whole batch of an
    /// epoch wait for the next.
    ///
    /// # Errors
    /// If a loss is not a finite number, or a weight at the end of an epoch.
    pub fn step(&mut self) -> Result<bool, LearnError> {
        self.model.team().run(|| self.step_on_team())
    }

    fn step_on_team(&mut self) -> Result<bool, LearnError> {
        let step = self.model.steps();
        if step >= self.steps() {
            return Ok(false);
        }
        let (epoch, rows) = self.passes.at(step);
        let half = self.buffer.len() / 2;
        for (number, out) in self.buffer.chunks_exact_mut(half).enumerate() {
            let key = Key::new(self.seed, purpose::PRETRAIN_VIEWS + number as u64);
            self.view.fill(rows, key, epoch, out);
        }
        let (views, place) = (&self.buffer, || format!("epoch {}", epoch + 1));
        let loss =
            self.model.step(|training| training.step(views)).map_err(|error| error.at(place))?;
        self.sum += f64::from(loss);
        let batches = self.passes.batches();
        if (step + 1).is_multiple_of(batches) {
            self.model.check().map_err(|error| error.at(place))?;
            self.losses.push(self.sum / batches as f64);
            self.sum = 0.0;
        }
        Ok(true)
    }

    /// The encoder as trained so far, projection included.
    pub fn model(&self) -> &Model {
        self.model.model()
    }

    /// Everything that training goes on from: the length of a JSON header (u64, little endian), the
    /// header, the state.
    pub fn snapshot(&self) -> Vec<u8> {
        let (settings, losses) = (self.settings.clone(), self.losses.clone());
        let header = Header { settings, seed: self.seed, losses, sum: self.sum };
        let header = serde_json::to_vec(&header).expect("a header is plain numbers");
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header);
        bytes.extend(self.model.states().concat());
        bytes
    }

    /// Goes on from a [`Pretraining::snapshot`].
    ///
    /// # Errors
    /// If the bytes are damaged or belong to other settings.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), LearnError> {
        let damaged = || LearnError::Snapshot("its bytes are damaged".to_owned());
        let (length, rest) = bytes.split_first_chunk::<8>().ok_or_else(damaged)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| damaged())?;
        let (header, state) = rest.split_at_checked(length).ok_or_else(damaged)?;
        let header: Header = serde_json::from_slice(header).map_err(|_| damaged())?;
        if (&header.settings, header.seed) != (&self.settings, self.seed) {
            return Err(LearnError::Snapshot(
                "it was made with other settings or another seed".to_owned(),
            ));
        }
        self.model.restore(&[state])?;
        (self.losses, self.sum) = (header.losses, header.sum);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Dataset, Split};

    fn data() -> Dataset {
        let pixels = (0..40 * 100).map(|i| (i * 37 % 251) as u8).collect();
        let images = Images { height: 10, width: 10, channels: 1, pixels };
        let split = Split { images, labels: (0..40).map(|i| i % 2).collect() };
        Dataset::new(
            "tiny".into(),
            [split.clone(), split.clone(), split],
            vec!["a".into(), "b".into()],
        )
    }

    fn settings() -> PretrainSettings {
        PretrainSettings {
            width: 4,
            epochs: 3,
            batch_size: 16,
            hidden: 16,
            embedding: 8,
            ..Default::default()
        }
    }

    #[test]
    fn threads_and_interruptions_leave_no_trace() {
        let data = data();
        let mut whole = Pretraining::new(&data.pool(), &settings(), 7, 1).unwrap();
        while whole.step().unwrap() {}
        assert_eq!((whole.steps_made(), whole.losses().len()), (6, 3));
        let mut first = Pretraining::new(&data.pool(), &settings(), 7, 2).unwrap();
        (0..3).for_each(|_| assert!(first.step().unwrap()));
        let mut second = Pretraining::new(&data.pool(), &settings(), 7, 1).unwrap();
        second.restore(&first.snapshot()).unwrap();
        while second.step().unwrap() {}
        assert!(second.snapshot() == whole.snapshot());
    }

    #[test]
    fn a_training_that_diverges_ends_at_its_epoch() {
        let data = data();
        for method in [Method::SimClr, Method::VicReg] {
            let settings =
                PretrainSettings { method, learning_rate: 1e30, epochs: 9, ..settings() };
            let mut training = Pretraining::new(&data.pool(), &settings, 7, 1).unwrap();
            let error = loop {
                match training.step() {
                    Ok(is_on) => assert!(is_on, "{method:?} ended"),
                    Err(error) => break error.to_string(),
                }
            };
            assert!(error.starts_with("training diverged at epoch 1 ("), "{error}");
            assert!(error.ends_with("): lower the learning rate"), "{error}");
        }
    }

    #[test]
    fn labels_and_other_splits_are_not_looked_at() {
        let run = |data: &Dataset| {
            let mut training = Pretraining::new(&data.pool(), &settings(), 7, 1).unwrap();
            while training.step().unwrap() {}
            training.snapshot()
        };
        let (data, mut other) = (data(), data());
        other.train.labels.reverse();
        other.val.images.pixels.fill(9);
        other.test.images.pixels.fill(9);
        assert!(run(&other) == run(&data));
    }

    #[test]
    fn a_snapshot_of_other_settings_is_refused() {
        let data = data();
        let snapshot = Pretraining::new(&data.pool(), &settings(), 7, 1).unwrap().snapshot();
        let mut other = Pretraining::new(&data.pool(), &settings(), 8, 1).unwrap();
        assert!(other.restore(&snapshot).unwrap_err().to_string().contains("other settings"));
        assert!(other.restore(&snapshot[..9]).unwrap_err().to_string().contains("damaged"));
    }
}
