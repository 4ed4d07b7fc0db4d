//! Carrying runs out: one run, the whole grid, what runs take over from each other, encoders,
//! costs.

pub mod bench;
pub mod classifier_file;
pub mod encoder_cache;
pub mod encoder_file;
pub mod grid;
pub(crate) mod machine;
pub mod prediction;
pub mod reuse;
pub mod run;
pub mod single_model;
pub mod speed;
