//! The convolutional part in training: forward, and backward from a gradient handed into its output.
//!
//! A batch is cut into groups whose size depends on the batch alone. A group owns what must outlive a layer, a thread
//! owns the scratch of the layer at hand, so that a group runs on any thread; between two layers the groups' sums meet
//! in order. Activations are stored once, rectified and before normalisation: whoever reads them normalises, pools and
//! adds the border on the way. The first layer's are not stored at all, see `first_layer.rs`.
#![expect(clippy::too_many_arguments, reason = "parts of a group and of the encoder are borrowed apart")]

use crate::kernels::buffer::Buffer;
use crate::kernels::norm::{self, Norm};
use crate::kernels::simd::LANES;
use crate::kernels::winograd::{self, Filters, Grid, Out};
use crate::kernels::{Isa, first, update, winograd_back};
use crate::layers::first_layer::{self, FirstLayer};
use crate::network::layout::{ConvSlots, Layout};
use crate::team::{deal, each};
use std::ops::Range;

/// Added to the variance.
pub(crate) const EPSILON: f64 = 1e-5;
/// Weight of a new batch in the running statistics.
const MOMENTUM: f64 = 0.1;

/// Images in a group of a batch of `n`: enough that partial gradients stay few.
pub(crate) const fn group_size(n: usize) -> usize {
    if n <= 128 { 16 } else { n.div_ceil(8).div_ceil(8) * 8 }
}

/// No batch has more groups.
const MOST_GROUPS: usize = 8;

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
    /// Gradient of what is read of a normalised output, and of the one before it.
    upper: Buffer,
    lower: Buffer,
    totals: Vec<f64>,
    /// The three parts of the first layer's gradient, see [`first`].
    first: Vec<f64>,
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
    transformed: Buffer,
    tiles: [Buffer; 2],
    /// Sums of one image.
    sums: Buffer,
    /// The three parts of the first layer's gradient, of one image.
    parts: Buffer,
    /// Some rows of the first layer's rectified output, see [`crate::layers::first_layer`].
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
            Some(g) => Self { offset: (g.pitch() + 1) * g.cin, row: g.pitch() * g.cin, image: g.bordered(g.cin) },
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
    fn new(layout: &Layout, size: usize) -> Self {
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
    fn new(layout: &Layout) -> Self {
        let convs = &layout.convs;
        let input = |c: &ConvSlots| c.grid.map_or(c.shape.bordered(c.shape.cin), |g| g.bordered(g.cin) * together(c));
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
            first_gradient: Buffer::zeros(convs[1].grid.map_or(0, |g| g.bordered(g.cin)) * together(&convs[1])),
        }
    }
}

/// What the encoder hands to the head.
pub(crate) struct EncodedBatch<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) parameters: &'a [f32],
    /// The groups that the batch fills.
    pub(crate) groups: &'a mut [Group],
    /// One for every thread.
    pub(crate) scratch: &'a mut [Scratch],
    /// Images of the batch.
    pub(crate) images: usize,
    /// Images in every group but the last.
    pub(crate) group_size: usize,
}

impl EncodedBatch<'_> {
    /// Calls `work` with the number of every group, the group, and the head's rows for it.
    pub(crate) fn each<R: Send>(&mut self, rows: &mut [R], work: impl Fn(usize, &mut Group, &mut R) + Sync) {
        let used = self.groups.len();
        let mut pairs: [Option<(&mut Group, &mut R)>; MOST_GROUPS] = [const { None }; MOST_GROUPS];
        for (slot, pair) in pairs.iter_mut().zip(self.groups.iter_mut().zip(rows)) {
            *slot = Some(pair);
        }
        each(&mut pairs[..used], self.scratch, &|i, slot, _| {
            if let Some((group, rows)) = slot {
                work(i, group, rows);
            }
        });
    }
}

/// Writes the sum of the groups' gradients in `range`, added in order.
pub(crate) fn add_groups(groups: &[Group], range: Range<usize>, gradient: &mut [f32]) {
    gradient.copy_from_slice(&groups[0].gradient[range.clone()]);
    for group in &groups[1..] {
        update::add(gradient, &group.gradient[range.clone()]);
    }
}

/// The encoder's workspace.
pub(crate) struct Encoder {
    isa: Isa,
    groups: Vec<Group>,
    scratch: Vec<Scratch>,
    norms: Vec<Norm>,
    /// Transformed weights of each layer, and those that carry gradients back.
    weights: Vec<Buffer>,
    transposed: Vec<Buffer>,
    image_len: usize,
    /// Group size of the batch at hand.
    size: usize,
}

impl Encoder {
    pub(crate) fn new(isa: Isa, layout: &Layout, image_len: usize, max_batch: usize, threads: usize) -> Self {
        let Room { groups, size } = Room::of(max_batch);
        let norm = |c: &ConvSlots| Norm {
            scale: vec![0.0; c.shape.cout],
            shift: vec![0.0; c.shape.cout],
            mean: vec![0.0; c.shape.cout],
            sign: vec![1.0; c.shape.cout],
            inverse: vec![0.0; c.shape.cout],
            factors: vec![0.0; 3 * c.shape.cout],
            exact_factors: vec![[0.0; 3]; c.shape.cout],
        };
        let weights = |g: fn(Grid) -> Grid| {
            let len = move |c: &ConvSlots| Buffer::zeros(c.grid.map_or(0, |grid| g(grid).weights()));
            layout.convs.iter().map(len).collect()
        };
        Self {
            isa,
            groups: (0..groups).map(|_| Group::new(layout, size)).collect(),
            scratch: (0..threads.max(1)).map(|_| Scratch::new(layout)).collect(),
            norms: layout.convs.iter().map(norm).collect(),
            weights: weights(|g| g),
            transposed: weights(Grid::transposed),
            image_len,
            size,
        }
    }

    /// Shares a batch of `n` images out to the groups.
    pub(crate) fn share(&mut self, n: usize) {
        self.size = group_size(n);
        let used = n.div_ceil(self.size);
        for (i, group) in self.groups[..used].iter_mut().enumerate() {
            group.count = n.saturating_sub(i * self.size).min(self.size);
        }
    }

    /// The groups that a batch of `n` images fills.
    pub(crate) fn used(&self, n: usize) -> &[Group] {
        &self.groups[..n.div_ceil(self.size)]
    }

    /// The threads that work is split over.
    pub(crate) fn threads(&self) -> usize {
        self.scratch.len()
    }

    /// The outputs of a batch of `n` images, for the head.
    pub(crate) fn encoded<'a>(&'a mut self, layout: &'a Layout, parameters: &'a [f32], n: usize) -> EncodedBatch<'a> {
        let (group_size, used) = (self.size, n.div_ceil(self.size));
        let (groups, scratch) = (&mut self.groups[..used], &mut self.scratch[..]);
        EncodedBatch { layout, parameters, groups, scratch, images: n, group_size }
    }

    /// Fills every group's `encoded`, and moves the running statistics.
    pub(crate) fn forward(&mut self, layout: &Layout, parameters: &[f32], running: &mut [f32], images: &[f32]) {
        let n = images.len() / self.image_len;
        let used = n.div_ceil(self.size);
        self.transform_weights(layout, parameters);
        for (l, conv) in layout.convs.iter().enumerate() {
            for (sign, &gamma) in self.norms[l].sign.iter_mut().zip(&parameters[conv.gamma.clone()]) {
                *sign = if gamma < 0.0 { -1.0 } else { 1.0 };
            }
            let (isa, size, len, norms) = (self.isa, self.size, self.image_len, &self.norms);
            let weights = &self.weights[l];
            each(&mut self.groups[..used], &mut self.scratch, &|i, group, scratch| {
                let images = &images[i * size * len..][..group.count * len];
                group.convolve(isa, layout, l, parameters, weights, norms, images, scratch);
            });
            self.normalise(l, conv, n, parameters, running);
        }
        let (isa, norms) = (self.isa, &self.norms);
        each(&mut self.groups[..used], &mut self.scratch, &|_, group, _| group.encode(isa, layout, norms));
    }

    /// Transforms the weights of all layers for both directions; threads take the next ones as they are done.
    fn transform_weights(&mut self, layout: &Layout, parameters: &[f32]) {
        let isa = self.isa;
        // The last layers are the largest.
        let layers = layout.convs.iter().zip(&mut self.weights).zip(&mut self.transposed).rev();
        let jobs = layers.flat_map(|((conv, to), back)| [(conv, back, true), (conv, to, false)]);
        deal(jobs, usize::MAX, &mut self.scratch, &|(conv, out, back), scratch| {
            let (Some(g), weights) = (conv.grid, &parameters[conv.weight.clone()]) else { return };
            if back {
                exchange(g, weights, &mut scratch.transformed);
                winograd::transform_weights(isa, g.transposed(), &scratch.transformed, out);
            } else {
                winograd::transform_weights(isa, g, weights, out);
            }
        });
    }

    /// Turns the groups' sums into the layer's normalisation.
    fn normalise(&mut self, l: usize, conv: &ConvSlots, n: usize, parameters: &[f32], running: &mut [f32]) {
        let c = conv.shape.cout;
        let values = (n * conv.shape.pixels()) as f64;
        let norm = &mut self.norms[l];
        let used = n.div_ceil(self.size);
        for ch in 0..c {
            let sum = |k: usize| self.groups[..used].iter().map(|g| g.totals[k]).fold(0.0, |a, b| a + b);
            let mean = sum(ch) / values;
            let variance = (sum(c + ch) / values - mean * mean).max(0.0);
            let inverse = 1.0 / (variance + EPSILON).sqrt();
            let (gamma, beta) = (parameters[conv.gamma.start + ch], parameters[conv.beta.start + ch]);
            let scale = f64::from(gamma) * inverse;
            norm.mean[ch] = mean as f32;
            norm.inverse[ch] = inverse;
            norm.scale[ch] = scale as f32;
            norm.shift[ch] = (f64::from(beta) - mean * scale) as f32;
            let moved = |old: f32, new: f64| ((1.0 - MOMENTUM) * f64::from(old) + MOMENTUM * new) as f32;
            let (at_mean, at_var) = (conv.mean.start + ch, conv.var.start + ch);
            running[at_mean] = moved(running[at_mean], mean);
            running[at_var] = moved(running[at_var], variance * values / (values - 1.0));
        }
    }

    /// Carries every group's `encoded_gradient` back; adds up the gradients in the groups, except those of the
    /// normalisation, which are written to `gradient`.
    pub(crate) fn backward(&mut self, layout: &Layout, parameters: &[f32], gradient: &mut [f32], images: &[f32]) {
        let n = images.len() / self.image_len;
        let used = n.div_ceil(self.size);
        let (isa, size, len) = (self.isa, self.size, self.image_len);
        let last = layout.convs.len() - 1;
        let norm = &self.norms[last];
        each(&mut self.groups[..used], &mut self.scratch, &|_, group, scratch| {
            let len = group.encoded_gradient.len();
            group.upper[..len].copy_from_slice(&group.encoded_gradient);
            group.totals.fill(0.0);
            group.sum_gradient(isa, layout, last, norm, 0, group.count, &mut scratch.sums);
        });
        for (l, conv) in layout.convs.iter().enumerate().skip(1).rev() {
            self.factors(l, conv, n, parameters, gradient);
            let (norms, transposed) = (&self.norms, &self.transposed[l]);
            each(&mut self.groups[..used], &mut self.scratch, &|i, group, scratch| {
                let images = &images[i * size * len..][..group.count * len];
                group.back(isa, layout, l, parameters, norms, transposed, images, scratch);
                std::mem::swap(&mut group.upper, &mut group.lower);
            });
        }
        self.factors(0, &layout.convs[0], n, parameters, gradient);
        self.first_gradient(&layout.convs[0], used, gradient);
    }

    /// Puts the first layer's gradient together from its parts.
    fn first_gradient(&self, conv: &ConvSlots, used: usize, gradient: &mut [f32]) {
        let (c, part) = (conv.shape.cout, first::part(conv.shape));
        let places = conv.weight.clone().chain(conv.bias.clone());
        for (i, place) in places.enumerate() {
            let sum = |k: usize| self.groups[..used].iter().map(|g| g.first[k * part + i]).fold(0.0, |a, b| a + b);
            let [fa, fb, fc] = self.norms[0].exact_factors[i % c];
            gradient[place] = (fa * sum(0) + fb * sum(1) + fc * sum(2)) as f32;
        }
    }

    fn factors(&mut self, l: usize, conv: &ConvSlots, n: usize, parameters: &[f32], gradient: &mut [f32]) {
        let c = conv.shape.cout;
        let values = (n * conv.shape.pixels()) as f64;
        let used = n.div_ceil(self.size);
        let norm = &mut self.norms[l];
        for ch in 0..c {
            let sum = |k: usize| self.groups[..used].iter().map(|g| g.totals[k]).fold(0.0, |a, b| a + b);
            let (dz, inverse) = (sum(ch), norm.inverse[ch]);
            let dz_x = sum(c + ch) * inverse;
            gradient[conv.beta.start + ch] = dz as f32;
            gradient[conv.gamma.start + ch] = dz_x as f32;
            let a = f64::from(parameters[conv.gamma.start + ch]) * inverse;
            let b = -a * inverse * dz_x / values;
            norm.exact_factors[ch] = [a, b, -a * dz / values - b * f64::from(norm.mean[ch])];
            for (k, factor) in norm.exact_factors[ch].into_iter().enumerate() {
                norm.factors[k * c + ch] = factor as f32;
            }
        }
    }
}

/// Writes `weights` [9, in, out] as [9, out, in], eight by eight.
fn exchange(g: Grid, weights: &[f32], out: &mut [f32]) {
    let len = g.cin * g.cout;
    for (from, to) in weights.chunks_exact(len).zip(out.chunks_exact_mut(len)) {
        for (ci, co) in (0..g.cin).step_by(LANES).flat_map(|ci| (0..g.cout).step_by(LANES).map(move |co| (ci, co))) {
            for j in 0..LANES {
                let line = &mut to[(co + j) * g.cin + ci..][..LANES];
                for (i, w) in line.iter_mut().enumerate() {
                    *w = from[(ci + i) * g.cout + co + j];
                }
            }
        }
    }
}

/// Adds some images' sums to a group's.
fn add(totals: &mut [f64], sums: &[f32]) {
    totals.iter_mut().zip(sums).for_each(|(total, &sum)| *total += f64::from(sum));
}

/// What is read of layer `l` for all images of a group.
fn read<'a>(layout: &Layout, l: usize, outputs: &'a [Buffer], pooled: &'a [Buffer]) -> &'a [f32] {
    if layout.convs[l].plane.pool { &pooled[l] } else { &outputs[l] }
}

/// Writes the bordered inputs of layer `l`, which is not the first, for some images; `before` is what is read
/// of the layer before.
fn stage(isa: Isa, layout: &Layout, l: usize, norms: &[Norm], before: &[f32], x: &mut [f32]) {
    let (plane, norm) = (layout.convs[l - 1].plane.read(), &norms[l - 1]);
    let Some(g) = layout.convs[l].grid else { return };
    for (y, x) in before.chunks_exact(plane.len()).zip(x.chunks_exact_mut(g.bordered(g.cin))) {
        norm::normalise(isa, plane, y, &norm.scale, &norm.shift, &mut x[(g.pitch() + 1) * g.cin..], g.pitch() * g.cin);
    }
}

impl Group {
    /// Layer `l` of every image, and the sums of its output.
    fn convolve(
        &mut self,
        isa: Isa,
        layout: &Layout,
        l: usize,
        parameters: &[f32],
        transformed: &[f32],
        norms: &[Norm],
        images: &[f32],
        scratch: &mut Scratch,
    ) {
        let conv = &layout.convs[l];
        let (plane, pack, len) = (conv.plane, together(conv), images.len() / self.count);
        let row = plane.width * plane.channels;
        self.totals.fill(0.0);
        let Some(g) = conv.grid else {
            let Scratch { inputs, sums, strip, .. } = scratch;
            for image in images.chunks_exact(len) {
                sums.fill(0.0);
                FirstLayer::new(isa, layout, parameters).statistics(image, &mut inputs[0], strip, sums);
                add(&mut self.totals, sums);
            }
            return;
        };
        let filters = Filters { weights: transformed, bias: &parameters[conv.bias.clone()], affine: None };
        for first in (0..self.count).step_by(pack) {
            let count = pack.min(self.count - first);
            self.stage(isa, layout, l, parameters, norms, images, first, count, &mut scratch.inputs);
            let x = &scratch.inputs[l][..count * g.bordered(g.cin)];
            let y = &mut self.outputs[l][first * plane.len()..][..count * plane.len()];
            winograd::forward(isa, g, count, x, filters, y, Out { row, image: plane.len() }, &mut scratch.tiles);
            for (i, y) in y.chunks_exact(plane.len()).enumerate() {
                if plane.pool {
                    let len = plane.read().len();
                    norm::pool(isa, plane, y, &norms[l].sign, &mut self.pooled[l][(first + i) * len..][..len]);
                }
                scratch.sums.fill(0.0);
                norm::statistics(isa, plane, y, &mut scratch.sums);
                add(&mut self.totals, &scratch.sums);
            }
        }
    }

    /// Writes the bordered inputs of layer `l`, which is not the first, for `count` of the group's images from `first` on.
    fn stage(
        &self,
        isa: Isa,
        layout: &Layout,
        l: usize,
        parameters: &[f32],
        norms: &[Norm],
        images: &[f32],
        first: usize,
        count: usize,
        inputs: &mut [Buffer],
    ) {
        if l == 1 {
            let (len, [bordered, x, ..]) = (images.len() / self.count, inputs) else { return };
            let Some(g) = layout.convs[l].grid else { return };
            let images = images[first * len..][..count * len].chunks_exact(len);
            for (image, x) in images.zip(x.chunks_exact_mut(g.bordered(g.cin))) {
                FirstLayer::new(isa, layout, parameters).normalised(&norms[0], image, bordered, g, x);
            }
        } else {
            let len = layout.convs[l - 1].plane.read().len();
            let before = &read(layout, l - 1, &self.outputs, &self.pooled)[first * len..][..count * len];
            stage(isa, layout, l, norms, before, &mut inputs[l]);
        }
    }

    fn encode(&mut self, isa: Isa, layout: &Layout, norms: &[Norm]) {
        let last = layout.convs.len() - 1;
        let (plane, norm) = (layout.convs[last].plane, &norms[last]);
        let len = plane.len();
        for (y, out) in self.outputs[last].chunks_exact(len).zip(self.encoded.chunks_exact_mut(len)).take(self.count) {
            norm::normalise(isa, plane, y, &norm.scale, &norm.shift, out, plane.width * plane.channels);
        }
    }

    /// Adds the backward sums of layer `l` over the gradient `dz` of `count` images from `first` on.
    fn sum_gradient(
        &mut self,
        isa: Isa,
        layout: &Layout,
        l: usize,
        norm: &Norm,
        first: usize,
        count: usize,
        sums: &mut [f32],
    ) {
        let (plane, view) = (layout.convs[l].plane.read(), View::of(layout, l));
        let dz = if l + 1 == layout.convs.len() { &self.upper } else { &self.lower };
        let y = read(layout, l, &self.outputs, &self.pooled);
        for (i, y) in y.chunks_exact(plane.len()).enumerate().skip(first).take(count) {
            let dz = &dz[i * view.image + view.offset..];
            sums.fill(0.0);
            norm::backward_statistics(isa, plane, y, dz, view.row, &norm.mean, sums);
            add(&mut self.totals, sums);
        }
    }

    /// Layer `l`, which is not the first, of every image: gradients of weights and bias, and of the layer's input into
    /// `lower`, or where the first layer made it, what that layer's gradient is put together from.
    fn back(
        &mut self,
        isa: Isa,
        layout: &Layout,
        l: usize,
        parameters: &[f32],
        norms: &[Norm],
        transposed: &[f32],
        images: &[f32],
        scratch: &mut Scratch,
    ) {
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
            self.stage(isa, layout, l, parameters, norms, images, first, count, &mut scratch.inputs);
            for (i, g) in scratch.gradients[l].chunks_exact_mut(grid.gradient()).take(count).enumerate() {
                let y = &self.outputs[l][(first + i) * plane.len()..][..plane.len()];
                let dz = &self.upper[(first + i) * view.image + view.offset..];
                norm::backward(isa, plane, y, dz, view.row, &norms[l], g, pitch, &mut scratch.sums);
                let bias = self.gradient[conv.bias.clone()].iter_mut();
                bias.zip(scratch.sums.iter()).for_each(|(total, sum)| *total += sum);
            }
            let (x, g, du) = (&scratch.inputs[l], &scratch.gradients[l], &mut scratch.transformed);
            let dx = match l {
                1 => &mut scratch.first_gradient[..],
                _ => &mut self.lower[first * grid.bordered(grid.cin)..],
            };
            winograd_back::backward(isa, grid, count, x, g, transposed, du, first == 0, dx, &mut scratch.tiles);
            if l == 1 {
                self.back_first(
                    isa,
                    layout,
                    parameters,
                    &norms[0],
                    &images[first * len..][..count * len],
                    len,
                    scratch,
                );
            } else {
                self.sum_gradient(isa, layout, l - 1, &norms[l - 1], first, count, &mut scratch.sums);
            }
        }
        winograd_back::gather_weights(isa, grid, &scratch.transformed, &mut self.gradient[conv.weight.clone()]);
    }

    /// Adds what some images of `len` values give to the first layer's backward sums and to the parts of its gradient.
    fn back_first(
        &mut self,
        isa: Isa,
        layout: &Layout,
        parameters: &[f32],
        norm: &Norm,
        images: &[f32],
        len: usize,
        scratch: &mut Scratch,
    ) {
        let view = View::of(layout, 0);
        let Scratch { inputs, sums, parts, strip, first_gradient, .. } = scratch;
        for (image, dz) in images.chunks_exact(len).zip(first_gradient.chunks_exact(view.image)) {
            sums.fill(0.0);
            parts.fill(0.0);
            let (first, gradient) = (FirstLayer::new(isa, layout, parameters), (&dz[view.offset..], view.row));
            first.backward(norm, image, &mut inputs[0], strip, gradient, (sums, parts));
            add(&mut self.totals, sums);
            add(&mut self.first, parts);
        }
    }
}
