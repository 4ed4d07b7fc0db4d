//! What is asked for: study files, one point of their grid, regimes, shifts, the names of runs.

pub mod regimes;
pub(crate) mod same_study;
pub mod schema;
pub mod settings;
pub mod shift;
pub mod spelling;
pub mod study_file;
