//! Learning a classifier from few labels.
//!
//! ```text
//! images -> augmentation -> network -> scores -> strategy picks -> oracle labels -> (again)
//! ```
//!
//! [`run()`] is the main path; [`run::plan::Plan`] says what a run is. This crate writes no files.
#![deny(missing_docs)]
#![forbid(unsafe_code)]

pub mod acquire;
pub mod augment;
mod context;
mod count;
pub mod data;
mod error;
pub mod features;
pub mod model;
pub mod pretrain;
pub mod probe;
mod purpose;
pub mod run;
pub mod training;

pub use context::Context;
pub use count::counted;
pub use error::LearnError;
pub use purpose::row_permutation;
pub use run::active_loop::run;
