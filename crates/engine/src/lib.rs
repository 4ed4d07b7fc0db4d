//! A CPU engine that trains and scores small convolutional networks, with the same bits on every machine.
//!
//! [`Architecture`] says what a network looks like, [`Model`] holds its parameters, [`Trainer`] trains it, [`Scorer`]
//! uses it. Images are f32, channels last.
//!
//! ```
//! use fewlabel_engine::{AdamW, Architecture, Model, Scorer, Targets, Trainer, rng::Key};
//!
//! let network = Architecture {
//!     height: 13, width: 13, channels: 1, block_widths: vec![8, 16], hidden: vec![16], classes: 3, dropout: 0.0,
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

mod architecture;
mod average;
mod checkpoint;
mod contrastive;
mod descent;
mod encoder;
mod error;
mod first_layer;
#[cfg(test)]
mod gate;
#[cfg(test)]
mod gradient;
mod head;
pub mod image;
mod kernels;
mod layout;
mod loss;
pub mod math;
pub mod measure;
mod model;
mod optimizer;
mod projector;
pub mod rng;
mod scorer;
mod team;
mod trainer;
pub mod vector;
mod vicreg;

pub use architecture::Architecture;
pub use average::Average;
pub use contrastive::{Contrastive, Objective};
pub use error::EngineError;
pub use loss::Targets;
pub use model::Model;
pub use optimizer::AdamW;
pub use scorer::Scorer;
pub use team::Team;
pub use trainer::Trainer;

/// Changes whenever the same training gives other bits; part of the identity of recorded results.
pub const NUMERIC_VERSION: u32 = 2;
