//! One run: the plan, the loop, who chooses first, who answers, when it stops, what it goes on from.

pub mod active_loop;
pub mod initial;
pub(crate) mod learner;
pub mod oracle;
pub mod plan;
pub(crate) mod pool_scores;
pub(crate) mod snapshot;
pub mod stopping;
pub mod transfer;
