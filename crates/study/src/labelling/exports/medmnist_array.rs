//! Labelled images as a MedMNIST .npz: those that were learned from as its training split, the
//! held-out ones as its test split.

use crate::error::StudyError;
use crate::store::atomic_file::WholeFile;
use fewlabel_learn::data::{DataError, Dataset, Images, Split, npz};
use std::io::{self, BufWriter};
use std::path::Path;

/// A labelled image of those in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabelledImage {
    /// Its place among the images.
    pub row: u32,
    /// The number of its class.
    pub class: u16,
    /// Whether it is held out from training.
    pub held_out: bool,
}

/// Writes the labelled ones of `images`, which may hold others too, in the order given.
///
/// # Errors
/// If the file cannot be written; nothing half-written is left.
///
/// # Panics
/// If a row or a class is not there.
pub fn write(
    path: &Path,
    images: &Images,
    labelled: &[LabelledImage],
    class_names: &[String],
) -> Result<(), StudyError> {
    if class_names.len() < 2 {
        return Err(StudyError::Setting("an array of labels needs two classes or more".into()));
    }
    let split = |held_out: bool| {
        let of: Vec<&LabelledImage> =
            labelled.iter().filter(|image| image.held_out == held_out).collect();
        let rows: Vec<u32> = of.iter().map(|image| image.row).collect();
        Split { images: images.select(&rows), labels: of.iter().map(|image| image.class).collect() }
    };
    let is_named = |image: &LabelledImage| usize::from(image.class) < class_names.len();
    assert!(labelled.iter().all(is_named), "every class has a name");
    let splits = [split(false), Split::none_like(images), split(true)];
    let dataset = Dataset::new("labels".to_owned(), splits, class_names.to_vec());
    let mut file = WholeFile::named(path)?;
    npz::write(&dataset, BufWriter::new(file.file())).map_err(|error| match error {
        DataError::Write { reason } => StudyError::File {
            action: "write",
            path: path.to_owned(),
            source: io::Error::other(reason),
        },
        other => other.into(),
    })?;
    file.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_out_images_are_the_test_split() {
        let place = tempfile::tempdir().expect("a folder");
        let path = place.path().join("l.npz");
        let images = Images { height: 1, width: 2, channels: 1, pixels: (0..8).collect() };
        let labelled = [(3, 1, false), (0, 0, true), (1, 0, false)]
            .map(|(row, class, held_out)| LabelledImage { row, class, held_out });
        let names = ["cyst", "stone"].map(str::to_owned);
        write(&path, &images, &labelled, &names).expect("written");
        let read = npz::read(&path).expect("read");
        assert_eq!(read.class_names.as_deref(), Some(&names[..]));
        let [train, val, test] = read.splits;
        assert_eq!((train.images.pixels, train.labels), (vec![6, 7, 2, 3], vec![1, 0]));
        assert_eq!((val.len(), test.images.pixels, test.labels), (0, vec![0, 1], vec![0]));
        let error = write(&path, &images, &[], &names[..1]).expect_err("one class");
        assert_eq!(error.to_string(), "an array of labels needs two classes or more");
    }
}
