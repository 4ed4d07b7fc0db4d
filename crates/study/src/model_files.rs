//! Models and encoders in files.

use crate::error::{AtPath, StudyError};
use fewlabel_learn::model::classifier::Classifier;
use fewlabel_learn::pretrain::Pretrained;
use std::path::Path;

/// Reads the classifier at `path`.
///
/// # Errors
/// If the file cannot be read or is none.
pub fn read_classifier(path: &Path) -> Result<Classifier, StudyError> {
    let bytes = std::fs::read(path).at("read", path)?;
    Classifier::from_bytes(&bytes).map_err(|what| StudyError::damaged(path, what))
}

/// Reads the encoder at `path`.
///
/// # Errors
/// If the file cannot be read or is none.
pub fn read_encoder(path: &Path) -> Result<Pretrained, StudyError> {
    let bytes = std::fs::read(path).at("read", path)?;
    Pretrained::from_bytes(&bytes).map_err(|what| StudyError::damaged(path, what))
}
