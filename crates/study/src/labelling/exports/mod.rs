//! Answers as files for other programs, each whole or absent.

pub mod image_folder;
pub mod labels_table;
pub mod medmnist_array;
pub mod predictions;
pub mod project_report;
