//! How fast this machine is, for estimates of time alone.

use crate::ask::cost;
use crate::error::StudyError;
use fewlabel_engine::rng::Key;
use fewlabel_engine::{Model, Targets, Trainer};
use fewlabel_learn::LearnError;
use fewlabel_learn::data::Images;
use fewlabel_learn::model::network::NetworkSettings;
use std::time::Instant;

/// Training steps that are timed; the fastest counts, for other programs only ever slow one down.
const STEPS: usize = 6;

/// Images in a step, and the network's width: the paper's final model.
const BATCH: usize = 64;
const WIDTH: usize = 32;

/// The cost, in the unit of [`Cost`](crate::Cost), that one thread works off in a second: measured,
/// in about half a second.
///
/// # Errors
/// If the engine refuses the model.
pub fn cost_per_second() -> Result<f64, StudyError> {
    let images = Images { height: 28, width: 28, channels: 1, pixels: Vec::new() };
    let architecture = NetworkSettings::paper(WIDTH).architecture(&images, 11)?;
    let model = Model::new(architecture, Key::new(0, 1)).map_err(LearnError::from)?;
    let mut trainer =
        Trainer::new(model, Default::default(), BATCH, 1).map_err(LearnError::from)?;
    let mut stream = Key::new(0, 2).stream();
    let pixels: Vec<f32> = (0..BATCH * 784).map(|_| stream.unit()).collect();
    let labels: Vec<u16> = (0..BATCH).map(|i| (i % 11) as u16).collect();
    let mut fastest = f64::INFINITY;
    for _ in 0..STEPS {
        let begin = Instant::now();
        trainer.step(&pixels, Targets::Classes(&labels), Key::new(0, 3));
        fastest = fastest.min(begin.elapsed().as_secs_f64());
    }
    Ok(cost::of_training(WIDTH, 784, 1) * BATCH as f64 / fastest.max(1e-9))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_does_something_in_a_second() {
        let rate = cost_per_second().expect("measured");
        assert!((1e6..1e15).contains(&rate), "{rate}");
    }
}
