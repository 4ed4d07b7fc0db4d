//! `epig`: the images that would teach most about the target images.

use super::bald::missing;
use super::entropy::nats;
use super::parallel::scores;
use super::{AcquireError, Inputs, Needs, Samples, Score};
use fewlabel_engine::vector::{LANES, xlogy_sum_of_product};

/// Expected predictive information gain: mean over targets t of H(mean p_x) + H(mean p_t) - H(joint
/// of x and t), in nats, the joint being the classes x classes table (1/samples) P_x^T P_t. At
/// least 0, at most BALD.
///
/// `mc_probs` [n, samples, classes] and `target_mc_probs` [targets, samples, classes] from the same
/// masks. O(n targets classes^2 samples) time, O(targets samples classes) memory. Bickford Smith
/// 2023 (arXiv 2304.08151). Targets are images like those of the deployment, never test labels;
/// with poor targets it looks away from what matters.
pub(crate) struct Epig;

impl Score for Epig {
    fn name(&self) -> &str {
        "epig"
    }

    fn needs(&self) -> Needs {
        Needs { targets: true, ..Needs::MC_PROBS }
    }

    fn unit(&self) -> &'static str {
        "nats"
    }

    fn score_rows(
        &self,
        inputs: &Inputs,
        images: &[u32],
        threads: usize,
    ) -> Result<Vec<f64>, AcquireError> {
        let samples = inputs.mc_probs.ok_or_else(|| missing(self.name()))?;
        let absent =
            || AcquireError::Missing { strategy: self.name().into(), what: "target-mc-probs" };
        let targets = Targets::new(inputs.target_mc_probs.ok_or_else(absent)?);
        let (classes, count) = (samples.classes(), samples.samples());
        let scratch = || (vec![0.0; classes], vec![0.0; classes * count]);
        Ok(scores(images, threads, scratch, |(mean, by_class), image| {
            samples.mean_into(image, mean);
            transpose(samples.row(image), classes, by_class);
            let joint = -xlogy_sum_of_product(count, by_class, &targets.by_sample) / targets.count;
            (nats(mean) + targets.mean_entropy - joint).max(0.0)
        }))
    }
}

/// `[samples, classes]` to `[classes, samples]`.
pub(super) fn transpose(samples: &[f32], classes: usize, by_class: &mut [f32]) {
    let count = samples.len() / classes;
    for (sample, row) in samples.chunks_exact(classes).enumerate() {
        for (class, &p) in row.iter().enumerate() {
            by_class[class * count + sample] = p;
        }
    }
}

/// The targets, laid out for products.
struct Targets {
    /// p / samples `[samples, targets classes]`, filled up to whole vectors.
    by_sample: Vec<f32>,
    /// Mean over targets of the entropy of the mean prediction.
    mean_entropy: f64,
    count: f64,
}

impl Targets {
    fn new(targets: Samples) -> Self {
        let (classes, count) = (targets.classes(), targets.samples());
        let columns = (targets.len() * classes).next_multiple_of(LANES);
        let mut by_sample = vec![0.0; count * columns];
        let mut mean = vec![0.0; classes];
        let mut mean_entropy = 0.0;
        for target in 0..targets.len() {
            targets.mean_into(target as u32, &mut mean);
            mean_entropy += nats(&mean) / targets.len() as f64;
            for (sample, row) in targets.row(target as u32).chunks_exact(classes).enumerate() {
                let place = &mut by_sample[sample * columns + target * classes..][..classes];
                place.iter_mut().zip(row).for_each(|(place, p)| *place = p / count as f32);
            }
        }
        Self { by_sample, mean_entropy, count: targets.len() as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fewlabel_engine::rng::Key;
    use fewlabel_engine::vector::softmax_rows;

    fn epig(pool: &[f32], targets: &[f32], count: usize, classes: usize) -> Vec<f64> {
        let inputs = Inputs {
            mc_probs: Some(Samples::new(pool, count, classes)),
            target_mc_probs: Some(Samples::new(targets, count, classes)),
            ..Inputs::default()
        };
        let images: Vec<u32> = (0..(pool.len() / (count * classes)) as u32).collect();
        Epig.score_rows(&inputs, &images, 1).unwrap()
    }

    #[test]
    fn an_image_that_settles_the_target_is_worth_ln_2() {
        // Two certain passes: the target's class is known once the first image's is; the second
        // image says nothing.
        let found = epig(&[1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0], &[0.0, 1.0, 1.0, 0.0], 2, 2);
        assert!((found[0] - std::f64::consts::LN_2).abs() < 1e-6 && found[1] < 1e-6, "{found:?}");
    }

    #[test]
    fn agrees_with_the_divergence_of_joint_and_product_in_f64() {
        let (count, classes, targets) = (5, 3, 4);
        let mut stream = Key::new(8, 8).stream();
        let mut values: Vec<f32> =
            (0..(6 + targets) * count * classes).map(|_| stream.uniform(-3.0, 3.0)).collect();
        softmax_rows(&mut values, classes);
        let (pool, target_values) = values.split_at(6 * count * classes);
        let wide = |row: &[f32]| row.iter().map(|&p| f64::from(p)).collect::<Vec<_>>();
        let mean =
            |row: &[f64], c: usize| row[c..].iter().step_by(classes).sum::<f64>() / count as f64;
        for (found, x) in
            epig(pool, target_values, count, classes).into_iter().zip(pool.chunks(count * classes))
        {
            let x = wide(x);
            let mut twin = 0.0;
            for t in target_values.chunks(count * classes).map(wide) {
                for (a, b) in (0..classes).flat_map(|a| (0..classes).map(move |b| (a, b))) {
                    let joint =
                        (0..count).map(|k| x[k * classes + a] * t[k * classes + b]).sum::<f64>()
                            / count as f64;
                    twin += joint * libm::log(joint / (mean(&x, a) * mean(&t, b))) / targets as f64;
                }
            }
            assert!((found - twin).abs() < 1e-6, "{found} {twin}");
        }
    }
}
