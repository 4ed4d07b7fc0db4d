//! What the claims are judged by.

use std::collections::BTreeMap;

/// One run's accuracies, in [0, 1].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scores {
    /// Best validation accuracy over the final model's epochs.
    pub val_best: f64,
    /// Validation accuracy after the last epoch.
    pub val_last: f64,
    /// Test accuracy after the last epoch.
    pub test: f64,
}

/// What one `alda` run queried from its augmented pool.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AugmentedQueries {
    /// Images picked, by kind of augmentation.
    pub picked: BTreeMap<String, f64>,
    /// Picks that chance would have made, by kind: over the queries, picks x share of the kind in
    /// the pool.
    pub expected: BTreeMap<String, f64>,
    /// Sum over the queries of (images x mean entropy), by kind.
    pub entropy: BTreeMap<String, f64>,
    /// Sum over the queries of the images that have an entropy, by kind.
    pub images: BTreeMap<String, f64>,
}

/// Images of each class in each split.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassCounts {
    /// Names in the labels' order.
    pub names: Vec<String>,
    /// Training images by class.
    pub train: Vec<u64>,
    /// Test images by class.
    pub test: Vec<u64>,
}

/// The runs of one data set at the paper's settings, by regime and seed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// Whether no run has learned anything: then nothing is judged by them.
    pub at_chance: bool,
    /// Scores by regime and seed; the paper's widths, entropy, the paper's augmentation.
    pub regimes: BTreeMap<String, BTreeMap<u64, Scores>>,
    /// `full` at f = 32, by seed.
    pub full_wide: BTreeMap<u64, Scores>,
    /// What `alda` queried, by seed.
    pub alda_queries: BTreeMap<u64, AugmentedQueries>,
    /// Class counts of the data.
    pub classes: Option<ClassCounts>,
}

impl Evidence {
    /// Scores of two regimes for the seeds that both have, in points, by seed.
    pub(super) fn pairs(
        &self,
        first: &str,
        second: &str,
        pick: fn(&Scores) -> f64,
    ) -> Vec<(f64, f64)> {
        match (self.regimes.get(first), self.regimes.get(second)) {
            (Some(first), Some(second)) => pair_up(first, second, pick),
            _ => Vec::new(),
        }
    }
}

/// Pairs of scores in points for the seeds of both, in the seeds' order.
pub(super) fn pair_up(
    first: &BTreeMap<u64, Scores>,
    second: &BTreeMap<u64, Scores>,
    pick: fn(&Scores) -> f64,
) -> Vec<(f64, f64)> {
    let points = |scores: &Scores| 100.0 * pick(scores);
    first
        .iter()
        .filter_map(|(seed, scores)| Some((points(scores), points(second.get(seed)?))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_shared_seeds_are_paired_and_by_number() {
        let scores = |test| Scores { test, ..Scores::default() };
        let first = BTreeMap::from([(1, scores(0.5)), (2, scores(0.6)), (9, scores(0.7))]);
        let second = BTreeMap::from([(9, scores(0.1)), (2, scores(0.2))]);
        let pairs: Vec<(f64, f64)> = pair_up(&first, &second, |s| s.test);
        assert_eq!(pairs, [(60.0, 20.0), (70.0, 10.0)]);
    }
}
