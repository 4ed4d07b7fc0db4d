//! A model in training: steps, gradients, the optimiser, averaged weights.

pub(crate) mod average;
pub(crate) mod contrastive;
pub(crate) mod descent;
pub(crate) mod optimizer;
pub(crate) mod trainer;
