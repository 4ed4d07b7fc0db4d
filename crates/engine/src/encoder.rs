//! The convolutional part in training: forward, and backward from a gradient handed into its output.
//!
//! A batch is cut into groups whose size depends on the batch alone. A group owns all that its images need, so groups
//! run on any thread; between two layers their sums meet in the order of the groups.

use crate::kernels::norm::{self, Read, pooled};
use crate::kernels::{Isa, direct};
use crate::layout::{ConvSlots, Layout};
use crate::team::each;

/// Added to the variance.
pub(crate) const EPSILON: f64 = 1e-5;
/// Weight of a new batch in the running statistics.
const MOMENTUM: f64 = 0.1;

/// Images in a group of a batch of `n`: enough that partial gradients stay few.
pub(crate) const fn group_size(n: usize) -> usize {
    if n <= 128 { 16 } else { n.div_ceil(8).div_ceil(8) * 8 }
}

/// What one layer's normalisation is in this step.
#[derive(Default)]
pub(crate) struct Norm {
    scale: Vec<f32>,
    shift: Vec<f32>,
    mean: Vec<f32>,
    inverse: Vec<f64>,
    /// Of `g = a dz + b y + c`, [3, channels].
    factors: Vec<f32>,
}

/// What the images of a group need.
pub(crate) struct Group {
    /// Images of this batch in this group.
    pub(crate) count: usize,
    /// Rectified outputs of each convolution, [count, h, w, c].
    outputs: Vec<Vec<f32>>,
    /// Bordered input and gradient of each convolution, of one image.
    inputs: Vec<Vec<f32>>,
    bordered: Vec<Vec<f32>>,
    /// Gradient of a normalised and perhaps pooled output, and of the one before it, [count, ..].
    upper: Vec<f32>,
    lower: Vec<f32>,
    /// Gradient of one normalised image.
    dense: Vec<f32>,
    sums: Vec<f32>,
    totals: Vec<f64>,
    /// The encoder's output, [count, row, column, channel], and its gradient.
    pub(crate) encoded: Vec<f32>,
    pub(crate) encoded_gradient: Vec<f32>,
    /// The group's part of the gradient of every parameter.
    pub(crate) gradient: Vec<f32>,
}

impl Group {
    fn new(layout: &Layout, size: usize) -> Self {
        let convs = &layout.convs;
        let plane = |c: &ConvSlots| c.shape.pixels() * c.shape.cout;
        let largest = convs.iter().map(plane).max().unwrap_or(0);
        let between = convs.iter().skip(1).map(|c| c.shape.pixels() * c.shape.cin).max().unwrap_or(0);
        let channels = convs.iter().map(|c| c.shape.cout).max().unwrap_or(0);
        let encoded = convs.last().map_or(0, plane);
        let wide = between.max(encoded) * size;
        Self {
            count: 0,
            outputs: convs.iter().map(|c| vec![0.0; plane(c) * size]).collect(),
            inputs: convs.iter().map(|c| vec![0.0; c.shape.bordered(c.shape.cin)]).collect(),
            bordered: convs.iter().map(|c| vec![0.0; c.shape.bordered(c.shape.cout)]).collect(),
            upper: vec![0.0; wide],
            lower: vec![0.0; wide],
            dense: vec![0.0; largest],
            sums: vec![0.0; 2 * channels],
            totals: vec![0.0; 2 * channels],
            encoded: vec![0.0; encoded * size],
            encoded_gradient: vec![0.0; encoded * size],
            gradient: vec![0.0; layout.parameters],
        }
    }

    fn add_sums(&mut self, len: usize) {
        for (total, &sum) in self.totals.iter_mut().zip(&self.sums[..len]) {
            *total += f64::from(sum);
        }
    }
}

/// The encoder's workspace.
pub(crate) struct Encoder {
    isa: Isa,
    pub(crate) groups: Vec<Group>,
    norms: Vec<Norm>,
    /// Weights that carry each convolution's gradient back.
    transposed: Vec<Vec<f32>>,
    zeros: Vec<f32>,
    image_len: usize,
    /// Group size of the batch at hand.
    size: usize,
}

impl Encoder {
    pub(crate) fn new(isa: Isa, layout: &Layout, image_len: usize, max_batch: usize) -> Self {
        let size = group_size(max_batch).min(max_batch);
        let norm = |c: &ConvSlots| Norm {
            scale: vec![0.0; c.shape.cout],
            shift: vec![0.0; c.shape.cout],
            mean: vec![0.0; c.shape.cout],
            inverse: vec![0.0; c.shape.cout],
            factors: vec![0.0; 3 * c.shape.cout],
        };
        Self {
            isa,
            // A smaller batch may have more groups than the largest one.
            groups: (0..max_batch.div_ceil(group_size(max_batch)).max(max_batch.min(128).div_ceil(16)))
                .map(|_| Group::new(layout, size))
                .collect(),
            norms: layout.convs.iter().map(norm).collect(),
            transposed: layout.convs.iter().map(|c| vec![0.0; c.weight.len()]).collect(),
            zeros: vec![0.0; layout.convs.iter().map(|c| c.shape.cin).max().unwrap_or(0)],
            image_len,
            size,
        }
    }

    /// Shares a batch of `n` images out to the groups and returns how many groups it fills.
    pub(crate) fn share(&mut self, n: usize) -> usize {
        self.size = group_size(n);
        for (i, group) in self.groups.iter_mut().enumerate() {
            group.count = n.saturating_sub(i * self.size).min(self.size);
            group.gradient.fill(0.0);
        }
        n.div_ceil(self.size)
    }

    /// Images in every group but the last.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Fills every group's `encoded`, and moves the running statistics.
    pub(crate) fn forward(
        &mut self,
        parallel: bool,
        layout: &Layout,
        parameters: &[f32],
        running: &mut [f32],
        images: &[f32],
    ) {
        let n = images.len() / self.image_len;
        let used = n.div_ceil(self.size);
        for (l, conv) in layout.convs.iter().enumerate() {
            let (isa, size, len, norms) = (self.isa, self.size, self.image_len, &self.norms);
            each(parallel, &mut self.groups[..used], &|i, group| {
                let count = group.count;
                group.convolve(isa, layout, l, parameters, norms, &images[i * size * len..][..count * len]);
            });
            self.normalise(l, conv, n, parameters, running);
        }
        let (last, isa, norms) = (layout.convs.len() - 1, self.isa, &self.norms);
        each(parallel, &mut self.groups[..used], &|_, group| group.encode(isa, layout, last, &norms[last]));
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
    pub(crate) fn backward(
        &mut self,
        parallel: bool,
        layout: &Layout,
        parameters: &[f32],
        gradient: &mut [f32],
        images: &[f32],
    ) {
        let n = images.len() / self.image_len;
        let used = n.div_ceil(self.size);
        for (conv, out) in layout.convs.iter().zip(&mut self.transposed).skip(1) {
            direct::transpose_weights(conv.shape.cin, conv.shape.cout, &parameters[conv.weight.clone()], out);
        }
        let (isa, size, len) = (self.isa, self.size, self.image_len);
        let last = layout.convs.len() - 1;
        let norms = &self.norms;
        each(parallel, &mut self.groups[..used], &|_, group| {
            let len = group.encoded_gradient.len();
            group.upper[..len].copy_from_slice(&group.encoded_gradient);
            group.sum_gradient(isa, layout, last, &norms[last]);
        });
        for l in (0..layout.convs.len()).rev() {
            self.factors(l, &layout.convs[l], n, parameters, gradient);
            let (norms, transposed, zeros) = (&self.norms, &self.transposed[l], &self.zeros);
            each(parallel, &mut self.groups[..used], &|i, group| {
                let count = group.count;
                let images = &images[i * size * len..][..count * len];
                group.back(isa, layout, l, norms, transposed, zeros, images);
                if l > 0 {
                    std::mem::swap(&mut group.upper, &mut group.lower);
                    group.sum_gradient(isa, layout, l - 1, &norms[l - 1]);
                }
            });
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
            norm.factors[ch] = a as f32;
            norm.factors[c + ch] = b as f32;
            norm.factors[2 * c + ch] = (-a * dz / values - b * f64::from(norm.mean[ch])) as f32;
        }
    }
}

/// Whether a pool follows layer `l`, and its output's length an image.
fn consumer(layout: &Layout, l: usize) -> (bool, usize) {
    let s = layout.convs[l].shape;
    let pool = layout.convs.get(l + 1).is_some_and(|next| next.pooled_input);
    let pixels = if pool { pooled(s.height) * pooled(s.width) } else { s.pixels() };
    (pool, pixels * s.cout)
}

/// The bordered input of layer `l` for image `i` of a group.
#[expect(clippy::too_many_arguments, reason = "parts of a group are borrowed apart")]
fn stage(
    isa: Isa,
    layout: &Layout,
    l: usize,
    norms: &[Norm],
    outputs: &[Vec<f32>],
    images: &[f32],
    i: usize,
    x: &mut [f32],
) {
    let conv = &layout.convs[l];
    let s = conv.shape;
    let row = (s.width + 2) * s.cin;
    if l == 0 {
        let len = s.pixels() * s.cin;
        norm::add_border(s.width * s.cin, s.cin, &images[i * len..][..len], x);
        return;
    }
    let from = layout.convs[l - 1].shape;
    let read =
        Read { height: from.height, width: from.width, channels: from.cout, pool: conv.pooled_input, pitch: row };
    let len = from.pixels() * from.cout;
    let y = &outputs[l - 1][i * len..][..len];
    norm::normalise(isa, read, y, &norms[l - 1].scale, &norms[l - 1].shift, &mut x[row + s.cin..]);
}

impl Group {
    /// Layer `l` of every image, and the sums of its output.
    fn convolve(&mut self, isa: Isa, layout: &Layout, l: usize, parameters: &[f32], norms: &[Norm], images: &[f32]) {
        let conv = &layout.convs[l];
        let s = conv.shape;
        self.totals.fill(0.0);
        for i in 0..self.count {
            stage(isa, layout, l, norms, &self.outputs, images, i, &mut self.inputs[l]);
            let y = &mut self.outputs[l][i * s.pixels() * s.cout..][..s.pixels() * s.cout];
            let (weight, bias) = (&parameters[conv.weight.clone()], &parameters[conv.bias.clone()]);
            direct::forward(isa, s, &self.inputs[l], weight, bias, y, true);
            norm::statistics(isa, s.pixels(), s.cout, y, &mut self.sums);
            self.add_sums(2 * s.cout);
        }
    }

    fn encode(&mut self, isa: Isa, layout: &Layout, l: usize, norm: &Norm) {
        let s = layout.convs[l].shape;
        let len = s.pixels() * s.cout;
        let read = Read { height: s.height, width: s.width, channels: s.cout, pool: false, pitch: s.width * s.cout };
        for i in 0..self.count {
            let (y, out) = (&self.outputs[l][i * len..][..len], &mut self.encoded[i * len..][..len]);
            norm::normalise(isa, read, y, &norm.scale, &norm.shift, out);
        }
    }

    /// The backward sums of layer `l` over the gradient in `upper`.
    fn sum_gradient(&mut self, isa: Isa, layout: &Layout, l: usize, norm: &Norm) {
        let s = layout.convs[l].shape;
        let (pool, len) = consumer(layout, l);
        self.totals.fill(0.0);
        for i in 0..self.count {
            let y = &self.outputs[l][i * s.pixels() * s.cout..][..s.pixels() * s.cout];
            let mut dz = &self.upper[i * len..][..len];
            if pool {
                norm::unpool(isa, s.height, s.width, s.cout, y, &norm.scale, &norm.shift, dz, &mut self.dense);
                dz = &self.dense;
            }
            norm::backward_statistics(isa, s.pixels(), s.cout, y, dz, &norm.mean, &mut self.sums);
            self.add_sums(2 * s.cout);
        }
    }

    /// Layer `l` of every image: gradients of weights and bias, and of the layer's input into `lower`.
    #[expect(clippy::too_many_arguments, reason = "what all groups share is borrowed apart from them")]
    fn back(
        &mut self,
        isa: Isa,
        layout: &Layout,
        l: usize,
        norms: &[Norm],
        transposed: &[f32],
        zeros: &[f32],
        images: &[f32],
    ) {
        let conv = &layout.convs[l];
        let (s, norm) = (conv.shape, &norms[l]);
        let (pool, len) = consumer(layout, l);
        for i in 0..self.count {
            stage(isa, layout, l, norms, &self.outputs, images, i, &mut self.inputs[l]);
            let y = &self.outputs[l][i * s.pixels() * s.cout..][..s.pixels() * s.cout];
            let mut dz = &self.upper[i * len..][..len];
            if pool {
                norm::unpool(isa, s.height, s.width, s.cout, y, &norm.scale, &norm.shift, dz, &mut self.dense);
                dz = &self.dense;
            }
            let g = &mut self.bordered[l];
            norm::backward(isa, s.height, s.width, s.cout, y, dz, &norm.factors, g, &mut self.sums);
            for (sum, part) in self.gradient[conv.bias.clone()].iter_mut().zip(&self.sums) {
                *sum += part;
            }
            direct::backward_weights(isa, s, &self.inputs[l], g, &mut self.gradient[conv.weight.clone()]);
            if l > 0 {
                let back = direct::Shape { cin: s.cout, cout: s.cin, ..s };
                let dx = &mut self.lower[i * s.pixels() * s.cin..][..s.pixels() * s.cin];
                direct::forward(isa, back, g, transposed, zeros, dx, false);
            }
        }
    }
}
