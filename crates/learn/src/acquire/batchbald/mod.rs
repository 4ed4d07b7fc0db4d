//! `batchbald`: the batch from which the model would learn most together.

mod joint;

use super::bald::{mean_entropy, missing};
use super::epig::transpose;
use super::parallel::{fill, scores};
use super::strategy::checked_pool;
use super::ties::all_equal;
use super::{AcquireError, Inputs, Needs, Picks, Query, Strategy};
use crate::memory;
use fewlabel_engine::vector::{LANES, xlogy_sum_of_product};
use joint::Joint;

/// Rows of the joint handled together: with 20 samples, 80 KiB.
const TILE: usize = 1024;

/// Greedy on the mutual information of the batch's labels and the parameters, H(y_batch, y_x) - sum
/// of mean H(p), in nats.
///
/// The joint entropy is exact while the classes of the chosen images have at most `draws`
/// combinations, then estimated from `draws` draws, which are kept and extended: scores do not
/// jitter from pick to pick. Score: the information of the batch up to and including the image.
/// `mc_probs` [n, samples, classes] from the same masks for every image. O(n rows samples classes)
/// time for every pick, rows the smaller of classes^chosen and `draws`; O(n samples classes)
/// memory. Kirsch 2019 (arXiv 1906.08158). With few draws late picks are noise; with independent
/// masks the joint means nothing.
pub(crate) struct BatchBald {
    pub(crate) draws: usize,
}

impl Strategy for BatchBald {
    fn name(&self) -> &str {
        memory::BATCHBALD
    }

    fn needs(&self) -> Needs {
        Needs::MC_PROBS
    }

    fn pick(
        &self,
        inputs: &Inputs,
        pool: &[u32],
        query: &Query,
        threads: usize,
    ) -> Result<Picks, AcquireError> {
        let pool = checked_pool(self, inputs, pool, query.batch)?;
        let samples = inputs.mc_probs.ok_or_else(|| missing(self.name()))?;
        let (count, classes) = (samples.samples(), samples.classes());
        let bytes = memory::of_joint(self.draws, classes, query.batch, count);
        memory::check(&format!("draws = {}", self.draws), memory::JOINT, bytes)?;
        let mut by_class = vec![0.0; pool.len() * count * classes];
        for (image, by_class) in pool.iter().zip(by_class.chunks_exact_mut(count * classes)) {
            transpose(samples.row(*image), classes, by_class);
        }
        let own = scores(&pool, threads, || (), |(), image| mean_entropy(samples, image));
        let mut taken = vec![false; pool.len()];
        let mut picks = Picks::none("nats");
        let mut joint = Joint::empty(count, query.key);
        let mut entropies = 0.0;
        while picks.indices.len() < query.batch {
            let sums = xlogy_sums(&joint, &by_class, count, classes, pool.len(), threads);
            let score = |at: usize| joint.entropy(sums[at]) - entropies - own[at];
            if picks.indices.is_empty() {
                picks.all_equal = all_equal((0..pool.len()).map(score));
            }
            let free = (0..pool.len()).filter(|&at| !taken[at]).map(|at| (score(at) + 0.0, at));
            let Some((score, at)) = query.order().best(&pool, free) else { break };
            let image = pool[at];
            let before: Vec<&[f32]> =
                picks.indices.iter().map(|&image| samples.row(image)).collect();
            joint.add(samples.row(image), &before, self.draws);
            taken[at] = true;
            entropies += own[at];
            picks.indices.push(image);
            picks.scores.push(score);
        }
        Ok(picks)
    }
}

/// For every image of the pool the sum of x ln x over the joint's product with its predictions,
/// tile by tile.
fn xlogy_sums(
    joint: &Joint,
    by_class: &[f32],
    count: usize,
    classes: usize,
    pool: usize,
    threads: usize,
) -> Vec<f64> {
    let mut sums = vec![0.0; pool];
    let mut tile = Vec::new();
    for first in (0..joint.rows()).step_by(TILE) {
        let width = TILE.min((joint.rows() - first).next_multiple_of(LANES));
        joint.tile(first, width, &mut tile);
        fill(&mut sums, threads, |first, sums| {
            for (sum, p) in sums.iter_mut().zip(by_class.chunks_exact(count * classes).skip(first))
            {
                *sum += xlogy_sum_of_product(count, p, &tile);
            }
        });
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::super::Samples;
    use super::super::ties::Order;
    use super::*;
    use fewlabel_engine::rng::Key;
    use fewlabel_engine::vector::softmax_rows;

    const COUNT: usize = 6;
    const CLASSES: usize = 3;

    fn random(images: usize, name: u64) -> Vec<f32> {
        let mut stream = Key::new(21, name).stream();
        let mut values: Vec<f32> =
            (0..images * COUNT * CLASSES).map(|_| stream.uniform(-3.0, 3.0)).collect();
        softmax_rows(&mut values, CLASSES);
        values
    }

    fn pick(values: &[f32], batch: usize, draws: usize) -> Picks {
        let samples = Samples::new(values, COUNT, CLASSES);
        let inputs = Inputs { mc_probs: Some(samples), ..Inputs::default() };
        let pool: Vec<u32> = (0..samples.len() as u32).collect();
        BatchBald { draws }.pick(&inputs, &pool, &Query::new(batch, Key::new(0, 0)), 1).unwrap()
    }

    /// I(y_batch; parameters) by going through every combination of classes, in `f64`.
    fn information(values: &[f32], batch: &[u32]) -> f64 {
        let p = |image: u32, sample: usize, class: usize| {
            f64::from(values[(image as usize * COUNT + sample) * CLASSES + class])
        };
        let xlogy = |x: f64| if x > 0.0 { x * libm::log(x) } else { 0.0 };
        let mut joint = 0.0;
        for combination in 0..CLASSES.pow(batch.len() as u32) {
            let class = |at: usize| combination / CLASSES.pow(at as u32) % CLASSES;
            let given = |k| {
                batch.iter().enumerate().map(|(at, &image)| p(image, k, class(at))).product::<f64>()
            };
            joint -= xlogy((0..COUNT).map(given).sum::<f64>() / COUNT as f64);
        }
        let entropy = |image: u32| {
            let terms = (0..COUNT * CLASSES).map(|i| -xlogy(p(image, i / CLASSES, i % CLASSES)));
            terms.sum::<f64>() / COUNT as f64
        };
        joint - batch.iter().map(|&image| entropy(image)).sum::<f64>()
    }

    #[test]
    fn picks_and_scores_are_those_of_enumeration() {
        let values = random(25, 1);
        let picks = pick(&values, 5, 1000);
        let mut chosen = Vec::new();
        for (&index, &score) in picks.indices.iter().zip(&picks.scores) {
            let with = |image: u32| information(&values, &[chosen.as_slice(), &[image]].concat());
            let free = (0..25).filter(|image| !chosen.contains(image));
            let best = free
                .map(|image| (with(image), image))
                .min_by(|&a, &b| Order::BY_NUMBER.preferred(a, b))
                .unwrap();
            assert_eq!(index, best.1);
            assert!((score - best.0).abs() < 1e-6, "{score} {}", best.0);
            chosen.push(index);
        }
    }

    #[test]
    fn draws_estimate_the_exact_information() {
        let values = random(12, 2);
        let (exact, drawn) = (pick(&values, 6, 1000), pick(&values, 6, 700));
        assert_eq!(exact.indices[..5], drawn.indices[..5]);
        let information = information(&values, &drawn.indices);
        // 700 draws of ln p with a standard deviation of about 1 nat.
        assert!((drawn.scores[5] - information).abs() < 0.12, "{} {information}", drawn.scores[5]);
    }

    #[test]
    fn a_copy_of_the_best_image_is_not_the_second_pick() {
        let mut values = vec![0.5; 4 * 2 * 2];
        // Images 0 and 1: two certain passes that disagree. Image 2: a weaker disagreement of its
        // own; image 3 says nothing.
        values[..8].copy_from_slice(&[1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0]);
        let inputs = Inputs { mc_probs: Some(Samples::new(&values, 2, 2)), ..Inputs::default() };
        let picks = BatchBald { draws: 100 }
            .pick(&inputs, &[0, 1, 2, 3], &Query::new(2, Key::new(0, 0)), 1)
            .unwrap();
        assert_eq!(picks.indices[0], 0);
        // Nothing is left to learn: every second image adds 0, and the joint information stays ln
        // 2.
        assert!(
            picks.scores.iter().all(|score| (score - std::f64::consts::LN_2).abs() < 1e-6),
            "{:?}",
            picks.scores
        );
    }
}
