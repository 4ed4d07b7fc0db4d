//! `power-SCORE`, `softmax-SCORE`, `softrank-SCORE`: a batch drawn by score instead of cut off at
//! the top.

use super::strategy::{draw, top};
use super::ties::{Order, all_equal};
use super::{AcquireError, Inputs, Needs, Picks, Query, Score};

/// How a score becomes a chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chance {
    /// Proportional to s^beta; a score of 0 has none while others are positive.
    Power,
    /// Proportional to exp(beta s).
    Softmax,
    /// Proportional to rank^-beta, the best having rank 1.
    SoftRank,
}

/// Sampling without replacement by score, as the top of perturbed scores (Gumbel top-k): ln s + g /
/// beta, s + g / beta, or -ln rank + g / beta, with g standard Gumbel, a function of key and image.
///
/// Score: that of the underlying strategy, whose needs these are. O(n log n) time. Kirsch 2021
/// (arXiv 2106.12059). Cures the near-duplicates of a top-k batch at no cost; with large beta it is
/// the top-k again.
pub(crate) struct Stochastic {
    name: String,
    chance: Chance,
    score: Box<dyn Score>,
    beta: f64,
}

impl Stochastic {
    pub(crate) fn new(
        name: &str,
        chance: Chance,
        score: Box<dyn Score>,
        beta: f64,
    ) -> Result<Self, AcquireError> {
        if !(beta > 0.0 && beta.is_finite()) {
            return Err(AcquireError::Setting {
                what: "beta",
                value: beta,
                expected: "a number above 0",
            });
        }
        Ok(Self { name: name.into(), chance, score, beta })
    }
}

impl Score for Stochastic {
    fn name(&self) -> &str {
        &self.name
    }

    fn needs(&self) -> Needs {
        self.score.needs()
    }

    fn unit(&self) -> &'static str {
        self.score.unit()
    }

    fn score_rows(
        &self,
        inputs: &Inputs,
        images: &[u32],
        threads: usize,
    ) -> Result<Vec<f64>, AcquireError> {
        self.score.score_rows(inputs, images, threads)
    }

    fn choose(&self, images: &[u32], scores: &[f64], query: &Query) -> Picks {
        let noise = |image: u32| draw(query.key, u64::from(image)).stream().gumbel() / self.beta;
        let mut ranked: Vec<(f64, u32)> =
            scores.iter().copied().zip(images.iter().copied()).collect();
        let ties = query.order();
        ranked.sort_unstable_by(|&a, &b| ties.preferred(a, b));
        let perturbed: Vec<f64> = ranked
            .iter()
            .enumerate()
            .map(|(rank, &(score, image))| match self.chance {
                Chance::Power if score > 0.0 => libm::log(score) + noise(image),
                // Below every positive score and in random order, should there be too few of those.
                Chance::Power => -1e300 * (2.0 - libm::tanh(noise(image))),
                Chance::Softmax => score + noise(image),
                Chance::SoftRank => noise(image) - libm::log(rank as f64 + 1.0),
            })
            .collect();
        let places: Vec<u32> = (0..ranked.len() as u32).collect();
        let chosen = top(&places, &perturbed, query.batch, Order::BY_NUMBER, "").indices;
        let (picked, indices) = chosen.into_iter().map(|at| ranked[at as usize]).unzip();
        let all_equal = all_equal(scores.iter().copied());
        Picks { indices, scores: picked, all_equal, ..Picks::none(self.unit()) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::entropy::Entropy;
    use super::*;
    use fewlabel_engine::rng::Key;

    /// How often each of five images comes first in 20,000 batches, against its chance: chi-squared
    /// with 4 degrees of freedom.
    fn chi_squared(chance: Chance, beta: f64, scores: &[f64; 5], weights: [f64; 5]) -> f64 {
        let strategy = Stochastic::new("", chance, Box::new(Entropy), beta).unwrap();
        let mut counts = [0.0; 5];
        for round in 0..20_000 {
            let picks = strategy.choose(
                &[0, 1, 2, 3, 4],
                scores,
                &Query::new(2, Key::new(4, 4).at(round, 0)),
            );
            counts[picks.indices[0] as usize] += 1.0;
        }
        let total: f64 = weights.iter().sum();
        let terms = counts.iter().zip(weights).map(|(n, w)| {
            let expected = 20_000.0 * w / total;
            (n - expected) * (n - expected) / expected
        });
        terms.sum()
    }

    #[test]
    fn first_picks_are_as_frequent_as_their_chance() {
        let scores = [0.1, 0.5, 0.2, 0.9, 0.4];
        // The 99.9 % point is 18.5.
        assert!(chi_squared(Chance::Power, 1.0, &scores, scores) < 18.5);
        assert!(chi_squared(Chance::Power, 2.0, &scores, scores.map(|s| s * s)) < 18.5);
        assert!(
            chi_squared(Chance::Softmax, 3.0, &scores, scores.map(|s| libm::exp(3.0 * s))) < 18.5
        );
        let ranks = [5.0, 2.0, 4.0, 1.0, 3.0];
        assert!(chi_squared(Chance::SoftRank, 1.0, &scores, ranks.map(|r| 1.0 / r)) < 18.5);
    }

    #[test]
    fn zero_scores_fill_up_in_random_order() {
        let strategy = Stochastic::new("", Chance::Power, Box::new(Entropy), 1.0).unwrap();
        let mut orders = Vec::new();
        for round in 0..20 {
            let picks = strategy.choose(
                &[0, 1, 2, 3],
                &[0.0, 0.0, 1e-9, 0.0],
                &Query::new(4, Key::new(4, 4).at(round, 0)),
            );
            assert_eq!(picks.indices[0], 2);
            orders.push(picks.indices);
        }
        assert!(orders.iter().any(|order| order != &orders[0]));
    }

    #[test]
    fn beta_must_be_positive() {
        let error = Stochastic::new("", Chance::Power, Box::new(Entropy), 0.0).err().unwrap();
        assert_eq!(error.to_string(), "beta is 0, expected a number above 0");
    }
}
