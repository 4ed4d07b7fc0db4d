//! Random changes to images that keep their labels.
//!
//! A [`Policy`] says which [`Transform`]s an image may meet and how strong they are; an
//! [`Augmenter`] carries it out. Pixels are f32 in [0, 1], channels last, of any size, and stay in
//! that range. The result is a pure function of the policy, the image and the key that names the
//! draw: not of the batch, the thread or the machine.
//!
//! ```
//! use fewlabel_engine::rng::Key;
//! use fewlabel_learn::augment::{Augmenter, Policy};
//!
//! let mut augmenter = Augmenter::new(&Policy::paper(), 28, 28, 1);
//! let mut image = vec![0.5; 28 * 28];
//! let applied = augmenter.apply(Key::new(0, 1).at(3, 42), &mut image);
//! println!("{} {}", applied.kind, applied.strength);
//! ```
//!
//! A new transform is one file with a settings type that is `Family`, and one line in the list of
//! `transform.rs`.

mod affine;
mod blur;
mod canvas;
mod contact_sheet;
pub mod corruption;
mod crop;
mod cutout;
mod elastic;
mod flip;
mod intensity;
mod ladder;
mod mix;
mod noise;
#[cfg(test)]
mod peers;
mod pipeline;
mod policy;
#[cfg(test)]
mod properties;
mod sampling;
mod search;
mod sharpness;
mod sheet;
mod speed;
mod tone;
mod transform;

pub use affine::{Affine, Rotation, Scale, Shear, Translation};
pub use blur::Blur;
pub use contact_sheet::{ContactSheet, contact_sheet};
pub use crop::Crop;
pub use cutout::Cutout;
pub use elastic::Elastic;
pub use flip::{HorizontalFlip, VerticalFlip};
pub use intensity::{Brightness, Contrast, Gamma, Saturation};
pub use ladder::{RandAugment, TrivialAugment};
pub use mix::{Beta, Mixer, Mixing};
pub use noise::{GaussianNoise, PoissonNoise};
pub use pipeline::{Applied, Augmenter};
pub use policy::{AugmentError, Chain, Empty, OneOf, Paper, Policy, Spec, Step, Weighted};
pub use sampling::{Edge, Resampling};
pub use search::{Learned, Search, Trial, folds};
pub use sharpness::Sharpness;
pub use sheet::{Rgb, Sheet, Tile, image_png, preview};
pub use speed::{Speed, speed};
pub use tone::{AutoContrast, Equalize, Posterize, Solarize};
pub use transform::{Kind, Transform};
