//! Images of equal score: who comes first among them, decided here for every strategy.

use super::strategy::draw;
use fewlabel_engine::rng::Key;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// How ties are broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ties {
    /// The lower image number comes first: the paper's regimes, and every study that does not say
    /// else. In a file sorted by patient or by class that is a biased sample.
    #[default]
    LowerIndex,
    /// The order is a permutation of the images that the query's key names.
    Seeded,
}

impl Ties {
    /// What a person should know where all scores were equal.
    pub fn alone_chose(self) -> &'static str {
        match self {
            Self::LowerIndex => {
                "all scores are equal: the lowest rows were taken (ties = lower-index)"
            }
            Self::Seeded => "all scores are equal: the seed drew the rows (ties = seeded)",
        }
    }
}

/// One query: how many images, and what decides where scores do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    /// Images wanted.
    pub batch: usize,
    /// Names the draws by its first three words (by convention seed, purpose and round); the fourth
    /// is the strategy's own.
    pub key: Key,
    /// Who comes first among images of equal score.
    pub ties: Ties,
}

impl Query {
    /// A query whose ties go to the lower image.
    pub fn new(batch: usize, key: Key) -> Self {
        Self { batch, key, ties: Ties::LowerIndex }
    }

    /// The same query with ties broken otherwise.
    #[must_use]
    pub fn with_ties(self, ties: Ties) -> Self {
        Self { ties, ..self }
    }

    /// The order among images of equal score.
    pub(crate) fn order(&self) -> Order {
        match self.ties {
            Ties::LowerIndex => Order(None),
            // No strategy names a draw of its own by this number.
            Ties::Seeded => Order(Some(draw(self.key, u64::MAX).child())),
        }
    }
}

/// Orders images of equal score; made by [`Query::order`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order(Option<Key>);

impl Order {
    /// By image number alone: for what is counted but is no image, such as clusters.
    pub(crate) const BY_NUMBER: Self = Self(None);

    /// The place of an image among its equals: lower comes first, and no two images have the same.
    pub(crate) fn rank(self, image: u32) -> (u64, u32) {
        (self.0.map_or(0, |key| key.at(u64::from(image), 0).stream().bits64()), image)
    }

    /// The order of preference: greater score first, then lower rank.
    pub(crate) fn preferred(self, a: (f64, u32), b: (f64, u32)) -> Ordering {
        b.0.total_cmp(&a.0).then_with(|| self.rank(a.1).cmp(&self.rank(b.1)))
    }

    /// The most preferred of some scored places, where `images` says which image is at a place.
    pub(crate) fn best(
        self,
        images: &[u32],
        scored: impl Iterator<Item = (f64, usize)>,
    ) -> Option<(f64, usize)> {
        scored.min_by(|&a, &b| self.preferred((a.0, images[a.1]), (b.0, images[b.1])))
    }

    /// The place in which `u` of the sum of the weights lies; what is taken has a negative weight.
    /// Where all are 0, the free place that comes first.
    pub(crate) fn drawn(self, images: &[u32], weights: &[f64], u: f64) -> usize {
        let total: f64 = weights.iter().map(|w| w.max(0.0)).sum();
        let mut left = u * total;
        let mut last = None;
        for (at, &weight) in weights.iter().enumerate().filter(|(_, w)| **w > 0.0) {
            last = Some(at);
            left -= weight;
            if left < 0.0 {
                break;
            }
        }
        let free =
            || weights.iter().enumerate().filter(|(_, w)| **w >= 0.0).map(|(at, _)| (0.0, at));
        last.or_else(|| self.best(images, free()).map(|(_, at)| at)).unwrap_or(0)
    }
}

/// Whether there are several scores and none differs from another: ties alone choose.
pub(crate) fn all_equal(scores: impl IntoIterator<Item = f64>) -> bool {
    let mut scores = scores.into_iter();
    let Some(first) = scores.next() else { return false };
    let mut others = scores.peekable();
    others.peek().is_some() && others.all(|score| score == first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(ties: Ties, seed: u64) -> Order {
        Query::new(1, Key::new(seed, 5)).with_ties(ties).order()
    }

    #[test]
    fn a_greater_score_comes_first_and_then_the_lower_or_the_drawn_image() {
        let sorted = |order: Order| {
            let mut scored: Vec<(f64, u32)> =
                (0..50).map(|image| (f64::from(image % 2), image)).collect();
            scored.sort_by(|&a, &b| order.preferred(a, b));
            scored.into_iter().map(|(_, image)| image).collect::<Vec<_>>()
        };
        let lower = sorted(order(Ties::LowerIndex, 0));
        assert_eq!(lower[..3], [1, 3, 5]);
        let seeded = sorted(order(Ties::Seeded, 0));
        assert!(seeded[..25].iter().all(|image| image % 2 == 1), "{seeded:?}");
        assert!(seeded != lower && seeded == sorted(order(Ties::Seeded, 0)));
        assert_ne!(seeded, sorted(order(Ties::Seeded, 1)));
    }

    #[test]
    fn every_image_is_as_likely_to_come_first() {
        let mut first = [0.0; 5];
        for seed in 0..5000 {
            let order = order(Ties::Seeded, seed);
            let best = order.best(&[3, 4, 5, 6, 7], (0..5).map(|at| (1.0, at))).unwrap();
            first[best.1] += 1.0;
        }
        // Chi-squared with 4 degrees of freedom: the 99.9 % point is 18.5.
        let chi: f64 = first.iter().map(|n: &f64| (n - 1000.0).powi(2) / 1000.0).sum();
        assert!(chi < 18.5, "{first:?}");
    }

    #[test]
    fn one_score_is_no_tie() {
        assert!(!all_equal([]) && !all_equal([1.0]) && !all_equal([1.0, 2.0]));
        assert!(all_equal([0.0, -0.0]) && all_equal([2.0; 9]));
    }
}
