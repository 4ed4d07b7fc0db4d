//! What results are worth: metrics, statistics, the paper's claims, few labels on an encoder.

pub mod chance;
pub mod claims;
pub mod metrics;
pub mod per_class;
pub mod probe_grid;
pub(crate) mod rounding;
pub mod stats;
