//! The convolutional part in training: forward, and backward from the gradient of its output.
//!
//! A batch is cut into groups whose size depends on the batch alone. A group owns what must outlive
//! a layer, a thread owns the scratch of the layer at hand. So a group runs on any thread. Between
//! two layers the groups' sums are added in order.
//!
//! Activations are stored once, rectified and before normalisation. Whoever reads them normalises,
//! pools and adds the border on the way. The first layer's are not stored at all, see
//! `first_layer.rs`.

use crate::kernels::buffer::Buffer;
use crate::kernels::norm::Norm;
use crate::kernels::simd::LANES;
use crate::kernels::winograd::{self, Grid};
use crate::kernels::{Isa, first};
use crate::layers::group::{Group, MOST_GROUPS, Pass, Room, Scratch, group_size};
use crate::network::layout::{ConvSlots, Layout};
use crate::team::{deal, each};

/// Added to the variance.
pub(crate) const EPSILON: f64 = 1e-5;
/// Weight of a new batch in the running statistics.
const MOMENTUM: f64 = 0.1;

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
    pub(crate) fn each<R: Send>(
        &mut self,
        rows: &mut [R],
        work: impl Fn(usize, &mut Group, &mut R) + Sync,
    ) {
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
    pub(crate) fn new(
        isa: Isa,
        layout: &Layout,
        image_len: usize,
        max_batch: usize,
        threads: usize,
    ) -> Self {
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
            let len =
                move |c: &ConvSlots| Buffer::zeros(c.grid.map_or(0, |grid| g(grid).weights()));
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
    pub(crate) fn encoded<'a>(
        &'a mut self,
        layout: &'a Layout,
        parameters: &'a [f32],
        n: usize,
    ) -> EncodedBatch<'a> {
        let (group_size, used) = (self.size, n.div_ceil(self.size));
        let (groups, scratch) = (&mut self.groups[..used], &mut self.scratch[..]);
        EncodedBatch { layout, parameters, groups, scratch, images: n, group_size }
    }

    /// Fills every group's `encoded`, and moves the running statistics.
    pub(crate) fn forward(
        &mut self,
        layout: &Layout,
        parameters: &[f32],
        running: &mut [f32],
        images: &[f32],
    ) {
        let n = images.len() / self.image_len;
        let used = n.div_ceil(self.size);
        self.transform_weights(layout, parameters);
        for (l, conv) in layout.convs.iter().enumerate() {
            for (sign, &gamma) in self.norms[l].sign.iter_mut().zip(&parameters[conv.gamma.clone()])
            {
                *sign = if gamma < 0.0 { -1.0 } else { 1.0 };
            }
            let (size, len, weights) = (self.size, self.image_len, &self.weights[l]);
            let pass = Pass { isa: self.isa, layout, parameters, norms: &self.norms };
            each(&mut self.groups[..used], &mut self.scratch, &|i, group, scratch| {
                let images = &images[i * size * len..][..group.count * len];
                group.convolve(pass, l, weights, images, scratch);
            });
            self.normalise(l, conv, n, parameters, running);
        }
        let pass = Pass { isa: self.isa, layout, parameters, norms: &self.norms };
        each(&mut self.groups[..used], &mut self.scratch, &|_, group, _| group.encode(pass));
    }

    /// Transforms the weights of all layers for both directions. A thread that is done takes the
    /// next.
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
    fn normalise(
        &mut self,
        l: usize,
        conv: &ConvSlots,
        n: usize,
        parameters: &[f32],
        running: &mut [f32],
    ) {
        let c = conv.shape.cout;
        let values = (n * conv.shape.pixels()) as f64;
        let norm = &mut self.norms[l];
        let used = n.div_ceil(self.size);
        for ch in 0..c {
            let sum =
                |k: usize| self.groups[..used].iter().map(|g| g.totals[k]).fold(0.0, |a, b| a + b);
            let mean = sum(ch) / values;
            let variance = (sum(c + ch) / values - mean * mean).max(0.0);
            let inverse = 1.0 / (variance + EPSILON).sqrt();
            let (gamma, beta) =
                (parameters[conv.gamma.start + ch], parameters[conv.beta.start + ch]);
            let scale = f64::from(gamma) * inverse;
            norm.mean[ch] = mean as f32;
            norm.inverse[ch] = inverse;
            norm.scale[ch] = scale as f32;
            norm.shift[ch] = (f64::from(beta) - mean * scale) as f32;
            let moved =
                |old: f32, new: f64| ((1.0 - MOMENTUM) * f64::from(old) + MOMENTUM * new) as f32;
            let (at_mean, at_var) = (conv.mean.start + ch, conv.var.start + ch);
            running[at_mean] = moved(running[at_mean], mean);
            running[at_var] = moved(running[at_var], variance * values / (values - 1.0));
        }
    }

    /// Carries every group's `encoded_gradient` back.
    ///
    /// Gradients are summed in the groups. Those of the first layer and of the normalisation are
    /// written to `gradient`.
    pub(crate) fn backward(
        &mut self,
        layout: &Layout,
        parameters: &[f32],
        gradient: &mut [f32],
        images: &[f32],
    ) {
        let n = images.len() / self.image_len;
        let used = n.div_ceil(self.size);
        let (isa, size, len) = (self.isa, self.size, self.image_len);
        let pass = Pass { isa, layout, parameters, norms: &self.norms };
        each(&mut self.groups[..used], &mut self.scratch, &|_, group, scratch| {
            group.begin_back(pass, scratch)
        });
        for (l, conv) in layout.convs.iter().enumerate().skip(1).rev() {
            self.factors(l, conv, n, parameters, gradient);
            let (pass, transposed) =
                (Pass { isa, layout, parameters, norms: &self.norms }, &self.transposed[l]);
            each(&mut self.groups[..used], &mut self.scratch, &|i, group, scratch| {
                let images = &images[i * size * len..][..group.count * len];
                group.back(pass, l, transposed, images, scratch);
            });
        }
        self.factors(0, &layout.convs[0], n, parameters, gradient);
        self.first_gradient(&layout.convs[0], used, gradient);
    }

    /// Combines the parts of the first layer's gradient.
    fn first_gradient(&self, conv: &ConvSlots, used: usize, gradient: &mut [f32]) {
        let (c, part) = (conv.shape.cout, first::part(conv.shape));
        let places = conv.weight.clone().chain(conv.bias.clone());
        for (i, place) in places.enumerate() {
            let sum = |k: usize| {
                self.groups[..used].iter().map(|g| g.first[k * part + i]).fold(0.0, |a, b| a + b)
            };
            let [fa, fb, fc] = self.norms[0].exact_factors[i % c];
            gradient[place] = (fa * sum(0) + fb * sum(1) + fc * sum(2)) as f32;
        }
    }

    /// The factors of layer `l`'s gradient before rectification, and the normalisation's gradient.
    fn factors(
        &mut self,
        l: usize,
        conv: &ConvSlots,
        n: usize,
        parameters: &[f32],
        gradient: &mut [f32],
    ) {
        let c = conv.shape.cout;
        let values = (n * conv.shape.pixels()) as f64;
        let used = n.div_ceil(self.size);
        let norm = &mut self.norms[l];
        for ch in 0..c {
            let sum =
                |k: usize| self.groups[..used].iter().map(|g| g.totals[k]).fold(0.0, |a, b| a + b);
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
        for (ci, co) in (0..g.cin)
            .step_by(LANES)
            .flat_map(|ci| (0..g.cout).step_by(LANES).map(move |co| (ci, co)))
        {
            for j in 0..LANES {
                let line = &mut to[(co + j) * g.cin + ci..][..LANES];
                for (i, w) in line.iter_mut().enumerate() {
                    *w = from[(ci + i) * g.cout + co + j];
                }
            }
        }
    }
}
