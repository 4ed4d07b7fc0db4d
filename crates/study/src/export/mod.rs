//! Tables and event files for other tools.

pub mod events_csv;
pub mod image_tree;
pub mod labels_csv;
pub mod predictions_csv;
pub mod results_csv;
pub(crate) mod tensorboard;
