//! The first layer in training.
//!
//! Its output is not kept but made anew wherever it is needed. Nine multiplications for each
//! channel of the image cost less than to fetch a value from memory.

use crate::kernels::direct::{self, ConvShape};
use crate::kernels::norm::{self, Norm};
use crate::kernels::winograd::{Filters, Grid};
use crate::kernels::{Isa, first};
use crate::network::layout::{ConvSlots, Layout};

/// Rows of the output that are made together, so few that they do not leave the first cache.
const ROWS: usize = 4;

/// Length of [`ROWS`] rows.
pub(crate) fn strip_len(conv: &ConvSlots) -> usize {
    ROWS * conv.shape.width * conv.shape.cout
}

/// The first layer and its weights.
#[derive(Clone, Copy)]
pub(crate) struct FirstLayer<'a> {
    isa: Isa,
    conv: &'a ConvSlots,
    filters: Filters<'a>,
}

impl<'a> FirstLayer<'a> {
    pub(crate) fn new(isa: Isa, layout: &'a Layout, parameters: &'a [f32]) -> Self {
        let conv = &layout.convs[0];
        let (weights, bias) = (&parameters[conv.weight.clone()], &parameters[conv.bias.clone()]);
        Self { isa, conv, filters: Filters { weights, bias, affine: None } }
    }

    fn add_border(self, image: &[f32], bordered: &mut [f32]) {
        norm::add_border(
            self.conv.shape.width * self.conv.shape.cin,
            self.conv.shape.cin,
            image,
            bordered,
        );
    }

    /// Writes an image's normalised output into `x`, inside the border that the second layer reads.
    pub(crate) fn normalised(
        self,
        norm: &Norm,
        image: &[f32],
        bordered: &mut [f32],
        g: Grid,
        x: &mut [f32],
    ) {
        let filters = Filters { affine: Some((&norm.scale, &norm.shift)), ..self.filters };
        self.add_border(image, bordered);
        let (y, row) = (&mut x[(g.pitch() + 1) * g.cin..], g.pitch() * g.cin);
        direct::forward(self.isa, self.conv.shape, bordered, filters, y, row);
    }

    /// Adds an image's share to the statistics of the rectified output.
    pub(crate) fn statistics(
        self,
        image: &[f32],
        bordered: &mut [f32],
        strip: &mut [f32],
        sums: &mut [f32],
    ) {
        self.add_border(image, bordered);
        self.strips(bordered, strip, |_, rows, y| {
            norm::statistics(self.isa, self.conv.rows(rows), y, sums)
        });
    }

    /// Adds an image's share to the backward statistics and to the parts of the layer's gradient.
    /// `dz` is the gradient of its normalised output, with rows `pitch` apart.
    pub(crate) fn backward(
        self,
        norm: &Norm,
        image: &[f32],
        bordered: &mut [f32],
        strip: &mut [f32],
        (dz, pitch): (&[f32], usize),
        (sums, parts): (&mut [f32], &mut [f32]),
    ) {
        self.add_border(image, bordered);
        let line = (self.conv.shape.width + 2) * self.conv.shape.cin;
        self.strips(bordered, strip, |first, rows, y| {
            let (x, dz) = (&bordered[first * line..], &dz[first * pitch..]);
            norm::backward_statistics(
                self.isa,
                self.conv.rows(rows),
                y,
                dz,
                pitch,
                &norm.mean,
                sums,
            );
            first::sums(self.isa, rows, x, y, dz, pitch, parts);
        });
    }

    /// Hands `visit` the rectified output, [`ROWS`] at a time, with the place of the first.
    fn strips(
        self,
        bordered: &[f32],
        strip: &mut [f32],
        mut visit: impl FnMut(usize, ConvShape, &[f32]),
    ) {
        let s = self.conv.shape;
        let line = s.width * s.cout;
        for first in (0..s.height).step_by(ROWS) {
            let rows = ConvShape { height: ROWS.min(s.height - first), ..s };
            let y = &mut strip[..rows.height * line];
            direct::forward(
                self.isa,
                rows,
                &bordered[first * (s.width + 2) * s.cin..],
                self.filters,
                y,
                line,
            );
            visit(first, rows, y);
        }
    }
}
