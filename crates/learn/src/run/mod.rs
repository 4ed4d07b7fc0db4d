//! One run: the plan, the loop, what learns, who chooses first, who answers, when it stops, what it
//! goes on from.

pub mod active_loop;
pub mod answers;
pub mod budget;
pub mod events;
pub mod final_settings;
mod first_labels;
pub mod initial;
pub mod learners;
pub mod loop_settings;
pub mod next_query;
pub mod oracle;
pub mod plan;
pub mod plan_memory;
mod policy_search;
pub(crate) mod pool_scores;
mod queries;
pub mod resources;
pub(crate) mod snapshot;
pub mod stopping;
mod test_views;
pub mod transfer;
