//! A model in use.

use crate::kernels::buffer::Buffer;
use crate::kernels::direct::ConvShape;
use crate::kernels::winograd::{self, Filters, Grid, Out};
use crate::kernels::{Isa, direct, matmul, norm};
use crate::layers::dropout::drop_out;
use crate::layers::encoder::EPSILON;
use crate::rng::Key;
use crate::team::{Team, deal};
use crate::{EngineError, Model};

/// Images that a worker takes through the network together.
const BLOCK: usize = 12;

/// An immutable model that scores images. An image's outputs have the same bits in any batch and
/// for any number of threads.
pub struct Scorer {
    isa: Isa,
    model: Model,
    layers: Vec<Layer>,
    team: Team,
    workers: Vec<Worker>,
}

impl std::fmt::Debug for Scorer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scorer")
            .field("architecture", self.model.architecture())
            .finish_non_exhaustive()
    }
}

/// A convolution prepared for scoring.
struct Layer {
    /// Tiles in all but the first layer: windows where a pool follows.
    grid: Option<Grid>,
    /// Pixels that later layers read; for the first layer.
    shape: ConvShape,
    /// Transformed weights, in all but the first layer.
    weights: Buffer,
    /// Factor and summand of the normalisation.
    scale: Vec<f32>,
    shift: Vec<f32>,
}

impl Layer {
    /// Rows are this far apart in the layer's bordered input, an image is this long.
    fn input(&self) -> (usize, usize) {
        match self.grid {
            Some(g) => (g.pitch() * g.cin, g.bordered(g.cin)),
            None => ((self.shape.width + 2) * self.shape.cin, self.shape.bordered(self.shape.cin)),
        }
    }
}

/// Prepares layer `l`. Where a pool follows, no pixels are made beyond those that it reads: 0, 1,
/// 3, 4 and so on.
fn prepare(isa: Isa, model: &Model, l: usize) -> Layer {
    let convs = &model.layout.convs;
    let c = &convs[l];
    let (mut scale, mut shift) = (Vec::new(), Vec::new());
    for ch in 0..c.shape.cout {
        let inverse = 1.0 / (f64::from(model.running[c.var.start + ch]) + EPSILON).sqrt();
        let factor = f64::from(model.parameters[c.gamma.start + ch]) * inverse;
        let mean = f64::from(model.running[c.mean.start + ch]);
        scale.push(factor as f32);
        shift.push((f64::from(model.parameters[c.beta.start + ch]) - mean * factor) as f32);
    }
    let mut shape = c.shape;
    if convs.get(l + 1).is_some_and(|next| next.plane.pool) {
        let needed = |side: usize| side.min(norm::pooled(side) * 3);
        (shape.height, shape.width) = (needed(shape.height), needed(shape.width));
    }
    let make = if c.plane.pool { Grid::windows } else { Grid::new };
    let grid = (l > 0).then(|| make(shape.height, shape.width, shape.cin, shape.cout));
    let mut weights = Buffer::zeros(grid.map_or(0, |g| g.weights()));
    if let Some(g) = grid {
        winograd::transform_weights(isa, g, &model.parameters[c.weight.clone()], &mut weights);
    }
    Layer { grid, shape, weights, scale, shift }
}

/// What one thread needs for a block of images.
struct Worker {
    /// Bordered inputs of each layer. The first two layers take one image at a time, the others the
    /// whole block.
    inputs: Vec<Buffer>,
    tiles: [Buffer; 2],
    encoded: Buffer,
    head: Vec<Buffer>,
    /// Masked copy of the first hidden layer, and what follows it, for Monte-Carlo samples.
    masked: Vec<Buffer>,
}

/// Where a block's results go. What is not wanted is empty.
struct Wanted<'a> {
    logits: &'a mut [f32],
    features: &'a mut [f32],
    encoded: &'a mut [f32],
    samples: usize,
    key: Key,
}

impl Scorer {
    /// Prepares `model` for scoring.
    ///
    /// # Errors
    /// If the threads cannot be started.
    pub fn new(model: &Model, max_batch: usize, threads: usize) -> Result<Self, EngineError> {
        Self::on(Isa::detect(), model, max_batch, threads)
    }

    pub(crate) fn on(
        isa: Isa,
        model: &Model,
        _max_batch: usize,
        threads: usize,
    ) -> Result<Self, EngineError> {
        let layout = &model.layout;
        let layers: Vec<Layer> = (0..layout.convs.len()).map(|l| prepare(isa, model, l)).collect();
        let buffer = layers.iter().map(|l| l.grid.map_or(0, |g| g.buffer())).max().unwrap_or(0);
        let worker = || Worker {
            inputs: layers
                .iter()
                .enumerate()
                .map(|(i, l)| Buffer::zeros(l.input().1 * if i < 2 { 1 } else { BLOCK }))
                .collect(),
            tiles: [Buffer::zeros(buffer), Buffer::zeros(buffer)],
            encoded: Buffer::zeros(BLOCK * layout.dense[0].inputs),
            head: layout.dense.iter().map(|d| Buffer::zeros(BLOCK * d.outputs)).collect(),
            masked: layout.dense.iter().map(|d| Buffer::zeros(BLOCK * d.outputs)).collect(),
        };
        Ok(Self {
            isa,
            team: Team::new(threads)?,
            workers: (0..threads.max(1)).map(|_| worker()).collect(),
            layers,
            model: model.clone(),
        })
    }

    /// The threads that scorings are split over.
    pub fn team(&self) -> Team {
        self.team.clone()
    }

    /// Writes the outputs before softmax, [n, classes].
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn logits(&mut self, images: &[f32], logits: &mut [f32]) {
        self.check(images, logits.len(), self.model.architecture().classes);
        self.run(
            images,
            Wanted { logits, features: &mut [], encoded: &mut [], samples: 1, key: Key::new(0, 0) },
        );
    }

    /// Writes the outputs and the last hidden layer after ReLU, [n, feature_len].
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn logits_and_features(
        &mut self,
        images: &[f32],
        logits: &mut [f32],
        features: &mut [f32],
    ) {
        self.check(images, logits.len(), self.model.architecture().classes);
        self.check(images, features.len(), self.model.architecture().feature_len());
        self.run(
            images,
            Wanted { logits, features, encoded: &mut [], samples: 1, key: Key::new(0, 0) },
        );
    }

    /// Writes the flattened encoder outputs, [n, encoder_len], in the order channel, row, column.
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn encode(&mut self, images: &[f32], out: &mut [f32]) {
        self.check(images, out.len(), self.model.architecture().encoder_len());
        self.run(
            images,
            Wanted {
                logits: &mut [],
                features: &mut [],
                encoded: out,
                samples: 1,
                key: Key::new(0, 0),
            },
        );
    }

    /// Writes the outputs of `samples` dropout masks, [n, samples, classes].
    ///
    /// Masks depend on `key` and the sample alone: a sample is the same network for every image.
    ///
    /// # Panics
    /// If the lengths do not fit or `samples` is 0.
    pub fn monte_carlo(&mut self, images: &[f32], samples: usize, key: Key, logits: &mut [f32]) {
        assert!(samples > 0, "at least one sample");
        self.check(images, logits.len(), samples * self.model.architecture().classes);
        // One more than asked for marks that masks are wanted.
        self.run(
            images,
            Wanted { logits, features: &mut [], encoded: &mut [], samples: samples + 1, key },
        );
    }

    fn check(&self, images: &[f32], given: usize, each: usize) {
        let len = self.model.architecture().image_len();
        assert!(
            images.len().is_multiple_of(len),
            "{} values are no whole images of {len}",
            images.len()
        );
        assert_eq!(given, images.len() / len * each, "results of {} images", images.len() / len);
    }

    fn run(&mut self, images: &[f32], wanted: Wanted<'_>) {
        let Self { isa, model, layers, team, workers } = self;
        let network = Network { isa: *isa, model, layers };
        team.run(|| network.spread(workers, images, wanted));
    }
}

/// What all workers read.
#[derive(Clone, Copy)]
struct Network<'a> {
    isa: Isa,
    model: &'a Model,
    layers: &'a [Layer],
}

impl<'a> Wanted<'a> {
    /// The parts of the first `at` of `n` images, and of the others.
    fn split(self, n: usize, at: usize) -> (Wanted<'a>, Wanted<'a>) {
        let (samples, key) = (self.samples, self.key);
        let (l, f, e) = (self.logits.len() / n, self.features.len() / n, self.encoded.len() / n);
        let (logits, logits_b) = self.logits.split_at_mut(at * l);
        let (features, features_b) = self.features.split_at_mut(at * f);
        let (encoded, encoded_b) = self.encoded.split_at_mut(at * e);
        let b = Wanted { logits: logits_b, features: features_b, encoded: encoded_b, samples, key };
        (Wanted { logits, features, encoded, samples, key }, b)
    }
}

/// Images that no worker has taken yet.
struct Rest<'a> {
    images: &'a [f32],
    wanted: Option<Wanted<'a>>,
}

impl<'a> Rest<'a> {
    /// Takes the next block of images of length `len`.
    fn next(&mut self, len: usize) -> Option<(&'a [f32], usize, Wanted<'a>)> {
        let n = self.images.len() / len;
        let count = n.min(BLOCK);
        let (now, later) = self.wanted.take()?.split(n, count);
        let (images, rest) = self.images.split_at(count * len);
        *self = Self { images: rest, wanted: (count < n).then_some(later) };
        Some((images, count, now))
    }
}

impl Network<'_> {
    /// Workers take block after block. A core that other programs slow down takes fewer.
    fn spread(self, workers: &mut [Worker], images: &[f32], wanted: Wanted<'_>) {
        let len = self.model.architecture().image_len();
        let mut rest = Rest { images, wanted: Some(wanted) };
        let (blocks, jobs) =
            ((images.len() / len).div_ceil(BLOCK), std::iter::from_fn(move || rest.next(len)));
        deal(jobs, blocks, workers, &|(images, count, wanted), worker| {
            worker.block(self, images, count, wanted)
        });
    }
}

impl Worker {
    /// Takes up to [`BLOCK`] images through the network.
    fn block(&mut self, network: Network<'_>, images: &[f32], count: usize, wanted: Wanted<'_>) {
        let inputs = network.model.layout.dense[0].inputs;
        self.encode(network, images, count);
        if !wanted.encoded.is_empty() {
            unpad(network.model, &self.encoded[..count * inputs], wanted.encoded);
        }
        if wanted.logits.is_empty() {
            return;
        }
        self.dense(network, count);
        let classes = network.model.architecture().classes;
        if wanted.samples > 1 {
            self.sample(network, count, wanted.samples - 1, wanted.key, wanted.logits);
            return;
        }
        let last = self.head.len() - 1;
        copy_rows(
            &self.head[last],
            network.model.layout.dense[last].outputs,
            classes,
            wanted.logits,
        );
        if wanted.features.is_empty() {
            return;
        }
        if last == 0 {
            unpad(network.model, &self.encoded[..count * inputs], wanted.features);
        } else {
            let pitch = network.model.layout.dense[last - 1].outputs;
            copy_rows(
                &self.head[last - 1],
                pitch,
                network.model.architecture().feature_len(),
                wanted.features,
            );
        }
    }

    /// Fills `encoded`. The first block takes image by image, so that its activations stay in the
    /// cache.
    fn encode(&mut self, network: Network<'_>, images: &[f32], count: usize) {
        let len = images.len() / count;
        let second = network.layers.len().min(2);
        for i in 0..count {
            let shape = network.model.layout.convs[0].shape;
            let used = network.layers[0].shape;
            let (row, pixel) = (shape.width * shape.cin, shape.cin);
            // Where the layer computes less than the image, the border below and to the right holds
            // pixels.
            let wide = (used.width + 2) * used.cin;
            let x = &mut self.inputs[0];
            for y in 0..shape.height.min(used.height + 1) {
                let take = row.min((used.width + 1) * pixel);
                x[(y + 1) * wide + pixel..][..take]
                    .copy_from_slice(&images[i * len + y * row..][..take]);
            }
            for l in 0..second {
                self.layer(network, l, 0, i * l, 1);
            }
        }
        for l in second..network.layers.len() {
            self.layer(network, l, 0, 0, count);
        }
    }

    /// Layer `l` of `count` images from place `from` of its input to place `to` of the next.
    fn layer(&mut self, network: Network<'_>, l: usize, from: usize, to: usize, count: usize) {
        let layer = &network.layers[l];
        let conv = &network.model.layout.convs[l];
        let (before, after) = self.inputs.split_at_mut(l + 1);
        let (mut y, out): (&mut [f32], _) = match network.layers.get(l + 1) {
            Some(next) => {
                let (row, image) = next.input();
                (&mut after[0][row + conv.shape.cout..], Out { row, image })
            }
            None => (
                &mut self.encoded,
                Out { row: conv.plane.width * conv.plane.channels, image: conv.plane.len() },
            ),
        };
        y = &mut y[to * out.image..];
        let x = &before[l][from * layer.input().1..];
        let affine = Some((&layer.scale[..], &layer.shift[..]));
        let bias = &network.model.parameters[conv.bias.clone()];
        match layer.grid {
            Some(g) => {
                let filters = Filters { weights: &layer.weights, bias, affine };
                winograd::forward(network.isa, g, count, x, filters, y, out, &mut self.tiles);
            }
            None => {
                let weights = &network.model.parameters[conv.weight.clone()];
                direct::forward(
                    network.isa,
                    layer.shape,
                    x,
                    Filters { weights, bias, affine },
                    y,
                    out.row,
                );
            }
        }
    }

    fn dense(&mut self, network: Network<'_>, count: usize) {
        for (l, d) in network.model.layout.dense.iter().enumerate() {
            let (before, after) = self.head.split_at_mut(l);
            let x = before.last().map_or(&self.encoded, |v| v);
            layer(network, l, count, x, &mut after[0]);
            debug_assert!(after[0].len() >= count * d.outputs);
        }
    }

    /// Repeats what follows the first layer under masks.
    fn sample(
        &mut self,
        network: Network<'_>,
        count: usize,
        samples: usize,
        key: Key,
        logits: &mut [f32],
    ) {
        let architecture = network.model.architecture();
        let (classes, dropout) = (architecture.classes, architecture.dropout);
        let dense = &network.model.layout.dense;
        for sample in 0..samples {
            for l in 0..dense.len() {
                let (before, after) = self.masked.split_at_mut(l);
                match before.last() {
                    None => after[0].copy_from_slice(&self.head[0]),
                    Some(x) => layer(network, l, count, x, &mut after[0]),
                }
                if l + 1 < dense.len() {
                    for row in
                        after[0][..count * dense[l].outputs].chunks_exact_mut(dense[l].outputs)
                    {
                        drop_out(key, l + 1, sample, dropout, row);
                    }
                }
            }
            let pitch = dense[dense.len() - 1].outputs;
            for (i, row) in self.masked[dense.len() - 1].chunks_exact(pitch).take(count).enumerate()
            {
                logits[(i * samples + sample) * classes..][..classes]
                    .copy_from_slice(&row[..classes]);
            }
        }
    }
}

/// One fully connected layer.
fn layer(network: Network<'_>, l: usize, count: usize, x: &[f32], y: &mut [f32]) {
    let (dense, parameters) = (&network.model.layout.dense, &network.model.parameters);
    let d = &dense[l];
    let (w, b) = (&parameters[d.weight.clone()], &parameters[d.bias.clone()]);
    matmul::product(network.isa, count, d.inputs, d.outputs, x, w, b, y, l + 1 < dense.len());
}

/// Copies the first `len` values of rows that are `pitch` apart.
fn copy_rows(from: &[f32], pitch: usize, len: usize, to: &mut [f32]) {
    for (from, to) in from.chunks_exact(pitch).zip(to.chunks_exact_mut(len)) {
        to.copy_from_slice(&from[..len]);
    }
}

/// Encoder outputs in the order of the file: channel, row, column.
fn unpad(model: &Model, encoded: &[f32], out: &mut [f32]) {
    let (h, w) = model.architecture().encoder_side();
    let (pixels, len) = (h * w, model.architecture().encoder_len());
    let channels = model.layout.dense[0].inputs / pixels;
    for (from, to) in encoded.chunks_exact(pixels * channels).zip(out.chunks_exact_mut(len)) {
        for (i, value) in to.iter_mut().enumerate() {
            *value = from[(i % pixels) * channels + i / pixels];
        }
    }
}
