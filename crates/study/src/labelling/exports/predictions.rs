//! What the final classifier says of the images that nobody labelled, the most doubtful first:
//! those are the ones to look at.

use crate::error::StudyError;
use crate::export::predictions_csv::PredictionsCsv;
use crate::labelling::cells::path_of_table;
use fewlabel_learn::model::predict::argmax;
use std::path::Path;

/// An image without a label.
#[derive(Clone, Copy, Debug)]
pub struct Remaining<'a> {
    /// Its path in the data set.
    pub path: &'a str,
    /// Calibrated probability of each class.
    pub probs: &'a [f32],
}

/// Writes a table with the columns `file`, `predicted` and one for each class with its probability,
/// as `fewlabel predict` writes it. Where the largest probability is below `least`, the prediction
/// is "don't know". The image with the smallest largest probability is first; of equals the one
/// that is first in `images`. Returns how many are "don't know".
///
/// # Errors
/// If the file cannot be written; nothing half-written is left.
pub fn write(
    path: &Path,
    class_names: &[String],
    images: &[Remaining<'_>],
    least: Option<f64>,
) -> Result<usize, StudyError> {
    let surest = |image: &Remaining<'_>| image.probs[argmax(image.probs)];
    let mut order: Vec<&Remaining<'_>> = images.iter().collect();
    order.sort_by(|a, b| surest(a).total_cmp(&surest(b)));
    let mut csv = PredictionsCsv::create(path, class_names, false)?;
    let mut withheld = 0;
    for image in order {
        let is_told = least.is_none_or(|least| f64::from(surest(image)) >= least);
        withheld += usize::from(!is_told);
        let predicted = is_told.then(|| &*class_names[argmax(image.probs)]);
        csv.row(&path_of_table(image.path), predicted, image.probs, None)?;
    }
    csv.finish()?;
    Ok(withheld)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_doubtful_is_first() {
        let place = tempfile::tempdir().expect("a folder");
        let path = place.path().join("p.csv");
        let names = ["cyst", "stone"].map(str::to_owned);
        let images = [("a.png", [0.125, 0.875]), ("=b.png", [0.5, 0.5]), ("c.png", [0.75, 0.25])];
        let images: Vec<Remaining<'_>> =
            images.iter().map(|(path, probs)| Remaining { path, probs }).collect();
        assert_eq!(write(&path, &names, &images, Some(0.6)).expect("written"), 1);
        assert_eq!(
            std::fs::read_to_string(&path).expect("read"),
            "file,predicted,cyst,stone\n./=b.png,don't know,0.5,0.5\nc.png,cyst,0.75,0.25\n\
             a.png,stone,0.125,0.875\n"
        );
        assert_eq!(write(&path, &names, &images, None).expect("written"), 0);
    }
}
