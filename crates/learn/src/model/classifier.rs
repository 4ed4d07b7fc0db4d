//! A classifier: what every road ends in, with all that it takes to use it elsewhere.
//!
//! Its file is safetensors with PyTorch's names. The metadata hold what is not in the tensors:
//!
//! | key | holds |
//! |---|---|
//! | `mean` | what is subtracted from pixels scaled to [0, 1], one number a channel |
//! | `class_names` | the classes' names, in the order of the network's outputs |
//! | `calibration` | the temperature, and the labels it was fitted on |
//! | `preprocessing` | how files became pixels, where it has learned from files |
//! | others | where the classifier comes from: settings, data, how files become pixels |

use std::collections::BTreeMap;

use fewlabel_engine::rng::Key;
use fewlabel_engine::{Architecture, Model};
use serde::{Deserialize, Serialize};

use crate::counted;
use crate::data::Images;
use crate::data::preprocessing::Preprocessing;
use crate::error::LearnError;
use crate::model::predict::Predictor;
use crate::model::view::View;

/// The key of an encoder's metadata, which no classifier has.
const OF_ENCODER: &str = "pretrain";
/// The key of how files became pixels, in the metadata of encoders too.
pub const PREPROCESSING: &str = "preprocessing";

/// A network and what travels with it.
#[derive(Clone, Debug)]
pub struct Classifier {
    /// The network.
    pub network: Model,
    /// What is subtracted from pixels scaled to [0, 1], one number a channel. Files of early
    /// versions lack it.
    pub mean: Option<Vec<f32>>,
    /// The classes' names, in the order of the network's outputs. Files of early versions lack
    /// them.
    pub class_names: Option<Vec<String>>,
    /// What makes its probabilities mean what they say, where labels were held out for that.
    pub calibration: Option<Calibration>,
    /// How files became pixels, where it has learned from files.
    pub preprocessing: Option<Preprocessing>,
    /// Further metadata: where it comes from.
    pub provenance: BTreeMap<String, String>,
}

/// A temperature and the labels that it was fitted on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// What logits are divided by.
    pub temperature: f64,
    /// How many labels there were.
    pub labels: usize,
    /// Of which images.
    pub split: String,
}

impl Calibration {
    /// Probabilities as they are after the logits were divided by the temperature: p^(1/T), divided
    /// by the sum of these (the same as the softmax of the divided logits).
    pub fn apply(&self, probs: &[f32]) -> Vec<f32> {
        let power = |p: &f32| libm::pow(f64::from(*p), 1.0 / self.temperature);
        let powers: Vec<f64> = probs.iter().map(power).collect();
        let sum: f64 = powers.iter().sum();
        if sum > 0.0 {
            powers.iter().map(|value| (value / sum) as f32).collect()
        } else {
            probs.to_vec()
        }
    }
}

impl Classifier {
    /// The classifier as the bytes of its file. Equal classifiers give equal bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut metadata = self.provenance.clone();
        let json = |value: serde_json::Result<String>| value.expect("plain data");
        let mut keep = |key: &str, text: Option<String>| {
            text.map(|text| metadata.insert(key.to_owned(), text));
        };
        keep("mean", self.mean.as_ref().map(|mean| json(serde_json::to_string(mean))));
        keep("class_names", self.class_names.as_ref().map(|n| json(serde_json::to_string(n))));
        keep("calibration", self.calibration.as_ref().map(|c| json(serde_json::to_string(c))));
        keep(PREPROCESSING, self.preprocessing.as_ref().map(|p| json(serde_json::to_string(p))));
        self.network.to_safetensors(&metadata)
    }

    /// How files become what the network sees: as for those it learned from, else by its shape.
    pub fn like(&self) -> Preprocessing {
        let shape = self.network.architecture();
        self.preprocessing.clone().unwrap_or_else(|| of_shape(shape))
    }

    /// Reads what [`Classifier::to_bytes`] made.
    ///
    /// # Errors
    /// The end of a sentence that begins with the file's name.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let (network, mut metadata) =
            Model::from_safetensors(bytes).map_err(|error| error.to_string())?;
        if metadata.contains_key(OF_ENCODER) {
            return Err("is an encoder, which has no classes: `fewlabel probe --encoder` says \
                        what it is worth, `fewlabel train --encoder` makes a classifier of it"
                .to_owned());
        }
        let Architecture { channels, classes, .. } = *network.architecture();
        let names = metadata.remove("class_names").map(|text| {
            let names = serde_json::from_str(&text).ok();
            names.filter(|names: &Vec<String>| names.len() == classes).ok_or(format!(
                "metadata `class_names` is not one name for each of {classes} classes"
            ))
        });
        let calibration = metadata.remove("calibration").map(|text| {
            let calibration = serde_json::from_str(&text).ok();
            let is_sound = |c: &Calibration| c.temperature.is_finite() && c.temperature > 0.0;
            calibration.filter(is_sound).ok_or("metadata `calibration` is no temperature")
        });
        Ok(Self {
            preprocessing: preprocessing_in(&mut metadata, network.architecture())?,
            mean: mean_in(&mut metadata, channels)?,
            class_names: names.transpose()?,
            calibration: calibration.transpose()?,
            network,
            provenance: metadata,
        })
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.network.architecture().classes
    }

    /// Refuses images of another shape.
    ///
    /// # Errors
    /// Says which shape was found and which is expected.
    pub fn check(&self, images: &Images, of: &str) -> Result<(), String> {
        let Architecture { height, width, channels, .. } = *self.network.architecture();
        if (height, width, channels) == (images.height, images.width, images.channels) {
            return Ok(());
        }
        Err(format!(
            "the model expects images of {height} x {width} with {}, {of} has {} x {} with {}",
            counted(channels, "channel"),
            images.height,
            images.width,
            counted(images.channels, "channel"),
        ))
    }

    /// Hands the probabilities [rows, classes] and features [rows, dim] of all `images` to `take`,
    /// block by block and in order. Images are centred as the network was trained, or by `mean`
    /// where its file does not say how.
    ///
    /// # Errors
    /// The first one of `take`, or an output that is not a finite number.
    ///
    /// # Panics
    /// If the images have another shape: [`Classifier::check`] says so.
    pub fn each_block<E: From<LearnError>>(
        &self,
        images: &Images,
        mean: impl FnOnce() -> Vec<f32>,
        threads: usize,
        take: impl FnMut(&[f32], &[f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mean = self.mean.clone().unwrap_or_else(mean);
        let mut view = View::new(images, &mean, None).threads(threads);
        let mut predictor = Predictor::new(&self.network, threads)?;
        predictor.each_block(&mut view, images.len(), Key::new(0, 0), take)
    }
}

/// Takes the mean of each channel out of a model's metadata.
///
/// # Errors
/// If it is there and not one finite number a channel.
pub fn mean_in(
    metadata: &mut BTreeMap<String, String>,
    channels: usize,
) -> Result<Option<Vec<f32>>, String> {
    let Some(text) = metadata.remove("mean") else { return Ok(None) };
    let is_sound = |mean: &Vec<f32>| mean.len() == channels && mean.iter().all(|m| m.is_finite());
    let mean = serde_json::from_str(&text).ok().filter(is_sound);
    mean.map(Some).ok_or_else(|| "metadata `mean` is not one number for each channel".to_owned())
}

/// Pictures of what a network sees, all of each kept, with a border.
pub fn of_shape(shape: &Architecture) -> Preprocessing {
    let Architecture { height, width, channels, .. } = *shape;
    Preprocessing { height, width, channels, ..Preprocessing::default() }
}

/// Takes what was done to pictures out of a model's metadata.
///
/// # Errors
/// If it is there and does not give what the network sees.
pub fn preprocessing_in(
    metadata: &mut BTreeMap<String, String>,
    shape: &Architecture,
) -> Result<Option<Preprocessing>, String> {
    let Some(text) = metadata.remove(PREPROCESSING) else { return Ok(None) };
    let fits = |p: &Preprocessing| {
        (p.height, p.width, p.channels) == (shape.height, shape.width, shape.channels)
    };
    let preprocessing = serde_json::from_str(&text).ok().filter(fits);
    preprocessing.map(Some).ok_or_else(|| {
        format!("metadata `{PREPROCESSING}` does not say how pictures become what it sees")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classifier() -> Classifier {
        let architecture = Architecture {
            height: 9,
            width: 9,
            channels: 1,
            block_widths: vec![2],
            hidden: vec![2],
            classes: 2,
            dropout: 0.0,
        };
        Classifier {
            network: Model::new(architecture, Key::new(1, 1)).unwrap(),
            mean: Some(vec![0.25]),
            class_names: Some(vec!["benign".into(), "malignant".into()]),
            preprocessing: Some(Preprocessing { height: 9, width: 9, ..Preprocessing::default() }),
            calibration: Some(Calibration { temperature: 2.0, labels: 9, split: "val".into() }),
            provenance: BTreeMap::from([("settings".to_owned(), "{}".to_owned())]),
        }
    }

    #[test]
    fn a_classifier_is_read_back_whole() {
        let bytes = classifier().to_bytes();
        let read = Classifier::from_bytes(&bytes).unwrap();
        assert_eq!((&read.mean, &read.class_names), (&Some(vec![0.25]), &classifier().class_names));
        assert_eq!(read.calibration, classifier().calibration);
        assert_eq!(read.to_bytes(), bytes);
    }

    #[test]
    fn what_does_not_fit_the_network_is_refused() {
        let with = |change: fn(&mut Classifier)| {
            let mut classifier = classifier();
            change(&mut classifier);
            Classifier::from_bytes(&classifier.to_bytes()).unwrap_err()
        };
        assert!(with(|c| c.preprocessing.as_mut().unwrap().width = 8).contains("`preprocessing`"));
        assert!(with(|c| c.mean = Some(vec![0.1, 0.2])).contains("`mean`"));
        assert!(with(|c| c.class_names = Some(vec!["a".into()])).contains("each of 2 classes"));
        assert!(with(|c| c.calibration.as_mut().unwrap().temperature = 0.0).contains("no temp"));
        assert!(
            with(|c| drop(c.provenance.insert("pretrain".into(), "{}".into())))
                .contains("is an encoder")
        );
        let images = Images { height: 9, width: 8, channels: 1, pixels: vec![0; 72] };
        let error = classifier().check(&images, "x").unwrap_err();
        assert_eq!(
            error,
            "the model expects images of 9 x 9 with 1 channel, x has 9 x 8 with 1 channel"
        );
    }

    #[test]
    fn a_temperature_cools_probabilities_as_it_cools_logits() {
        let calibration = classifier().calibration.unwrap();
        // Odds of e^4 divided by 2 are odds of e^2.
        let p = libm::exp(4.0) / (1.0 + libm::exp(4.0));
        let cooled = calibration.apply(&[p as f32, 1.0 - p as f32]);
        let expected = libm::exp(2.0) / (1.0 + libm::exp(2.0));
        assert!((f64::from(cooled[0]) - expected).abs() < 1e-6, "{cooled:?}");
        assert_eq!(calibration.apply(&[0.0, 1.0]), [0.0, 1.0]);
    }
}
