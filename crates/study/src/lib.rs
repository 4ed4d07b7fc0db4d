//! Experiments on disk: settings, the six regimes as one table, records, resuming, grids and reports.
//!
//! A *study* is a folder: what was asked for (`study.toml`), one folder for every *run* (one regime and seed), and what
//! is drawn from these records: tables, figures, a page. This crate knows neither the terminal nor the network.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod bench;
mod checkpoint;
pub mod claims;
pub mod config;
mod cost;
pub mod encoders;
mod error;
pub mod event_tables;
pub mod few_labels;
mod files;
pub mod folder;
mod machine;
pub mod metrics;
pub mod names;
mod npy;
pub mod pretrained;
pub mod record;
pub mod regimes;
pub mod report;
pub mod run;
pub mod runner;
pub mod schema;
pub mod settings;
pub mod sharing;
pub mod shift;
pub mod single;
pub mod speed;
pub mod stats;
pub mod tables;
mod tensorboard;
#[cfg(test)]
mod testing;

pub use cost::{Cost, of_encoder};
pub use error::StudyError;
pub use files::write_whole;
mod written;
