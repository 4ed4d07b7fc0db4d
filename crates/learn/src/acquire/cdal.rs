//! `cdal`: images whose predictions differ from all labelled and chosen ones.

use super::entropy::nats;
use super::k_center;
use super::parallel::fill;
use super::strategy::checked_pool;
use super::{AcquireError, Inputs, Needs, Picks, Query, Rows, Strategy};
use fewlabel_engine::vector::ln;

/// Greedy k-center with the distance (KL(p || q) + KL(q || p)) / 2 between predictions, clipped at
/// 1e-8, in nats. Without labels the first is the image of greatest entropy.
///
/// Score: that distance from the nearest (0 for the first of a cold start). `probs` [n, classes],
/// `labelled`. O(n (labelled + batch) classes) time, O(n classes) memory. What Agarwal 2020 (arXiv
/// 2008.05723) comes to for whole images. Certain predictions of different classes are farthest
/// apart: it covers classes first and asks little about doubt.
pub(crate) struct Cdal;

impl Strategy for Cdal {
    fn name(&self) -> &str {
        "cdal"
    }

    fn needs(&self) -> Needs {
        Needs { labelled: true, ..Needs::PROBS }
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
        let probs = probs.rows();
        let width = probs.width();
        let clipped: Vec<f32> = probs.values().iter().map(|p| p.max(1e-8)).collect();
        let mut logs = clipped.clone();
        ln(&mut logs);
        let (clipped, logs) = (Rows::new(&clipped, width), Rows::new(&logs, width));
        let distance =
            |a: u32, b: u32| divergence(clipped.row(a), logs.row(a), clipped.row(b), logs.row(b));
        let approach = |nearest: &mut [f32], centre: u32| {
            fill(nearest, threads, |first, nearest| {
                for (nearest, &image) in nearest.iter_mut().zip(&pool[first..]) {
                    *nearest = nearest.min(distance(image, centre));
                }
            });
        };
        let mut nearest = vec![f32::INFINITY; pool.len()];
        inputs.labelled.iter().for_each(|&centre| approach(&mut nearest, centre));
        let entropies = || pool.iter().map(|&image| nats(probs.row(image))).collect();
        let cold = inputs.labelled.is_empty().then(entropies);
        let from_chosen = |at: usize, centres: &[u32]| {
            centres.iter().map(|&centre| distance(pool[at], centre)).fold(f32::INFINITY, f32::min)
        };
        let mut picks = k_center::greedy(&pool, nearest, cold, query, from_chosen);
        picks.unit = "nats";
        Ok(picks)
    }
}

/// Half the sum over classes of (p - q) (ln p - ln q).
fn divergence(p: &[f32], ln_p: &[f32], q: &[f32], ln_q: &[f32]) -> f32 {
    let terms = p
        .iter()
        .zip(q)
        .zip(ln_p.iter().zip(ln_q))
        .map(|((p, q), (ln_p, ln_q))| (p - q) * (ln_p - ln_q));
    0.5 * terms.sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::super::unlabelled;
    use super::*;
    use fewlabel_engine::rng::Key;

    #[test]
    fn picks_are_those_of_the_two_divergences_in_f64() {
        let (n, classes) = (60, 4);
        let mut stream = Key::new(97, 0).stream();
        let mut probs: Vec<f32> = (0..n * classes).map(|_| stream.uniform(-3.0, 3.0)).collect();
        fewlabel_engine::vector::softmax_rows(&mut probs, classes);
        let rows = Rows::new(&probs, classes);
        let labelled = [4, 9];
        let inputs = Inputs { probs: Some(rows), labelled: &labelled, ..Inputs::default() };
        let pool = unlabelled(n, &labelled).unwrap();
        let picks = Cdal.pick(&inputs, &pool, &Query::new(15, Key::new(0, 0)), 1).unwrap();
        let kl = |a: u32, b: u32| -> f64 {
            let pairs =
                rows.row(a).iter().zip(rows.row(b)).map(|(&p, &q)| (f64::from(p), f64::from(q)));
            pairs.map(|(p, q)| p * libm::log(p / q)).sum()
        };
        let mut chosen = labelled.to_vec();
        for (&index, &score) in picks.indices.iter().zip(&picks.scores) {
            let radius = |i: u32| {
                chosen.iter().map(|&j| 0.5 * (kl(i, j) + kl(j, i))).fold(f64::INFINITY, f64::min)
            };
            let farthest =
                (0..n as u32).filter(|i| !chosen.contains(i)).map(radius).fold(0.0, f64::max);
            assert!((radius(index) - farthest).abs() < 1e-5 && (score - farthest).abs() < 1e-5);
            chosen.push(index);
        }
    }

    #[test]
    fn worked_out_by_hand() {
        // (0.75 - 0.25) (ln 0.75 - ln 0.25) = ln 3 / 2, halved and counted for both classes.
        let probs = [0.75, 0.25, 0.25, 0.75, 0.75, 0.25];
        let inputs =
            Inputs { probs: Some(Rows::new(&probs, 2)), labelled: &[0], ..Inputs::default() };
        let picks = Cdal.pick(&inputs, &[1, 2], &Query::new(2, Key::new(0, 0)), 1).unwrap();
        assert_eq!(picks.indices, [1, 2]);
        assert!((picks.scores[0] - 0.5 * libm::log(3.0)).abs() < 1e-6 && picks.scores[1] == 0.0);
    }
}
