//! Shares of answers with 95 % intervals, where answers may belong together and where the mean of
//! several shares is asked for.

use crate::evaluate::per_class::{HALVINGS, Share, Z};
use crate::evaluate::stats::{LEVEL, student_quantile};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A share from 0 to 1 with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// What was found.
    pub estimate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Answers that it stands on.
    pub n: u32,
}

/// Hits among answers of one kind, by the cluster (such as a patient) that they belong to.
#[derive(Clone, Debug, Default)]
pub(super) struct Stratum {
    clusters: BTreeMap<u32, Tally>,
    all: Tally,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    hits: u32,
    of: u32,
}

impl Tally {
    fn add(&mut self, is_hit: bool) {
        self.hits += u32::from(is_hit);
        self.of += 1;
    }
}

impl Stratum {
    /// Counts an answer of a cluster.
    pub(super) fn add(&mut self, cluster: u32, is_hit: bool) {
        self.clusters.entry(cluster).or_default().add(is_hit);
        self.all.add(is_hit);
    }

    fn share(&self) -> f64 {
        f64::from(self.all.hits) / f64::from(self.all.of)
    }

    fn n(&self) -> f64 {
        f64::from(self.all.of)
    }
}

/// The mean of the strata's shares, each with the same weight, with its 95 % interval; strata
/// without an answer do not count, and `None` where none has one.
///
/// The interval is Wilson's for more than one stratum: it holds every mean whose distance from the
/// one found is at most z times the largest standard error that shares with this mean can have.
/// For one stratum it is Wilson's own. It never shrinks to nothing, and since no shares have a
/// larger error it takes no luck in which class the mistakes are.
///
/// Where clusters have more than one answer, the variance is multiplied by a design effect: what
/// the clusters' own sums vary (the linearised, cluster-robust variance), over what they would if
/// all answers were independent, times (t/z)² with Student's t of one degree of freedom less than
/// there are clusters (Korn and Graubard 1998, Survey Methodology 24:193, whose effective sample
/// size Dean and Pagano 2015, J. Survey Statistics and Methodology 3:484, put into Wilson's
/// interval). It is never below 1. Where every share is 0 or 1 nothing varies; a cluster's answers
/// then count as one.
pub(super) fn mean_of_shares(strata: &[Stratum]) -> Option<Interval> {
    let strata: Vec<&Stratum> = strata.iter().filter(|stratum| stratum.all.of > 0).collect();
    let effect = design_effect(&strata);
    let n = strata.iter().map(|stratum| stratum.all.of).sum();
    if let [one] = strata[..] {
        let Share { value, low, high } = Share::wilson(one.share(), one.n() / effect);
        return Some(Interval { estimate: value, low, high, n });
    }
    let mut sizes: Vec<f64> = strata.iter().map(|stratum| stratum.n()).collect();
    sizes.sort_by(|a, b| b.total_cmp(a));
    let estimate = mean(strata.iter().map(|stratum| stratum.share()))?;
    let end = |mut inside: f64, mut outside: f64| {
        for _ in 0..HALVINGS {
            let middle = 0.5 * (inside + outside);
            let error = (effect * largest_variance(middle, &sizes)).sqrt();
            match (middle - estimate).abs() <= Z * error {
                true => inside = middle,
                false => outside = middle,
            }
        }
        inside
    };
    Some(Interval { estimate, low: end(estimate, 0.0), high: end(estimate, 1.0), n })
}

/// The largest variance that the mean of shares found in samples of these `sizes`, the largest
/// first, can have where the true shares have the mean `mean`.
///
/// It is that of Σ p (1 - p) / n with a given Σ p: by Lagrange p = (1 - λ n) / 2, but 0 where that
/// is negative, as in the largest samples first. Shares beyond a half are those below, turned.
fn largest_variance(mean: f64, sizes: &[f64]) -> f64 {
    let strata = sizes.len() as f64;
    let total = strata * mean.min(1.0 - mean);
    let mut sum: f64 = sizes.iter().sum();
    for (zeros, largest) in sizes.iter().enumerate() {
        let lambda = (strata - zeros as f64 - 2.0 * total) / sum;
        if lambda * largest <= 1.0 {
            let variance = |n: &f64| 0.25 * (1.0 / n - lambda * lambda * n);
            return sizes[zeros..].iter().map(variance).sum::<f64>() / (strata * strata);
        }
        sum -= largest;
    }
    0.0
}

/// How many times larger the variance of the mean of shares is for the clusters' sake.
fn design_effect(strata: &[&Stratum]) -> f64 {
    let clusters: BTreeSet<u32> = strata.iter().flat_map(|s| s.clusters.keys().copied()).collect();
    let answers: u32 = strata.iter().map(|stratum| stratum.all.of).sum();
    if clusters.len() == answers as usize {
        return 1.0;
    }
    // What a cluster adds to the mean beyond its part, and what its part is.
    let sum = |cluster: &u32, of: fn(&Stratum, Tally) -> f64| {
        let each = strata.iter().filter_map(|s| Some(of(s, *s.clusters.get(cluster)?) / s.n()));
        each.sum::<f64>()
    };
    let beyond = |s: &Stratum, t: Tally| f64::from(t.hits) - s.share() * f64::from(t.of);
    let part = |_: &Stratum, t: Tally| f64::from(t.of);
    let squares = |of| clusters.iter().map(|cluster| sum(cluster, of)).map(|x| x * x).sum::<f64>();
    let independent: f64 = strata.iter().map(|s| s.share() * (1.0 - s.share()) / s.n()).sum();
    let (count, most) = (clusters.len() as f64, strata.iter().map(|s| 1.0 / s.n()).sum::<f64>());
    if independent <= 0.0 || clusters.len() < 2 {
        return squares(part) / most;
    }
    let t = student_quantile(1.0 - LEVEL / 2.0, count - 1.0) / Z;
    (count / (count - 1.0) * squares(beyond) / independent).max(1.0) * t * t
}

/// The mean; `None` of nothing.
fn mean(values: impl ExactSizeIterator<Item = f64>) -> Option<f64> {
    let count = values.len();
    (count > 0).then(|| values.sum::<f64>() / count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stratum(tallies: &[(u32, u32)]) -> Stratum {
        let mut stratum = Stratum::default();
        for (cluster, &(hits, of)) in (0..).zip(tallies) {
            (0..of).for_each(|answer| stratum.add(cluster, answer < hits));
        }
        stratum
    }

    /// Answers that are all clusters of their own.
    fn alone(hits: u32, of: u32) -> Stratum {
        let mut stratum = Stratum::default();
        (0..of).for_each(|answer| stratum.add(answer, answer < hits));
        stratum
    }

    #[test]
    fn one_share_has_wilson_s_interval() {
        let found = mean_of_shares(&[alone(17, 20), Stratum::default()]).expect("answers");
        let wilson = Share::of(17, 20).expect("images");
        assert_eq!((found.low, found.high, found.n), (wilson.low, wilson.high, 20));
        assert_eq!(mean_of_shares(&[Stratum::default()]), None);
    }

    #[test]
    fn strata_of_one_size_have_wilson_s_interval_of_their_mean() {
        let mut strata = [alone(7, 10), Stratum::default()];
        (10..20).for_each(|cluster| strata[1].add(cluster, true));
        let found = mean_of_shares(&strata).expect("answers");
        let wilson = Share::of(17, 20).expect("images");
        assert!((found.low - wilson.low).abs() < 1e-9, "{found:?} {wilson:?}");
        assert!((found.high - wilson.high).abs() < 1e-9, "{found:?} {wilson:?}");
    }

    #[test]
    fn no_shares_of_a_mean_vary_more_than_the_largest_variance() {
        let sizes = [8.0, 3.0, 1.0];
        for (p, q) in [(0.1, 0.9), (0.5, 0.5), (0.9, 1.0), (0.2, 0.2), (0.0, 0.3)] {
            let r: f64 = 0.7;
            let variance = (p * (1.0 - p) / 8.0 + q * (1.0 - q) / 3.0 + r * (1.0 - r)) / 9.0;
            let largest = largest_variance((p + q + r) / 3.0, &sizes);
            assert!(variance <= largest + 1e-12, "{variance} {largest}");
        }
        assert!(largest_variance(0.0, &sizes) < 1e-12 && largest_variance(1.0, &sizes) < 1e-12);
    }

    #[test]
    fn clusters_widen_what_they_share() {
        let width = |stratum: Stratum| {
            let found = mean_of_shares(&[stratum]).expect("answers");
            assert!(found.low < found.estimate && found.estimate <= found.high, "{found:?}");
            found.high - found.low
        };
        let independent = width(alone(32, 40));
        // Ten patients of four images, of whom two are wrong altogether.
        let clustered = width(stratum(&[&[(4, 4); 8][..], &[(0, 4); 2]].concat()));
        assert!(clustered > 1.7 * independent, "{clustered} {independent}");
        // All right: ten patients are worth ten images.
        let right = mean_of_shares(&[stratum(&[(4, 4); 10])]).expect("answers");
        assert_eq!(right.low, Share::of(10, 10).expect("images").low);
        // One patient is worth one image.
        let one = mean_of_shares(&[stratum(&[(30, 40)])]).expect("answers");
        assert!(one.high - one.low > 0.7, "{one:?}");
    }
}
