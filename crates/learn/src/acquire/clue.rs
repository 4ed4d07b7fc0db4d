//! `clue`: the images in the middle of uncertain neighbourhoods.

use super::core_set::features;
use super::entropy::nats;
use super::strategy::checked_pool;
use super::ties::Order;
use super::{AcquireError, Inputs, Needs, Picks, Query, Strategy, kmeans};
use fewlabel_engine::vector::squared_distances;

/// k-means on the features of the pool with as many clusters as the batch, every image weighted by
/// its entropy (equal weights where all are 0); the heaviest cluster first, each gives its free
/// image nearest to the centre.
///
/// Score: minus the distance from that centre. `probs` [n, classes], `features` [n, dim]. O(20 n
/// batch dim) time, O(n dim) memory. Prabhu 2021 (arXiv 2010.08666). With a batch of a few images
/// the clusters are far larger than what is alike.
pub(crate) struct Clue;

impl Strategy for Clue {
    fn name(&self) -> &str {
        "clue"
    }

    fn needs(&self) -> Needs {
        Needs { features: true, ..Needs::PROBS }
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
        let probs = inputs.mean_probs(self.name())?;
        let mut weights: Vec<f64> =
            pool.iter().map(|&image| nats(probs.rows().row(image))).collect();
        if weights.iter().all(|weight| *weight == 0.0) {
            weights.fill(1.0);
        }
        let (rows, dim) = (features.gather(&pool), features.width());
        let clusters = kmeans::cluster(&rows, dim, Some(&weights), query.batch, query.key, threads);
        let mut masses: Vec<(f64, u32)> =
            (0..query.batch as u32).map(|cluster| (0.0, cluster)).collect();
        clusters
            .of_row
            .iter()
            .zip(&weights)
            .for_each(|(&cluster, weight)| masses[cluster as usize].0 += weight);
        masses.sort_by(|&a, &b| Order::BY_NUMBER.preferred(a, b));
        let mut taken = vec![false; pool.len()];
        let mut distances = vec![0.0; pool.len()];
        let mut picks = Picks::none("minus distance");
        picks.all_equal = features.are_alike(&pool);
        for (_, cluster) in masses {
            squared_distances(
                &clusters.centres[cluster as usize * dim..][..dim],
                &rows,
                &mut distances,
            );
            let free = distances.iter().enumerate().filter(|(at, _)| !taken[*at]);
            let nearest =
                query.order().best(&pool, free.map(|(at, &square)| (-f64::from(square), at)));
            let Some((square, at)) = nearest else { break };
            taken[at] = true;
            picks.indices.push(pool[at]);
            picks.scores.push(-(-square).max(0.0).sqrt());
        }
        Ok(picks)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Rows;
    use super::*;
    use fewlabel_engine::rng::Key;

    #[test]
    fn the_centre_of_the_uncertain_images_wins() {
        // On a line: four certain images and three unsure ones, whose weighted mean is 11.
        let features = [0.0, 1.0, 2.0, 3.0, 10.0, 11.0, 12.0];
        let probs = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5];
        let inputs = Inputs {
            probs: Some(Rows::new(&probs, 2)),
            features: Some(Rows::new(&features, 1)),
            ..Inputs::default()
        };
        let picks =
            Clue.pick(&inputs, &[0, 1, 2, 3, 4, 5, 6], &Query::new(1, Key::new(0, 0)), 1).unwrap();
        assert_eq!((picks.indices, picks.scores), (vec![5], vec![-0.0]));
    }

    #[test]
    fn every_pick_is_the_free_image_nearest_to_some_centre() {
        let mut stream = Key::new(81, 0).stream();
        let features: Vec<f32> = (0..90 * 3).map(|_| stream.uniform(0.0, 1.0)).collect();
        let probs: Vec<f32> =
            (0..90).map(|_| stream.uniform(0.0, 1.0)).flat_map(|p| [p, 1.0 - p]).collect();
        let (h, p) = (Rows::new(&features, 3), Rows::new(&probs, 2));
        let inputs = Inputs { probs: Some(p), features: Some(h), ..Inputs::default() };
        let pool: Vec<u32> = (0..90).collect();
        let key = Key::new(1, 1);
        let picks = Clue.pick(&inputs, &pool, &Query::new(6, key), 1).unwrap();
        let weights: Vec<f64> = pool.iter().map(|&i| nats(p.row(i))).collect();
        let centres = kmeans::cluster(&features, 3, Some(&weights), 6, key, 1).centres;
        for (at, &pick) in picks.indices.iter().enumerate() {
            let free = || pool.iter().filter(|i| !picks.indices[..at].contains(i));
            let distance = |i: u32, c: &[f32]| {
                h.row(i).iter().zip(c).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>()
            };
            let nearest = |c: &[f32]| free().map(|&i| distance(i, c)).fold(f64::INFINITY, f64::min);
            assert!(centres.chunks(3).any(|c| distance(pick, c) <= nearest(c) + 1e-9));
        }
    }
}
