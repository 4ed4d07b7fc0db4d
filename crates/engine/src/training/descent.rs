//! The end of a step: gradients are put together and the optimiser moves the parameters, part by part while a part is in
//! the cache. Parts are shared out to threads; no value depends on another part.

use crate::kernels::update::{self, Rates};
use crate::kernels::{Isa, matmul};
use crate::layers::encoder::Group;
use crate::layers::head::Head;
use crate::network::layout::Layout;
use crate::team::join;
use std::ops::Range;

/// Where the gradient of a part comes from.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// It is there already.
    Ready,
    /// The groups' gradients, added in order.
    Groups,
    /// Some rows of a fully connected layer's weights, from the first on: its inputs times the gradients of its outputs.
    Weights { layer: usize, first: usize },
    /// A fully connected layer's bias.
    Bias { layer: usize },
}

/// Neighbouring parameters whose gradient has one source.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    range: Range<usize>,
    source: Source,
}

impl Part {
    fn is_head(&self) -> bool {
        matches!(self.source, Source::Weights { .. } | Source::Bias { .. })
    }
}

/// Values of a part of a fully connected layer, at least: gradient, parameters and moments fit the first cache.
const VALUES: usize = 1536;

/// All parameters in order.
pub(crate) fn parts(layout: &Layout) -> Vec<Part> {
    let mut parts = Vec::new();
    for (l, conv) in layout.convs.iter().enumerate() {
        // The encoder writes the first layer's gradient, and those of the normalisation, as wholes.
        let source = if l == 0 { Source::Ready } else { Source::Groups };
        parts.push(Part { range: conv.weight.start..conv.bias.end, source });
        parts.push(Part { range: conv.gamma.start..conv.beta.end, source: Source::Ready });
    }
    for (layer, dense) in layout.dense.iter().enumerate() {
        let rows = VALUES.div_ceil(dense.outputs).next_multiple_of(matmul::ROWS);
        for first in (0..dense.inputs).step_by(rows) {
            let start = dense.weight.start + first * dense.outputs;
            let end = dense.weight.end.min(start + rows * dense.outputs);
            parts.push(Part { range: start..end, source: Source::Weights { layer, first } });
        }
        parts.push(Part { range: dense.bias.clone(), source: Source::Bias { layer } });
    }
    parts
}

/// Neighbouring parameters with what belongs to them; `start` is the place of the first.
pub(crate) struct Memory<'a> {
    pub(crate) start: usize,
    pub(crate) parameters: &'a mut [f32],
    pub(crate) first_moments: &'a mut [f32],
    pub(crate) second_moments: &'a mut [f32],
    pub(crate) gradient: &'a mut [f32],
}

impl<'a> Memory<'a> {
    /// The parameters before place `at`, and the others.
    fn split(self, at: usize) -> (Self, Self) {
        let middle = at - self.start;
        let (parameters, p) = self.parameters.split_at_mut(middle);
        let (first_moments, m) = self.first_moments.split_at_mut(middle);
        let (second_moments, v) = self.second_moments.split_at_mut(middle);
        let (gradient, g) = self.gradient.split_at_mut(middle);
        (
            Self { start: self.start, parameters, first_moments, second_moments, gradient },
            Self { start: at, parameters: p, first_moments: m, second_moments: v, gradient: g },
        )
    }
}

/// What every part reads.
#[derive(Clone, Copy)]
pub(crate) struct Descent<'a> {
    pub(crate) isa: Isa,
    pub(crate) layout: &'a Layout,
    /// The groups of the batch, and their heads.
    pub(crate) groups: &'a [Group],
    pub(crate) heads: &'a [Head],
    /// Of the encoder and of the head; without them gradients are put together and nothing moves.
    pub(crate) rates: Option<[Rates; 2]>,
}

impl Descent<'_> {
    /// Finishes the step for all `parts`, on `threads`.
    pub(crate) fn run(self, parts: &[Part], memory: Memory<'_>, threads: usize) {
        if threads > 1 && parts.len() > 1 {
            let (start, end) = (parts[0].range.start, parts[parts.len() - 1].range.end);
            let half = start + (end - start) * (threads / 2) / threads;
            let middle = parts.partition_point(|p| p.range.end <= half).clamp(1, parts.len() - 1);
            let (a, b) = memory.split(parts[middle].range.start);
            let (left, right) = parts.split_at(middle);
            join(|| self.run(left, a, threads / 2), || self.run(right, b, threads - threads / 2));
            return;
        }
        let mut rest = memory;
        for part in parts {
            let (now, later) = rest.split(part.range.end);
            self.gather(part, now.gradient);
            if let Some([encoder, head]) = self.rates {
                let rates = if part.is_head() { head } else { encoder };
                let (m, v) = (now.first_moments, now.second_moments);
                update::adamw(self.isa, rates, now.parameters, m, v, now.gradient);
            }
            rest = later;
        }
    }

    fn gather(&self, part: &Part, gradient: &mut [f32]) {
        match part.source {
            Source::Ready => {}
            Source::Groups => {
                gradient.copy_from_slice(&self.groups[0].gradient[part.range.clone()]);
                for group in &self.groups[1..] {
                    update::add(gradient, &group.gradient[part.range.clone()]);
                }
            }
            Source::Weights { layer, first } => {
                let d = &self.layout.dense[layer];
                gradient.fill(0.0);
                for (group, head) in self.groups.iter().zip(self.heads) {
                    let x = if layer == 0 { &group.encoded } else { &head.outputs[layer - 1] };
                    let (x, g, rows) = (&x[first..], &head.gradients[layer], gradient.len() / d.outputs);
                    matmul::add_rows_transposed(self.isa, group.count, d.inputs, rows, d.outputs, x, g, gradient);
                }
            }
            Source::Bias { layer } => {
                let width = self.layout.dense[layer].outputs;
                gradient.fill(0.0);
                for (group, head) in self.groups.iter().zip(self.heads) {
                    for row in head.gradients[layer].chunks_exact(width).take(group.count) {
                        update::add(gradient, row);
                    }
                }
            }
        }
    }
}
