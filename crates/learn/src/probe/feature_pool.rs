//! Few labels on the features of an unlabelled pool: choose, ask, classify. The encoder stays as it is, so that a query
//! is a matter of milliseconds.

use fewlabel_engine::Model;
use fewlabel_engine::rng::Key;

use crate::acquire::{self, Inputs, Options, Rows};
use crate::error::LearnError;
use crate::pretrain::Encoder;
use crate::probe::self_training::SelfTraining;
use crate::probe::{Probe, Ridge, Scaler};
use crate::purpose;
use crate::run::oracle::Oracle;
use crate::run::plan::{Pick, QueryEvent};

/// Queries after the first, where a strategy looks at the classifier's answers.
const QUERIES: usize = 5;
/// Share of the budget that the first query spends there.
const FIRST: f64 = 0.2;
/// Who chooses before there is a classifier.
const COLD_START: &str = "typiclust";

/// Refuses a strategy that looks at more than features and a classifier's probabilities.
///
/// # Errors
/// Names the strategy and what it would need.
pub fn check_strategy(name: &str) -> Result<(), LearnError> {
    let needs = acquire::by_name(name)?.needs();
    let more = match (needs.mc_probs || needs.targets, needs.views) {
        (true, _) => "several predictions an image",
        (_, true) => "predictions under changed views",
        _ => return Ok(()),
    };
    Err(LearnError::Setting(format!(
        "{name} compares {more}, which a classifier on an encoder's features does not give"
    )))
}

/// A pool in features.
pub struct Pool {
    /// Standardised, [n, dim].
    features: Vec<f32>,
    dim: usize,
    classes: usize,
    scaler: Scaler,
    threads: usize,
}

/// Images and what they were answered with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labelled {
    /// Rows of the pool.
    pub rows: Vec<u32>,
    /// Their labels.
    pub labels: Vec<u16>,
}

impl Pool {
    /// A pool of images with `dim` features each.
    ///
    /// # Panics
    /// If the features are no whole number of images.
    pub fn new(mut features: Vec<f32>, dim: usize, classes: usize, threads: usize) -> Self {
        let scaler = Scaler::of(Rows::new(&features, dim));
        scaler.apply(&mut features);
        Self { features, dim, classes, scaler, threads }
    }

    fn rows(&self) -> Rows<'_> {
        Rows::new(&self.features, self.dim)
    }

    /// Lets a strategy spend `budget` labels. One that looks at features alone chooses at once; others after a cold start,
    /// in a few queries, each of which sees a classifier on the labels so far.
    ///
    /// # Errors
    /// If the strategy needs what features and a classifier do not give, or the budget does not fit the pool.
    pub fn choose(
        &self,
        strategy: &str,
        budget: usize,
        seed: u64,
        oracle: &mut dyn Oracle,
    ) -> Result<Labelled, LearnError> {
        self.choose_aloud(strategy, budget, seed, oracle, &mut |_| Ok(()))
    }

    /// As [`Pool::choose`]; `heard` is told of every query.
    ///
    /// # Errors
    /// As [`Pool::choose`], and whatever `heard` returns.
    pub fn choose_aloud(
        &self,
        strategy: &str,
        budget: usize,
        seed: u64,
        oracle: &mut dyn Oracle,
        heard: &mut dyn FnMut(&QueryEvent) -> Result<(), LearnError>,
    ) -> Result<Labelled, LearnError> {
        let mut labelled = Labelled::default();
        if !acquire::by_name(strategy)?.needs().probs {
            heard(&self.query(strategy, budget, seed, 0, &mut labelled, oracle)?)?;
            return Ok(labelled);
        }
        let first = ((budget as f64 * FIRST) as usize).clamp(2.min(budget), budget);
        heard(&self.query(COLD_START, first, seed, 0, &mut labelled, oracle)?)?;
        for query in 1..=QUERIES {
            let after = first + (budget - first) * query / QUERIES;
            if after > labelled.rows.len() {
                let size = after - labelled.rows.len();
                heard(&self.query(strategy, size, seed, query as u64, &mut labelled, oracle)?)?;
            }
        }
        Ok(labelled)
    }

    /// One query: fits a classifier if the strategy looks at one, picks `batch` images and asks for their labels.
    ///
    /// # Errors
    /// As [`Pool::choose`].
    pub fn query(
        &self,
        strategy: &str,
        batch: usize,
        seed: u64,
        number: u64,
        labelled: &mut Labelled,
        oracle: &mut dyn Oracle,
    ) -> Result<QueryEvent, LearnError> {
        let options = Options { classes: Some(self.classes), ..Options::default() };
        let strategy = acquire::with_options(strategy, &options)?;
        let n = self.features.len() / self.dim;
        let (rows, scores) = if strategy.name() == "random" && labelled.rows.is_empty() {
            acquire::check_batch(batch, n)?;
            // The regimes' own random sample, so that one can be compared with the other.
            (purpose::row_permutation(seed, n)[..batch].to_vec(), vec![0.0; batch])
        } else {
            let probs = strategy.needs().probs.then(|| self.fit(labelled, None).probs_nc(&self.features));
            let inputs = Inputs {
                probs: probs.as_ref().map(|probs| Rows::new(probs, self.classes)),
                features: Some(self.rows()),
                labelled: &labelled.rows,
                ..Inputs::default()
            };
            let pool = acquire::unlabelled(n, &labelled.rows)?;
            let key = Key::new(seed, purpose::STRATEGY).at(number, 0);
            let picks = strategy.pick(&inputs, &pool, batch, key, self.threads)?;
            (picks.indices, picks.scores)
        };
        let labels = oracle.label(&rows)?;
        let pick =
            |((&index, &label), &score)| Pick { index, label: Some(label), score, entropy: None, augmentation: None };
        let picks = rows.iter().zip(&labels).zip(&scores).map(pick).collect();
        labelled.labels.extend(labels);
        labelled.rows.extend(rows);
        Ok(QueryEvent { round: number as u32, picks, temperatures: Vec::new(), pool: Vec::new() })
    }

    /// A classifier on the labels at hand, its settings chosen from them alone; where `semi` is given, it
    /// listens to itself on the rest of the pool.
    pub fn fit(&self, labelled: &Labelled, semi: Option<SelfTraining>) -> Probe {
        let none = SelfTraining { rounds: 0, ..SelfTraining::default() };
        let (ridge, _) = self.choose_ridge(labelled);
        semi.unwrap_or(none).fit(self.rows(), &labelled.rows, &labelled.labels, self.classes, ridge)
    }

    fn choose_ridge(&self, labelled: &Labelled) -> (Ridge, f64) {
        let known: Vec<f32> = labelled.rows.iter().flat_map(|&row| self.rows().row(row)).copied().collect();
        Ridge::choose(Rows::new(&known, self.dim), &labelled.labels, self.classes)
    }

    /// Mean of -ln p over labels left out one at a time: how well the features suit the labels, by these labels alone.
    pub fn loss_left_out(&self, labelled: &Labelled) -> f64 {
        self.choose_ridge(labelled).1
    }

    /// Mean of -ln p over the labels at hand: what a classifier has learned of them.
    pub fn loss(&self, probe: &Probe, labelled: &Labelled) -> f64 {
        let features: Vec<f32> = labelled.rows.iter().flat_map(|&row| self.rows().row(row)).copied().collect();
        let probs = probe.probs_nc(&features);
        let of_label = |(row, &label): (&[f32], &u16)| -libm::log(f64::from(row[usize::from(label)]).max(1e-12));
        probs.chunks_exact(self.classes).zip(&labelled.labels).map(of_label).sum::<f64>() / labelled.rows.len() as f64
    }

    /// Encoder and classifier as one network.
    ///
    /// # Errors
    /// If the encoder is not the one whose features the classifier was fitted to.
    pub fn network(&self, encoder: &Encoder, probe: &Probe) -> Result<Model, LearnError> {
        let (weights, bias) = probe.on_raw_features(&self.scaler);
        encoder.with_head(&weights, &bias)
    }

    /// Probabilities of other images, by their features as the encoder gave them.
    pub fn probs_nc(&self, probe: &Probe, mut features: Vec<f32>) -> Vec<f32> {
        self.scaler.apply(&mut features);
        probe.probs_nc(&features)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::oracle::Simulated;

    fn pool() -> (Pool, Vec<u16>) {
        let mut stream = Key::new(3, 0).stream();
        let labels: Vec<u16> = (0..200).map(|i| (i % 4) as u16).collect();
        let value = |label: u16, d: usize| 2.0 * f32::from(u8::from(usize::from(label) == d));
        let each = labels.iter().flat_map(|&l| (0..6).map(move |d| (l, d)));
        let features = each.map(|(l, d)| value(l, d) + 0.4 * stream.normal() as f32).collect();
        (Pool::new(features, 6, 4, 1), labels)
    }

    #[test]
    fn every_strategy_spends_its_budget_on_different_images() {
        let (pool, labels) = pool();
        for strategy in ["random", "typiclust", "core-set", "badge", "margin", "probcover"] {
            let chosen = pool.choose(strategy, 12, 1, &mut Simulated::new(&labels)).unwrap();
            let mut rows = chosen.rows.clone();
            rows.sort_unstable();
            rows.dedup();
            assert_eq!((rows.len(), chosen.labels.len()), (12, 12), "{strategy}");
            assert!(chosen.rows.iter().zip(&chosen.labels).all(|(&row, &label)| labels[row as usize] == label));
            assert_eq!(pool.choose(strategy, 12, 1, &mut Simulated::new(&labels)).unwrap(), chosen, "{strategy}");
        }
    }

    #[test]
    fn typical_images_of_all_clusters_teach_all_classes() {
        let (pool, labels) = pool();
        let chosen = pool.choose("typiclust", 4, 1, &mut Simulated::new(&labels)).unwrap();
        for semi in [None, Some(SelfTraining::default())] {
            let probs = pool.fit(&chosen, semi).probs_nc(&pool.features);
            assert!(crate::model::predict::accuracy(&probs, &labels) > 0.95, "{semi:?}");
        }
    }

    #[test]
    fn a_budget_above_the_pool_is_refused() {
        let (pool, labels) = pool();
        let error = pool.choose("random", 201, 1, &mut Simulated::new(&labels)).unwrap_err();
        assert!(error.to_string().contains("201"), "{error}");
        assert!(pool.choose("bald", 12, 1, &mut Simulated::new(&labels)).is_err());
    }
}
