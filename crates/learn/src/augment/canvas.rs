//! An image being changed, and the buffers that changing it needs.

use fewlabel_engine::image::{Filter, Resampler, Shape};

/// One image and the tools of its thread.
pub(super) struct Canvas<'a> {
    pub(super) shape: Shape,
    pub(super) image: &'a mut [f32],
    pub(super) tools: &'a mut Tools,
}

impl Canvas<'_> {
    /// Brings every pixel back into [0, 1]; rounding alone can leave it.
    pub(super) fn clamp(&mut self) {
        for value in self.image.iter_mut() {
            *value = value.clamp(0.0, 1.0);
        }
    }
}

/// Buffers for images of one shape and filters up to one radius, made once.
#[derive(Clone, Debug)]
pub(super) struct Tools {
    pub(super) resampler: Resampler,
    pub(super) filter: Filter,
    /// For a field of displacements: two values a pixel.
    pub(super) field_filter: Filter,
    pub(super) field: Vec<f32>,
    pub(super) dx: Vec<f32>,
    pub(super) dy: Vec<f32>,
    pub(super) noise: Vec<u8>,
    /// As many values as the image has.
    pub(super) values: Vec<f32>,
    /// A filter kernel from its centre outwards.
    pub(super) half: Vec<f32>,
}

impl Tools {
    /// `radius` is the largest of any transform.
    pub(super) fn new(shape: Shape, radius: usize) -> Self {
        let pixels = shape.pixels();
        let field = Shape { channels: 2, ..shape };
        Self {
            resampler: Resampler::new(shape),
            filter: Filter::new(shape, radius),
            field_filter: Filter::new(field, radius),
            field: vec![0.0; field.len()],
            dx: vec![0.0; pixels],
            dy: vec![0.0; pixels],
            noise: vec![0; field.len()],
            values: vec![0.0; shape.len()],
            half: Vec::with_capacity(radius + 1),
        }
    }
}
