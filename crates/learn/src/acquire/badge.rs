//! `badge`: images whose gradients are long and unlike each other.

use super::margin::likeliest;
use super::parallel::fill;
use super::strategy::{checked_pool, draw};
use super::ties::all_equal;
use super::{AcquireError, Inputs, Needs, Picks, Query, Rows, Strategy};
use fewlabel_engine::vector::{LANES, dot, dots, dots_at};

/// k-means++ seeding on the gradient of the last layer, g_n = (p_n - e_y) (x) h_n with y the
/// predicted class: the longest first, then drawn with a chance proportional to the squared
/// distance from the nearest chosen. Once every distance is 0, images follow as ties are broken.
///
/// g is never formed: |g_i - g_j|^2 = |q_i|^2 |h_i|^2 + |q_j|^2 |h_j|^2 - 2 <q_i, q_j> <h_i, h_j>.
/// Score: the squared length of the first, the squared distance of the others. `probs` [n,
/// classes], `features` [n, dim] (the last layer's inputs). O(batch n (classes + dim)) time, O(n
/// classes) memory. Ash 2020 (arXiv 1906.03671). Confident images have short gradients and are
/// hardly drawn; with the features of a poor model the distances mean little.
pub(crate) struct Badge;

impl Strategy for Badge {
    fn name(&self) -> &str {
        "badge"
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
        let probs = inputs.mean_probs(self.name())?;
        let absent = || AcquireError::Missing { strategy: self.name().into(), what: "features" };
        let gradients =
            Gradients::new(probs.rows(), inputs.features.ok_or_else(absent)?, pool, threads);
        Ok(gradients.seed(query, threads, |step| draw(query.key, step).stream().unit_f64()))
    }
}

/// The factors of the gradients of a pool.
struct Gradients<'a> {
    pool: Vec<u32>,
    features: Rows<'a>,
    /// p - e_y, filled up to whole vectors.
    residuals: Vec<f32>,
    width: usize,
    /// |p - e_y|, |h| and |g|^2 of every image.
    lengths: Vec<[f64; 3]>,
}

impl<'a> Gradients<'a> {
    fn new(probs: Rows, features: Rows<'a>, pool: Vec<u32>, threads: usize) -> Self {
        let width = probs.width().next_multiple_of(LANES);
        let mut residuals = vec![0.0; pool.len() * width];
        for (&image, q) in pool.iter().zip(residuals.chunks_exact_mut(width)) {
            let p = probs.row(image);
            q[..p.len()].copy_from_slice(p);
            q[likeliest(p)] -= 1.0;
        }
        let mut lengths = vec![[0.0; 3]; pool.len()];
        fill(&mut lengths, threads, |first, lengths| {
            for (at, lengths) in lengths.iter_mut().enumerate() {
                let q = &residuals[(first + at) * width..][..width];
                let h = features.row(pool[first + at]);
                let squares = [f64::from(dot(q, q)), f64::from(dot(h, h))];
                *lengths = [squares[0].sqrt(), squares[1].sqrt(), squares[0] * squares[1]];
            }
        });
        Self { pool, features, residuals, width, lengths }
    }

    /// k-means++ seeding, with `uniform(step)` in [0, 1) deciding the picks after the first.
    fn seed(&self, query: &Query, threads: usize, uniform: impl Fn(u64) -> f64) -> Picks {
        let mut picks = Picks::none("squared gradient distance");
        let lengths = || self.lengths.iter().map(|lengths| lengths[2]);
        let order = query.order();
        let Some((_, mut chosen)) = order.best(&self.pool, lengths().zip(0..)) else {
            return picks;
        };
        picks.all_equal = all_equal(lengths());
        let mut nearest = vec![f64::INFINITY; self.pool.len()];
        picks.scores.push(self.lengths[chosen][2]);
        loop {
            picks.indices.push(self.pool[chosen]);
            if picks.indices.len() == query.batch {
                return picks;
            }
            self.approach(chosen, &mut nearest, threads);
            // Gradients of one length may still differ in direction.
            picks.all_equal &= nearest.iter().all(|&distance| distance <= 0.0);
            chosen = order.drawn(&self.pool, &nearest, uniform(picks.indices.len() as u64));
            picks.scores.push(nearest[chosen]);
        }
    }

    /// Lowers every squared distance to that from `centre` where it is smaller; -1 marks what is
    /// chosen.
    fn approach(&self, centre: usize, nearest: &mut [f64], threads: usize) {
        let q = &self.residuals[centre * self.width..][..self.width];
        let h = self.features.row(self.pool[centre]);
        let [_, _, length] = self.lengths[centre];
        fill(nearest, threads, |first, nearest| {
            let mut scratch = Scratch::default();
            for start in (0..nearest.len()).step_by(BLOCK) {
                let end = (start + BLOCK).min(nearest.len());
                let block = first + start..first + end;
                scratch.residuals.resize(end - start, 0.0);
                dots(
                    q,
                    &self.residuals[block.start * self.width..block.end * self.width],
                    &mut scratch.residuals,
                );
                self.candidates(centre, block.start, &nearest[start..end], &mut scratch);
                scratch.features.resize(scratch.images.len(), 0.0);
                dots_at(h, self.features.values(), &scratch.images, &mut scratch.features);
                for (&at, &product) in scratch.places.iter().zip(&scratch.features) {
                    let cross = 2.0 * f64::from(scratch.residuals[at]) * f64::from(product);
                    let distance = (self.lengths[block.start + at][2] + length - cross).max(0.0);
                    let nearest = &mut nearest[start + at];
                    *nearest = nearest.min(distance);
                }
            }
        });
        nearest[centre] = -1.0;
    }

    /// Keeps the images of a block that may be nearer to `centre` than to what they are nearest to:
    /// by Cauchy and Schwarz,
    /// |<h_i, h_j>| is at most |h_i| |h_j|. The slack covers rounding, so that leaving images out
    /// changes no bit.
    fn candidates(&self, centre: usize, first: usize, nearest: &[f64], scratch: &mut Scratch) {
        scratch.places.clear();
        scratch.images.clear();
        let [_, centre_length, centre_square] = self.lengths[centre];
        for (at, (&nearest, &cross)) in nearest.iter().zip(&scratch.residuals).enumerate() {
            let [_, length, square] = self.lengths[first + at];
            let sum = square + centre_square;
            let least = sum - 2.0 * f64::from(cross).abs() * length * centre_length - 1e-5 * sum;
            if least < nearest {
                scratch.places.push(at);
                scratch.images.push(self.pool[first + at]);
            }
        }
    }
}

/// Images looked at together.
const BLOCK: usize = 512;

/// Space for one block.
#[derive(Default)]
struct Scratch {
    residuals: Vec<f32>,
    features: Vec<f32>,
    places: Vec<usize>,
    images: Vec<u32>,
}

#[cfg(test)]
mod tests {
    use super::super::ties::Order;
    use super::*;
    use fewlabel_engine::rng::Key;
    use fewlabel_engine::vector::softmax_rows;

    /// The gradients written out, in `f64`.
    fn dense(probs: &[f32], features: &[f32], classes: usize, dim: usize) -> Vec<Vec<f64>> {
        let rows = probs.chunks(classes).zip(features.chunks(dim));
        rows.map(|(p, h)| {
            let label = likeliest(p);
            let residual = |c: usize| f64::from(p[c]) - f64::from(u8::from(c == label));
            (0..classes).flat_map(|c| h.iter().map(move |&h| residual(c) * f64::from(h))).collect()
        })
        .collect()
    }

    #[test]
    fn picks_are_those_of_the_gradients_written_out() {
        let (rows, classes, dim, batch) = (150, 4, 9, 30);
        let mut stream = Key::new(31, 1).stream();
        let mut probs: Vec<f32> = (0..rows * classes).map(|_| stream.uniform(-4.0, 4.0)).collect();
        softmax_rows(&mut probs, classes);
        let features: Vec<f32> = (0..rows * dim).map(|_| stream.uniform(-1.0, 2.0)).collect();
        let uniform = |step: u64| Key::new(5, step).stream().unit_f64();
        let (p, h) = (Rows::new(&probs, classes), Rows::new(&features, dim));
        let images: Vec<u32> = (0..rows as u32).collect();
        let query = Query::new(batch, Key::new(0, 0));
        let picks = Gradients::new(p, h, images.clone(), 1).seed(&query, 1, uniform);

        let g = dense(&probs, &features, classes, dim);
        let square = |a: &[f64]| a.iter().map(|x| x * x).sum::<f64>();
        let distance = |i: usize, j: usize| {
            g[i].iter().zip(&g[j]).map(|(a, b)| (a - b) * (a - b)).sum::<f64>()
        };
        let mut chosen =
            vec![(0..rows).max_by(|&a, &b| square(&g[a]).total_cmp(&square(&g[b]))).unwrap()];
        while chosen.len() < batch {
            let weight = |i: usize| {
                let nearest = chosen.iter().map(|&j| distance(i, j)).fold(f64::INFINITY, f64::min);
                if chosen.contains(&i) { -1.0 } else { nearest }
            };
            let weights: Vec<f64> = (0..rows).map(weight).collect();
            chosen.push(Order::BY_NUMBER.drawn(&images, &weights, uniform(chosen.len() as u64)));
            assert!(
                (picks.scores[chosen.len() - 1] - weights[chosen[chosen.len() - 1]]).abs() < 1e-4
            );
        }
        assert_eq!(picks.indices, chosen.iter().map(|&i| i as u32).collect::<Vec<_>>());
    }

    #[test]
    fn the_longest_gradient_comes_first_and_the_unlike_one_second() {
        // |p - e| is greatest for images 0, 1 and 2; image 2 has other features, so that 1, a copy
        // of 0, has no chance.
        let probs = [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 1.0, 0.0];
        let features = [3.0, 0.0, 3.0, 0.0, 0.0, 2.0, 9.0, 9.0];
        let inputs = Inputs {
            probs: Some(Rows::new(&probs, 2)),
            features: Some(Rows::new(&features, 2)),
            ..Inputs::default()
        };
        for seed in 0..20 {
            let picks =
                Badge.pick(&inputs, &[0, 1, 2, 3], &Query::new(2, Key::new(seed, 0)), 1).unwrap();
            assert!(picks.indices[0] == 0 && picks.indices[1] != 1, "{picks:?}");
            assert_eq!(picks.scores[0], 4.5);
        }
    }
}
