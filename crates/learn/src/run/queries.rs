//! Which query comes next: who chooses, and how many labels are asked for.

use crate::run::answers::Answers;
use crate::run::plan::{Plan, Selection};

/// Queries after the first, where a strategy looks at the answers of a classifier on an encoder.
const QUERIES_ON_FEATURES: usize = 5;
/// Share of the budget that the first query spends there.
const FIRST_SHARE: f64 = 0.2;
/// Who chooses there before a classifier has learned anything.
const COLD_START: &str = "typiclust";

/// One query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Query<'a> {
    /// Its number, from 0.
    pub(crate) round: u32,
    /// The strategy that chooses.
    pub(crate) strategy: &'a str,
    /// How many labels are asked for.
    pub(crate) size: usize,
    /// Whether it is the first where nothing is labelled yet.
    pub(crate) is_first: bool,
}

/// The query that follows on `round` queries and the `answers` to them; none where the budget is
/// spent or no image is left.
pub(crate) fn next<'a>(
    plan: &'a Plan,
    needs_probs: bool,
    round: u32,
    answers: &Answers,
) -> Option<Query<'a>> {
    let is_first = answers.count() == 0;
    let query = |round, strategy, size| Some(Query { round, strategy, size, is_first });
    match &plan.selection {
        Selection::All | Selection::Random { .. } | Selection::Given { .. } => None,
        Selection::Active(active) => {
            let left = active.labels.checked_sub(answers.labels()).filter(|left| *left > 0)?;
            query(round, &active.strategy, active.query_size.min(left))
        }
        Selection::OnFeatures { strategy, labels, .. } => {
            let left = labels.checked_sub(answers.labels()).filter(|left| *left > 0)?;
            if !needs_probs {
                return query(round, strategy, left);
            }
            let first = ((*labels as f64 * FIRST_SHARE) as usize).clamp(2.min(*labels), *labels);
            if round == 0 {
                return query(0, COLD_START, first);
            }
            // Of a small budget some queries are left out: they keep their numbers.
            let after = |round: u32| {
                first
                    + (labels - first) * (round as usize).min(QUERIES_ON_FEATURES)
                        / QUERIES_ON_FEATURES
            };
            let mut round = round;
            while after(round) <= answers.labels() {
                round += 1;
            }
            query(round, strategy, after(round) - answers.labels())
        }
    }
}
