//! An encoder as it is kept: its file is safetensors, and the metadata say how it was made.

use std::collections::BTreeMap;

use fewlabel_engine::Model;

use crate::data::preprocessing::Preprocessing;
use crate::model::classifier::{PREPROCESSING, mean_in, of_shape, preprocessing_in};
use crate::pretrain::{Encoder, PretrainSettings};

/// An encoder and where it comes from.
pub struct Pretrained {
    /// The encoder.
    pub encoder: Encoder,
    /// How it was trained.
    pub settings: PretrainSettings,
    /// Mean loss of each epoch, in nats.
    pub losses: Vec<f64>,
    /// How files became pixels, where it has learned from files.
    pub preprocessing: Option<Preprocessing>,
}

impl Pretrained {
    /// How files become what the encoder sees: as for those it learned from, else by its shape.
    pub fn like(&self) -> Preprocessing {
        let shape = self.encoder.architecture();
        self.preprocessing.clone().unwrap_or_else(|| of_shape(shape))
    }

    /// The encoder as the bytes of its file; `seed` named its random numbers, and `origin` says
    /// more of where it comes from.
    pub fn to_bytes(&self, seed: u64, origin: &[(&str, &String)]) -> Vec<u8> {
        let json = |value: serde_json::Result<String>| value.expect("plain data");
        let mut metadata = BTreeMap::from([
            ("pretrain".to_owned(), json(serde_json::to_string(&self.settings))),
            ("pretrain.losses".to_owned(), json(serde_json::to_string(&self.losses))),
            ("pretrain.seed".to_owned(), seed.to_string()),
            ("mean".to_owned(), json(serde_json::to_string(self.encoder.mean()))),
        ]);
        metadata.extend(origin.iter().map(|(key, text)| ((*key).to_owned(), (*text).clone())));
        if let Some(preprocessing) = &self.preprocessing {
            let done = json(serde_json::to_string(preprocessing));
            metadata.insert(PREPROCESSING.to_owned(), done);
        }
        self.encoder.model().to_safetensors(&metadata)
    }

    /// Reads what [`Pretrained::to_bytes`] made.
    ///
    /// # Errors
    /// The end of a sentence that begins with the file's name.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let (model, mut metadata) =
            Model::from_safetensors(bytes).map_err(|error| error.to_string())?;
        let missing = |key: &str| {
            format!("has no {key} in its metadata, expected an encoder of `fewlabel pretrain`")
        };
        let text = |key: &str| metadata.get(key).ok_or_else(|| missing(key));
        let settings =
            serde_json::from_str(text("pretrain")?).map_err(|error| error.to_string())?;
        let losses =
            serde_json::from_str(text("pretrain.losses")?).map_err(|error| error.to_string())?;
        let mean = mean_in(&mut metadata, model.architecture().channels)?;
        let mean = mean.ok_or_else(|| missing("mean"))?;
        let preprocessing = preprocessing_in(&mut metadata, model.architecture())?;
        Ok(Self { encoder: Encoder::new(model, mean), settings, losses, preprocessing })
    }
}
