//! Training on labelled images: batches and epochs, fine-tuning, pseudo-labels, and what they and
//! pretraining have in common.

pub mod fine_tuning;
pub mod fit;
pub mod fix_match;
pub(crate) mod optimised;
mod schedule;
