//! A model in use.

use crate::encoder::EPSILON;
use crate::head::drop_out;
use crate::kernels::norm;
use crate::kernels::{Isa, direct, matmul};
use crate::rng::Key;
use crate::team::Team;
use crate::{EngineError, Model};

/// Images that a worker takes through the network together.
const BLOCK: usize = 12;

/// An immutable model that scores images. An image's outputs have the same bits in any batch and for any number of threads.
pub struct Scorer {
    isa: Isa,
    model: Model,
    /// Factor and summand of each normalisation.
    affine: Vec<(Vec<f32>, Vec<f32>)>,
    team: Team,
    workers: Vec<Worker>,
}

impl std::fmt::Debug for Scorer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scorer").field("architecture", self.model.architecture()).finish_non_exhaustive()
    }
}

/// What one thread needs for a block of images.
struct Worker {
    inputs: Vec<Vec<f32>>,
    outputs: Vec<Vec<f32>>,
    encoded: Vec<f32>,
    head: Vec<Vec<f32>>,
    /// Masked copy of the first hidden layer, and what follows it, for Monte-Carlo samples.
    masked: Vec<Vec<f32>>,
}

/// Where a block's results go; empty where they are not wanted.
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

    pub(crate) fn on(isa: Isa, model: &Model, _max_batch: usize, threads: usize) -> Result<Self, EngineError> {
        let layout = &model.layout;
        let affine = layout.convs.iter().map(|c| {
            let (mut scale, mut shift) = (Vec::new(), Vec::new());
            for ch in 0..c.shape.cout {
                let inverse = 1.0 / (f64::from(model.running[c.var.start + ch]) + EPSILON).sqrt();
                let factor = f64::from(model.parameters[c.gamma.start + ch]) * inverse;
                let mean = f64::from(model.running[c.mean.start + ch]);
                scale.push(factor as f32);
                shift.push((f64::from(model.parameters[c.beta.start + ch]) - mean * factor) as f32);
            }
            (scale, shift)
        });
        let worker = || Worker {
            inputs: layout.convs.iter().map(|c| vec![0.0; c.shape.bordered(c.shape.cin)]).collect(),
            outputs: layout.convs.iter().map(|c| vec![0.0; c.shape.pixels() * c.shape.cout]).collect(),
            encoded: vec![0.0; BLOCK * layout.dense[0].inputs],
            head: layout.dense.iter().map(|d| vec![0.0; BLOCK * d.outputs]).collect(),
            masked: layout.dense.iter().map(|d| vec![0.0; BLOCK * d.outputs]).collect(),
        };
        Ok(Self {
            isa,
            affine: affine.collect(),
            team: Team::new(threads)?,
            workers: (0..threads.max(1)).map(|_| worker()).collect(),
            model: model.clone(),
        })
    }

    /// Writes the outputs before softmax, [n, classes].
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn logits(&mut self, images: &[f32], logits: &mut [f32]) {
        self.check(images, logits.len(), self.model.architecture().classes);
        self.run(images, Wanted { logits, features: &mut [], encoded: &mut [], samples: 1, key: Key::new(0, 0) });
    }

    /// Writes the outputs and the last hidden layer after ReLU, [n, feature_len].
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn logits_and_features(&mut self, images: &[f32], logits: &mut [f32], features: &mut [f32]) {
        self.check(images, logits.len(), self.model.architecture().classes);
        self.check(images, features.len(), self.model.architecture().feature_len());
        self.run(images, Wanted { logits, features, encoded: &mut [], samples: 1, key: Key::new(0, 0) });
    }

    /// Writes the flattened encoder outputs, [n, encoder_len], in the order channel, row, column.
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn encode(&mut self, images: &[f32], out: &mut [f32]) {
        self.check(images, out.len(), self.model.architecture().encoder_len());
        self.run(images, Wanted { logits: &mut [], features: &mut [], encoded: out, samples: 1, key: Key::new(0, 0) });
    }

    /// Writes the outputs of `samples` dropout masks, [n, samples, classes]. Masks depend on `key` and the sample alone:
    /// a sample is the same network for every image.
    ///
    /// # Panics
    /// If the lengths do not fit or `samples` is 0.
    pub fn monte_carlo(&mut self, images: &[f32], samples: usize, key: Key, logits: &mut [f32]) {
        assert!(samples > 0, "at least one sample");
        self.check(images, logits.len(), samples * self.model.architecture().classes);
        // One more than asked for marks that masks are wanted.
        self.run(images, Wanted { logits, features: &mut [], encoded: &mut [], samples: samples + 1, key });
    }

    fn check(&self, images: &[f32], given: usize, each: usize) {
        let len = self.model.architecture().image_len();
        assert!(images.len().is_multiple_of(len), "{} values are no whole images of {len}", images.len());
        assert_eq!(given, images.len() / len * each, "results of {} images", images.len() / len);
    }

    fn run(&mut self, images: &[f32], wanted: Wanted<'_>) {
        let Self { isa, model, affine, team, workers } = self;
        let network = Network { isa: *isa, model, affine };
        team.run(|| network.spread(workers, images, wanted));
    }
}

/// What all workers read.
#[derive(Clone, Copy)]
struct Network<'a> {
    isa: Isa,
    model: &'a Model,
    affine: &'a [(Vec<f32>, Vec<f32>)],
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

impl Network<'_> {
    /// Halves the images until each worker has its part.
    fn spread(self, workers: &mut [Worker], images: &[f32], mut wanted: Wanted<'_>) {
        let len = self.model.architecture().image_len();
        let n = images.len() / len;
        if workers.len() > 1 && n > BLOCK {
            let middle = workers.len() / 2;
            let at = (n * middle / workers.len()).next_multiple_of(BLOCK).min(n - 1);
            let (a, b) = workers.split_at_mut(middle);
            let (first, second) = wanted.split(n, at);
            let (left, right) = images.split_at(at * len);
            rayon::join(|| self.spread(a, left, first), || self.spread(b, right, second));
            return;
        }
        for done in (0..n).step_by(BLOCK) {
            let count = (n - done).min(BLOCK);
            let (now, later) = wanted.split(n - done, count);
            workers[0].block(self, &images[done * len..(done + count) * len], count, now);
            wanted = later;
        }
    }
}

impl Worker {
    /// Takes up to [`BLOCK`] images through the network.
    fn block(&mut self, network: Network<'_>, images: &[f32], count: usize, wanted: Wanted<'_>) {
        let len = images.len() / count;
        let inputs = network.model.layout.dense[0].inputs;
        for i in 0..count {
            self.encode(network, &images[i * len..][..len], i * inputs..(i + 1) * inputs);
        }
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
        copy_rows(&self.head[last], network.model.layout.dense[last].outputs, classes, wanted.logits);
        if wanted.features.is_empty() {
            return;
        }
        if last == 0 {
            unpad(network.model, &self.encoded[..count * inputs], wanted.features);
        } else {
            let pitch = network.model.layout.dense[last - 1].outputs;
            copy_rows(&self.head[last - 1], pitch, network.model.architecture().feature_len(), wanted.features);
        }
    }

    fn encode(&mut self, network: Network<'_>, image: &[f32], into: std::ops::Range<usize>) {
        let Network { isa, model, affine } = network;
        for (l, conv) in model.layout.convs.iter().enumerate() {
            let s = conv.shape;
            let row = (s.width + 2) * s.cin;
            if l == 0 {
                norm::add_border(s.width * s.cin, s.cin, image, &mut self.inputs[0]);
            } else {
                let plane = model.layout.convs[l - 1].plane;
                let (scale, shift) = &affine[l - 1];
                norm::normalise(
                    isa,
                    plane,
                    &self.outputs[l - 1],
                    scale,
                    shift,
                    &mut self.inputs[l][row + s.cin..],
                    row,
                );
            }
            let (weight, bias) = (&model.parameters[conv.weight.clone()], &model.parameters[conv.bias.clone()]);
            direct::forward(isa, s, &self.inputs[l], weight, bias, &mut self.outputs[l], true);
        }
        let last = model.layout.convs.len() - 1;
        let plane = model.layout.convs[last].plane;
        let (scale, shift) = &affine[last];
        let pitch = plane.width * plane.channels;
        norm::normalise(isa, plane, &self.outputs[last], scale, shift, &mut self.encoded[into], pitch);
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
    fn sample(&mut self, network: Network<'_>, count: usize, samples: usize, key: Key, logits: &mut [f32]) {
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
                    for row in after[0][..count * dense[l].outputs].chunks_exact_mut(dense[l].outputs) {
                        drop_out(key, l + 1, sample, dropout, row);
                    }
                }
            }
            let pitch = dense[dense.len() - 1].outputs;
            for (i, row) in self.masked[dense.len() - 1].chunks_exact(pitch).take(count).enumerate() {
                logits[(i * samples + sample) * classes..][..classes].copy_from_slice(&row[..classes]);
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
