//! Strategies: which images to label next.
//!
//! Every strategy is one file and one line in [`with_options`] and [`names`]; `contract.rs` runs the same suite on all.
//! Conventions: entropy in bits, other information scores in nats; a greater score is wanted more; ties go to the
//! lower image number; randomness is a function of a key and an image number; products in `f32`, sums in `f64`.

mod entropy;
mod error;
mod inputs;
mod parallel;
mod random;
mod strategy;

pub use error::AcquireError;
pub use inputs::{Inputs, Needs, Rows, Samples};
pub use strategy::{Picks, Score, Strategy, unlabelled};

use strategy::Scored;

/// Names of all strategies, without those that wrap a score (`power-SCORE`, `softmax-SCORE`, `softrank-SCORE`).
pub const NAMES: &[&str] = &["random", "entropy"];

/// The strategy of that name.
pub fn by_name(name: &str) -> Result<Box<dyn Strategy>, AcquireError> {
    Ok(match name {
        "random" => Box::new(Scored(random::Random)),
        "entropy" => Box::new(Scored(entropy::Entropy)),
        _ => return Err(AcquireError::UnknownStrategy { name: name.into(), known: NAMES.join(", ") }),
    })
}
