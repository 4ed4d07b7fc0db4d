//! How fast this machine trains, scores, augments and chooses.

use crate::error::StudyError;
use fewlabel_engine::image::Shape;
use fewlabel_engine::measure::peak_gflops;
use fewlabel_engine::rng::Key;
use fewlabel_engine::{Model, Scorer, Targets, Trainer};
use fewlabel_learn::LearnError;
use fewlabel_learn::acquire::{self, Inputs, Query, Rows};
use fewlabel_learn::augment::{Speed, speed};
use fewlabel_learn::data::Images;
use fewlabel_learn::model::network::NetworkSettings;
use serde::Serialize;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

/// Time spent on one measurement.
const SPAN: Duration = Duration::from_secs(2);

/// Time spent on each of the transforms that stand beside a training step.
const SPAN_BESIDE: Duration = Duration::from_millis(250);

/// Repetitions of the measurement of the machine's peak.
const PEAK_REPEATS: usize = 5;

/// Width f, at most.
const MOST_WIDTH: usize = 1024;

/// Width times images of a training step, at most: their activations then take about two gigabytes.
const MOST_WORK: usize = 1 << 16;

/// Images scored at a time, at most.
const MOST_IMAGES: usize = 1 << 16;

/// The shape of the paper's images.
const SHAPE: Shape = Shape { height: 28, width: 28, channels: 1 };

/// Images that `query` chooses from: the paper's pool before its first query.
const POOL: usize = 13_925;

/// The speed of one thing; the median of its repetitions counts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measurement {
    /// What was measured.
    pub name: String,
    /// Images a second.
    pub images_per_s: f64,
    /// Microseconds an image.
    pub us_per_image: f64,
    /// Thousands of millions of floating-point operations a second, counted as direct convolution.
    pub gflops: Option<f64>,
    /// Per cent of the machine's fused multiply-add peak. Above 100 where Winograd's algorithm and
    /// skipped pixels save operations that `gflops` counts.
    pub peak_percent: Option<f64>,
    /// Of a training step: where its time goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phases: Option<Phases>,
}

/// Shares of a training step without augmentation, in per cent and in microseconds an image.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Phases {
    /// From the images to the encoder's output.
    pub forward_percent: f64,
    /// The head, the loss, and from there to the gradients.
    pub backward_percent: f64,
    /// The optimiser.
    pub update_percent: f64,
    /// What augmenting every image by the paper's policy adds.
    pub augmentation_percent: f64,
    /// Time of the forward phase.
    pub forward_us: f64,
    /// Time of the backward phase.
    pub backward_us: f64,
    /// Time of the optimiser.
    pub update_us: f64,
    /// Time of the augmentation, spread over the threads.
    pub augmentation_us: f64,
}

fn measure(name: &str, images: usize, flops: Option<f64>, mut once: impl FnMut()) -> Measurement {
    once();
    let (started, mut seconds) = (Instant::now(), Vec::new());
    while seconds.len() < 3 || (started.elapsed() < SPAN && seconds.len() < 100_000) {
        let begin = Instant::now();
        once();
        seconds.push(begin.elapsed().as_secs_f64());
    }
    seconds.sort_unstable_by(f64::total_cmp);
    let median = seconds[seconds.len() / 2].max(1e-9);
    let images_per_s = images as f64 / median;
    let gflops = flops.map(|flops| flops * images_per_s / 1e9);
    Measurement {
        name: name.to_owned(),
        images_per_s,
        us_per_image: 1e6 / images_per_s,
        gflops,
        peak_percent: None,
        phases: None,
    }
}

impl Measurement {
    /// Fills in the share of what `threads` cores could do in fused multiply-adds, measured beside
    /// it.
    fn of_peak(mut self, threads: usize) -> Self {
        let peak = peak_gflops(PEAK_REPEATS) * threads as f64;
        self.peak_percent = self.gflops.map(|gflops| 100.0 * gflops / peak);
        self
    }
}

/// Refuses a number outside its range, by its option's name.
fn within(option: &str, value: usize, range: RangeInclusive<usize>) -> Result<(), StudyError> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(StudyError::Setting(format!(
        "{option} must lie between {} and {}, not {value}",
        range.start(),
        range.end()
    )))
}

/// Grey images of 28 x 28 in 11 classes, as the paper's.
fn model(width: usize) -> Result<Model, StudyError> {
    within("--width", width, 1..=MOST_WIDTH)?;
    let images = Images { height: 28, width: 28, channels: 1, pixels: Vec::new() };
    let architecture = NetworkSettings::paper(width).architecture(&images, 11)?;
    Ok(Model::new(architecture, Key::new(0, 1)).map_err(LearnError::from)?)
}

fn noise(n: usize) -> Vec<f32> {
    let mut stream = Key::new(0, 2).stream();
    (0..n).map(|_| stream.unit()).collect()
}

/// Training steps of C(`width`) on batches of `batch` images.
///
/// # Errors
/// If width or batch are out of their range.
pub fn train(width: usize, batch: usize, threads: usize) -> Result<Vec<Measurement>, StudyError> {
    let model = model(width)?;
    within("--batch", batch, 2..=MOST_WORK / width)?;
    let flops = model.architecture().flops().1;
    let mut trainer =
        Trainer::new(model, Default::default(), batch, threads).map_err(LearnError::from)?;
    let images = noise(batch * 784);
    let labels: Vec<u16> = (0..batch).map(|i| (i % 11) as u16).collect();
    let step = || {
        trainer.step(&images, Targets::Classes(&labels), Key::new(0, 3));
    };
    let mut measured = measure("train", batch, Some(flops), step).of_peak(threads);
    let spent = trainer.phases();
    let all = spent.forward + spent.backward + spent.update;
    let percent = |part: Duration| 100.0 * part.as_secs_f64() / all.as_secs_f64();
    let us = measured.us_per_image;
    let paper = speed(SHAPE, SPAN_BESIDE).into_iter().find(|speed| speed.name == "paper");
    let augmentation_us = paper.map_or(f64::NAN, |speed| speed.us_per_image) / threads as f64;
    measured.phases = Some(Phases {
        forward_percent: percent(spent.forward),
        backward_percent: percent(spent.backward),
        update_percent: percent(spent.update),
        augmentation_percent: 100.0 * augmentation_us / us,
        forward_us: us * percent(spent.forward) / 100.0,
        backward_us: us * percent(spent.backward) / 100.0,
        update_us: us * percent(spent.update) / 100.0,
        augmentation_us,
    });
    Ok(vec![measured])
}

/// Scoring batches of `batch` images with C(`width`).
///
/// # Errors
/// If width or batch are out of their range.
pub fn infer(width: usize, batch: usize, threads: usize) -> Result<Vec<Measurement>, StudyError> {
    let model = model(width)?;
    within("--batch", batch, 1..=MOST_IMAGES)?;
    let flops = model.architecture().flops().0;
    let mut scorer = Scorer::new(&model, batch, threads).map_err(LearnError::from)?;
    let images = noise(batch * 784);
    let mut logits = vec![0.0; batch * 11];
    Ok(vec![
        measure("infer", batch, Some(flops), || scorer.logits(&images, &mut logits))
            .of_peak(threads),
    ])
}

/// Each of the paper's transforms alone, and its policy, on 28 x 28 grey images and one thread.
pub fn augment() -> Vec<Measurement> {
    let measurement = |Speed { name, us_per_image }| Measurement {
        name: name.to_owned(),
        images_per_s: 1e6 / us_per_image,
        us_per_image,
        gflops: None,
        peak_percent: None,
        phases: None,
    };
    speed(SHAPE, SPAN).into_iter().map(measurement).collect()
}

/// Each strategy that needs no more than probabilities and features, choosing `batch` of 13,925
/// images.
///
/// # Errors
/// If a strategy cannot choose.
pub fn query(batch: usize, threads: usize) -> Result<Vec<Measurement>, StudyError> {
    const CLASSES: usize = 11;
    const DIM: usize = 64;
    within("--batch", batch, 1..=POOL - 7)?;
    let mut probs = noise(POOL * CLASSES);
    for row in probs.chunks_exact_mut(CLASSES) {
        let sum: f32 = row.iter().sum();
        row.iter_mut().for_each(|value| *value /= sum);
    }
    let features = noise(POOL * DIM);
    let pool: Vec<u32> = (7..POOL as u32).collect();
    let labelled: Vec<u32> = (0..7).collect();
    let inputs = Inputs {
        probs: Some(Rows::new(&probs, CLASSES)),
        mc_probs: None,
        features: Some(Rows::new(&features, DIM)),
        labelled: &labelled,
        target_mc_probs: None,
        view_probs: None,
    };
    let mut measurements = Vec::new();
    for name in acquire::names() {
        let strategy = acquire::by_name(name).map_err(LearnError::from)?;
        let needs = strategy.needs();
        if needs.mc_probs || needs.targets || needs.views {
            continue;
        }
        let query = Query::new(batch, Key::new(0, 5));
        let choose = || strategy.pick(&inputs, &pool, &query, threads);
        choose().map_err(LearnError::from)?;
        measurements.push(measure(name, POOL, None, || {
            let _ = choose();
        }));
    }
    Ok(measurements)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_out_of_range_are_named_with_their_option() {
        let cases = [
            (train(0, 64, 1), "--width must lie between 1 and 1024, not 0"),
            (
                train(usize::MAX, 64, 1),
                "--width must lie between 1 and 1024, not 18446744073709551615",
            ),
            (train(32, 1, 1), "--batch must lie between 2 and 2048, not 1"),
            (train(32, 1 << 40, 1), "--batch must lie between 2 and 2048, not 1099511627776"),
            (infer(32, 0, 1), "--batch must lie between 1 and 65536, not 0"),
            (query(0, 1), "--batch must lie between 1 and 13918, not 0"),
            (query(13_919, 1), "--batch must lie between 1 and 13918, not 13919"),
        ];
        for (outcome, expected) in cases {
            assert_eq!(outcome.expect_err(expected).to_string(), expected);
        }
    }
}
