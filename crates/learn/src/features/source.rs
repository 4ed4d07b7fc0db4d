//! Where a strategy's features come from.

use crate::data::cache::file_digest;
use crate::data::{Array, DataError};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::path::{Path, PathBuf};

/// Where the features come from that a strategy of the loop looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeatureSource {
    /// The loop's model: 2f values after the last ReLU.
    #[default]
    Penultimate,
    /// [`super::pixels_pca`] of the images before augmentation.
    PixelsPca,
    /// An array [n, dim], row i being training image i, from another model.
    File(FeatureFile),
}

impl FeatureSource {
    /// Whether features are there before a model is trained.
    pub fn is_given(&self) -> bool {
        *self != Self::Penultimate
    }
}

/// A file of features, named by its content: wherever it lies, it is the same.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FeatureFile {
    /// SHA-256 of the file, in hex: what a run's result depends on.
    pub sha256: String,
    /// Where it lies on this machine.
    #[serde(skip)]
    pub path: PathBuf,
}

impl PartialEq for FeatureFile {
    fn eq(&self, other: &Self) -> bool {
        self.sha256 == other.sha256
    }
}

impl Eq for FeatureFile {}

impl FeatureFile {
    /// Names the file at `path`.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn at(path: &Path) -> Result<Self, DataError> {
        Ok(Self { sha256: file_digest::<Sha256>(path)?, path: path.to_owned() })
    }

    /// Opens the features of `rows` images, of which none is read yet.
    ///
    /// # Errors
    /// If the file is not an array of as many rows.
    pub fn open(&self, rows: usize) -> Result<Array, DataError> {
        let array = Array::open(&self.path, 2)?;
        if array.shape()[0] == rows {
            return Ok(array);
        }
        let problem =
            format!("has {} rows, expected one for each of {rows} images", array.shape()[0]);
        Err(DataError::Array { path: self.path.clone(), problem })
    }

    /// Reads the features of `rows` images.
    ///
    /// # Errors
    /// If the file is not an array of as many rows of finite numbers.
    pub fn read(&self, rows: usize) -> Result<Vec<f32>, DataError> {
        let wrong = |problem: String| DataError::Array { path: self.path.clone(), problem };
        let mut array = self.open(rows)?;
        let mut values = Vec::new();
        array.read_rows(rows, &mut values)?;
        match values.iter().position(|value| !value.is_finite()) {
            Some(at) => Err(wrong(format!("holds {} in row {}", values[at], at / array.width()))),
            None => Ok(values),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_features_is_named_by_its_content_and_must_fit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("h.npy");
        let write = |values: [f32; 4]| {
            let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }";
            let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
            bytes.extend((header.len() as u16).to_le_bytes());
            bytes.extend(header.as_bytes());
            bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            std::fs::write(&path, bytes).unwrap();
            FeatureFile::at(&path).unwrap()
        };
        let (one, other) = (write([1.0, 2.0, 3.0, f32::NAN]), write([1.0, 2.0, 3.0, 4.0]));
        assert_ne!(one.sha256, other.sha256);
        assert_eq!(other.read(2).unwrap(), [1.0, 2.0, 3.0, 4.0]);
        let error = |rows| other.read(rows).unwrap_err().to_string();
        assert!(
            error(3).ends_with("h.npy: has 2 rows, expected one for each of 3 images"),
            "{}",
            error(3)
        );
        write([1.0, 2.0, 3.0, f32::NAN]);
        assert!(error(2).ends_with("holds NaN in row 1"), "{}", error(2));
    }
}
