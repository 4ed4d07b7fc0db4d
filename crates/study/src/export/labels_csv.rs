//! Tables of labels: questions that a person fills in.

use crate::error::StudyError;
use crate::store::atomic_file;
use crate::words::quoted;
use fewlabel_learn::data::Dataset;
use fewlabel_learn::data::cache::file_sha256;
use std::fmt::Write as _;
use std::path::Path;

/// Writes the training images `rows` as a table with the columns `path` and `label`, the labels
/// empty. Images that have files have a third column, `sha256`: by it they are found again, should
/// their files move.
///
/// # Errors
/// If a file cannot be read or the table cannot be written.
pub fn write_questions(path: &Path, data: &Dataset, rows: &[u32]) -> Result<(), StudyError> {
    let mut text = "path,label".to_owned();
    text += if data.files.is_some() { ",sha256\n" } else { "\n" };
    for &row in rows {
        let name = data.image_name(0, row as usize);
        let _ = write!(text, "{},", quoted(&name));
        if let Some(files) = &data.files {
            let file = name.split('#').next().unwrap_or_default();
            let _ = write!(text, ",{}", file_sha256(&files.root.join(file))?);
        }
        text.push('\n');
    }
    atomic_file::write_named(path, text.as_bytes())
}
