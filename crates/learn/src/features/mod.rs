//! Features of images: where a strategy gets them from, and those that need no trained model.

mod pixels_pca;
mod source;

pub use pixels_pca::{COMPONENTS, Pixels, of_pool, pixels_pca};
pub use source::{FeatureFile, FeatureSource};
