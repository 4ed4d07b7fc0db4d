//! `probcover`: images whose surroundings cover most of the pool.

use super::core_set::features;
use super::pairs::{affordable, squares, visit};
use super::strategy::checked_pool;
use super::ties::all_equal;
use super::typiclust::with_labelled;
use super::{AcquireError, Inputs, Needs, Options, Picks, Query, Strategy, kmeans};
use crate::features::FeatureSource;
use fewlabel_engine::rng::Key;
use fewlabel_engine::vector::squared_distances;

/// Greedy coverage: an image covers what lies nearer than delta; always the image that covers most
/// of what neither the labelled nor the chosen cover. Once everything is covered, images follow
/// with score 0, as ties are broken.
///
/// Score: images newly covered, itself included. delta is given or chosen by purity: the greatest
/// for which at least `purity` (0.95) of the images have no image of another k-means cluster (as
/// many clusters as classes) within delta. `features` [n, dim], L2-normalised, of a self-supervised
/// model or `pixels-pca`; `labelled`. O(n^2 dim) time once (twice with the purity rule), 8 bytes
/// for every pair nearer than delta. Yehuda 2022 (arXiv 2205.11320). All hangs on delta, and after
/// a few hundred labels there is little left to cover.
pub(crate) struct ProbCover {
    /// The radius; by purity if not given.
    pub(crate) delta: Option<f64>,
    pub(crate) purity: f64,
    /// Clusters of the purity rule; as many as `probs` has columns if not given.
    pub(crate) classes: Option<usize>,
    pub(crate) force: bool,
}

impl Strategy for ProbCover {
    fn name(&self) -> &str {
        "probcover"
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
        let dim = features.width();
        let images = with_labelled(&pool, inputs.labelled);
        let rows = features.gather(&images);
        let passes = if self.delta.is_some() { 1.0 } else { 2.0 };
        affordable(self.name(), images.len(), dim, passes, 0.0, self.force)?;
        let delta = match self.delta {
            Some(delta) if delta > 0.0 && delta.is_finite() => delta,
            Some(value) => {
                return Err(AcquireError::Setting {
                    what: "delta",
                    value,
                    expected: "a number above 0",
                });
            }
            None => self.pure_delta(inputs, &rows, dim, query.key, threads)?,
        };
        let mebibytes = estimated_edges(&rows, dim, delta) * 8.0 / (1 << 20) as f64;
        affordable(self.name(), images.len(), dim, passes, mebibytes, self.force)?;
        let graph = Graph::new(&rows, dim, delta, threads);
        Ok(cover(&graph, &images, &pool, query))
    }
}

impl ProbCover {
    pub(crate) fn new(options: &Options) -> Self {
        let Options { delta, purity, classes, force, .. } = *options;
        Self { delta, purity, classes, force }
    }

    /// The greatest delta with the wanted purity.
    fn pure_delta(
        &self,
        inputs: &Inputs,
        rows: &[f32],
        dim: usize,
        key: Key,
        threads: usize,
    ) -> Result<f64, AcquireError> {
        let from_arrays = inputs.probs.map(|p| p.width()).or(inputs.mc_probs.map(|s| s.classes()));
        let Some(classes) = self.classes.or(from_arrays) else {
            let what = "delta, or the number of classes to choose it by purity";
            return Err(AcquireError::Missing { strategy: self.name().into(), what });
        };
        if !(0.0..=1.0).contains(&self.purity) {
            let expected = "a share between 0 and 1";
            return Err(AcquireError::Setting { what: "purity", value: self.purity, expected });
        }
        let clusters = kmeans::cluster(rows, dim, None, classes, key, threads).of_row;
        let mut nearest = nearest_other(rows, dim, &clusters, threads);
        nearest.sort_unstable_by(f32::total_cmp);
        // An image is pure unless one of another cluster is strictly nearer than delta.
        let impure = ((1.0 - self.purity) * nearest.len() as f64) as usize;
        let square = nearest[impure.min(nearest.len() - 1)];
        // One cluster only, or copies of one image in two clusters.
        let delta = if square.is_finite() { f64::from(square).sqrt() } else { 1.0 };
        Ok(delta.max(1e-6))
    }
}

/// The squared distance of every row from the nearest row of another cluster.
fn nearest_other(rows: &[f32], dim: usize, clusters: &[u32], threads: usize) -> Vec<f32> {
    let squares = squares(rows, dim);
    let found = visit(
        rows,
        dim,
        threads,
        || vec![f32::INFINITY; clusters.len()],
        |nearest, tile| {
            for (i, products) in (tile.row..).zip(tile.products.chunks_exact(tile.columns)) {
                let mut least = nearest[i];
                for (j, product) in (tile.column..).zip(products) {
                    let square = (squares[i] + squares[j] - 2.0 * product).max(0.0);
                    if clusters[i] != clusters[j] {
                        least = least.min(square);
                        nearest[j] = nearest[j].min(square);
                    }
                }
                nearest[i] = nearest[i].min(least);
            }
        },
    );
    let least = |i: usize| found.iter().map(|nearest| nearest[i]).fold(f32::INFINITY, f32::min);
    (0..clusters.len()).map(least).collect()
}

/// Pairs nearer than delta, in both directions, from 32 rows.
fn estimated_edges(rows: &[f32], dim: usize, delta: f64) -> f64 {
    let n = rows.len() / dim;
    let sample: Vec<usize> = (0..32.min(n)).map(|i| i * n / 32.min(n)).collect();
    let mut distances = vec![0.0; n];
    let count = |&i: &usize| {
        squared_distances(&rows[i * dim..][..dim], rows, &mut distances);
        distances.iter().filter(|&&square| f64::from(square) < delta * delta).count()
    };
    let found: usize = sample.iter().map(count).sum();
    found as f64 / sample.len() as f64 * n as f64
}

/// Which rows lie nearer than delta to which, itself left out.
struct Graph {
    starts: Vec<usize>,
    neighbours: Vec<u32>,
}

impl Graph {
    fn new(rows: &[f32], dim: usize, delta: f64, threads: usize) -> Self {
        let squares = squares(rows, dim);
        let limit = (delta * delta) as f32;
        let edges = visit(rows, dim, threads, Vec::new, |edges: &mut Vec<(u32, u32)>, tile| {
            for (i, products) in (tile.row..).zip(tile.products.chunks_exact(tile.columns)) {
                near(i, tile.column, products, &squares, limit, |j| {
                    if i < j && is_near(rows, dim, i, j, limit) {
                        edges.push((i as u32, j as u32));
                    }
                });
            }
        });
        Self::from_edges(squares.len(), &edges)
    }

    fn from_edges(n: usize, edges: &[Vec<(u32, u32)>]) -> Self {
        let mut starts = vec![0; n + 1];
        for &(i, j) in edges.iter().flatten() {
            starts[i as usize + 1] += 1;
            starts[j as usize + 1] += 1;
        }
        (0..n).for_each(|i| starts[i + 1] += starts[i]);
        let mut next = starts.clone();
        let mut neighbours = vec![0; starts[n]];
        for &(i, j) in edges.iter().flatten() {
            for (from, to) in [(i, j), (j, i)] {
                neighbours[next[from as usize]] = to;
                next[from as usize] += 1;
            }
        }
        Self { starts, neighbours }
    }

    fn of(&self, row: usize) -> &[u32] {
        &self.neighbours[self.starts[row]..self.starts[row + 1]]
    }
}

/// Calls `found` with every column that may be nearer than the limit: those beyond it by more than
/// rounding are left out.
fn near(
    i: usize,
    column: usize,
    products: &[f32],
    squares: &[f32],
    limit: f32,
    mut found: impl FnMut(usize),
) {
    let squares_of_columns = &squares[column..column + products.len()];
    // |x|^2 + |y|^2 - 2 <x, y> < limit, with slack for rounding.
    let bound = |square: f32| (1.0 - 1e-5) * (squares[i] + square) - limit;
    let width = 16;
    for (at, (products, squares)) in
        products.chunks(width).zip(squares_of_columns.chunks(width)).enumerate()
    {
        let any =
            products.iter().zip(squares).fold(false, |any, (&p, &s)| any | (2.0 * p > bound(s)));
        if any {
            for (offset, (&product, &square)) in products.iter().zip(squares).enumerate() {
                if 2.0 * product > bound(square) {
                    found(column + at * width + offset);
                }
            }
        }
    }
}

/// Whether two rows are nearer than the limit, from their differences.
fn is_near(rows: &[f32], dim: usize, i: usize, j: usize, limit: f32) -> bool {
    let mut square = [0.0];
    squared_distances(&rows[i * dim..][..dim], &rows[j * dim..][..dim], &mut square);
    square[0] < limit
}

/// The greedy choice of what covers most.
fn cover(graph: &Graph, images: &[u32], pool: &[u32], query: &Query) -> Picks {
    let mut degrees: Vec<u32> = (0..images.len()).map(|i| graph.of(i).len() as u32 + 1).collect();
    let mut covered = vec![false; images.len()];
    let mut cover = |row: usize, degrees: &mut [u32]| {
        for y in graph.of(row).iter().map(|&y| y as usize).chain([row]) {
            if !std::mem::replace(&mut covered[y], true) {
                degrees[y] -= 1;
                graph.of(y).iter().for_each(|&x| degrees[x as usize] -= 1);
            }
        }
    };
    let mut free = vec![false; images.len()];
    for (row, image) in images.iter().enumerate() {
        free[row] = pool.binary_search(image).is_ok();
        if !free[row] {
            cover(row, &mut degrees);
        }
    }
    let mut picks = Picks::none("images newly covered");
    let order = query.order();
    while picks.indices.len() < query.batch {
        let scored =
            || (0..images.len()).filter(|&row| free[row]).map(|row| (f64::from(degrees[row]), row));
        if picks.indices.is_empty() {
            picks.all_equal = all_equal(scored().map(|(degree, _)| degree));
        }
        let Some((degree, row)) = order.best(images, scored()) else { break };
        free[row] = false;
        cover(row, &mut degrees);
        picks.indices.push(images[row]);
        picks.scores.push(degree);
    }
    picks
}

#[cfg(test)]
mod tests {
    use super::super::ties::Order;
    use super::super::{Rows, unlabelled};
    use super::*;

    fn pick(
        features: &[f32],
        dim: usize,
        labelled: &[u32],
        batch: usize,
        strategy: ProbCover,
    ) -> Picks {
        let inputs =
            Inputs { features: Some(Rows::new(features, dim)), labelled, ..Inputs::default() };
        let pool = unlabelled(features.len() / dim, labelled).unwrap();
        strategy.pick(&inputs, &pool, &Query::new(batch, Key::new(0, 0)), 2).unwrap()
    }

    fn radius(delta: f64) -> ProbCover {
        ProbCover { delta: Some(delta), purity: 0.95, classes: None, force: false }
    }

    #[test]
    fn worked_out_by_hand() {
        // Within 1.5: 1 covers 0 1 2, 4 covers 4 5; image 7 is labelled and covers 6.
        let features = [0.0, 1.0, 2.0, 5.0, 10.0, 11.0, 20.0, 21.0];
        let picks = pick(&features, 1, &[7], 5, radius(1.5));
        assert_eq!(
            (picks.indices, picks.scores),
            (vec![1, 4, 3, 0, 2], vec![3.0, 2.0, 1.0, 0.0, 0.0])
        );
    }

    #[test]
    fn picks_are_those_of_the_full_matrix_in_f64() {
        let (n, dim, delta) = (700, 6, 0.45);
        let mut stream = Key::new(71, 0).stream();
        let values: Vec<f32> = (0..n * dim).map(|_| stream.uniform(0.0, 1.0)).collect();
        let labelled: Vec<u32> = vec![5, 600];
        let row = |i: usize| &values[i * dim..][..dim];
        let near = |i: usize, j: usize| {
            let squares =
                row(i).iter().zip(row(j)).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2));
            squares.sum::<f64>() < delta * delta
        };
        let mut covered: Vec<bool> =
            (0..n).map(|j| labelled.iter().any(|&l| near(l as usize, j))).collect();
        let picks = pick(&values, dim, &labelled, 60, radius(delta));
        let mut chosen = labelled;
        for (&index, &score) in picks.indices.iter().zip(&picks.scores) {
            let gain = |i: usize| (0..n).filter(|&j| !covered[j] && near(i, j)).count();
            let free = (0..n).filter(|&i| !chosen.contains(&(i as u32)));
            let best = free
                .map(|i| (gain(i) as f64, i as u32))
                .min_by(|&a, &b| Order::BY_NUMBER.preferred(a, b))
                .unwrap();
            assert_eq!((score, index), best);
            (0..n).filter(|&j| near(index as usize, j)).for_each(|j| covered[j] = true);
            chosen.push(index);
        }
    }

    #[test]
    fn purity_chooses_the_distance_between_the_groups() {
        let mut features: Vec<f32> = (0..50).map(|i| i as f32 * 0.01).collect();
        features.extend((0..50).map(|i| 7.0 + i as f32 * 0.01));
        let strategy = ProbCover { delta: None, purity: 1.0, classes: Some(2), force: false };
        let inputs = Inputs { features: Some(Rows::new(&features, 1)), ..Inputs::default() };
        let delta = strategy.pure_delta(&inputs, &features, 1, Key::new(0, 0), 1).unwrap();
        assert!((delta - 6.51).abs() < 1e-3, "{delta}");
        let picks = pick(&features, 1, &[], 2, strategy);
        assert_eq!(picks.scores, [50.0, 50.0]);
    }

    #[test]
    fn without_delta_or_classes_it_says_what_is_missing() {
        let inputs = Inputs { features: Some(Rows::new(&[1.0, 2.0], 1)), ..Inputs::default() };
        let strategy = ProbCover { delta: None, purity: 0.95, classes: None, force: false };
        let error = strategy
            .pick(&inputs, &[0, 1], &Query::new(1, Key::new(0, 0)), 1)
            .unwrap_err()
            .to_string();
        assert!(error.contains("needs delta, or the number of classes"), "{error}");
    }
}
