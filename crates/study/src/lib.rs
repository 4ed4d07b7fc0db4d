//! Experiments on disk: settings, the six regimes as one table, records, resuming, grids and
//! reports.
//!
//! A *study* is a folder: what was asked for (`study.toml`), one folder for every *run* (one regime
//! and seed), and what is drawn from these records: tables, figures, a page. This crate knows
//! neither the terminal nor the network.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod ask;
mod error;
pub mod evaluate;
pub mod execute;
pub mod export;
pub mod labelling;
pub mod model_files;
pub mod report;
pub mod spelling;
pub mod store;
#[cfg(test)]
mod testing;
pub mod words;

pub use ask::cost::{Cost, of_encoder};
pub use error::StudyError;
pub use store::atomic_file::{WholeFile, write_named, write_whole};
pub use store::npy_writer::write_npy;
