//! A group of images in training: layer by layer forward and backward, on any thread.

use crate::kernels::buffer::Buffer;
use crate::kernels::norm::{self, Norm};
use crate::kernels::winograd::{self, Filters, Out};
use crate::kernels::{Isa, first, update, winograd_back};
use crate::layers::first_layer::{self, FirstLayer};
use crate::network::layout::{ConvSlots, Layout};
use std::ops::Range;

/// Images in a group of a batch of `n`: enough that partial gradients stay few.
pub(super) const fn group_size(n: usize) -> usize {
    if n <= 128 { 16 } else { n.div_ceil(8).div_ceil(8) * 8 }
}

/// No batch has more groups.
pub(super) const MOST_GROUPS: usize = 8;

/// Groups, and images in a group, that any batch up to some size can have.
pub(crate) struct Room {
    pub(crate) groups: usize,
    pub(crate) size: usize,
}

impl Room {
    /// For batches of up to `max_batch` images.
    pub(crate) fn of(max_batch: usize) -> Self {
        let groups = max_batch.div_ceil(16).min(MOST_GROUPS);
        Self { groups, size: group_size(max_batch).min(max_batch) }
    }
}

/// What the images of a group need.
pub(crate) struct Group {
    /// Images of this batch in this group.
    pub(crate) count: usize,
    /// Rectified outputs of each convolution but the first, [count, h, w, c].
    outputs: Vec<Buffer>,
    /// What pools will read of them, [count, h, w, c]; empty where no pool follows.
    pooled: Vec<Buffer>,
    /// Gradient of what is read of a normalised output, and of that of the layer before.
    upper: Buffer,
    lower: Buffer,
    /// Two sums for every channel of the layer at hand.
    pub(super) totals: Vec<f64>,
    /// The three parts of the first layer's gradient, see [`first`].
    pub(super) first: Vec<f64>,
    /// The encoder's output, [count, row, column, channel], and its gradient.
    pub(crate) encoded: Buffer,
    pub(crate) encoded_gradient: Buffer,
    /// The group's part of the gradient of every parameter.
    pub(crate) gradient: Buffer,
}

/// What a thread needs for the layer at hand.
pub(crate) struct Scratch {
    /// Bordered inputs of each layer; the border stays zero.
    inputs: Vec<Buffer>,
    /// Gradients of each layer's convolution; what tiles have beyond the image stays zero.
    gradients: Vec<Buffer>,
    /// Gradient of transformed weights; before that, weights with channels exchanged.
    pub(super) transformed: Buffer,
    tiles: [Buffer; 2],
    /// Sums of one image.
    sums: Buffer,
    /// The three parts of the first layer's gradient, of one image.
    parts: Buffer,
    /// Some rows of the first layer's rectified output.
    strip: Buffer,
    /// The gradient of the first layer's normalised output, for images that are taken together.
    first_gradient: Buffer,
}

/// Images of a layer that are taken through its kernel together.
fn together(conv: &ConvSlots) -> usize {
    conv.grid.map_or(1, |g| (36 / g.tiles()).clamp(1, 16))
}

/// Where the gradient of a layer's output lies: offset and distances of rows and of images.
#[derive(Clone, Copy)]
struct View {
    offset: usize,
    row: usize,
    image: usize,
}

impl View {
    fn of(layout: &Layout, l: usize) -> Self {
        match layout.convs.get(l + 1).and_then(|next| next.grid) {
            Some(g) => Self {
                offset: (g.pitch() + 1) * g.cin,
                row: g.pitch() * g.cin,
                image: g.bordered(g.cin),
            },
            None => {
                let p = layout.convs[l].plane;
                Self { offset: 0, row: p.width * p.channels, image: p.len() }
            }
        }
    }
}

fn largest(convs: &[ConvSlots], f: impl Fn(&ConvSlots) -> usize) -> usize {
    convs.iter().map(f).max().unwrap_or(0)
}

impl Group {
    pub(super) fn new(layout: &Layout, size: usize) -> Self {
        let convs = &layout.convs;
        let encoded = convs.last().map_or(0, |c| c.plane.len()) * size;
        let between = largest(&convs[2..], |c| c.grid.map_or(0, |g| g.bordered(g.cin))) * size;
        let channels = largest(convs, |c| c.shape.cout);
        Self {
            count: 0,
            outputs: convs
                .iter()
                .map(|c| Buffer::zeros(if c.grid.is_some() { c.plane.len() * size } else { 0 }))
                .collect(),
            pooled: convs
                .iter()
                .map(|c| Buffer::zeros(if c.plane.pool { c.plane.read().len() * size } else { 0 }))
                .collect(),
            upper: Buffer::zeros(between.max(encoded)),
            lower: Buffer::zeros(between.max(encoded)),
            totals: vec![0.0; 2 * channels],
            first: vec![0.0; 3 * first::part(convs[0].shape)],
            encoded: Buffer::zeros(encoded),
            encoded_gradient: Buffer::zeros(encoded),
            gradient: Buffer::zeros(layout.parameters),
        }
    }
}

impl Scratch {
    pub(super) fn new(layout: &Layout) -> Self {
        let convs = &layout.convs;
        let input = |c: &ConvSlots| {
            c.grid.map_or(c.shape.bordered(c.shape.cin), |g| g.bordered(g.cin) * together(c))
        };
        let gradient = |c: &ConvSlots| c.grid.map_or(c.plane.len(), |g| g.gradient() * together(c));
        let tiles = || Buffer::zeros(largest(convs, |c| c.grid.map_or(0, |g| g.buffer())));
        Self {
            inputs: convs.iter().map(|c| Buffer::zeros(input(c))).collect(),
            gradients: convs.iter().map(|c| Buffer::zeros(gradient(c))).collect(),
            transformed: Buffer::zeros(largest(convs, |c| c.grid.map_or(0, |g| g.weights()))),
            tiles: [tiles(), tiles()],
            sums: Buffer::zeros(2 * largest(convs, |c| c.shape.cout)),
            parts: Buffer::zeros(3 * first::part(convs[0].shape)),
            strip: Buffer::zeros(first_layer::strip_len(&convs[0])),
            first_gradient: Buffer::zeros(
                convs[1].grid.map_or(0, |g| g.bordered(g.cin)) * together(&convs[1]),
            ),
        }
    }
}

/// Writes the sum of the groups' gradients in `range`, added in order.
pub(crate) fn add_groups(groups: &[Group], range: Range<usize>, gradient: &mut [f32]) {
    gradient.copy_from_slice(&groups[0].gradient[range.clone()]);
    for group in &groups[1..] {
        update::add(gradient, &group.gradient[range.clone()]);
    }
}

/// Adds some images' sums to a group's.
fn add(totals: &mut [f64], sums: &[f32]) {
    totals.iter_mut().zip(sums).for_each(|(total, &sum)| *total += f64::from(sum));
}

/// What all groups read.
#[derive(Clone, Copy)]
pub(super) struct Pass<'a> {
    pub(super) isa: Isa,
    pub(super) layout: &'a Layout,
    pub(super) parameters: &'a [f32],
    /// Each layer's normalisation, as far as it is known.
    pub(super) norms: &'a [Norm],
}

impl<'a> Pass<'a> {
    fn first_layer(self) -> FirstLayer<'a> {
        FirstLayer::new(self.isa, self.layout, self.parameters)
    }
}

impl Group {
    /// Layer `l` of every image, and the sums of its output. `transformed` are the layer's weights.
    pub(super) fn convolve(
        &mut self,
        pass: Pass<'_>,
        l: usize,
        transformed: &[f32],
        images: &[f32],
        scratch: &mut Scratch,
    ) {
        let Pass { isa, layout, parameters, norms } = pass;
        let conv = &layout.convs[l];
        let (plane, pack, len) = (conv.plane, together(conv), images.len() / self.count);
        self.totals.fill(0.0);
        let Some(g) = conv.grid else {
            let Scratch { inputs, sums, strip, .. } = scratch;
            for image in images.chunks_exact(len) {
                sums.fill(0.0);
                pass.first_layer().statistics(image, &mut inputs[0], strip, sums);
                add(&mut self.totals, sums);
            }
            return;
        };
        let filters =
            Filters { weights: transformed, bias: &parameters[conv.bias.clone()], affine: None };
        let out = Out { row: plane.width * plane.channels, image: plane.len() };
        for first in (0..self.count).step_by(pack) {
            let count = pack.min(self.count - first);
            self.stage(pass, l, images, first..first + count, &mut scratch.inputs);
            let x = &scratch.inputs[l][..count * g.bordered(g.cin)];
            let y = &mut self.outputs[l][first * plane.len()..][..count * plane.len()];
            winograd::forward(isa, g, count, x, filters, y, out, &mut scratch.tiles);
            for (i, y) in y.chunks_exact(plane.len()).enumerate() {
                if plane.pool {
                    let len = plane.read().len();
                    let pooled = &mut self.pooled[l][(first + i) * len..][..len];
                    norm::pool(isa, plane, y, &norms[l].sign, pooled);
                }
                scratch.sums.fill(0.0);
                norm::statistics(isa, plane, y, &mut scratch.sums);
                add(&mut self.totals, &scratch.sums);
            }
        }
    }

    /// Writes the bordered inputs of layer `l`, which is not the first, for `some` of the group's
    /// images.
    fn stage(
        &self,
        pass: Pass<'_>,
        l: usize,
        images: &[f32],
        some: Range<usize>,
        inputs: &mut [Buffer],
    ) {
        let Pass { isa, layout, norms, .. } = pass;
        let Some(g) = layout.convs[l].grid else { return };
        if l == 1 {
            let (len, [bordered, x, ..]) = (images.len() / self.count, inputs) else { return };
            let images = images[some.start * len..some.end * len].chunks_exact(len);
            for (image, x) in images.zip(x.chunks_exact_mut(g.bordered(g.cin))) {
                pass.first_layer().normalised(&norms[0], image, bordered, g, x);
            }
            return;
        }
        let (plane, norm) = (layout.convs[l - 1].plane.read(), &norms[l - 1]);
        let before = &self.read(layout, l - 1)[some.start * plane.len()..some.end * plane.len()];
        for (y, x) in
            before.chunks_exact(plane.len()).zip(inputs[l].chunks_exact_mut(g.bordered(g.cin)))
        {
            let (x, pitch) = (&mut x[(g.pitch() + 1) * g.cin..], g.pitch() * g.cin);
            norm::normalise(isa, plane, y, &norm.scale, &norm.shift, x, pitch);
        }
    }

    /// What is read of layer `l` for all images.
    fn read(&self, layout: &Layout, l: usize) -> &[f32] {
        if layout.convs[l].plane.pool { &self.pooled[l] } else { &self.outputs[l] }
    }

    /// Normalises the last layer's output.
    pub(super) fn encode(&mut self, pass: Pass<'_>) {
        let last = pass.layout.convs.len() - 1;
        let (plane, norm) = (pass.layout.convs[last].plane, &pass.norms[last]);
        let (len, pitch) = (plane.len(), plane.width * plane.channels);
        let images = self.outputs[last].chunks_exact(len).zip(self.encoded.chunks_exact_mut(len));
        for (y, out) in images.take(self.count) {
            norm::normalise(pass.isa, plane, y, &norm.scale, &norm.shift, out, pitch);
        }
    }

    /// Begins the way back: the gradient of the last layer's output, and its sums.
    pub(super) fn begin_back(&mut self, pass: Pass<'_>, scratch: &mut Scratch) {
        let len = self.encoded_gradient.len();
        self.upper[..len].copy_from_slice(&self.encoded_gradient);
        self.totals.fill(0.0);
        self.sum_gradient(pass, pass.layout.convs.len() - 1, 0..self.count, &mut scratch.sums);
    }

    /// Adds the backward sums of layer `l` for `some` of the images.
    fn sum_gradient(&mut self, pass: Pass<'_>, l: usize, some: Range<usize>, sums: &mut [f32]) {
        let Pass { isa, layout, norms, .. } = pass;
        let (plane, view) = (layout.convs[l].plane.read(), View::of(layout, l));
        for i in some {
            let dz = if l + 1 == layout.convs.len() { &self.upper } else { &self.lower };
            let (y, dz) =
                (&self.read(layout, l)[i * plane.len()..], &dz[i * view.image + view.offset..]);
            sums.fill(0.0);
            norm::backward_statistics(isa, plane, y, dz, view.row, &norms[l].mean, sums);
            add(&mut self.totals, sums);
        }
    }

    /// Layer `l`, which is not the first, backward for every image. `transposed` are its weights.
    ///
    /// It gives the gradients of weights and bias, and that of the layer's input in `upper`. Where
    /// the first layer made the input, it gives the parts of that layer's gradient instead.
    pub(super) fn back(
        &mut self,
        pass: Pass<'_>,
        l: usize,
        transposed: &[f32],
        images: &[f32],
        scratch: &mut Scratch,
    ) {
        let Pass { isa, layout, norms, .. } = pass;
        let conv = &layout.convs[l];
        let Some(grid) = conv.grid else { return };
        let (plane, view, pack) = (conv.plane, View::of(layout, l), together(conv));
        let (pitch, len) = (grid.gradient_pitch() * plane.channels, images.len() / self.count);
        self.totals.fill(0.0);
        self.gradient[conv.bias.clone()].fill(0.0);
        if l == 1 {
            self.first.fill(0.0);
        }
        for first in (0..self.count).step_by(pack) {
            let count = pack.min(self.count - first);
            let some = first..first + count;
            self.stage(pass, l, images, some.clone(), &mut scratch.inputs);
            for (i, g) in
                scratch.gradients[l].chunks_exact_mut(grid.gradient()).take(count).enumerate()
            {
                let y = &self.outputs[l][(first + i) * plane.len()..][..plane.len()];
                let dz = &self.upper[(first + i) * view.image + view.offset..];
                norm::backward(isa, plane, y, dz, view.row, &norms[l], g, pitch, &mut scratch.sums);
                let bias = self.gradient[conv.bias.clone()].iter_mut();
                bias.zip(scratch.sums.iter()).for_each(|(total, sum)| *total += sum);
            }
            let (x, g, du) = (&scratch.inputs[l], &scratch.gradients[l], &mut scratch.transformed);
            let (fresh, tiles) = (first == 0, &mut scratch.tiles);
            let dx = match l {
                1 => &mut scratch.first_gradient[..],
                _ => &mut self.lower[first * grid.bordered(grid.cin)..],
            };
            winograd_back::backward(isa, grid, count, x, g, transposed, du, fresh, dx, tiles);
            if l == 1 {
                self.back_first(pass, &images[some.start * len..some.end * len], len, scratch);
            } else {
                self.sum_gradient(pass, l - 1, some, &mut scratch.sums);
            }
        }
        let weights = &mut self.gradient[conv.weight.clone()];
        winograd_back::gather_weights(isa, grid, &scratch.transformed, weights);
        std::mem::swap(&mut self.upper, &mut self.lower);
    }

    /// Adds the share of some images of `len` values to the first layer's backward sums and to the
    /// parts of its gradient.
    fn back_first(&mut self, pass: Pass<'_>, images: &[f32], len: usize, scratch: &mut Scratch) {
        let view = View::of(pass.layout, 0);
        let Scratch { inputs, sums, parts, strip, first_gradient, .. } = scratch;
        for (image, dz) in images.chunks_exact(len).zip(first_gradient.chunks_exact(view.image)) {
            sums.fill(0.0);
            parts.fill(0.0);
            let (dz, out) = ((&dz[view.offset..], view.row), (&mut sums[..], &mut parts[..]));
            pass.first_layer().backward(&pass.norms[0], image, &mut inputs[0], strip, dz, out);
            add(&mut self.totals, sums);
            add(&mut self.first, parts);
        }
    }
}
