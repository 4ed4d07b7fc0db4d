//! Which images are asked about before the first query.

use fewlabel_engine::rng::Key;

use crate::acquire::{self, Inputs, Rows};
use crate::error::LearnError;
use crate::features;
use crate::purpose;
use crate::run::initial::{Initial, stratified};
use crate::run::plan::{Plan, Selection};
use crate::run::resources::Resources;

/// What the labels before the first query are chosen by.
pub(crate) struct FirstLabels<'a> {
    /// The plan.
    pub(crate) plan: &'a Plan,
    /// What it is carried out with.
    pub(crate) resources: &'a Resources<'a>,
    /// Features of a file, where the plan names one.
    pub(crate) features: Option<&'a [f32]>,
}

impl FirstLabels<'_> {
    /// The rows that are asked about before any query: `count` of those that are `open`, or as many
    /// as there are. A strategy need not cover again what is `covered`.
    ///
    /// # Errors
    /// If the choice needs the truth and there is none, or the strategy cannot choose.
    pub(crate) fn rows(
        &self,
        count: usize,
        covered: &[u32],
        open: &[u32],
    ) -> Result<Vec<u32>, LearnError> {
        let Self { plan, resources, .. } = self;
        let all = resources.pool.len();
        let among = |rows: Vec<u32>| -> Vec<u32> {
            rows.into_iter().filter(|row| open.binary_search(row).is_ok()).take(count).collect()
        };
        let choice = match &plan.selection {
            Selection::All => return Ok(open.to_vec()),
            Selection::Given { rows } => return Ok(among(rows.clone())),
            Selection::Active(active) => &active.initial_choice,
            Selection::Random { .. } | Selection::OnFeatures { .. } => &Initial::Random,
        };
        match choice {
            Initial::Random => Ok(among(purpose::row_permutation(plan.seed, all))),
            Initial::Stratified => {
                let truth = resources.benchmark("initial_choice = \"stratified\"")?.truth;
                Ok(among(stratified(plan.seed, truth, all)))
            }
            Initial::Strategy(name) => self.cold_start(name, count.min(open.len()), covered, open),
        }
    }

    /// What a strategy chooses by features that are there before any model.
    fn cold_start(
        &self,
        name: &str,
        count: usize,
        covered: &[u32],
        open: &[u32],
    ) -> Result<Vec<u32>, LearnError> {
        let Resources { pool, context, .. } = self.resources;
        let options = match &self.plan.selection {
            Selection::Active(active) => active.options.clone(),
            _ => acquire::Options::default(),
        };
        let strategy = acquire::with_options(
            name,
            &acquire::Options { classes: Some(pool.classes), ..options },
        )?;
        let features = self.features.unwrap_or_else(|| features::of_pool(pool));
        let features = Some(Rows::new(features, features.len() / pool.len()));
        let inputs = Inputs { features, labelled: covered, ..Inputs::default() };
        let key = Key::new(self.plan.seed, purpose::INITIAL);
        let query = acquire::Query::new(count, key).with_ties(self.plan.ties());
        Ok(strategy.pick(&inputs, open, &query, context.threads)?.indices)
    }
}
