//! `max-herding`: images that are like as many others as possible.

use super::core_set::features;
use super::pairs::affordable;
use super::parallel::fill;
use super::strategy::checked_pool;
use super::ties::{Order, all_equal};
use super::{AcquireError, Inputs, Needs, Picks, Query, Strategy};
use fewlabel_engine::vector::{dot, exp, squared_distances, squared_distances_at};

/// Greedy kernel coverage: always the image i with the greatest mean over the pool of max(0, k(i,
/// j) - what the labelled and chosen give j), k(i, j) = exp(-|x_i - x_j|^2) on L2-normalised
/// features.
///
/// Score: that gain, at most 1. `features` [n, dim], `labelled`. O(n^2 dim) time, O(n dim) memory:
/// after a pick gains lose what it newly covers, often little of the pool, and no kernel matrix is
/// kept. Bae 2024 (arXiv 2407.12212). A smooth `probcover`: no radius to choose, but a kernel
/// width.
pub(crate) struct MaxHerding {
    pub(crate) force: bool,
}

impl Strategy for MaxHerding {
    fn name(&self) -> &str {
        "max-herding"
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
        // Full rows, not half of the pairs, and from differences: about four times the cost of a
        // product.
        affordable(self.name(), pool.len(), features.width(), 8.0, 0.0, self.force)?;
        let rows = normalised(&features.gather(&pool), features.width());
        let labelled = normalised(&features.gather(inputs.labelled), features.width());
        let kernel = Kernel { rows, dim: features.width() };
        let mut covered = vec![0.0; pool.len()];
        for row in labelled.chunks_exact(kernel.dim) {
            kernel.cover(row, &mut covered);
        }
        let mut gains = Gains::new(&kernel, &covered, query.batch, threads);
        let mut picks = Picks::none("mean kernel gain");
        picks.all_equal = all_equal(gains.of.iter().map(|(gain, _)| *gain));
        let order = query.order();
        loop {
            let (at, gain) = gains.best(&kernel, &covered, &pool, order);
            picks.indices.push(pool[at]);
            picks.scores.push(gain);
            if picks.indices.len() == query.batch {
                return Ok(picks);
            }
            let changes = kernel.cover(kernel.row(at), &mut covered);
            gains.lose(&kernel, &changes, threads);
        }
    }
}

/// The rows divided by their lengths; a row of zeros stays.
fn normalised(rows: &[f32], dim: usize) -> Vec<f32> {
    let mut rows = rows.to_vec();
    for row in rows.chunks_exact_mut(dim) {
        let length = dot(row, row).sqrt();
        if length > 0.0 {
            row.iter_mut().for_each(|x| *x /= length);
        }
    }
    rows
}

struct Kernel {
    rows: Vec<f32>,
    dim: usize,
}

impl Kernel {
    fn row(&self, at: usize) -> &[f32] {
        &self.rows[at * self.dim..][..self.dim]
    }

    /// Calls `each` with blocks of k(row, j) and the first j.
    fn blocks(&self, row: &[f32], mut each: impl FnMut(usize, &[f32])) {
        let mut values = [0.0; 512];
        for (block, rows) in self.rows.chunks(512 * self.dim).enumerate() {
            let values = &mut values[..rows.len() / self.dim];
            squared_distances(row, rows, values);
            likeness(values);
            each(block * 512, values);
        }
    }

    /// Raises what is covered to k(row, j); says where it rose.
    fn cover(&self, row: &[f32], covered: &mut [f32]) -> Changes {
        let mut changes = Changes { at: Vec::new(), from_to: Vec::new() };
        self.blocks(row, |first, values| {
            for (j, &k) in (first..).zip(values) {
                if covered[j] < k {
                    changes.at.push(j as u32);
                    changes.from_to.push((covered[j], k));
                    covered[j] = k;
                }
            }
        });
        changes
    }

    fn gain(&self, at: usize, covered: &[f32]) -> f64 {
        let mut sum = 0.0;
        self.blocks(self.row(at), |first, values| {
            sum += values.iter().zip(&covered[first..]).map(|(&k, &c)| left(k, c)).sum::<f64>();
        });
        sum / covered.len() as f64
    }

    /// What the changes take from the gain of an image.
    fn loss(&self, at: usize, changes: &Changes) -> f64 {
        let mut values = [0.0; 512];
        let mut sum = 0.0;
        for (places, from_to) in changes.at.chunks(512).zip(changes.from_to.chunks(512)) {
            let values = &mut values[..places.len()];
            squared_distances_at(self.row(at), &self.rows, places, values);
            likeness(values);
            sum += values
                .iter()
                .zip(from_to)
                .map(|(&k, &(from, to))| left(k, from) - left(k, to))
                .sum::<f64>();
        }
        sum / (self.rows.len() / self.dim) as f64
    }
}

/// Squared distances become k.
fn likeness(squares: &mut [f32]) {
    squares.iter_mut().for_each(|square| *square = -*square);
    exp(squares);
}

/// What k adds to what is covered.
fn left(k: f32, covered: f32) -> f64 {
    f64::from((k - covered).max(0.0))
}

/// Where coverage rose, and from what to what.
struct Changes {
    at: Vec<u32>,
    from_to: Vec<(f32, f32)>,
}

/// The gains of all images. Where a pick raises what is covered, each gain loses what it had there:
/// the same numbers in another order, so that it is known to within `slack` and computed anew where
/// that decides.
struct Gains {
    /// Gain, and whether it is what [`Kernel::gain`] would say to the bit.
    of: Vec<(f64, bool)>,
    slack: f64,
}

impl Gains {
    fn new(kernel: &Kernel, covered: &[f32], picks: usize, threads: usize) -> Self {
        let mut of = vec![(0.0, true); covered.len()];
        fill(&mut of, threads, |first, of| {
            of.iter_mut()
                .enumerate()
                .for_each(|(at, (gain, _))| *gain = kernel.gain(first + at, covered));
        });
        // Every sum has at most `len` terms, at most 1 together after the division.
        Self { of, slack: (picks + 2) as f64 * covered.len() as f64 * f64::EPSILON }
    }

    /// The image of greatest gain, and its gain: bounds are computed anew from the greatest down
    /// until one is exact.
    fn best(
        &mut self,
        kernel: &Kernel,
        covered: &[f32],
        pool: &[u32],
        order: Order,
    ) -> (usize, f64) {
        loop {
            let bound = |&(gain, exact): &(f64, bool)| if exact { gain } else { gain + self.slack };
            let at = order.best(pool, self.of.iter().map(bound).zip(0..)).map_or(0, |(_, at)| at);
            if let (gain, true) = self.of[at] {
                self.of[at].0 = f64::NEG_INFINITY;
                return (at, gain);
            }
            self.of[at] = (kernel.gain(at, covered), true);
        }
    }

    fn lose(&mut self, kernel: &Kernel, changes: &Changes, threads: usize) {
        fill(&mut self.of, threads, |first, of| {
            for (at, (gain, exact)) in (first..).zip(of) {
                if *gain == f64::NEG_INFINITY {
                    continue;
                }
                let loss = kernel.loss(at, changes);
                // Without a loss every term stays what it was.
                *exact &= loss == 0.0;
                *gain -= loss;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Rows, unlabelled};
    use super::*;
    use fewlabel_engine::rng::Key;

    #[test]
    fn picks_are_those_of_the_full_kernel_in_f64() {
        let (n, dim) = (80, 4);
        let mut stream = Key::new(95, 0).stream();
        let values: Vec<f32> = (0..n * dim).map(|_| stream.uniform(-1.0, 1.0)).collect();
        let labelled = [7, 30];
        let inputs = Inputs {
            features: Some(Rows::new(&values, dim)),
            labelled: &labelled,
            ..Inputs::default()
        };
        let pool = unlabelled(n, &labelled).unwrap();
        let picks = MaxHerding { force: false }
            .pick(&inputs, &pool, &Query::new(20, Key::new(0, 0)), 1)
            .unwrap();
        let unit = |i: u32| {
            let row: Vec<f64> =
                values[i as usize * dim..][..dim].iter().map(|&x| f64::from(x)).collect();
            let length = row.iter().map(|x| x * x).sum::<f64>().sqrt();
            row.into_iter().map(|x| x / length).collect::<Vec<_>>()
        };
        let kernel = |i: u32, j: u32| {
            libm::exp(-unit(i).iter().zip(unit(j)).map(|(a, b)| (a - b) * (a - b)).sum::<f64>())
        };
        let mut chosen = labelled.to_vec();
        for (&index, &score) in picks.indices.iter().zip(&picks.scores) {
            let gain = |i: u32| {
                let left = |j: &u32| {
                    (kernel(i, *j) - chosen.iter().map(|&c| kernel(c, *j)).fold(0.0, f64::max))
                        .max(0.0)
                };
                pool.iter().map(left).sum::<f64>() / pool.len() as f64
            };
            let best =
                pool.iter().filter(|i| !chosen.contains(i)).map(|&i| gain(i)).fold(0.0, f64::max);
            assert!(
                (gain(index) - best).abs() < 1e-6 && (score - best).abs() < 1e-6,
                "{score} {best}"
            );
            chosen.push(index);
        }
    }

    #[test]
    fn picks_and_scores_are_those_of_gains_always_computed_anew() {
        let (n, dim) = (700, 3);
        let mut stream = Key::new(96, 0).stream();
        let mut values: Vec<f32> = (0..n * dim).map(|_| stream.uniform(-1.0, 1.0)).collect();
        // Rows of zeros, and each of the last hundred twice.
        values[30..36].fill(0.0);
        values.copy_within(500 * dim..600 * dim, 600 * dim);
        for (labelled, batch) in [(&[][..], 40), (&[7, 30, 650][..], 40), (&[][..], n)] {
            let inputs =
                Inputs { features: Some(Rows::new(&values, dim)), labelled, ..Inputs::default() };
            let mut pool = unlabelled(n, labelled).unwrap();
            pool.truncate(if batch == n { 60 } else { n });
            let batch = batch.min(pool.len());
            let picks = MaxHerding { force: false }
                .pick(&inputs, &pool, &Query::new(batch, Key::new(0, 0)), 3)
                .unwrap();
            let rows = |images: &[u32]| normalised(&Rows::new(&values, dim).gather(images), dim);
            let kernel = Kernel { rows: rows(&pool), dim };
            let mut covered = vec![0.0; pool.len()];
            rows(labelled).chunks_exact(dim).for_each(|row| _ = kernel.cover(row, &mut covered));
            let mut left: Vec<u32> = (0..pool.len() as u32).collect();
            for (&index, &score) in picks.indices.iter().zip(&picks.scores) {
                let gains = left.iter().map(|&at| (kernel.gain(at as usize, &covered), at));
                let (gain, at) = gains.min_by(|&a, &b| Order::BY_NUMBER.preferred(a, b)).unwrap();
                assert_eq!((index, score.to_bits()), (pool[at as usize], gain.to_bits()));
                left.retain(|&other| other != at);
                kernel.cover(kernel.row(at as usize), &mut covered);
            }
        }
    }

    #[test]
    fn the_middle_of_the_crowd_comes_first() {
        let features = [1.0, 0.0, 1.0, 0.1, 1.0, -0.1, -1.0, 0.0];
        let inputs = Inputs { features: Some(Rows::new(&features, 2)), ..Inputs::default() };
        let picks = MaxHerding { force: false }
            .pick(&inputs, &[0, 1, 2, 3], &Query::new(2, Key::new(0, 0)), 1)
            .unwrap();
        assert_eq!(picks.indices, [0, 3]);
    }
}
