//! Whether models have learned anything at all: no comparison means something before they have.

use crate::evaluate::metrics::{Metrics, recalls};
use crate::evaluate::stats::{LEVEL, normal_upper};

/// What is said of a study none of whose models has learned anything.
pub const AT_CHANCE: &str = "every model is at chance: more epochs or width";

/// One-sided p that a model without knowledge of the images, such as one that always answers the
/// same class, has at least this balanced accuracy; `None` where fewer than two classes occur.
///
/// Of `k` classes it finds one in `k` images of every class, with the variance of that share.
fn p_of_chance(metrics: &Metrics) -> Option<f64> {
    let sizes =
        metrics.confusion.iter().map(|row| row.iter().map(|&count| f64::from(count)).sum::<f64>());
    let sizes: Vec<f64> = sizes.filter(|&size| size > 0.0).collect();
    let k = sizes.len() as f64;
    if sizes.len() < 2 {
        return None;
    }
    let found: f64 = recalls(&metrics.confusion).into_iter().flatten().sum::<f64>() / k;
    let variance: f64 = sizes.iter().map(|size| (1.0 - 1.0 / k) / k / size).sum::<f64>() / (k * k);
    Some(normal_upper((found - 1.0 / k) / variance.sqrt()))
}

/// Whether no model is above chance by its figures on validation and test, at 5 % over all that are
/// looked at (Bonferroni). Without anything to look at, nothing is said.
pub fn are_at_chance<'a>(judged: impl IntoIterator<Item = [&'a Metrics; 2]>) -> bool {
    let p: Vec<f64> = judged.into_iter().flatten().filter_map(p_of_chance).collect();
    let lowest = p.iter().copied().fold(f64::INFINITY, f64::min);
    !p.is_empty() && lowest * p.len() as f64 >= LEVEL
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(found: [[u32; 2]; 2]) -> Metrics {
        let mut probs = Vec::new();
        let mut labels = Vec::new();
        for (label, row) in found.iter().enumerate() {
            for (predicted, &count) in row.iter().enumerate() {
                let answer = if predicted == 0 { [0.9, 0.1] } else { [0.1, 0.9] };
                probs.extend(answer.repeat(count as usize));
                labels.extend(vec![label as u16; count as usize]);
            }
        }
        Metrics::of(&probs, &labels)
    }

    fn at_chance(results: &[Metrics]) -> bool {
        are_at_chance(results.iter().map(|metrics| [metrics, metrics]))
    }

    #[test]
    fn a_model_that_answers_one_class_is_at_chance_however_common_the_class() {
        assert!(at_chance(&[result([[90, 0], [10, 0]])]));
        assert!(at_chance(&[result([[50, 40], [5, 5]])]));
    }

    #[test]
    fn one_model_that_has_learned_is_enough() {
        let guess = result([[30, 0], [30, 0]]);
        assert!(at_chance(&vec![guess.clone(); 12]));
        assert!(!at_chance(&[guess, result([[25, 5], [8, 22]])]));
    }

    /// A guess that is beyond 5 % alone: of twenty models one such proves nothing.
    #[test]
    fn the_best_of_many_guesses_is_a_guess() {
        let lucky = result([[37, 23], [23, 37]]);
        assert!(!at_chance(std::slice::from_ref(&lucky)));
        let mut many = vec![result([[30, 30], [30, 30]]); 19];
        many.push(lucky);
        assert!(at_chance(&many));
    }

    #[test]
    fn without_results_or_with_one_class_nothing_is_said() {
        assert!(!at_chance(&[]));
        assert!(!at_chance(&[result([[9, 1], [0, 0]])]));
    }
}
