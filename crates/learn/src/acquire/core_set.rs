//! `core-set`: images that lie far from everything labelled.

use super::parallel::fill;
use super::strategy::checked_pool;
use super::{AcquireError, Inputs, Needs, Picks, Query, Rows, Strategy, k_center};
use fewlabel_engine::vector::squared_distances_at;

/// Greedy k-center on the features: always the image with the greatest Euclidean distance from its
/// nearest labelled or chosen one. Without labels the first is the image nearest to the mean.
///
/// Score: that distance. `features` [n, dim], `labelled`. O(n labelled dim) time and at most O(n
/// batch dim) more, O(n) memory; distances from differences, so that near-duplicates keep their
/// order. Sener and Savarese 2018 (arXiv 1708.00489). Drawn to outliers and, on features after a
/// ReLU, to great norms.
pub(crate) struct CoreSet;

impl Strategy for CoreSet {
    fn name(&self) -> &str {
        "core-set"
    }

    fn needs(&self) -> Needs {
        Needs { features: true, labelled: true, ..Needs::NONE }
    }

    fn pick(
        &self,
        inputs: &Inputs,
        pool: &[u32],
        query: &Query,
        threads: usize,
    ) -> Result<Picks, AcquireError> {
        let pool = checked_pool(self, inputs, pool, query.batch)?;
        let features = features(self.name(), inputs)?;
        let mut nearest = vec![f32::INFINITY; pool.len()];
        let labelled: Vec<&[f32]> =
            inputs.labelled.iter().map(|&image| features.row(image)).collect();
        approach(features, &pool, &labelled, &mut nearest, threads);
        let cold = labelled.is_empty().then(|| nearness_to_the_mean(features, &pool));
        let distance = |at: usize, centres: &[u32]| {
            let mut distances = vec![0.0; centres.len()];
            squared_distances_at(
                features.row(pool[at]),
                features.values(),
                centres,
                &mut distances,
            );
            distances.into_iter().fold(f32::INFINITY, f32::min)
        };
        let mut picks = k_center::greedy(&pool, nearest, cold, query, distance);
        picks.scores.iter_mut().for_each(|square| *square = square.sqrt());
        Ok(picks)
    }
}

/// The features, or which strategy lacks them.
pub(super) fn features<'a>(strategy: &str, inputs: &Inputs<'a>) -> Result<Rows<'a>, AcquireError> {
    inputs
        .features
        .ok_or_else(|| AcquireError::Missing { strategy: strategy.into(), what: "features" })
}

/// Minus every image's squared distance from the pool's mean.
fn nearness_to_the_mean(features: Rows, pool: &[u32]) -> Vec<f64> {
    let mut distances = vec![0.0; pool.len()];
    squared_distances_at(&features.mean(pool), features.values(), pool, &mut distances);
    distances.into_iter().map(|square| -f64::from(square)).collect()
}

/// Lowers every squared distance to that from the nearest of `centres` where it is smaller.
fn approach(features: Rows, pool: &[u32], centres: &[&[f32]], nearest: &mut [f32], threads: usize) {
    /// Rows that stay in the cache while all centres pass.
    const BLOCK: usize = 64;
    fill(nearest, threads, |first, nearest| {
        let mut distances = [0.0; BLOCK];
        for (block, images) in nearest.chunks_mut(BLOCK).zip(pool[first..].chunks(BLOCK)) {
            let distances = &mut distances[..block.len()];
            for centre in centres {
                squared_distances_at(centre, features.values(), &images[..block.len()], distances);
                for (nearest, &distance) in block.iter_mut().zip(&*distances) {
                    *nearest = if distance < *nearest { distance } else { *nearest };
                }
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use fewlabel_engine::rng::Key;

    fn pick(features: &[f32], dim: usize, labelled: &[u32], batch: usize) -> Picks {
        let features = Rows::new(features, dim);
        let pool = super::super::unlabelled(features.len(), labelled).unwrap();
        let inputs = Inputs { features: Some(features), labelled, ..Inputs::default() };
        CoreSet.pick(&inputs, &pool, &Query::new(batch, Key::new(0, 0)), 1).unwrap()
    }

    #[test]
    fn worked_out_by_hand() {
        let picks = pick(&[0.0, 1.0, 5.0, 9.0, 10.0], 1, &[0], 3);
        assert_eq!((picks.indices, picks.scores), (vec![4, 2, 1], vec![10.0, 5.0, 1.0]));
    }

    #[test]
    fn a_cold_start_begins_at_the_mean() {
        let picks = pick(&[0.0, 1.0, 5.0, 9.0, 10.0], 1, &[], 3);
        assert_eq!((picks.indices, picks.scores), (vec![2, 0, 4], vec![0.0, 5.0, 5.0]));
    }

    #[test]
    fn picks_are_those_of_all_distances_in_f64() {
        let (rows, dim) = (120, 7);
        let mut stream = Key::new(41, 1).stream();
        let features: Vec<f32> = (0..rows * dim).map(|_| stream.uniform(0.0, 1.0)).collect();
        let labelled = [3, 17, 99];
        let picks = pick(&features, dim, &labelled, 40);
        let row = |i: u32| &features[i as usize * dim..][..dim];
        let distance = |a: u32, b: u32| {
            let squares =
                row(a).iter().zip(row(b)).map(|(&x, &y)| (f64::from(x) - f64::from(y)).powi(2));
            squares.sum::<f64>().sqrt()
        };
        let mut chosen = labelled.to_vec();
        for (&index, &score) in picks.indices.iter().zip(&picks.scores) {
            let radius =
                |i: u32| chosen.iter().map(|&j| distance(i, j)).fold(f64::INFINITY, f64::min);
            let farthest = (0..rows as u32).map(radius).fold(0.0, f64::max);
            assert!((radius(index) - farthest).abs() < 1e-6 && (score - farthest).abs() < 1e-6);
            chosen.push(index);
        }
    }
}
