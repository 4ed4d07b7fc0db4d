//! A model's file: its network and what travels with it.

use crate::error::{AtPath, StudyError};
use fewlabel_engine::Model;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A file that was read and can be believed: its network holds finite numbers and its metadata fit
/// it.
pub(crate) struct ModelFile {
    path: PathBuf,
    pub(crate) model: Model,
    metadata: BTreeMap<String, String>,
}

impl ModelFile {
    /// Reads the file at `path`.
    pub(crate) fn read(path: &Path) -> Result<Self, StudyError> {
        let bytes = std::fs::read(path).at("read", path)?;
        let (model, metadata) = Model::from_safetensors(&bytes)
            .map_err(|error| StudyError::damaged(path, error.to_string()))?;
        Ok(Self { path: path.to_owned(), model, metadata })
    }

    /// An error about this file.
    pub(crate) fn wrong(&self, what: impl Into<String>) -> StudyError {
        StudyError::damaged(&self.path, what)
    }

    /// A text of the metadata.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.metadata.get(key).map(String::as_str)
    }

    /// Whether it holds an encoder and the projection it was trained with, no classifier.
    pub(crate) fn is_encoder(&self) -> bool {
        self.metadata.contains_key("pretrain")
    }

    /// What is subtracted from images, one value a channel.
    pub(crate) fn mean(&self) -> Result<Option<Vec<f32>>, StudyError> {
        let channels = self.model.architecture().channels;
        let is_sound =
            |mean: &Vec<f32>| mean.len() == channels && mean.iter().all(|value| value.is_finite());
        let parse = |text: &str| serde_json::from_str(text).ok().filter(is_sound);
        let wrong = || self.wrong("metadata `mean` is not one number for each channel");
        self.text("mean").map(|text| parse(text).ok_or_else(wrong)).transpose()
    }

    /// What its classes are called.
    pub(crate) fn class_names(&self) -> Result<Option<Vec<String>>, StudyError> {
        let classes = self.model.architecture().classes;
        let parse = |text: &str| {
            serde_json::from_str(text).ok().filter(|names: &Vec<String>| names.len() == classes)
        };
        let wrong = || {
            self.wrong(format!(
                "metadata `class_names` is not one name for each of {classes} classes"
            ))
        };
        self.text("class_names").map(|text| parse(text).ok_or_else(wrong)).transpose()
    }
}
