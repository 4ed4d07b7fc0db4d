//! `random`: every unlabelled image with the same chance.

use super::strategy::{draw, highest};
use super::{AcquireError, Inputs, Needs, Picks, Query, Score};
use fewlabel_engine::rng::Key;

/// Uniform without replacement: every image has its own uniform number, the highest win.
///
/// Score: that number. Needs nothing; O(n) time. The baseline every other strategy is held against.
pub(crate) struct Random;

impl Score for Random {
    fn name(&self) -> &str {
        "random"
    }

    fn needs(&self) -> Needs {
        Needs::NONE
    }

    fn unit(&self) -> &'static str {
        "uniform draw"
    }

    fn score_rows(&self, _: &Inputs, images: &[u32], _: usize) -> Result<Vec<f64>, AcquireError> {
        Ok(vec![0.0; images.len()])
    }

    fn choose(&self, images: &[u32], _: &[f64], query: &Query) -> Picks {
        highest(images, &draws(images, query.key), query, self.unit())
    }
}

/// A uniform number for every image, which depends on no other image.
pub(super) fn draws(images: &[u32], key: Key) -> Vec<f64> {
    images.iter().map(|&image| draw(key, u64::from(image)).stream().unit_f64()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_image_is_chosen_equally_often() {
        let images = [3, 4, 8, 9];
        let mut counts = [0; 4];
        for round in 0..4_000 {
            let picks = Random.choose(&images, &[], &Query::new(2, Key::new(1, 2).at(round, 0)));
            picks.indices.iter().for_each(|pick| counts[images.binary_search(pick).unwrap()] += 1);
        }
        // 2,000 expected, standard deviation 32.
        assert!(counts.iter().all(|n| (1_870..2_130).contains(n)), "{counts:?}");
    }
}
