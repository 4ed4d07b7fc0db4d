//! A model in training: steps, gradients, the optimiser, averaged weights.

pub(crate) mod average;
pub(crate) mod descent;
pub(crate) mod optimizer;
pub(crate) mod state;
pub(crate) mod stepper;
pub(crate) mod trainer;
