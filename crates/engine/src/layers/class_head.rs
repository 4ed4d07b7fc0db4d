//! The head of a classifier: fully connected layers, softmax and cross-entropy.
//!
//! ReLU stands between the layers, dropout before every layer but the first.

use crate::Model;
use crate::kernels::buffer::Buffer;
use crate::kernels::{Isa, matmul, update};
use crate::layers::dropout::drop_out;
use crate::layers::encoder::EncodedBatch;
use crate::layers::group::{Group, Room};
use crate::layers::head::{DensePart, Head};
use crate::layers::loss::{self, Targets};
use crate::network::layout::Layout;
use crate::rng::Key;
use crate::team::two;
use std::ops::Range;

/// The head of a classifier in training, with cross-entropy on the softmax as its loss.
pub struct ClassHead {
    isa: Isa,
    classes: usize,
    dropout: f32,
    rows: Vec<Rows>,
    panels: Panels,
}

impl ClassHead {
    /// A head for batches of up to `max_batch` images.
    pub(crate) fn new(isa: Isa, model: &Model, max_batch: usize) -> Self {
        let (layout, architecture) = (&model.layout, model.architecture());
        let Room { groups, size } = Room::of(max_batch);
        Self {
            isa,
            classes: architecture.classes,
            dropout: architecture.dropout,
            rows: (0..groups).map(|_| Rows::new(layout, size)).collect(),
            panels: Panels::new(layout),
        }
    }
}

impl Head for ClassHead {
    /// What the outputs should be, and the key of the dropout masks.
    type Input<'a> = (Targets<'a>, Key);

    const VIEWS: usize = 1;

    fn step(&mut self, mut batch: EncodedBatch<'_>, (targets, key): Self::Input<'_>) -> f64 {
        let EncodedBatch { layout, parameters, images, group_size, .. } = batch;
        self.panels.fill(layout, parameters, batch.scratch.len());
        let (used, scale) = (batch.groups.len(), 1.0 / images as f32);
        let layers = Layers { isa: self.isa, layout, parameters, panels: &self.panels };
        let (classes, dropout) = (self.classes, self.dropout);
        batch.each(&mut self.rows, |i, group, rows| {
            let (count, first) = (group.count, i * group_size);
            rows.forward(layers, &group.encoded, count, (dropout, key, first));
            rows.cross_entropy(classes, targets.part(classes, first, count), scale, count);
            rows.backward(layers, count, dropout, &mut group.encoded_gradient);
        });
        self.rows[..used].iter().fold(0.0, |sum, rows| sum + rows.loss) / images as f64
    }

    /// Multiplies a layer's inputs with the gradients of its outputs, for the whole batch.
    fn gather(
        &self,
        layout: &Layout,
        groups: &[Group],
        part: DensePart,
        _: Range<usize>,
        gradient: &mut [f32],
    ) {
        gradient.fill(0.0);
        for (group, rows) in groups.iter().zip(&self.rows) {
            match part {
                DensePart::Weights { layer, first } => {
                    let d = &layout.dense[layer];
                    let x = if layer == 0 { &group.encoded } else { &rows.outputs[layer - 1] };
                    let (x, g, wanted) =
                        (&x[first..], &rows.gradients[layer], gradient.len() / d.outputs);
                    let (isa, count) = (self.isa, group.count);
                    matmul::add_rows_transposed(
                        isa, count, d.inputs, wanted, d.outputs, x, g, gradient,
                    );
                }
                DensePart::Bias { layer } => {
                    let width = layout.dense[layer].outputs;
                    for row in rows.gradients[layer].chunks_exact(width).take(group.count) {
                        update::add(gradient, row);
                    }
                }
            }
        }
    }
}

/// What all groups read.
#[derive(Clone, Copy)]
struct Layers<'a> {
    isa: Isa,
    layout: &'a Layout,
    parameters: &'a [f32],
    panels: &'a Panels,
}

/// What the rows of a group need.
struct Rows {
    /// Each layer's output. All but the last are rectified and have dropout applied.
    outputs: Vec<Buffer>,
    /// Gradient of each output.
    gradients: Vec<Buffer>,
    /// Sum of the rows' losses.
    loss: f64,
}

impl Rows {
    fn new(layout: &Layout, size: usize) -> Self {
        let make = || layout.dense.iter().map(|d| Buffer::zeros(d.outputs * size)).collect();
        Self { outputs: make(), gradients: make(), loss: 0.0 }
    }

    /// The outputs of `count` rows of `encoded`. `dropout` holds its probability, its key, and the
    /// place of the group's first row in the batch.
    fn forward(
        &mut self,
        all: Layers<'_>,
        encoded: &[f32],
        count: usize,
        dropout: (f32, Key, usize),
    ) {
        let dense = &all.layout.dense;
        for (l, d) in dense.iter().enumerate() {
            let (before, after) = self.outputs.split_at_mut(l);
            let x = before.last().map_or(encoded, |v| v);
            let (w, b) = (&all.panels.forward[l], &all.parameters[d.bias.clone()]);
            let last = l + 1 == dense.len();
            matmul::product_of_panels(
                all.isa,
                count,
                d.inputs,
                d.outputs,
                x,
                w,
                b,
                &mut after[0],
                !last,
            );
            let (p, key, first) = dropout;
            if p > 0.0 && !last {
                for (row, values) in
                    after[0][..count * d.outputs].chunks_exact_mut(d.outputs).enumerate()
                {
                    drop_out(key, l + 1, first + row, p, values);
                }
            }
        }
    }

    /// The loss of `count` rows, and `scale` times its gradient.
    fn cross_entropy(&mut self, classes: usize, targets: Targets<'_>, scale: f32, count: usize) {
        let (Some(logits), Some(gradient)) = (self.outputs.last(), self.gradients.last_mut())
        else {
            return;
        };
        let pitch = crate::kernels::padded(classes);
        let (logits, gradient) = (&logits[..count * pitch], &mut gradient[..count * pitch]);
        self.loss = loss::cross_entropy(logits, pitch, classes, targets, scale, gradient);
    }

    /// Carries the last layer's gradient back to every layer's and into `encoded_gradient`.
    fn backward(
        &mut self,
        all: Layers<'_>,
        count: usize,
        dropout: f32,
        encoded_gradient: &mut [f32],
    ) {
        let (dense, keep) = (&all.layout.dense, 1.0 / (1.0 - dropout));
        for (l, d) in dense.iter().enumerate().rev() {
            let (below, here) = self.gradients.split_at_mut(l);
            let g = &mut here[0][..count * d.outputs];
            if l + 1 < dense.len() {
                // A value survived both rectification and dropout exactly if it is above zero.
                for (g, &y) in g.iter_mut().zip(self.outputs[l].iter()) {
                    *g = if y > 0.0 { *g * keep } else { 0.0 };
                }
            }
            let dx = below.last_mut().map_or(&mut *encoded_gradient, |v| v);
            let (w, zeros) = (&all.panels.backward[l], &all.panels.zeros);
            matmul::product_of_panels(all.isa, count, d.outputs, d.inputs, g, w, zeros, dx, false);
        }
    }
}

/// Every layer's weights in the order that products read. They are laid out anew for each step.
struct Panels {
    forward: Vec<Buffer>,
    backward: Vec<Buffer>,
    zeros: Buffer,
}

impl Panels {
    fn new(layout: &Layout) -> Self {
        let make = || layout.dense.iter().map(|d| Buffer::zeros(d.weight.len())).collect();
        let widest = layout.dense.iter().map(|d| d.inputs).max().unwrap_or(0);
        Self { forward: make(), backward: make(), zeros: Buffer::zeros(widest) }
    }

    /// Lays out `parameters`, on two threads if there are several.
    fn fill(&mut self, layout: &Layout, parameters: &[f32], threads: usize) {
        let weights = layout.dense.iter().map(|d| (d.outputs, &parameters[d.weight.clone()]));
        let backward = weights.clone().zip(&mut self.backward);
        let forward = weights.zip(&mut self.forward);
        two(
            threads,
            || forward.for_each(|((outputs, w), out)| matmul::panels(outputs, w, out)),
            || {
                backward
                    .for_each(|((outputs, w), out)| matmul::panels_of_transpose(outputs, w, out))
            },
        );
    }
}
