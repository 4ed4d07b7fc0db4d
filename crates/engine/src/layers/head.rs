//! The fully connected part: ReLU between layers, dropout before every layer but the first.

use crate::kernels::buffer::Buffer;
use crate::kernels::{Isa, matmul};
use crate::network::layout::{DenseSlots, Layout};
use crate::rng::Key;
use crate::team::two;

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
    pub(crate) outputs: Vec<Buffer>,
    /// Gradient of each output.
    pub(crate) gradients: Vec<Buffer>,
}

impl Head {
    pub(crate) fn new(layout: &Layout, size: usize) -> Self {
        let make = || layout.dense.iter().map(|d| Buffer::zeros(d.outputs * size)).collect();
        Self { outputs: make(), gradients: make() }
    }

    /// The outputs of `count` rows of `encoded`; row r of the group is row `first + r` of the batch.
    #[expect(clippy::too_many_arguments, reason = "rows, parameters and how they drop out")]
    pub(crate) fn forward(
        &mut self,
        isa: Isa,
        layout: &Layout,
        parameters: &[f32],
        panels: &Panels,
        encoded: &[f32],
        count: usize,
        dropout: Option<(f32, Key, usize)>,
    ) {
        for (l, d) in layout.dense.iter().enumerate() {
            let (before, after) = self.outputs.split_at_mut(l);
            let x = before.last().map_or(encoded, |v| v);
            let (w, b) = (&panels.forward[l], &parameters[d.bias.clone()]);
            let last = l + 1 == layout.dense.len();
            matmul::product_of_panels(isa, count, d.inputs, d.outputs, x, w, b, &mut after[0], !last);
            if let Some((p, key, first)) = dropout.filter(|d| d.0 > 0.0 && !last) {
                for (row, values) in after[0][..count * d.outputs].chunks_exact_mut(d.outputs).enumerate() {
                    drop_out(key, l + 1, first + row, p, values);
                }
            }
        }
    }

    /// Carries the last layer's gradient back to every layer's and into `encoded_gradient`.
    pub(crate) fn backward(
        &mut self,
        isa: Isa,
        layout: &Layout,
        panels: &Panels,
        count: usize,
        dropout: f32,
        encoded_gradient: &mut [f32],
    ) {
        let keep = 1.0 / (1.0 - dropout);
        for (l, d) in layout.dense.iter().enumerate().rev() {
            let (below, here) = self.gradients.split_at_mut(l);
            let g = &mut here[0][..count * d.outputs];
            if l + 1 < layout.dense.len() {
                // A value survived both rectification and dropout exactly if it is above zero.
                for (g, &y) in g.iter_mut().zip(self.outputs[l].iter()) {
                    *g = if y > 0.0 { *g * keep } else { 0.0 };
                }
            }
            let dx = below.last_mut().map_or(&mut *encoded_gradient, |v| v);
            let (w, zeros) = (&panels.backward[l], &panels.zeros);
            matmul::product_of_panels(isa, count, d.outputs, d.inputs, g, w, zeros, dx, false);
        }
    }
}

/// Every layer's weights as products read them, made anew for each step.
pub(crate) struct Panels {
    forward: Vec<Buffer>,
    backward: Vec<Buffer>,
    zeros: Buffer,
}

impl Panels {
    pub(crate) fn new(layout: &Layout) -> Self {
        let make = || layout.dense.iter().map(|d| Buffer::zeros(d.weight.len())).collect();
        let widest = layout.dense.iter().map(|d| d.inputs).max().unwrap_or(0);
        Self { forward: make(), backward: make(), zeros: Buffer::zeros(widest) }
    }

    /// Lays out `parameters`, on two threads if there are several.
    pub(crate) fn fill(&mut self, layout: &Layout, parameters: &[f32], threads: usize) {
        let weights = layout.dense.iter().map(|d| (d.outputs, &parameters[d.weight.clone()]));
        let backward = weights.clone().zip(&mut self.backward);
        let forward = weights.zip(&mut self.forward);
        two(
            threads,
            || forward.for_each(|((outputs, w), out)| matmul::panels(outputs, w, out)),
            || backward.for_each(|((outputs, w), out)| matmul::panels_of_transpose(outputs, w, out)),
        );
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
