//! What is asked for: study files, one point of their grid, regimes, shifts, the names of runs.

pub(crate) mod cost;
pub mod job;
pub mod regimes;
pub(crate) mod same_study;
pub mod schema;
pub mod settings;
pub mod sharing;
pub mod shift;
pub mod study_file;
pub mod varying;
