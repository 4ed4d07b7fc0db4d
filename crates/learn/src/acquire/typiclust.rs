//! `typiclust`: the most typical image of every cluster that has no label yet.

use super::core_set::features;
use super::parallel::fill;
use super::strategy::checked_pool;
use super::ties::Order;
use super::{AcquireError, Inputs, Needs, Picks, Query, Rows, Strategy, kmeans, pairs};
use crate::features::FeatureSource;
use fewlabel_engine::vector::squared_distances_at;

/// Neighbours that typicality looks at.
const NEIGHBOURS: usize = 20;
/// Clusters at most.
pub const CLUSTERS: usize = 500;
/// Clusters up to this size are left for last.
const SMALL: usize = 5;
/// Clusters from this size on are searched by products of rows first; below it their rows fit a
/// core's cache.
const LARGE: usize = 512;

/// k-means with min(labelled + batch, 500) clusters over labelled and pool; clusters take turns,
/// those with fewest labels first, then the largest; each gives its free image of greatest
/// typicality 1 / (mean distance to its neighbours + 1e-5), the neighbours being the min(20, half)
/// nearest free images of the cluster.
///
/// Score: typicality (0 for an image without neighbours). `features` [n, dim] of a self-supervised
/// model or `pixels-pca`, `labelled`. O(20 n clusters dim) time, O(n clusters) memory. Hacohen 2022
/// (arXiv 2202.02794); the distance is the paper's, where the authors' code takes its square. Made
/// for the first few hundred labels, weak after that; with a classifier's own features another
/// method.
pub(crate) struct TypiClust;

impl Strategy for TypiClust {
    fn name(&self) -> &str {
        "typiclust"
    }

    fn needs(&self) -> Needs {
        Needs { features: true, labelled: true, ..Needs::NONE }
    }

    fn default_features(&self) -> FeatureSource {
        FeatureSource::PixelsPca
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
        let images = with_labelled(&pool, inputs.labelled);
        let k = (inputs.labelled.len() + query.batch).min(CLUSTERS);
        let clusters = kmeans::cluster(
            &features.gather(&images),
            features.width(),
            None,
            k,
            query.key,
            threads,
        );
        let mut groups = groups(&images, &clusters.of_row, inputs.labelled, k);
        let mut picks = Picks::none("1 / mean distance");
        picks.all_equal = features.are_alike(&pool);
        // Small clusters only once the others are used up.
        for small in [false, true] {
            let mut turn: Vec<&mut Group> =
                groups.iter_mut().filter(|group| (group.size <= SMALL) == small).collect();
            loop {
                turn.retain(|group| !group.free.is_empty());
                turn.truncate(query.batch - picks.indices.len());
                if turn.is_empty() {
                    break;
                }
                for (typicality, image) in
                    take_most_typical(&mut turn, features, query.order(), threads)
                {
                    picks.indices.push(image);
                    picks.scores.push(typicality);
                }
            }
        }
        Ok(picks)
    }
}

/// Pool and labelled images, ascending.
pub(super) fn with_labelled(pool: &[u32], labelled: &[u32]) -> Vec<u32> {
    let mut images = [pool, labelled].concat();
    images.sort_unstable();
    images
}

/// A cluster.
struct Group {
    /// Its images, labelled ones included, at the beginning.
    size: usize,
    labelled: usize,
    /// Images that may be picked.
    free: Vec<u32>,
}

/// The clusters in the order of their turns.
fn groups(images: &[u32], of_row: &[u32], labelled: &[u32], k: usize) -> Vec<Group> {
    let mut labelled = labelled.to_vec();
    labelled.sort_unstable();
    let mut groups: Vec<Group> =
        (0..k).map(|_| Group { size: 0, labelled: 0, free: Vec::new() }).collect();
    for (&image, &of) in images.iter().zip(of_row) {
        let group = &mut groups[of as usize];
        group.size += 1;
        if labelled.binary_search(&image).is_ok() {
            group.labelled += 1;
        } else {
            group.free.push(image);
        }
    }
    groups.sort_by_key(|group| (group.labelled, usize::MAX - group.size));
    groups
}

/// Takes the free image of greatest typicality out of every group; none may be without free images.
fn take_most_typical(
    groups: &mut [&mut Group],
    features: Rows,
    order: Order,
    threads: usize,
) -> Vec<(f64, u32)> {
    let mut hopeful: Vec<(usize, u32, f64)> = Vec::new();
    for (at, group) in groups.iter().enumerate() {
        hopeful.extend(group.hopeful(features, threads).into_iter().map(|image| (at, image, 0.0)));
    }
    fill(&mut hopeful, threads, |_, hopeful| {
        let mut distances = Vec::new();
        for (at, image, typicality) in hopeful {
            *typicality = groups[*at].typicality(*image, features, &mut distances);
        }
    });
    let mut taken = Vec::with_capacity(groups.len());
    for of_group in hopeful.chunk_by(|a, b| a.0 == b.0) {
        let scored = of_group.iter().map(|&(_, image, typicality)| (typicality, image));
        let best = scored.min_by(|&a, &b| order.preferred(a, b));
        let Some(best) = best else { continue };
        groups[of_group[0].0].free.retain(|&image| image != best.1);
        taken.push(best);
    }
    taken
}

impl Group {
    fn neighbours(&self) -> usize {
        NEIGHBOURS.min(self.free.len() / 2)
    }

    fn typicality(&self, image: u32, features: Rows, distances: &mut Vec<f32>) -> f64 {
        let neighbours = self.neighbours();
        if neighbours == 0 {
            return 0.0;
        }
        distances.resize(self.free.len(), 0.0);
        squared_distances_at(features.row(image), features.values(), &self.free, distances);
        // The image itself is among its own nearest, at distance 0.
        distances.select_nth_unstable_by(neighbours, f32::total_cmp);
        let nearest = &mut distances[..=neighbours];
        nearest.sort_unstable_by(f32::total_cmp);
        let sum: f64 = nearest[1..].iter().map(|&square| f64::from(square).sqrt()).sum();
        1.0 / (sum / neighbours as f64 + 1e-5)
    }

    /// The free images that can be the most typical one: all of a small group, of a large one those
    /// that distances by products, several times faster and less exact, do not rule out.
    fn hopeful(&self, features: Rows, threads: usize) -> Vec<u32> {
        if self.free.len() < LARGE {
            return self.free.clone();
        }
        // Between short rows products tell distances apart better.
        let mean = features.mean(&self.free);
        let mut rows = features.gather(&self.free).into_owned();
        rows.chunks_exact_mut(mean.len())
            .for_each(|row| row.iter_mut().zip(&mean).for_each(|(x, mean)| *x -= mean));
        let squares = pairs::squares(&rows, features.width());
        let nearest = pairs::nearest(&rows, &squares, self.neighbours(), threads);
        // A sum of `width` products is off by at most width + 2 half ulps of the sum of their
        // sizes, here at most the longest row's square: two squares and twice a product make four
        // such sums, what centring and the exact distance are off is less.
        let longest = squares.iter().copied().fold(0.0, f32::max);
        let error = 8.0
            * (features.width() + 2) as f64
            * f64::from(f32::EPSILON / 2.0)
            * f64::from(longest);
        let mean = |squares: &[f32], error: f64| {
            squares.iter().map(|&square| (f64::from(square) + error).max(0.0).sqrt()).sum::<f64>()
        };
        let of_row = || nearest.chunks_exact(self.neighbours());
        let most = of_row().map(|squares| mean(squares, error)).fold(f64::INFINITY, f64::min);
        let least = of_row().map(|squares| mean(squares, -error));
        self.free
            .iter()
            .copied()
            .zip(least)
            .filter(|&(_, least)| least <= most)
            .map(|(image, _)| image)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::unlabelled;
    use super::*;
    use fewlabel_engine::rng::Key;

    #[test]
    fn the_middle_of_the_largest_unlabelled_group_comes_first() {
        // Three groups on a line of 7, 9 and 8 images; the second holds a label.
        let group = |at: f32, n: usize| (0..n).map(move |i| at + i as f32);
        let features: Vec<f32> =
            group(0.0, 7).chain(group(100.0, 9)).chain(group(200.0, 8)).collect();
        let labelled = [8];
        let inputs = Inputs {
            features: Some(Rows::new(&features, 1)),
            labelled: &labelled,
            ..Inputs::default()
        };
        let pool = unlabelled(24, &labelled).unwrap();
        let picks = TypiClust.pick(&inputs, &pool, &Query::new(2, Key::new(3, 0)), 1).unwrap();
        // Of 200..207 four neighbours: image 19 (at 203) has distances 1 1 2 2; of 0..6 three:
        // image 1 has 1 1 2.
        assert_eq!(picks.indices, [18, 1]);
        assert!((picks.scores[0] - 1.0 / (1.5 + 1e-5)).abs() < 1e-9, "{picks:?}");
        assert!((picks.scores[1] - 1.0 / (4.0 / 3.0 + 1e-5)).abs() < 1e-9, "{picks:?}");
    }

    #[test]
    fn typicality_is_that_of_all_distances_in_f64() {
        let (n, dim) = (60, 4);
        let mut stream = Key::new(61, 0).stream();
        let values: Vec<f32> = (0..n * dim).map(|_| stream.uniform(0.0, 1.0)).collect();
        let free: Vec<u32> = (0..n as u32).collect();
        let mut group = Group { size: n, labelled: 0, free };
        let (score, image) =
            take_most_typical(&mut [&mut group], Rows::new(&values, dim), Order::BY_NUMBER, 2)[0];
        let row = |i: u32| &values[i as usize * dim..][..dim];
        let twin = |i: u32| {
            let distance = |j: u32| {
                row(i)
                    .iter()
                    .zip(row(j))
                    .map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2))
                    .sum::<f64>()
                    .sqrt()
            };
            let mut distances: Vec<f64> = (0..n as u32).filter(|&j| j != i).map(distance).collect();
            distances.sort_by(f64::total_cmp);
            1.0 / (distances[..20].iter().sum::<f64>() / 20.0 + 1e-5)
        };
        let best = (0..n as u32).map(twin).fold(0.0, f64::max);
        assert!((twin(image) - best).abs() < 1e-5 && (score - best).abs() < 1e-5);
        assert!(!group.free.contains(&image));
    }

    #[test]
    fn a_large_cluster_gives_the_same_image_without_all_exact_distances() {
        let (n, dim) = (LARGE + 300, 7);
        for seed in 0..5 {
            // Far from the origin, where products lose digits, and with doubles.
            let mut stream = Key::new(62, seed).stream();
            let mut values: Vec<f32> =
                (0..n * dim).map(|_| 30.0 + stream.uniform(0.0, 1.0)).collect();
            values.copy_within(0..40 * dim, 100 * dim);
            let features = Rows::new(&values, dim);
            let mut group = Group { size: n, labelled: 0, free: (0..n as u32).collect() };
            let mut distances = Vec::new();
            let all = group
                .free
                .iter()
                .map(|&image| (group.typicality(image, features, &mut distances), image));
            let best = all.min_by(|&a, &b| Order::BY_NUMBER.preferred(a, b)).unwrap();
            let hopeful = group.hopeful(features, 2);
            assert_eq!(hopeful, group.hopeful(features, 1));
            assert!(hopeful.len() < n / 4, "{}", hopeful.len());
            assert_eq!(take_most_typical(&mut [&mut group], features, Order::BY_NUMBER, 2), [best]);
        }
    }
}
