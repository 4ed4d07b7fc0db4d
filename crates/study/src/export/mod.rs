//! Tables and event files for other tools.

pub mod events_csv;
pub mod image_tree;
pub mod results_csv;
pub(crate) mod tensorboard;
pub mod varying;
