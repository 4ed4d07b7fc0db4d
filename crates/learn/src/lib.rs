//! Learning a classifier from few labels.
//!
//! ```text
//! images -> augmentation -> network -> scores -> strategy picks -> oracle labels -> (again)
//! ```
//!
//! [`run()`] is the main path; [`run::plan::Plan`] says what a run is. This crate writes no files.
//!
//! An encoder learns from images alone, a strategy chooses twenty of them, somebody says what they
//! show, and a classifier learns that:
//!
//! ```
//! use fewlabel_learn::Context;
//! use fewlabel_learn::augment::Policy;
//! use fewlabel_learn::data::{self, Split};
//! use fewlabel_learn::model::predict::accuracy;
//! use fewlabel_learn::pretrain::{Encoder, PretrainSettings, Pretraining};
//! use fewlabel_learn::probe::Encoded;
//! use fewlabel_learn::run::active_loop::choose_on_features;
//! use fewlabel_learn::run::oracle::Simulated;
//! use fewlabel_learn::run::resources::Resources;
//!
//! // Load: a part of the synthetic data set, to be quick.
//! let first = |split: &Split, count: u32| split.select(&(0..count).collect::<Vec<_>>());
//! let data = data::open("phantom")?.with_splits("part of phantom".into(), |all| {
//!     [first(&all.train, 600), first(&all.val, 100), first(&all.test, 200)]
//! });
//! let pool = data.pool();
//!
//! // Pretrain: no label is looked at.
//! let settings = PretrainSettings { width: 8, epochs: 4, ..PretrainSettings::default() };
//! let mut training = Pretraining::new(&pool, &settings, 0, 1)?;
//! while training.step()? {}
//! let encoder = Encoder::new(training.model().clone(), pool.mean());
//! let encoded = Encoded::new(encoder, &pool, None, 1)?;
//!
//! // Choose and ask: the oracle is the data set itself.
//! let mut oracle = Simulated::new(&data.train.labels);
//! let resources =
//!     Resources { pool, benchmark: None, encoders: vec![&encoded], context: Context::new(1) };
//! let answers = choose_on_features("typiclust", 20, 0, &resources, &mut oracle)?;
//!
//! // Train and predict.
//! let probe = encoded.pool.fit(answers.labelled(), None);
//! let features = encoded.encoder.features(&data.test.images, 1, &Policy::none(), 0, 1)?;
//! let probs_nc = encoded.pool.probs_nc(&probe, features);
//! let right = accuracy(&probs_nc, &data.test.labels);
//! assert!(right > 0.2, "eleven classes, {right} right");
//! # Ok::<(), fewlabel_learn::LearnError>(())
//! ```
#![deny(missing_docs)]
#![forbid(unsafe_code)]

pub mod acquire;
pub mod augment;
mod context;
mod count;
pub mod data;
mod error;
pub mod features;
pub mod finite;
pub mod memory;
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
