//! The end of a step: gradients are completed and the optimiser moves the parameters.
//!
//! This goes part by part, while a part is in the cache. Threads share the parts out. No value
//! depends on another part.

use crate::kernels::update::{self, Rates};
use crate::kernels::{Isa, matmul};
use crate::layers::group::{Group, add_groups};
use crate::layers::head::{DensePart, Head};
use crate::network::layout::Layout;
use crate::team::join;
use std::ops::Range;

/// Where the gradient of a part comes from.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// The encoder has written it.
    Ready,
    /// The groups' gradients, added in order.
    Groups,
    /// The head knows.
    Head(DensePart),
}

/// Neighbouring parameters whose gradient has one source.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    range: Range<usize>,
    source: Source,
}

/// A part of a fully connected layer has at least so many values, if the layer has: gradient,
/// parameters and moments fit the first cache.
const VALUES: usize = 1536;

/// All parameters in order.
pub(crate) fn parts(layout: &Layout) -> Vec<Part> {
    let mut parts = Vec::new();
    for (l, conv) in layout.convs.iter().enumerate() {
        // The encoder writes whole the gradients of the first layer and of the normalisation.
        let source = if l == 0 { Source::Ready } else { Source::Groups };
        parts.push(Part { range: conv.weight.start..conv.bias.end, source });
        parts.push(Part { range: conv.gamma.start..conv.beta.end, source: Source::Ready });
    }
    for (layer, dense) in layout.dense.iter().enumerate() {
        let rows = VALUES.div_ceil(dense.outputs).next_multiple_of(matmul::ROWS);
        for first in (0..dense.inputs).step_by(rows) {
            let start = dense.weight.start + first * dense.outputs;
            let end = dense.weight.end.min(start + rows * dense.outputs);
            parts.push(Part {
                range: start..end,
                source: Source::Head(DensePart::Weights { layer, first }),
            });
        }
        parts.push(Part {
            range: dense.bias.clone(),
            source: Source::Head(DensePart::Bias { layer }),
        });
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
pub(crate) struct Descent<'a, H> {
    pub(crate) isa: Isa,
    pub(crate) layout: &'a Layout,
    /// The groups that the batch fills.
    pub(crate) groups: &'a [Group],
    pub(crate) head: &'a H,
    /// Of the encoder and of the head. Without them gradients are completed and nothing moves.
    pub(crate) rates: Option<[Rates; 2]>,
}

impl<H: Head> Descent<'_, H> {
    /// Finishes the step for all `parts`, on `threads`.
    pub(crate) fn run(&self, parts: &[Part], memory: Memory<'_>, threads: usize) {
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
                let rates = if matches!(part.source, Source::Head(_)) { head } else { encoder };
                let (m, v) = (now.first_moments, now.second_moments);
                update::adamw(self.isa, rates, now.parameters, m, v, now.gradient);
            }
            rest = later;
        }
    }

    fn gather(&self, part: &Part, gradient: &mut [f32]) {
        let range = part.range.clone();
        match part.source {
            Source::Ready => {}
            Source::Groups => add_groups(self.groups, range, gradient),
            Source::Head(dense) => {
                self.head.gather(self.layout, self.groups, dense, range, gradient)
            }
        }
    }
}
