//! Training on labelled images: batches and epochs, fine-tuning, pseudo-labels, the search for a policy.

pub mod fine_tuning;
pub mod fit;
pub mod fix_match;
