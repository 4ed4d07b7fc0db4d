//! A CPU engine that trains and scores small convolutional networks, with the same bits on every
//! machine.
//!
//! [`Architecture`] is the shape of a network, and [`Model`] holds its parameters. [`Trainer`]
//! trains it with labels, [`Contrastive`] without, and [`Scorer`] uses it. Images are f32, channels
//! last.
//!
//! ```
//! use fewlabel_engine::{AdamW, Architecture, Model, Scorer, Targets, Trainer, rng::Key};
//!
//! let network = Architecture {
//!     height: 13,
//!     width: 13,
//!     channels: 1,
//!     block_widths: vec![8, 16],
//!     hidden: vec![16],
//!     classes: 3,
//!     dropout: 0.0,
//! };
//! let model = Model::new(network, Key::new(0, 0))?;
//! let mut trainer = Trainer::new(model, AdamW::default(), 2, 1)?;
//! let images = [[0.0; 169], [1.0; 169]].concat();
//! trainer.step(&images, Targets::Classes(&[0, 2]), Key::new(0, 1));
//! let mut logits = [0.0; 6];
//! Scorer::new(trainer.model(), 2, 1)?.logits(&images, &mut logits);
//! # Ok::<(), fewlabel_engine::EngineError>(())
//! ```
#![deny(missing_docs)]

#[cfg(test)]
mod checks;
mod error;
mod geometry;
pub mod image;
mod kernels;
mod layers;
pub mod math;
pub mod measure;
mod network;
pub mod rng;
mod scoring;
mod team;
mod training;
pub mod vector;

pub use error::EngineError;
pub use layers::class_head::ClassHead;
pub use layers::loss::Targets;
pub use layers::projection_head::{Objective, ProjectionHead};
pub use network::architecture::Architecture;
pub use network::checkpoint::without_format;
pub use network::model::Model;
pub use scoring::scorer::Scorer;
pub use team::Team;
pub use training::average::Average;
pub use training::optimizer::AdamW;
pub use training::trainer::{Contrastive, Trainer, Training};

/// Changes whenever the same training gives other bits. It is part of the identity of recorded
/// results.
pub const NUMERIC_VERSION: u32 = 2;
