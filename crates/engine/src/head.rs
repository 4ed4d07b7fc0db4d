//! The fully connected part: ReLU between layers, dropout before every layer but the first.

use crate::kernels::{Isa, matmul};
use crate::layout::{DenseSlots, Layout};
use crate::rng::Key;

/// A key for the mask of one layer and one image or sample.
fn mask_key(key: Key, layer: usize, row: usize) -> Key {
    let place = ((row as u64) << 8) | (layer as u64 + 1);
    Key([key.0[0], key.0[1] ^ place.wrapping_mul(0x9e37_79b9_7f4a_7c15), key.0[2], key.0[3]])
}

/// Multiplies `values` by a dropout mask: 0 with probability `dropout`, else 1 / (1 - dropout).
pub(crate) fn drop_out(key: Key, layer: usize, row: usize, dropout: f32, values: &mut [f32]) {
    let mut stream = mask_key(key, layer, row).stream();
    let keep = 1.0 / (1.0 - dropout);
    for value in values {
        *value *= if stream.unit() < dropout { 0.0 } else { keep };
    }
}

/// What the rows of a group need.
pub(crate) struct Head {
    /// Output of each layer, rectified but for the last, after dropout of the next.
    pub(crate) outputs: Vec<Vec<f32>>,
    /// Gradient of each output.
    pub(crate) gradients: Vec<Vec<f32>>,
}

impl Head {
    pub(crate) fn new(layout: &Layout, size: usize) -> Self {
        let make = || layout.dense.iter().map(|d| vec![0.0; d.outputs * size]).collect();
        Self { outputs: make(), gradients: make() }
    }

    /// The outputs of `count` rows of `encoded`; row r of the group is row `first + r` of the batch.
    pub(crate) fn forward(
        &mut self,
        isa: Isa,
        layout: &Layout,
        parameters: &[f32],
        encoded: &[f32],
        count: usize,
        dropout: Option<(f32, Key, usize)>,
    ) {
        for (l, d) in layout.dense.iter().enumerate() {
            let (before, after) = self.outputs.split_at_mut(l);
            let x = before.last().map_or(encoded, |v| v);
            let (w, b) = (&parameters[d.weight.clone()], &parameters[d.bias.clone()]);
            let last = l + 1 == layout.dense.len();
            matmul::product(isa, count, d.inputs, d.outputs, x, w, b, &mut after[0], !last);
            if let Some((p, key, first)) = dropout.filter(|d| d.0 > 0.0 && !last) {
                for (row, values) in after[0][..count * d.outputs].chunks_exact_mut(d.outputs).enumerate() {
                    drop_out(key, l + 1, first + row, p, values);
                }
            }
        }
    }

    /// Carries the last layer's gradient back into `encoded_gradient` and adds to `gradient`.
    /// `transposed` holds every layer's weights as [out, in].
    #[expect(clippy::too_many_arguments, reason = "rows, parameters and their gradients")]
    pub(crate) fn backward(
        &mut self,
        isa: Isa,
        layout: &Layout,
        transposed: &[Vec<f32>],
        zeros: &[f32],
        encoded: &[f32],
        count: usize,
        dropout: f32,
        gradient: &mut [f32],
        encoded_gradient: &mut [f32],
    ) {
        let keep = 1.0 / (1.0 - dropout);
        for (l, d) in layout.dense.iter().enumerate().rev() {
            let (below, here) = self.gradients.split_at_mut(l);
            let g = &mut here[0][..count * d.outputs];
            if l + 1 < layout.dense.len() {
                // A value survived both rectification and dropout exactly if it is above zero.
                for (g, &y) in g.iter_mut().zip(&self.outputs[l]) {
                    *g = if y > 0.0 { *g * keep } else { 0.0 };
                }
            }
            let x = if l == 0 { encoded } else { &self.outputs[l - 1] };
            matmul::add_transposed(isa, count, d.inputs, d.outputs, x, g, &mut gradient[d.weight.clone()]);
            for row in g.chunks_exact(d.outputs) {
                for (sum, g) in gradient[d.bias.clone()].iter_mut().zip(row) {
                    *sum += g;
                }
            }
            let dx = below.last_mut().map_or(&mut *encoded_gradient, |v| v);
            matmul::product(isa, count, d.outputs, d.inputs, g, &transposed[l], zeros, dx, false);
        }
    }
}

/// Writes the weights of a layer as [out, in].
pub(crate) fn transpose(d: &DenseSlots, weights: &[f32], out: &mut [f32]) {
    for (i, row) in weights.chunks_exact(d.outputs).enumerate() {
        for (o, &w) in row.iter().enumerate() {
            out[o * d.inputs + i] = w;
        }
    }
}
