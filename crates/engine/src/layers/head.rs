//! What every head on the encoder does in a training step.
//!
//! A head reads the encoder's outputs and returns the loss. It leaves the gradient of these outputs
//! for the encoder, and forms the gradient of its own layers when the optimiser asks for it.

use crate::layers::encoder::EncodedBatch;
use crate::layers::group::Group;
use crate::network::layout::Layout;
use std::ops::Range;

/// Neighbouring parameters of one fully connected layer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum DensePart {
    /// Whole rows of the weights, from row `first` on.
    Weights { layer: usize, first: usize },
    /// The bias.
    Bias { layer: usize },
}

/// The part of a network that a training objective puts on the encoder.
pub(crate) trait Head: Send + Sync {
    /// What a step needs besides the images.
    type Input<'a>: Copy + Sync;

    /// Views of every image in a batch. All first views come before all second ones.
    const VIEWS: usize;

    /// Returns the mean loss, and fills the gradient of the encoder's outputs.
    fn step(&mut self, batch: EncodedBatch<'_>, input: Self::Input<'_>) -> f64;

    /// Writes the gradient of `part` of the last step's batch. `range` is its place in all
    /// parameters.
    fn gather(
        &self,
        layout: &Layout,
        groups: &[Group],
        part: DensePart,
        range: Range<usize>,
        gradient: &mut [f32],
    );
}
