//! When to stop asking for labels: rules over what each round of the loop saw.

use crate::error::LearnError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A rule; the loop stops at the first that is met.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "rule", deny_unknown_fields)]
pub enum Rule {
    /// So many labels were given.
    Budget {
        /// Labels.
        labels: usize,
    },
    /// Validation accuracy gained less than `gain` in each of the last `rounds` rounds over the
    /// best before them.
    ValidationPlateau {
        /// Rounds without gain.
        rounds: usize,
        /// The least gain that counts, as a share (0.01 is one point).
        gain: f64,
    },
    /// The mean entropy of the images that were asked fell below this: the most doubtful left are
    /// not doubtful.
    Uncertainty {
        /// Entropy in bits.
        below: f64,
    },
    /// Predictions on a fixed set hardly changed: the mean of Cohen's kappa between successive
    /// rounds, over the last `rounds`, reached `kappa` (Bloodgood and Vijay-Shanker 2009, who take
    /// 0.99 and 3).
    StablePredictions {
        /// Agreement beyond chance.
        kappa: f64,
        /// Pairs of successive rounds.
        rounds: usize,
    },
}

impl Rule {
    /// Refuses a rule that could never act or would act at once.
    ///
    /// # Errors
    /// Names the rule's setting and what it may be.
    pub fn check(&self) -> Result<(), LearnError> {
        let wrong = |text: &str| Err(LearnError::Setting(format!("stopping rule: {text}")));
        match *self {
            Self::Budget { labels: 0 } => wrong("labels must be at least 1"),
            Self::ValidationPlateau { rounds: 0, .. }
            | Self::StablePredictions { rounds: 0, .. } => wrong("rounds must be at least 1"),
            Self::ValidationPlateau { gain, .. } if !gain.is_finite() => {
                wrong("gain must be a number")
            }
            Self::Uncertainty { below } if below.is_nan() || below <= 0.0 => {
                wrong("below must be a number of bits above 0")
            }
            Self::StablePredictions { kappa, .. } if !(kappa > 0.0 && kappa <= 1.0) => {
                wrong("kappa must lie above 0 and at most at 1")
            }
            _ => Ok(()),
        }
    }

    /// Whether the rule looks at the loop model's predictions for the pool.
    pub fn needs_probs(&self) -> bool {
        matches!(self, Self::Uncertainty { .. } | Self::StablePredictions { .. })
    }

    /// Whether the rule looks at the loop model's accuracy on the validation split.
    pub fn needs_validation(&self) -> bool {
        matches!(self, Self::ValidationPlateau { .. })
    }
}

/// What a round saw. A rule whose measurement is missing is not met.
#[derive(Clone, Copy, Debug, Default)]
pub struct Round<'a> {
    /// Labels given so far.
    pub labels: usize,
    /// Accuracy on the validation images, as a share.
    pub validation_accuracy: Option<f64>,
    /// Mean entropy in bits of the images asked in this round.
    pub asked_entropy: Option<f64>,
    /// Predicted classes of a set that stays the same from round to round.
    pub predictions: Option<&'a [u16]>,
}

/// Why the loop stopped, to be recorded with the run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// The rule that was met.
    pub rule: Rule,
    /// What was measured: labels, best gain, entropy or kappa.
    pub measured: f64,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let measured = self.measured;
        match self.rule {
            Rule::Budget { labels } => {
                write!(f, "{measured} labels were given, the budget is {labels}")
            }
            Rule::ValidationPlateau { rounds, gain } => {
                write!(
                    f,
                    "validation accuracy gained {measured:.4} in {rounds} rounds, less than {gain}"
                )
            }
            Rule::Uncertainty { below } => {
                write!(
                    f,
                    "the images asked have a mean entropy of {measured:.3} bits, below {below}"
                )
            }
            Rule::StablePredictions { kappa, rounds } => {
                write!(
                    f,
                    "predictions agreed with a kappa of {measured:.4} over {rounds} rounds, at \
                     least {kappa}"
                )
            }
        }
    }
}

/// What the rules of a run remember of its rounds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stopping {
    accuracies: Vec<f64>,
    kappas: Vec<f64>,
    predictions: Vec<u16>,
}

impl Stopping {
    /// Takes in a round; the first of `rules` that is met, if any.
    pub fn after(&mut self, rules: &[Rule], round: &Round) -> Option<Reason> {
        self.accuracies.extend(round.validation_accuracy);
        if let Some(predictions) = round.predictions {
            if self.predictions.len() == predictions.len() {
                self.kappas.push(kappa(&self.predictions, predictions));
            }
            self.predictions = predictions.to_vec();
        }
        let met = |rule: &Rule| {
            self.measure(*rule, round).map(|measured| Reason { rule: *rule, measured })
        };
        rules.iter().find_map(met)
    }

    /// What the rule measured, if it is met.
    fn measure(&self, rule: Rule, round: &Round) -> Option<f64> {
        match rule {
            Rule::Budget { labels } => (round.labels >= labels).then_some(round.labels as f64),
            Rule::Uncertainty { below } => round.asked_entropy.filter(|entropy| *entropy < below),
            Rule::ValidationPlateau { rounds, gain } => {
                let split = self
                    .accuracies
                    .len()
                    .checked_sub(rounds)
                    .filter(|split| *split > 0 && rounds > 0)?;
                let best =
                    |values: &[f64]| values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let (before, last) = self.accuracies.split_at(split);
                Some(best(last) - best(before)).filter(|found| *found < gain)
            }
            Rule::StablePredictions { kappa, rounds } => {
                let first = self.kappas.len().checked_sub(rounds).filter(|_| rounds > 0)?;
                let mean = self.kappas[first..].iter().sum::<f64>() / rounds as f64;
                Some(mean).filter(|mean| *mean >= kappa)
            }
        }
    }
}

/// Cohen's kappa: agreement beyond what the two class frequencies give by chance; 1 where both hold
/// one and the same class.
pub fn kappa(a: &[u16], b: &[u16]) -> f64 {
    let n = a.len().min(b.len()) as f64;
    let classes = a.iter().chain(b).max().map_or(0, |class| usize::from(*class) + 1);
    let mut counts = vec![[0.0_f64; 2]; classes];
    let mut agree = 0.0;
    for (&a, &b) in a.iter().zip(b) {
        counts[usize::from(a)][0] += 1.0;
        counts[usize::from(b)][1] += 1.0;
        agree += f64::from(u8::from(a == b));
    }
    let chance = counts.iter().map(|[a, b]| a * b).sum::<f64>() / (n * n);
    if chance >= 1.0 { 1.0 } else { (agree / n - chance) / (1.0 - chance) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_stops_at_its_last_label() {
        let (mut stopping, rules) = (Stopping::default(), [Rule::Budget { labels: 11 }]);
        assert_eq!(stopping.after(&rules, &Round { labels: 7, ..Round::default() }), None);
        let reason = stopping.after(&rules, &Round { labels: 11, ..Round::default() }).unwrap();
        assert_eq!(reason.to_string(), "11 labels were given, the budget is 11");
    }

    #[test]
    fn a_plateau_needs_all_its_rounds() {
        let (mut stopping, rules) =
            (Stopping::default(), [Rule::ValidationPlateau { rounds: 2, gain: 0.01 }]);
        let mut after = |accuracy| {
            stopping
                .after(&rules, &Round { validation_accuracy: Some(accuracy), ..Round::default() })
                .map(|r| r.measured)
        };
        let found: Vec<bool> =
            [0.5, 0.6, 0.605, 0.62, 0.61, 0.62].into_iter().map(|a| after(a).is_some()).collect();
        assert_eq!(found, [false, false, false, false, false, true]);
    }

    #[test]
    fn low_entropy_stops_and_a_missing_measurement_does_not() {
        let (mut stopping, rules) =
            (Stopping::default(), [Rule::Uncertainty { below: 0.1 }, Rule::Budget { labels: 5 }]);
        assert_eq!(stopping.after(&rules, &Round::default()), None);
        assert_eq!(
            stopping.after(&rules, &Round { asked_entropy: Some(0.2), ..Round::default() }),
            None
        );
        let reason = stopping
            .after(&rules, &Round { asked_entropy: Some(0.05), labels: 9, ..Round::default() })
            .unwrap();
        assert_eq!(reason.rule, Rule::Uncertainty { below: 0.1 });
    }

    #[test]
    fn predictions_that_stay_stop_the_loop() {
        let (mut stopping, rules) =
            (Stopping::default(), [Rule::StablePredictions { kappa: 0.99, rounds: 2 }]);
        let rounds: [&[u16]; 5] =
            [&[0, 1, 2, 0], &[0, 1, 2, 1], &[0, 1, 2, 1], &[0, 1, 2, 1], &[0, 1, 2, 1]];
        let stops = rounds.map(|predictions| {
            stopping
                .after(&rules, &Round { predictions: Some(predictions), ..Round::default() })
                .is_some()
        });
        assert_eq!(stops, [false, false, false, true, true]);
    }

    #[test]
    fn kappa_worked_out_by_hand() {
        // 3 of 4 agree; by chance (2 * 2 + 2 * 1 + 0 * 1) / 16 = 0.375.
        let found = kappa(&[0, 0, 1, 1], &[0, 0, 1, 2]);
        assert!((found - (0.75 - 0.375) / (1.0 - 0.375)).abs() < 1e-12, "{found}");
        assert_eq!(kappa(&[3, 3], &[3, 3]), 1.0);
        assert_eq!(kappa(&[0, 1], &[1, 0]), -1.0);
    }
}
