//! One query by hand: which images of a pool a person should label next, by what is known now.
//!
//! A study asks its oracle in a loop ([`crate::run::active_loop`]); here a person takes the list
//! away, and comes back with a table.

use fewlabel_engine::rng::Key;

use crate::acquire::{self, Options, Picks, Query, Ties};
use crate::data::{Labelled, Pool};
use crate::error::LearnError;
use crate::features;
use crate::model::classifier::Classifier;
use crate::model::predict::Predictor;
use crate::model::view::View;
use crate::pretrain::views;
use crate::probe::Encoded;
use crate::probe::feature_pool::check_strategy;
use crate::purpose;
use crate::run::pool_scores::{Choice, PoolScores, Scored};

/// What the strategy looks at.
#[derive(Clone, Copy)]
pub enum Seen<'a> {
    /// The pixels, by their principal components.
    Pixels,
    /// An encoder's features, and a classifier on them where labels are known.
    Encoder(&'a Encoded),
    /// A classifier's predictions and features.
    Classifier(&'a Classifier),
}

/// A query.
pub struct NextQuery<'a> {
    /// The images.
    pub pool: Pool<'a>,
    /// What is known of them.
    pub labelled: &'a Labelled,
    /// What the strategy looks at.
    pub seen: Seen<'a>,
    /// Name of the strategy.
    pub strategy: &'a str,
    /// Its settings.
    pub options: &'a Options,
    /// How many images to choose.
    pub batch: usize,
    /// Names every random number.
    pub seed: u64,
    /// How ties are broken.
    pub ties: Ties,
    /// Dropout passes and views of an image, for strategies that compare several predictions.
    pub samples: [usize; 2],
    /// Threads; never changes a bit.
    pub threads: usize,
}

impl NextQuery<'_> {
    /// The images to label next, best first.
    ///
    /// # Errors
    /// If the strategy is unknown, needs what is not there, or there are fewer images left than
    /// asked for.
    pub fn choose(&self) -> Result<Picks, LearnError> {
        let options = Options { classes: Some(self.classes()), ..self.options.clone() };
        let strategy = acquire::with_options(self.strategy, &options)?;
        let open = acquire::unlabelled(self.pool.len(), &self.labelled.rows)?;
        acquire::check_batch(self.batch, open.len())?;
        let scores = self.scores(&*strategy, &open)?;
        let query = Query::new(self.batch, Key::new(self.seed, purpose::STRATEGY));
        let (query, labelled) = (query.with_ties(self.ties), &self.labelled.rows);
        let choice = Choice { open: &open, labelled, query, threads: self.threads };
        scores.pick(&*strategy, &choice)
    }

    /// Classes that an image may belong to, where anybody knows.
    fn classes(&self) -> usize {
        match self.seen {
            Seen::Classifier(classifier) => classifier.classes(),
            _ => self.pool.classes.max(2),
        }
    }

    fn scores(
        &self,
        strategy: &dyn acquire::Strategy,
        open: &[u32],
    ) -> Result<PoolScores<'_>, LearnError> {
        let (needs, pool) = (strategy.needs(), &self.pool);
        match self.seen {
            Seen::Pixels if !(needs.probs || needs.mc_probs || needs.targets || needs.views) => {
                Ok(PoolScores::of_arrays(pool, None, Some(features::of_pool(pool))))
            }
            Seen::Pixels => Err(self.lacks("predictions: give --encoder with labels, or --model")),
            Seen::Encoder(encoded) => {
                check_strategy(self.strategy)?;
                let mut seen = self.labelled.labels.clone();
                seen.sort_unstable();
                seen.dedup();
                if needs.probs && seen.len() < 2 {
                    return Err(self.lacks(
                        "a classifier, which takes labels of two classes: begin with --strategy \
                         typiclust",
                    ));
                }
                let features = Some(encoded.pool.rows().values());
                let probs_nc = needs
                    .probs
                    .then(|| encoded.pool.own_probs_nc(&encoded.pool.fit(self.labelled, None)));
                Ok(PoolScores::of_arrays(pool, probs_nc, features))
            }
            Seen::Classifier(classifier) => self.of_classifier(classifier, strategy, open),
        }
    }

    fn of_classifier(
        &self,
        classifier: &Classifier,
        strategy: &dyn acquire::Strategy,
        open: &[u32],
    ) -> Result<PoolScores<'_>, LearnError> {
        let (needs, pool) = (strategy.needs(), &self.pool);
        if (needs.mc_probs || needs.targets) && classifier.network.architecture().dropout == 0.0 {
            return Err(self.lacks("several dropout passes, and the model has no dropout"));
        }
        let mean = classifier.mean.clone().unwrap_or_else(|| pool.mean());
        let policy = views::for_pool(pool);
        let key = |purpose| Key::new(self.seed, purpose);
        let mut view = View::new(pool.images, &mean, None).threads(self.threads);
        let mut scored = Scored {
            view: &mut view,
            augmented: View::new(pool.images, &mean, Some(&policy)).threads(self.threads),
            rows: pool.len(),
            classes: classifier.classes(),
            open,
            once: key(purpose::AUGMENT_ONCE),
            masks: key(purpose::MONTE_CARLO),
            mc_samples: self.samples[0],
            view_key: key(purpose::VIEWS),
            views: self.samples[1],
            target_key: key(purpose::TARGETS),
            threads: self.threads,
        };
        let mut predictor = [Predictor::new(&classifier.network, self.threads)?];
        PoolScores::compute(strategy, needs, &mut predictor, None, &mut scored)
    }

    fn lacks(&self, what: &str) -> LearnError {
        LearnError::Setting(format!("{} looks at {what}", self.strategy))
    }
}
