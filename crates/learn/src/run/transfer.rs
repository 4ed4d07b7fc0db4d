//! What a plan says of a run on an encoder: which encoders, what learns the labels, whether the
//! whole network goes on from there.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

use crate::augment::Policy;
use crate::data::{DataError, Pool, hex, location};
use crate::error::LearnError;
use crate::pretrain::{PretrainSettings, views};
use crate::probe::self_training::SelfTraining;
use crate::training::fine_tuning::FineTuning;

/// Encoders as a study asks for them, the table `[encoder]` of its file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EncoderSettings {
    /// An encoder's file, in place of encoders trained by the study.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Encoders among which seeds are dealt out: seed s takes the encoder of seed s mod `count`.
    #[schemars(range(min = 1))]
    pub count: u64,
    /// Encoders of these that answer together, by the mean of their classifiers' probabilities: the
    /// seed's own, which also chooses, and those that follow it.
    #[schemars(range(min = 1))]
    pub ensemble: u64,
    /// How they are trained, on the training images without labels.
    pub pretrain: PretrainSettings,
    /// How a self-trained classifier listens to itself.
    pub self_training: SelfTraining,
    /// How encoder and classifier go on learning together; they do not if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fine_tuning: Option<FineTuning>,
}

impl Default for EncoderSettings {
    fn default() -> Self {
        Self {
            file: None,
            count: 1,
            ensemble: 1,
            pretrain: PretrainSettings::default(),
            self_training: SelfTraining::default(),
            fine_tuning: None,
        }
    }
}

impl EncoderSettings {
    /// What the run of a seed stands on.
    ///
    /// # Errors
    /// If there are to be no encoders, or the file cannot be read.
    pub fn of_run(&self, seed: u64, is_self_trained: bool) -> Result<Transfer, LearnError> {
        let encoder = match &self.file {
            None if self.count == 0 => {
                return Err(LearnError::Setting("encoder.count must be at least 1".to_owned()));
            }
            None => {
                let settings = self.pretrain.clone();
                EncoderSource::Pretraining { settings, seed: seed % self.count }
            }
            Some(path) => EncoderSource::File(EncoderFile::at(&location::from_text(path))?),
        };
        let Self { ensemble: size, count: of, .. } = *self;
        Ok(Transfer {
            encoder,
            ensemble: (size != 1).then_some(Ensemble { size, of }),
            classifier: Head::Ridge,
            self_training: is_self_trained.then_some(self.self_training),
            fine_tuning: self.fine_tuning.clone(),
        })
    }
}

/// What a plan says of a run on an encoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// Which encoder.
    pub encoder: EncoderSource,
    /// Further encoders whose classifiers learn the same labels and answer with its own, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ensemble: Option<Ensemble>,
    /// What learns the labels.
    pub classifier: Head,
    /// How the classifier listens to itself on the rest of the pool, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_training: Option<SelfTraining>,
    /// How the whole network goes on, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fine_tuning: Option<FineTuning>,
}

/// Encoders that answer together, by the mean of their classifiers' probabilities: those of `size`
/// seeds on from the encoder's own, the first again after number `of` - 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ensemble {
    /// How many.
    pub size: u64,
    /// How many there are.
    pub of: u64,
}

/// What learns the labels on an encoder's features. A record says it, so that runs of another
/// classifier are other runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Head {
    /// [`crate::probe::Probe`].
    #[default]
    Ridge,
}

impl Transfer {
    /// Refuses settings out of their ranges.
    ///
    /// # Errors
    /// Names the setting.
    pub fn check(&self) -> Result<(), LearnError> {
        if let Some(Ensemble { size, of }) = self.ensemble {
            let wrong = |what: String| Err(LearnError::Setting(what));
            if !(1..=of).contains(&size) {
                return wrong(format!(
                    "encoder.ensemble = {size} of encoder.count = {of}: give 1 to all of them"
                ));
            }
            if self.fine_tuning.is_some() {
                return wrong(
                    "encoders of an ensemble stay as they are: give fine_tuning or ensemble"
                        .to_owned(),
                );
            }
            if matches!(self.encoder, EncoderSource::File(_)) {
                return wrong(
                    "an ensemble needs encoders of the study, not `encoder.file`, a single one"
                        .to_owned(),
                );
            }
        }
        self.self_training.iter().try_for_each(SelfTraining::check)?;
        self.fine_tuning.iter().try_for_each(FineTuning::check)
    }

    /// Every encoder, the one that chooses first.
    pub fn encoders(&self) -> Vec<EncoderSource> {
        match (&self.encoder, self.ensemble) {
            (EncoderSource::Pretraining { settings, seed }, Some(Ensemble { size, of })) => (0
                ..size)
                .map(|at| EncoderSource::Pretraining {
                    settings: settings.clone(),
                    seed: (seed + at) % of.max(1),
                })
                .collect(),
            (encoder, _) => vec![encoder.clone()],
        }
    }

    /// The views that fine-tuning shows.
    pub(crate) fn tuning_views(&self, tuning: &FineTuning, pool: &Pool<'_>) -> Policy {
        let of_encoder = match &self.encoder {
            EncoderSource::Pretraining { settings, .. } => settings.views.clone(),
            EncoderSource::File(_) => None,
        };
        tuning.views.clone().or(of_encoder).unwrap_or_else(|| views::for_pool(pool))
    }
}

/// Where an encoder comes from: everything that its bits depend on beside the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EncoderSource {
    /// It is trained on the run's own training images.
    Pretraining {
        /// How.
        settings: PretrainSettings,
        /// Names every random number of that.
        seed: u64,
    },
    /// It lies in a file.
    File(EncoderFile),
}

/// A file with an encoder, named by its content: wherever it lies, it is the same.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EncoderFile {
    /// SHA-256 of the file, in hex, as it would be without its `format`: files of every version of
    /// this program have one name.
    pub sha256: String,
    /// Where it lies on this machine.
    #[serde(skip)]
    pub path: PathBuf,
}

impl PartialEq for EncoderFile {
    fn eq(&self, other: &Self) -> bool {
        self.sha256 == other.sha256
    }
}

impl Eq for EncoderFile {}

impl EncoderFile {
    /// Names the file at `path`.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn at(path: &Path) -> Result<Self, DataError> {
        let bytes = std::fs::read(path)
            .map_err(|source| DataError::Read { path: path.to_owned(), source })?;
        Ok(Self {
            sha256: hex(&Sha256::digest(fewlabel_engine::without_format(&bytes))),
            path: path.to_owned(),
        })
    }
}
