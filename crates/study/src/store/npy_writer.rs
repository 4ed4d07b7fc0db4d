//! Writing arrays as .npy, which NumPy and everyone else can read.

use crate::error::StudyError;
use crate::store::atomic_file::WholeFile;
use std::path::Path;

/// The header of a .npy file (format 1.0, C order) of elements whose NumPy type is `descr`.
fn header(descr: &str, shape: &[usize]) -> Vec<u8> {
    let mut dimensions: String = shape.iter().map(|length| format!("{length}, ")).collect();
    if shape.len() > 1 {
        dimensions.truncate(dimensions.len() - 2);
    }
    let mut header = format!(
        "{{'descr': '{descr}', 'fortran_order': False, 'shape': ({}), }}",
        dimensions.trim_end()
    );
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend_from_slice(&(header.len() as u16).to_le_bytes());
    bytes.extend_from_slice(header.as_bytes());
    bytes
}

/// A .npy file of the elements in `data`, whose NumPy type is `descr`.
pub(crate) fn npy(descr: &str, shape: &[usize], data: &[u8]) -> Vec<u8> {
    [&header(descr, shape), data].concat()
}

/// A .npy file of f32 [rows, width] that is written block by block and never held in memory.
pub(crate) struct RowsFile {
    file: WholeFile,
    bytes: Vec<u8>,
}

impl RowsFile {
    /// Begins the file at `path`, a place that a person named; it is there once all `rows` have
    /// been written.
    pub(crate) fn create(path: &Path, rows: usize, width: usize) -> Result<Self, StudyError> {
        let mut file = WholeFile::named(path)?;
        file.write(&header("<f4", &[rows, width]))?;
        Ok(Self { file, bytes: Vec::new() })
    }

    /// Adds the next rows.
    pub(crate) fn write(&mut self, values: &[f32]) -> Result<(), StudyError> {
        self.bytes.clear();
        self.bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        self.file.write(&self.bytes)
    }

    /// Puts the file in its place.
    pub(crate) fn finish(self) -> Result<(), StudyError> {
        self.file.finish()
    }
}

/// Writes a .npy file of f32 in C order to a place that a person named.
///
/// # Errors
/// If the place cannot be written; nothing half-written is left.
pub fn write_npy(path: &Path, shape: &[usize], values: &[f32]) -> Result<(), StudyError> {
    let mut file = WholeFile::named(path)?;
    file.write(&header("<f4", shape))?;
    for block in values.chunks(1 << 16) {
        let bytes: Vec<u8> = block.iter().flat_map(|value| value.to_le_bytes()).collect();
        file.write(&bytes)?;
    }
    file.finish()
}

/// A .npy file of f32.
pub(crate) fn npy_f32(shape: &[usize], values: &[f32]) -> Vec<u8> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    npy("<f4", shape, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_begin_at_a_multiple_of_64() {
        let file = npy_f32(&[1, 2], &[1.0, 2.0]);
        assert_eq!((file.len() - 8) % 64, 0);
        assert!(
            String::from_utf8_lossy(&file[10..])
                .starts_with("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }")
        );
        assert!(String::from_utf8_lossy(&npy("|u1", &[3], &[0; 3])).contains("'shape': (3,), "));
    }
}
