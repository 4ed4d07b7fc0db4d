//! Predictions as a table that people and spreadsheets read, written line by line.
//!
//! The first columns are `file` and `predicted`, then there is one for each class with its
//! probability. Where labels are known a last one, `label`, holds them.

use crate::error::StudyError;
use crate::store::atomic_file::WholeFile;
use crate::words::quoted;
use std::fmt::Write as _;
use std::path::Path;

/// What stands in the place of a prediction that is withheld.
pub const WITHHELD: &str = "don't know";
/// Bytes that are collected before they are written.
const BLOCK: usize = 1 << 16;

/// A table that is being written.
pub(crate) struct PredictionsCsv {
    file: WholeFile,
    text: String,
    labels: bool,
}

impl PredictionsCsv {
    /// Begins the table at `path`, a place that a person named; it is there once it is finished.
    pub(crate) fn create(path: &Path, names: &[String], labels: bool) -> Result<Self, StudyError> {
        let mut csv =
            Self { file: WholeFile::named(path)?, text: "file,predicted".to_owned(), labels };
        for name in names {
            csv.text.push(',');
            csv.text.push_str(&quoted(name));
        }
        csv.text += if labels { ",label\n" } else { "\n" };
        Ok(csv)
    }

    /// Adds the line of an image.
    pub(crate) fn row(
        &mut self,
        file: &str,
        predicted: Option<&str>,
        probs: &[f32],
        label: Option<&str>,
    ) -> Result<(), StudyError> {
        self.text.push_str(&quoted(file));
        self.text.push(',');
        self.text.push_str(&quoted(predicted.unwrap_or(WITHHELD)));
        for probability in probs {
            let _ = write!(self.text, ",{probability}");
        }
        if self.labels {
            self.text.push(',');
            self.text.push_str(&quoted(label.unwrap_or_default()));
        }
        self.text.push('\n');
        if self.text.len() > BLOCK {
            self.file.write(self.text.as_bytes())?;
            self.text.clear();
        }
        Ok(())
    }

    /// Puts the file in its place.
    pub(crate) fn finish(mut self) -> Result<(), StudyError> {
        self.file.write(self.text.as_bytes())?;
        self.file.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_where_they_must_be() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("p.csv");
        let names = ["mass, benign".to_owned(), "none".to_owned()];
        let mut csv = PredictionsCsv::create(&path, &names, true).expect("begun");
        csv.row("a \"1\".png", Some(&names[0]), &[0.75, 0.25], Some("none")).expect("written");
        csv.row("b.png", None, &[0.5, 0.5], None).expect("written");
        csv.finish().expect("finished");
        assert_eq!(
            std::fs::read_to_string(&path).expect("read"),
            "file,predicted,\"mass, benign\",none,label\n\
             \"a \"\"1\"\".png\",\"mass, benign\",0.75,0.25,none\n\
             b.png,don't know,0.5,0.5,\n"
        );
    }
}
