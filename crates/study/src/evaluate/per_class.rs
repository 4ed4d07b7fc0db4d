//! What a classifier is worth for one class, as a clinician asks: of those who have it, how many
//! are found; of those who do not, how many are cleared; of those called so, how many have it.

use serde::Serialize;

/// The standard normal's 97.5 % point.
pub(crate) const Z: f64 = 1.959963984540054;
/// Halvings of [0, 1] until an end of an interval is found: to 2^-50.
pub(crate) const HALVINGS: usize = 50;

/// The figures of one class against the rest. What has no image to be a share of is absent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassFigures {
    /// The class.
    pub class: String,
    /// Images of it.
    pub images: u32,
    /// Share of its images that are called so (recall).
    pub sensitivity: Option<Share>,
    /// Share of the other images that are not called so.
    pub specificity: Option<Share>,
    /// Positive predictive value: share of the images called so that are of it (precision). It
    /// holds for the mixture of classes that was judged.
    pub ppv: Option<Share>,
    /// Area under the ROC curve of its probability.
    pub auc: Option<Share>,
}

/// A share with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Share {
    /// The share.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Share {
    /// `hits` of `of`, with Wilson's interval. None of nothing.
    pub fn of(hits: u32, of: u32) -> Option<Self> {
        (of > 0).then(|| Self::wilson(f64::from(hits) / f64::from(of), f64::from(of)))
    }

    /// A share found in `n` images, with Wilson's interval (1927, JASA 22:209): the shares p whose
    /// distance from the one found is at most z sqrt(p (1 - p) / n). `n` may be a number of
    /// images that as many independent ones would be worth.
    pub fn wilson(share: f64, n: f64) -> Self {
        let middle = share + Z * Z / (2.0 * n);
        let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
        let factor = 1.0 + Z * Z / n;
        let low = if share == 0.0 { 0.0 } else { ((middle - half) / factor).max(0.0) };
        let high = if share == 1.0 { 1.0 } else { ((middle + half) / factor).min(1.0) };
        Self { value: share, low, high }
    }

    /// An area under the curve of `positives` against `negatives`, with the interval of Newcombe
    /// (2006, Statistics in Medicine 25:559, method 5), which holds at 1 too: the areas a whose
    /// distance from the one found is at most z sqrt(v), where, with N = (m + n) / 2,
    ///
    /// ```text
    /// v = a (1 - a) (1 + (N - 1) ((1 - a) / (2 - a) + a / (1 + a))) / (m n)
    /// ```
    pub fn of_area(area: f64, positives: u32, negatives: u32) -> Self {
        let (m, n) = (f64::from(positives), f64::from(negatives));
        let distance = |a: f64| {
            let more = ((m + n) / 2.0 - 1.0) * ((1.0 - a) / (2.0 - a) + a / (1.0 + a));
            Z * (a * (1.0 - a) * (1.0 + more) / (m * n)).sqrt()
        };
        let end = |mut inside: f64, mut outside: f64| {
            for _ in 0..HALVINGS {
                let middle = 0.5 * (inside + outside);
                if (middle - area).abs() <= distance(middle) {
                    inside = middle;
                } else {
                    outside = middle;
                }
            }
            inside
        };
        Self { value: area, low: end(area, 0.0), high: end(area, 1.0) }
    }

    /// An area and its interval as people read it: `0.962 (0.786 to 0.994)`.
    pub fn area_in_words(&self) -> String {
        let Self { value, low, high } = self;
        format!("{value:.3} ({low:.3} to {high:.3})")
    }

    /// The share and its interval as people read it: `83.3 % (62.6 to 95.3)`.
    pub fn in_words(&self) -> String {
        let [value, low, high] = [self.value, self.low, self.high].map(|share| 100.0 * share);
        format!("{value:.1} % ({low:.1} to {high:.1})")
    }
}

/// The figures of every class by a confusion matrix `[label][predicted]` and the classes' areas.
///
/// # Panics
/// If there is not one name and one area for every class.
pub fn figures(
    names: &[String],
    confusion: &[Vec<u32>],
    areas: &[Option<f64>],
) -> Vec<ClassFigures> {
    assert!(names.len() == confusion.len() && areas.len() == names.len(), "one for every class");
    let all: u32 = confusion.iter().flatten().sum();
    let of_class = |class: usize| {
        let images: u32 = confusion[class].iter().sum();
        let called: u32 = confusion.iter().map(|row| row[class]).sum();
        let hits = confusion[class][class];
        let cleared = all - images - (called - hits);
        ClassFigures {
            class: names[class].clone(),
            images,
            sensitivity: Share::of(hits, images),
            specificity: Share::of(cleared, all - images),
            ppv: Share::of(hits, called),
            auc: areas[class].map(|area| Share::of_area(area, images, all - images)),
        }
    };
    (0..names.len()).map(of_class).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: Share, expected: [f64; 3]) {
        for (found, expected) in [found.value, found.low, found.high].iter().zip(expected) {
            assert!((found - expected).abs() < 5e-5, "{found} {expected}");
        }
    }

    /// ```python
    /// from statsmodels.stats.proportion import proportion_confint
    /// [proportion_confint(k, n, method="wilson") for k, n in [(5, 6), (0, 10), (10, 10)]]
    /// ```
    #[test]
    fn shares_have_wilson_s_interval() {
        close(Share::of(5, 6).unwrap(), [0.83333, 0.43650, 0.96995]);
        close(Share::of(0, 10).unwrap(), [0.0, 0.0, 0.27753]);
        close(Share::of(10, 10).unwrap(), [1.0, 0.72247, 1.0]);
        assert_eq!(Share::of(0, 0), None);
    }

    #[test]
    fn an_area_s_interval_holds_it_and_shrinks_with_the_images() {
        let widths: Vec<f64> = [10, 100, 1000]
            .map(|n| Share::of_area(0.9, n, n))
            .iter()
            .map(|share| {
                assert!(share.low < 0.9 && share.high > 0.9 && share.high < 1.0, "{share:?}");
                share.high - share.low
            })
            .collect();
        assert!(widths[0] > 2.5 * widths[1] && widths[1] > 2.5 * widths[2], "{widths:?}");
        let whole = Share::of_area(1.0, 10, 10);
        assert!(whole.high == 1.0 && whole.low > 0.75 && whole.low < 0.9, "{whole:?}");
        let none = Share::of_area(0.0, 10, 10);
        assert!((none.high - (1.0 - whole.low)).abs() < 1e-9, "symmetric");
    }

    #[test]
    fn figures_are_those_of_each_class_against_the_rest() {
        let names = ["a", "b", "c"].map(str::to_owned);
        let confusion = vec![vec![8, 2, 0], vec![1, 9, 0], vec![0, 0, 0]];
        let figures = figures(&names, &confusion, &[Some(0.9), Some(0.9), None]);
        let value = |share: Option<Share>| share.map(|share| share.value);
        assert_eq!(value(figures[0].sensitivity), Some(0.8));
        assert_eq!(value(figures[0].specificity), Some(0.9));
        assert_eq!(value(figures[0].ppv), Some(8.0 / 9.0));
        assert_eq!((figures[2].images, figures[2].sensitivity, figures[2].ppv), (0, None, None));
        assert_eq!(value(figures[2].specificity), Some(1.0));
        assert_eq!(figures[0].ppv.unwrap().in_words(), "88.9 % (56.5 to 98.0)");
    }
}
