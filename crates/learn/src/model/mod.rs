//! Networks and what they see: shapes, images in f32, probabilities, temperature.

pub mod classifier;
pub mod network;
pub mod predict;
pub mod temperature;
pub mod view;
