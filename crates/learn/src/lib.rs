//! Learning a classifier from few labels.
//!
//! ```text
//! images -> augmentation -> network -> scores -> strategy picks -> oracle labels -> (again)
//! ```
//!
//! [`active_loop::run`] is the main path; [`plan::Plan`] says what a run is. This crate writes no files.
#![deny(missing_docs)]
#![forbid(unsafe_code)]

pub mod acquire;
pub mod active_loop;
pub mod augment;
pub mod calibrate;
pub mod data;
mod error;
pub mod features;
pub mod few_labels;
pub mod fine_tuning;
pub mod fix_match;
pub mod initial;
mod learned;
mod learner;
pub mod network;
pub mod oracle;
pub mod plan;
pub mod predict;
pub mod pretrain;
pub mod probe;
mod purpose;
mod scores;
pub mod semi;
mod snapshot;
pub mod stopping;
pub mod train;
pub mod transfer;
pub mod view;

pub use error::LearnError;
pub use purpose::row_permutation;
