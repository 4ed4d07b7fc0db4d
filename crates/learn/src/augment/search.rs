//! A learned policy: chosen by cross-validation on the labelled images alone, with a budget of
//! trainings.
//!
//! Candidates are "none", the paper's policy and random lists of transforms. All are scored on the
//! first fold, the better half on the second, and so on (successive halving: Jamieson and Talwalkar
//! 2016, arXiv 1502.07943); of those that were scored on every fold the best mean wins. Neither
//! test nor extra validation labels are touched. The winner's own score is optimistic, as the best
//! of many is.

use super::policy::{AugmentError, OneOf, Policy, Spec, Weighted};
use super::transform::Transform;
use super::{
    Affine, Blur, Brightness, Contrast, Elastic, Gamma, GaussianNoise, HorizontalFlip, Rotation,
    Scale,
};
use super::{Sharpness, Shear, Translation};
use fewlabel_engine::rng::{Key, Stream};
use serde::{Deserialize, Serialize};

/// Settings of the search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Search {
    /// Trainings that may be spent; the number of candidates follows from it.
    pub budget: u32,
    /// Parts that the labelled images are divided into; each training leaves one out and is scored
    /// on it.
    pub folds: u32,
    /// Whether images may be mirrored: a fact of the data set.
    pub flips: bool,
    /// Width f of the networks that are trained to compare candidates.
    pub width: usize,
}

impl Default for Search {
    fn default() -> Self {
        Self { budget: 60, folds: 4, flips: false, width: 8 }
    }
}

/// A candidate and its accuracies, one a fold that it was scored on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// The candidate.
    pub policy: Policy,
    /// Its accuracies on the first folds.
    pub scores: Vec<f64>,
}

impl Trial {
    /// The mean accuracy; of folds that every candidate compared with was scored on too.
    fn mean(&self) -> f64 {
        self.scores.iter().sum::<f64>() / self.scores.len().max(1) as f64
    }
}

/// What a search found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Learned {
    /// The winner.
    pub policy: Policy,
    /// All candidates, "none" and the paper's first.
    pub trials: Vec<Trial>,
}

impl Search {
    /// Checks the settings.
    ///
    /// # Errors
    /// If there are fewer than two folds, or the budget does not reach for two candidates.
    pub fn checked(self) -> Result<Self, AugmentError> {
        let error = |what| AugmentError::Setting { policy: "learned", what };
        if !(2..=100).contains(&self.folds) {
            return Err(error(format!("folds is 2 to 100, not {}", self.folds)));
        }
        let least = self.cost(2);
        if !(least..=1_000_000).contains(&self.budget) {
            return Err(error(format!(
                "with {} folds budget is {least} to 1000000, not {}",
                self.folds, self.budget
            )));
        }
        if !(1..=1024).contains(&self.width) {
            return Err(error(format!("width is 1 to 1024, not {}", self.width)));
        }
        Ok(self)
    }

    /// Trainings that a search among so many candidates takes.
    fn cost(&self, candidates: u32) -> u32 {
        (0..self.folds).fold((candidates, 0), |(n, sum), _| (n.div_ceil(2), sum + n)).1
    }

    /// The most candidates that the budget reaches for.
    pub fn candidates(&self) -> u32 {
        let mut candidates = 2;
        while self.cost(candidates + 1) <= self.budget {
            candidates += 1;
        }
        candidates
    }

    /// Runs the search. `score` trains with a policy on all folds but one and returns the accuracy
    /// on that one; it is asked at most `budget` times, and its errors end the search.
    ///
    /// # Errors
    /// Those of `score`.
    pub fn run<E>(
        &self,
        key: Key,
        mut score: impl FnMut(&Policy, u32) -> Result<f64, E>,
    ) -> Result<Learned, E> {
        let mut trials: Vec<Trial> = (0..u64::from(self.candidates()))
            .map(|i| Trial {
                policy: self.candidate(i, &mut key.at(i, 0).stream()),
                scores: Vec::new(),
            })
            .collect();
        let mut left: Vec<usize> = (0..trials.len()).collect();
        for fold in 0..self.folds {
            for &i in &left {
                let accuracy = score(&trials[i].policy, fold)?;
                trials[i].scores.push(accuracy);
            }
            // Stable: of equals, the earlier and plainer candidate stays.
            left.sort_by(|&a, &b| trials[b].mean().total_cmp(&trials[a].mean()));
            if fold + 1 < self.folds {
                left.truncate(left.len().div_ceil(2));
                left.sort_unstable();
            }
        }
        Ok(Learned { policy: trials[left[0]].policy.clone(), trials })
    }

    fn candidate(&self, index: u64, stream: &mut Stream) -> Policy {
        match index {
            0 => Policy::none(),
            1 => Policy::paper(),
            _ => {
                let identity_weight = stream.below(3) as f32;
                let count = 1 + stream.below(4);
                let transforms =
                    (0..count).map(|_| Weighted { weight: 1.0, transform: self.transform(stream) });
                let one_of = OneOf { identity_weight, transforms: transforms.collect() };
                Policy::new(Spec::OneOf(one_of)).expect("strengths are drawn within their ranges")
            }
        }
    }

    /// One transform of random strength, from mild to what still shows the organ.
    fn transform(&self, stream: &mut Stream) -> Transform {
        let kind = stream.below(if self.flips { 12 } else { 11 });
        let mut level = |low: f32, high: f32| (stream.uniform(low, high) * 100.0).round() / 100.0;
        let around = |v: f32| [-v, v];
        let factor = |v: f32| [1.0 - v, 1.0 + v];
        match kind {
            0 => Transform::Rotation(Rotation {
                degrees: around(level(5.0, 45.0)),
                ..Rotation::default()
            }),
            1 => Transform::Translation(Translation {
                pixels: around(level(0.5, 4.0)),
                ..Translation::default()
            }),
            2 => Transform::Scale(Scale { factor: factor(level(0.05, 0.3)), ..Scale::default() }),
            3 => Transform::Shear(Shear { degrees: around(level(5.0, 25.0)), ..Shear::default() }),
            4 => {
                Transform::Elastic(Elastic { alpha: [level(10.0, 50.0); 2], ..Elastic::default() })
            }
            5 => Transform::Blur(Blur { sigma: [0.3, level(0.4, 1.5)] }),
            6 => Transform::GaussianNoise(GaussianNoise { sigma: [0.0, level(0.01, 0.1)] }),
            7 => Transform::Brightness(Brightness { factor: factor(level(0.1, 0.5)) }),
            8 => Transform::Contrast(Contrast { factor: factor(level(0.1, 0.5)) }),
            9 => {
                let gamma = level(1.1, 2.0);
                Transform::Gamma(Gamma { gamma: [1.0 / gamma, gamma] })
            }
            10 => match level(0.0, 1.0) {
                x if x < 0.5 => Transform::Sharpness(Sharpness { factor: [0.0, 1.0 + 2.0 * x] }),
                x => Transform::Affine(Affine {
                    degrees: around(40.0 * x - 10.0),
                    scale: factor(0.3 * x),
                    translate_x: around(4.0 * x),
                    translate_y: around(4.0 * x),
                    ..Affine::default()
                }),
            },
            _ => Transform::HorizontalFlip(HorizontalFlip {}),
        }
    }
}

/// Divides images into parts of about equal size with about equal shares of every class: for each
/// its part.
pub fn folds(labels: &[u16], folds: u32, key: Key) -> Vec<u32> {
    let mut order = key.stream().permutation(labels.len());
    order.sort_by_key(|&i| labels[i as usize]);
    let mut parts = vec![0; labels.len()];
    for (place, &i) in order.iter().enumerate() {
        parts[i as usize] = place as u32 % folds;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    #[test]
    fn the_better_half_goes_on_and_the_budget_is_kept() {
        let search = Search { flips: true, ..Search::default() }.checked().unwrap();
        let (mut trainings, mut seen) = (0, Vec::new());
        let learned = search.run(Key::new(1, 0), |policy, fold| {
            trainings += 1;
            if fold == 0 {
                seen.push(policy.clone());
            }
            let rank = seen.iter().position(|p| p == policy).unwrap();
            Ok::<_, Infallible>(if rank == 7 { 0.9 } else { 0.5 + 0.01 * fold as f64 })
        });
        let learned = learned.unwrap();
        assert!(trainings <= 60 && trainings == search.cost(search.candidates()), "{trainings}");
        assert_eq!(learned.policy, seen[7]);
        assert_eq!(learned.trials[7].scores, [0.9; 4]);
        assert_eq!(
            (learned.trials[0].policy.name(), learned.trials[1].policy.name()),
            ("none", "paper")
        );
    }

    #[test]
    fn of_equals_the_plainest_wins() {
        let learned =
            Search::default().run(Key::new(1, 0), |_, _| Ok::<_, Infallible>(0.5)).unwrap();
        assert!(learned.policy.is_none());
    }

    #[test]
    fn the_same_key_proposes_the_same_candidates() {
        let run = || {
            Search::default()
                .run(Key::new(9, 0), |p, _| Ok::<_, Infallible>(p.name().len() as f64))
                .unwrap()
        };
        assert_eq!(run(), run());
    }

    #[test]
    fn an_error_of_a_training_ends_the_search() {
        assert_eq!(
            Search::default().run(Key::new(1, 0), |_, _| Err::<f64, _>("disk full")),
            Err("disk full")
        );
    }

    #[test]
    fn a_budget_too_small_for_two_candidates_is_refused() {
        let error = Search { budget: 3, ..Search::default() }.checked().unwrap_err().to_string();
        assert_eq!(
            error,
            "augmentation policy `learned`: with 4 folds budget is 5 to 1000000, not 3"
        );
    }

    #[test]
    fn folds_share_every_class() {
        let labels: Vec<u16> = (0..90).map(|i| if i % 9 < 6 { 0 } else { 1 }).collect();
        let parts = folds(&labels, 3, Key::new(4, 0));
        for (part, class) in (0..3).flat_map(|part| [0, 1].map(|class| (part, class))) {
            let count =
                parts.iter().zip(&labels).filter(|(p, l)| **p == part && **l == class).count();
            assert_eq!(count, if class == 0 { 20 } else { 10 });
        }
    }
}
