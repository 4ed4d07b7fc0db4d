//! `stratified-random`: random, with the same number from every predicted class.

use super::margin::likeliest;
use super::parallel::scores;
use super::random::draws;
use super::{AcquireError, Inputs, Needs, Picks, Query, Score};

/// Predicted classes take turns, in an order of their own draw; each gives its image with the
/// highest uniform draw.
///
/// Score: that draw. `probs` [n, classes]. O(n (classes + log n)) time. The class-aware random of
/// nnActive 2025, which no strategy there reliably beats. As good as the predictions: a class that
/// the model never predicts is never asked.
pub(crate) struct StratifiedRandom;

impl Score for StratifiedRandom {
    fn name(&self) -> &str {
        "stratified-random"
    }

    fn needs(&self) -> Needs {
        Needs::PROBS
    }

    fn unit(&self) -> &'static str {
        "uniform draw"
    }

    /// The predicted class.
    fn score_rows(
        &self,
        inputs: &Inputs,
        images: &[u32],
        threads: usize,
    ) -> Result<Vec<f64>, AcquireError> {
        let probs = inputs.mean_probs(self.name())?;
        let probs = probs.rows();
        Ok(scores(images, threads, || (), |(), image| likeliest(probs.row(image)) as f64))
    }

    fn choose(&self, images: &[u32], classes: &[f64], query: &Query) -> Picks {
        let (draws, order) = (draws(images, query.key), query.order());
        let mut strata: Vec<Vec<(f64, u32)>> = Vec::new();
        for ((&image, draw), &class) in images.iter().zip(draws).zip(classes) {
            let class = class as usize;
            if class >= strata.len() {
                strata.resize(class + 1, Vec::new());
            }
            strata[class].push((draw, image));
        }
        for stratum in &mut strata {
            stratum.sort_unstable_by(|&a, &b| order.preferred(a, b));
        }
        strata.retain(|stratum| !stratum.is_empty());
        // The class of the image with the highest draw begins, and so on: a fair order without a
        // draw of its own.
        strata.sort_by(|a, b| order.preferred(a[0], b[0]));
        let longest = strata.iter().map(Vec::len).max().unwrap_or(0);
        let turns = (0..longest)
            .flat_map(|turn| strata.iter().filter_map(move |stratum| stratum.get(turn)));
        let (scores, indices) = turns.take(query.batch).copied().unzip();
        Picks { indices, scores, ..Picks::none(self.unit()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fewlabel_engine::rng::Key;

    #[test]
    fn classes_take_turns() {
        let images: Vec<u32> = (0..100).collect();
        let classes: Vec<f64> =
            images.iter().map(|&i| if i < 90 { 0.0 } else { f64::from(i % 2) + 3.0 }).collect();
        let picks = StratifiedRandom.choose(&images, &classes, &Query::new(12, Key::new(1, 2)));
        let mut counts = [0; 5];
        picks.indices.iter().for_each(|&pick| counts[classes[pick as usize] as usize] += 1);
        assert_eq!(counts, [4, 0, 0, 4, 4]);
    }

    #[test]
    fn a_class_that_runs_out_gives_way() {
        let classes = [0.0, 1.0, 0.0, 0.0];
        let picks =
            StratifiedRandom.choose(&[0, 1, 2, 3], &classes, &Query::new(4, Key::new(1, 2)));
        let mut indices = picks.indices;
        indices.sort_unstable();
        assert_eq!(indices, [0, 1, 2, 3]);
    }
}
