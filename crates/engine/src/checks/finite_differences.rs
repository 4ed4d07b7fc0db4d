//! The gradient of every parameter against finite differences of the same network in f64.

use crate::kernels::norm::pooled;
use crate::layers::head::Head;
use crate::rng::Key;
use crate::training::stepper::Stepper;
use crate::{AdamW, Architecture, Contrastive, Model, Objective, Targets, Trainer};

type Image = Vec<f64>;

/// The network in f64, channels first, as plainly as can be.
struct Exact {
    architecture: Architecture,
    tensors: Vec<Vec<f64>>,
}

impl Exact {
    /// The encoder's outputs, and the tensors of the head.
    fn encode(&self, images: &[Image]) -> (Vec<Image>, &[Vec<f64>]) {
        let a = &self.architecture;
        let (mut h, mut w, mut cin) = (a.height, a.width, a.channels);
        let mut x = images.to_vec();
        let mut tensors = self.tensors.iter();
        for (block, &cout) in a.block_widths.iter().enumerate() {
            if block > 0 {
                x = x.iter().map(|x| pool(x, cin, h, w)).collect();
                (h, w) = (pooled(h), pooled(w));
            }
            for _ in 0..2 {
                let [weight, bias, gamma, beta] = std::array::from_fn(|_| tensors.next().unwrap());
                x = x.iter().map(|x| convolve(x, cin, cout, h, w, weight, bias)).collect();
                normalise(&mut x, h * w, gamma, beta);
                cin = cout;
            }
        }
        (x, tensors.as_slice())
    }

    fn loss(&self, images: &[Image], labels: &[u16]) -> f64 {
        let (mut x, head) = self.encode(images);
        let mut tensors = head.iter();
        let mut left = self.architecture.hidden.len();
        while let (Some(weight), Some(bias)) = (tensors.next(), tensors.next()) {
            x = dense(&x, weight, bias);
            if left > 0 {
                x.iter_mut().flatten().for_each(|y| *y = y.max(0.0));
            }
            left = left.saturating_sub(1);
        }
        let loss = |(x, &label): (&Image, &u16)| {
            x.iter().map(|v| v.exp()).sum::<f64>().ln() - x[usize::from(label)]
        };
        x.iter().zip(labels).map(loss).sum::<f64>() / images.len() as f64
    }

    fn project(&self, images: &[Image]) -> Vec<Image> {
        let (x, head) = self.encode(images);
        let [w1, b1, w2, b2] = head else { panic!("{} tensors", head.len()) };
        let mut x = dense(&x, w1, &vec![0.0; b1.len()]);
        normalise(&mut x, 1, &vec![1.0; b1.len()], b1);
        x.iter_mut().flatten().for_each(|y| *y = y.max(0.0));
        dense(&x, w2, b2)
    }

    /// VICReg of the first half of the images and the second.
    fn vicreg(&self, images: &[Image]) -> f64 {
        let x = self.project(images);
        let (d, (first, second)) = (x[0].len() as f64, x.split_at(x.len() / 2));
        let n = first.len() as f64;
        let pairs = first.iter().flatten().zip(second.iter().flatten());
        let mut loss = 25.0 * pairs.map(|(a, b)| (a - b).powi(2)).sum::<f64>() / (n * d);
        for view in [first, second] {
            let mean = |k: usize| view.iter().map(|x| x[k]).sum::<f64>() / n;
            let means: Vec<f64> = (0..x[0].len()).map(mean).collect();
            let covariance = |k: usize, l: usize| {
                view.iter().map(|x| (x[k] - means[k]) * (x[l] - means[l])).sum::<f64>() / (n - 1.0)
            };
            for k in 0..means.len() {
                loss += 12.5 * (1.0 - (covariance(k, k) + 1e-4).sqrt()).max(0.0) / d;
                loss += (0..means.len())
                    .filter(|&l| l != k)
                    .map(|l| covariance(k, l).powi(2))
                    .sum::<f64>()
                    / d;
            }
        }
        loss
    }

    /// NT-Xent of the first half of the images against the second.
    fn contrast(&self, images: &[Image], temperature: f64) -> f64 {
        let mut x = self.project(images);
        for row in &mut x {
            let length = row.iter().map(|v| v * v).sum::<f64>().sqrt();
            row.iter_mut().for_each(|v| *v /= length);
        }
        let n = x.len();
        let like = |i: usize, j: usize| {
            x[i].iter().zip(&x[j]).map(|(a, b)| a * b).sum::<f64>() / temperature
        };
        let loss = |i: usize| {
            (0..n).filter(|&j| j != i).map(|j| like(i, j).exp()).sum::<f64>().ln()
                - like(i, (i + n / 2) % n)
        };
        (0..n).map(loss).sum::<f64>() / n as f64
    }
}

fn dense(x: &[Image], weight: &[f64], bias: &[f64]) -> Vec<Image> {
    let row = |x: &Image, o: usize| {
        x.iter().zip(&weight[o * x.len()..]).map(|(x, w)| x * w).sum::<f64>() + bias[o]
    };
    x.iter().map(|x| (0..bias.len()).map(|o| row(x, o)).collect()).collect()
}

fn convolve(
    x: &Image,
    cin: usize,
    cout: usize,
    h: usize,
    w: usize,
    weight: &[f64],
    bias: &[f64],
) -> Image {
    let mut out = Vec::new();
    for (o, row, column) in (0..cout * h * w).map(|i| (i / (h * w), i / w % h, i % w)) {
        let mut sum = bias[o];
        for (ci, tap) in (0..cin * 9).map(|i| (i / 9, i % 9)) {
            let (r, c) = (row + tap / 3, column + tap % 3);
            if (1..=h).contains(&r) && (1..=w).contains(&c) {
                sum += x[(ci * h + r - 1) * w + c - 1] * weight[(o * cin + ci) * 9 + tap];
            }
        }
        out.push(sum.max(0.0));
    }
    out
}

fn normalise(x: &mut [Image], pixels: usize, gamma: &[f64], beta: &[f64]) {
    for c in 0..gamma.len() {
        let values = || x.iter().flat_map(|x| &x[c * pixels..(c + 1) * pixels]);
        let n = values().count() as f64;
        let mean = values().sum::<f64>() / n;
        let variance = values().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
        for value in x.iter_mut().flat_map(|x| &mut x[c * pixels..(c + 1) * pixels]) {
            *value = (*value - mean) / (variance + 1e-5).sqrt() * gamma[c] + beta[c];
        }
    }
}

fn pool(x: &Image, channels: usize, h: usize, w: usize) -> Image {
    let (high, wide) = (pooled(h), pooled(w));
    let place = |i: usize| (i / (high * wide) * h + i / wide % high * 3) * w + i % wide * 3;
    let largest = |p: usize| x[p].max(x[p + 1]).max(x[p + w]).max(x[p + w + 1]);
    (0..channels * high * wide).map(|i| largest(place(i))).collect()
}

/// A small network whose values lie off their starts, random images, and the same in f64.
fn case(hidden: usize, classes: usize, n: usize) -> (Model, Vec<f32>, Exact, Vec<Image>) {
    let architecture = Architecture {
        height: 11,
        width: 9,
        channels: 2,
        block_widths: vec![3, 10],
        hidden: vec![hidden],
        classes,
        dropout: 0.0,
    };
    let mut tensors = Model::new(architecture.clone(), Key::new(3, 0)).unwrap().tensors();
    let mut stream = Key::new(4, 0).stream();
    for (name, _, values) in tensors.iter_mut().filter(|(name, ..)| name.contains("norm")) {
        // A factor below zero turns a pool's order round.
        values.iter_mut().for_each(|v| *v += stream.uniform(-1.5, 0.5));
        if name.ends_with("running_var") {
            values.iter_mut().for_each(|v| *v = v.abs());
        }
    }
    let images: Vec<f32> = (0..n * 198).map(|_| stream.uniform(-1.0, 1.0)).collect();
    let planes = |image: &[f32]| (0..198).map(|i| f64::from(image[i % 99 * 2 + i / 99])).collect();
    let exact_images = images.chunks(198).map(planes).collect();
    let values = |v: &Vec<f32>| v.iter().map(|&v| f64::from(v)).collect();
    let trained = tensors.iter().filter(|(name, ..)| !name.contains("running"));
    let exact = Exact {
        architecture: architecture.clone(),
        tensors: trained.map(|(_, _, v)| values(v)).collect(),
    };
    (Model::from_tensors(architecture, tensors).unwrap(), images, exact, exact_images)
}

/// Holds some values of every tensor's gradient against the slopes of `loss`.
fn check(exact: &mut Exact, model: &Model, gradient: &[f32], loss: impl Fn(&Exact) -> f64) {
    for (t, entry) in model.layout.entries.iter().filter(|e| !e.running).enumerate() {
        let len = exact.tensors[t].len();
        for i in (0..len).step_by(len.div_ceil(7)) {
            let value = exact.tensors[t][i];
            let mut at = |v: f64| {
                exact.tensors[t][i] = v;
                loss(exact)
            };
            let slope = (at(value + 1e-6) - at(value - 1e-6)) / 2e-6;
            at(value);
            let ours = f64::from(gradient[entry.position(i)]);
            assert!(
                (ours - slope).abs() < 1e-4 * slope.abs().max(0.1),
                "{}[{i}]: {ours}, slope {slope}",
                entry.name
            );
        }
    }
}

/// Completes the gradient of a batch of `n`, moves nothing, and returns the loss.
fn gradients<H: Head>(
    stepper: &mut Stepper<H>,
    images: &[f32],
    n: usize,
    input: H::Input<'_>,
) -> f64 {
    let loss = stepper.gradients(images, input);
    stepper.descend(n, false);
    loss
}

#[test]
fn gradients_are_the_slopes_of_the_exact_network() {
    let n = 18;
    let (model, images, mut exact, exact_images) = case(6, 3, n);
    let labels: Vec<u16> = (0..n as u16).map(|i| i % 3).collect();
    let mut trainer = Trainer::new(model, AdamW::default(), n, 2).unwrap();
    let input = (Targets::Classes(&labels[..]), Key::new(0, 0));
    let loss = gradients(&mut trainer.stepper, &images, n, input);
    assert!((exact.loss(&exact_images, &labels) - loss).abs() < 1e-5);
    check(&mut exact, trainer.model(), &trainer.stepper.gradient, |e| {
        e.loss(&exact_images, &labels)
    });
}

#[test]
fn contrastive_gradients_are_the_slopes_of_the_exact_network() {
    for (images_n, temperature) in [(9, 0.5), (10, 0.1)] {
        let (model, images, mut exact, exact_images) = case(10, 5, 2 * images_n);
        let mut trainer =
            Contrastive::new(model, AdamW::default(), Objective::NtXent { temperature }, 16, 2)
                .unwrap();
        let loss = gradients(&mut trainer.stepper, &images, 2 * images_n, ());
        let exactly = |e: &Exact| e.contrast(&exact_images, f64::from(temperature));
        assert!((exactly(&exact) - loss).abs() < 1e-5, "{loss}");
        check(&mut exact, trainer.model(), &trainer.stepper.gradient, exactly);
    }
}

#[test]
fn gradients_of_variance_and_covariance_are_the_slopes_of_the_exact_network() {
    for images_n in [9, 10] {
        let (model, images, mut exact, exact_images) = case(10, 5, 2 * images_n);
        let mut trainer =
            Contrastive::new(model, AdamW::default(), Objective::VicReg, 16, 2).unwrap();
        let loss = gradients(&mut trainer.stepper, &images, 2 * images_n, ());
        let exactly = |e: &Exact| e.vicreg(&exact_images);
        assert!((exactly(&exact) - loss).abs() < 1e-4 * loss, "{loss}");
        check(&mut exact, trainer.model(), &trainer.stepper.gradient, exactly);
    }
}
