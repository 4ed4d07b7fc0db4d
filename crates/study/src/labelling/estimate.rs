//! What the held-out answers say of the classifier: how good it is, and how far that is known.
//!
//! Held-out images are drawn at random and never learned from. The figures are about images that a
//! person can answer: those called unsure or unusable are counted beside them.

use super::shares::{Stratum, mean_of_shares};
use serde::Serialize;
use std::collections::BTreeMap;

pub use super::shares::Interval;

/// Held-out answers from which on a number is shown: fewer have an interval as wide as 45 points.
pub const FEWEST_HELD_OUT: usize = 20;

/// A held-out image with a class, and what the classifier that has not seen it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The class that the person gave.
    pub truth: u16,
    /// The classifier's class.
    pub predicted: u16,
    /// What images of one patient have in common, where patients are known.
    pub group: Option<u32>,
}

/// The classifier without the held-out answers, judged by them. Shares are from 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// Held-out answers with a class.
    pub n: u32,
    /// Share of images called rightly.
    pub accuracy: Interval,
    /// Mean sensitivity of the classes that occur among the held-out answers.
    pub balanced_accuracy: Interval,
    /// Each class against the others.
    pub classes: Vec<ClassEstimate>,
    /// What was said of what.
    pub confusion: Confusion,
    /// Held-out images answered "unsure".
    pub unsure: u32,
    /// Held-out images answered "unusable".
    pub unusable: u32,
    /// Whether intervals are by cluster: some held-out images have a patient in common.
    pub clustered: bool,
}

/// The figures of one class; absent where there is no image to be a share of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassEstimate {
    /// The class.
    pub class: String,
    /// Share of its images that are called so.
    pub sensitivity: Option<Interval>,
    /// Share of the other images that are not called so.
    pub specificity: Option<Interval>,
    /// Share of the images called so that are of it, for the mixture of classes in the pool.
    pub ppv: Option<Interval>,
    /// Held-out answers of it.
    pub n: u32,
}

/// Numbers of held-out images by what the person said (rows) and the classifier (columns).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Confusion {
    /// Rows and columns.
    pub classes: Vec<String>,
    /// `counts[truth][predicted]`.
    pub counts: Vec<Vec<u32>>,
}

/// Judges by the held-out answers; `None` below [`FEWEST_HELD_OUT`].
///
/// Intervals are Wilson's, by cluster where images have a group in common, and for the mean
/// sensitivity one that is built like it. The `shares` module says how, and how often they hold.
///
/// # Panics
/// If a class of `judged` has no name.
pub fn estimate(
    judged: &[Judged],
    class_names: &[String],
    unsure: u32,
    unusable: u32,
) -> Option<Estimate> {
    if judged.len() < FEWEST_HELD_OUT {
        return None;
    }
    let clusters = clusters(judged);
    let share = |rows: &dyn Fn(&Judged) -> Option<bool>| {
        let mut stratum = Stratum::default();
        for (answer, &cluster) in judged.iter().zip(&clusters) {
            if let Some(is_hit) = rows(answer) {
                stratum.add(cluster, is_hit);
            }
        }
        stratum
    };
    let is_right = |answer: &Judged| answer.truth == answer.predicted;
    let own = |class: u16| {
        share(&move |answer| (answer.truth == class).then_some(answer.predicted == class))
    };
    let labels = || 0..class_names.len() as u16;
    let mut counts = vec![vec![0; class_names.len()]; class_names.len()];
    for answer in judged {
        counts[usize::from(answer.truth)][usize::from(answer.predicted)] += 1;
    }
    let of_class = |class: u16| ClassEstimate {
        class: class_names[usize::from(class)].clone(),
        sensitivity: mean_of_shares(&[own(class)]),
        specificity: mean_of_shares(&[share(&move |answer| {
            (answer.truth != class).then_some(answer.predicted != class)
        })]),
        ppv: mean_of_shares(&[share(&move |answer| {
            (answer.predicted == class).then_some(answer.truth == class)
        })]),
        n: counts[usize::from(class)].iter().sum(),
    };
    Some(Estimate {
        n: judged.len() as u32,
        accuracy: mean_of_shares(&[share(&|answer| Some(is_right(answer)))])?,
        balanced_accuracy: mean_of_shares(&labels().map(own).collect::<Vec<_>>())?,
        classes: labels().map(of_class).collect(),
        unsure,
        unusable,
        clustered: clusters.iter().max().is_some_and(|&most| (most as usize) < judged.len() - 1),
        confusion: Confusion { classes: class_names.to_vec(), counts },
    })
}

/// The number of each answer's cluster, from 0 on; an answer without a group is one of its own.
fn clusters(judged: &[Judged]) -> Vec<u32> {
    let (mut known, mut next) = (BTreeMap::new(), 0);
    let mut new = || {
        next += 1;
        next - 1
    };
    let number = |answer: &Judged| match answer.group {
        Some(group) => *known.entry(group).or_insert_with(&mut new),
        None => new(),
    };
    judged.iter().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::per_class::Share;

    fn names(classes: usize) -> Vec<String> {
        (0..classes).map(|class| format!("c{class}")).collect()
    }

    fn of(answers: &[(u16, u16, u32)]) -> Vec<Judged> {
        let each = answers.iter().flat_map(|&(truth, predicted, count)| {
            std::iter::repeat_n(Judged { truth, predicted, group: None }, count as usize)
        });
        each.collect()
    }

    #[test]
    fn figures_of_each_class_have_their_intervals() {
        let judged = of(&[(0, 0, 9), (0, 1, 1), (1, 0, 2), (1, 1, 12)]);
        let found = estimate(&judged, &names(3), 1, 0).expect("enough");
        let wilson = |hits, of| {
            let Share { value, low, high } = Share::of(hits, of).expect("images");
            Interval { estimate: value, low, high, n: of }
        };
        assert_eq!(found.accuracy, wilson(21, 24));
        assert_eq!(found.classes[0].sensitivity, Some(wilson(9, 10)));
        assert_eq!(found.classes[0].specificity, Some(wilson(12, 14)));
        assert_eq!(found.classes[0].ppv, Some(wilson(9, 11)));
        assert_eq!(found.classes[2].specificity, Some(wilson(24, 24)));
        assert_eq!((found.classes[2].sensitivity, found.classes[2].ppv), (None, None));
        assert_eq!(found.confusion.counts, [[9, 1, 0], [2, 12, 0], [0, 0, 0]]);
        assert!(!found.clustered);
        let json = serde_json::to_value(&found).expect("plain data");
        assert_eq!(json["classes"][2]["sensitivity"], serde_json::Value::Null);
        assert_eq!(json["accuracy"]["n"], 24);
    }

    #[test]
    fn a_number_is_shown_from_twenty_answers_on_and_never_without_width() {
        assert_eq!(estimate(&of(&[(0, 0, 19)]), &names(2), 0, 0), None);
        for (right, expected) in [(0, 0.0), (1, 1.0)] {
            let judged = of(&[(0, 1 - right, 12), (1, right * 2, 8)]);
            let judged: Vec<Judged> = match right {
                1 => judged.iter().map(|a| Judged { predicted: a.truth, ..*a }).collect(),
                _ => judged,
            };
            let found = estimate(&judged, &names(3), 0, 0).expect("enough");
            for interval in [found.accuracy, found.balanced_accuracy] {
                assert_eq!(interval.estimate, expected);
                assert!(interval.high - interval.low > 0.1, "{interval:?}");
            }
        }
    }

    #[test]
    fn images_of_one_patient_make_the_interval_wider() {
        let mut judged = of(&[(0, 0, 12), (0, 1, 4), (1, 1, 16)]);
        let alone = estimate(&judged, &names(2), 0, 0).expect("enough");
        for (row, answer) in judged.iter_mut().enumerate() {
            answer.group = Some(row as u32 / 4);
        }
        let found = estimate(&judged, &names(2), 0, 0).expect("enough");
        assert!(found.clustered && !alone.clustered);
        let width = |interval: Interval| interval.high - interval.low;
        assert!(width(found.accuracy) > 1.3 * width(alone.accuracy));
        assert!(width(found.balanced_accuracy) > 1.3 * width(alone.balanced_accuracy));
    }
}
