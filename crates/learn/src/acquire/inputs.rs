//! What a strategy may look at: borrowed arrays in which row i is image i of the whole data set.

use super::AcquireError;
use std::borrow::Cow;

/// Rows of equal length, one an image: `[n, width]`.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    values: &'a [f32],
    width: usize,
}

impl<'a> Rows<'a> {
    /// Rows of `width` values.
    ///
    /// # Panics
    /// If `values` is not a whole number of rows.
    pub fn new(values: &'a [f32], width: usize) -> Self {
        assert!(
            width > 0 && values.len().is_multiple_of(width),
            "{} values are not rows of {width}",
            values.len()
        );
        Self { values, width }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.values.len() / self.width
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Length of a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// All values.
    pub fn values(&self) -> &'a [f32] {
        self.values
    }

    /// The row of an image.
    pub fn row(&self, image: u32) -> &'a [f32] {
        &self.values[image as usize * self.width..][..self.width]
    }

    /// The rows of `images`, one after the other; borrowed when they are all rows in order.
    pub(crate) fn gather(&self, images: &[u32]) -> Cow<'a, [f32]> {
        if images.len() == self.len()
            && images.iter().enumerate().all(|(i, &image)| i as u32 == image)
        {
            return Cow::Borrowed(self.values);
        }
        let mut gathered = Vec::with_capacity(images.len() * self.width);
        images.iter().for_each(|&image| gathered.extend_from_slice(self.row(image)));
        Cow::Owned(gathered)
    }

    /// Whether there are several `images` and their rows are all the same.
    pub(super) fn are_alike(&self, images: &[u32]) -> bool {
        images.len() > 1 && images.iter().all(|&image| self.row(image) == self.row(images[0]))
    }

    /// The mean of the rows of `images`.
    pub(super) fn mean(&self, images: &[u32]) -> Vec<f32> {
        let mut sums = vec![0.0_f64; self.width];
        for &image in images {
            sums.iter_mut().zip(self.row(image)).for_each(|(sum, &x)| *sum += f64::from(x));
        }
        sums.iter().map(|sum| (sum / images.len() as f64) as f32).collect()
    }
}

/// Several predictions an image: `[n, samples, classes]`, from Monte-Carlo passes, an ensemble or
/// augmented views.
#[derive(Clone, Copy, Debug)]
pub struct Samples<'a> {
    rows: Rows<'a>,
    classes: usize,
}

impl<'a> Samples<'a> {
    /// Predictions `[n, samples, classes]`.
    ///
    /// # Panics
    /// If `values` is not a whole number of images.
    pub fn new(values: &'a [f32], samples: usize, classes: usize) -> Self {
        Self { rows: Rows::new(values, samples * classes), classes }
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Predictions an image.
    pub fn samples(&self) -> usize {
        self.rows.width / self.classes
    }

    /// Classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// All values.
    pub fn values(&self) -> &'a [f32] {
        self.rows.values
    }

    /// The predictions `[samples, classes]` of an image.
    pub fn row(&self, image: u32) -> &'a [f32] {
        self.rows.row(image)
    }

    /// The mean prediction of an image: probabilities are averaged, not logits; summed in `f64`
    /// over samples in order.
    pub(crate) fn mean_into(&self, image: u32, mean: &mut [f32]) {
        let row = self.row(image);
        let scale = 1.0 / self.samples() as f64;
        for (class, mean) in mean.iter_mut().enumerate() {
            let sum: f64 = row[class..].iter().step_by(self.classes).map(|&p| f64::from(p)).sum();
            *mean = (sum * scale) as f32;
        }
    }
}

/// Which arrays a strategy needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Class probabilities `[n, classes]`; the mean of `mc_probs` serves as well.
    pub probs: bool,
    /// Monte-Carlo probabilities `[n, samples, classes]` from a model with dropout, or from an
    /// ensemble.
    pub mc_probs: bool,
    /// Features `[n, dim]`.
    pub features: bool,
    /// The images already labelled (used, not required).
    pub labelled: bool,
    /// Monte-Carlo probabilities of target images, from the same samples as `mc_probs`.
    pub targets: bool,
    /// Probabilities under augmented views `[n, views, classes]`, the unaugmented image first.
    pub views: bool,
}

impl Needs {
    /// Nothing.
    pub const NONE: Self = Self {
        probs: false,
        mc_probs: false,
        features: false,
        labelled: false,
        targets: false,
        views: false,
    };
    /// Class probabilities.
    pub const PROBS: Self = Self { probs: true, ..Self::NONE };
    /// Monte-Carlo probabilities.
    pub const MC_PROBS: Self = Self { mc_probs: true, ..Self::NONE };
    /// Predictions under augmented views.
    pub const VIEWS: Self = Self { views: true, ..Self::NONE };
}

/// Everything a strategy may look at. Row i of every array is image i; only what the strategy
/// [`Needs`] must be there.
#[derive(Clone, Copy, Debug, Default)]
pub struct Inputs<'a> {
    /// Class probabilities `[n, classes]`.
    pub probs: Option<Rows<'a>>,
    /// Monte-Carlo probabilities `[n, samples, classes]`.
    pub mc_probs: Option<Samples<'a>>,
    /// Features `[n, dim]`.
    pub features: Option<Rows<'a>>,
    /// Images already labelled.
    pub labelled: &'a [u32],
    /// Monte-Carlo probabilities of the targets `[targets, samples, classes]`.
    pub target_mc_probs: Option<Samples<'a>>,
    /// Probabilities under augmented views `[n, views, classes]`, the unaugmented image first.
    pub view_probs: Option<Samples<'a>>,
}

impl<'a> Inputs<'a> {
    /// The number of images, from the first array there is.
    pub fn rows(&self) -> Option<usize> {
        let samples = |s: Option<Samples>| s.map(|s| s.len());
        let rows = |r: Option<Rows>| r.map(|r| r.len());
        rows(self.probs)
            .or(samples(self.mc_probs))
            .or(rows(self.features))
            .or(samples(self.view_probs))
    }

    /// Refuses arrays that are missing or do not fit each other.
    pub fn check(&self, strategy: &str, needs: Needs) -> Result<(), AcquireError> {
        let missing = |what| Err(AcquireError::Missing { strategy: strategy.into(), what });
        if needs.probs && self.probs.is_none() && self.mc_probs.is_none() {
            return missing("probs (or mc-probs)");
        }
        if needs.mc_probs && self.mc_probs.is_none() {
            return missing("mc-probs, from a model with dropout or an ensemble");
        }
        if needs.features && self.features.is_none() {
            return missing("features");
        }
        if needs.targets && self.target_mc_probs.is_none() {
            return missing("target-mc-probs");
        }
        if needs.views && self.view_probs.is_none() {
            return missing("view-probs");
        }
        self.check_shapes()
    }

    fn check_shapes(&self) -> Result<(), AcquireError> {
        let rows = self.rows().unwrap_or(0);
        let lengths = [
            ("mc-probs", self.mc_probs.map(|a| a.len())),
            ("features", self.features.map(|a| a.len())),
            ("view-probs", self.view_probs.map(|a| a.len())),
        ];
        for (what, length) in lengths {
            if length.is_some_and(|n| n != rows) {
                let found = format!("{} rows", length.unwrap_or(0));
                return Err(AcquireError::Shape { what, expected: format!("{rows} rows"), found });
            }
        }
        for (what, samples) in [("mc-probs", self.mc_probs), ("view-probs", self.view_probs)] {
            if samples.is_some_and(|s| s.samples() < 2) {
                let expected = "at least 2 predictions an image".to_owned();
                return Err(AcquireError::Shape { what, expected, found: "1".to_owned() });
            }
        }
        if let (Some(pool), Some(targets)) = (self.mc_probs, self.target_mc_probs) {
            let shape = |s: Samples| format!("{} samples of {} classes", s.samples(), s.classes());
            if shape(pool) != shape(targets) || targets.is_empty() {
                let found =
                    if targets.is_empty() { "no images".to_owned() } else { shape(targets) };
                return Err(AcquireError::Shape {
                    what: "target-mc-probs",
                    expected: shape(pool),
                    found,
                });
            }
        }
        Ok(())
    }

    /// Refuses numbers that are not finite and rows that are no distributions; the error names the
    /// first such row.
    pub fn check_values(&self) -> Result<(), AcquireError> {
        if let Some(probs) = self.probs {
            check_distributions("probs", probs.values, probs.width, 1)?;
        }
        for (what, samples) in [
            ("mc-probs", self.mc_probs),
            ("target-mc-probs", self.target_mc_probs),
            ("view-probs", self.view_probs),
        ] {
            if let Some(samples) = samples {
                check_distributions(what, samples.values(), samples.classes, samples.samples())?;
            }
        }
        if let Some(features) = self.features {
            for (row, values) in features.values.chunks_exact(features.width).enumerate() {
                if let Some(&value) = values.iter().find(|v| !v.is_finite()) {
                    return Err(AcquireError::NotFinite { what: "features", row, value });
                }
            }
        }
        Ok(())
    }

    /// The class probabilities, or the means of the Monte-Carlo ones.
    pub(crate) fn mean_probs(&self, strategy: &str) -> Result<MeanProbs<'a>, AcquireError> {
        match (self.probs, self.mc_probs) {
            (Some(probs), _) => {
                Ok(MeanProbs { values: Cow::Borrowed(probs.values), classes: probs.width })
            }
            (None, Some(samples)) => {
                let mut values = vec![0.0; samples.len() * samples.classes];
                for (image, mean) in values.chunks_exact_mut(samples.classes).enumerate() {
                    samples.mean_into(image as u32, mean);
                }
                Ok(MeanProbs { values: Cow::Owned(values), classes: samples.classes })
            }
            (None, None) => Err(AcquireError::Missing {
                strategy: strategy.into(),
                what: "probs (or mc-probs)",
            }),
        }
    }
}

/// Class probabilities, borrowed or averaged.
pub(crate) struct MeanProbs<'a> {
    values: Cow<'a, [f32]>,
    classes: usize,
}

impl MeanProbs<'_> {
    pub(crate) fn rows(&self) -> Rows<'_> {
        Rows::new(&self.values, self.classes)
    }
}

/// Whether every row of `classes` values is a distribution; an image has `samples` of them.
fn check_distributions(
    what: &'static str,
    values: &[f32],
    classes: usize,
    samples: usize,
) -> Result<(), AcquireError> {
    for (at, row) in values.chunks_exact(classes).enumerate() {
        let image = at / samples;
        if let Some(&value) = row.iter().find(|v| !v.is_finite()) {
            return Err(AcquireError::NotFinite { what, row: image, value });
        }
        if let Some(&value) = row.iter().find(|v| !(-1e-3..=1.001).contains(*v)) {
            return Err(AcquireError::NotAProbability { what, row: image, value });
        }
        let sum: f64 = row.iter().map(|&p| f64::from(p)).sum();
        if (sum - 1.0).abs() > 1e-3 {
            return Err(AcquireError::NotADistribution { what, row: image, sum });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bad_row_is_named() {
        let probs = [0.5, 0.5, 0.9, 0.2, 0.3, 0.3];
        let inputs = Inputs { probs: Some(Rows::new(&probs, 2)), ..Inputs::default() };
        let error = inputs.check_values().unwrap_err();
        let expected = "probs: row 1 sums to 1.1";
        assert!(error.to_string().starts_with(expected), "{error}");
        let features = [1.0, 2.0, f32::NAN, 1.0];
        let inputs = Inputs { features: Some(Rows::new(&features, 2)), ..Inputs::default() };
        assert_eq!(
            inputs.check_values().unwrap_err().to_string(),
            "features: row 1 holds NaN, expected finite numbers"
        );
    }

    #[test]
    fn arrays_of_different_lengths_are_refused() {
        let (probs, features) = ([0.5; 4], [1.0; 3]);
        let inputs = Inputs {
            probs: Some(Rows::new(&probs, 2)),
            features: Some(Rows::new(&features, 1)),
            ..Inputs::default()
        };
        let error = inputs.check("badge", Needs::PROBS).unwrap_err();
        assert_eq!(error.to_string(), "features: expected 2 rows, found 3 rows");
    }

    #[test]
    fn probabilities_are_averaged_over_samples() {
        let samples = [1.0, 0.0, 0.5, 0.5];
        let inputs = Inputs { mc_probs: Some(Samples::new(&samples, 2, 2)), ..Inputs::default() };
        assert_eq!(inputs.mean_probs("entropy").unwrap().rows().row(0), [0.75, 0.25]);
    }
}
