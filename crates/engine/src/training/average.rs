//! The running average of a model in training.

use crate::kernels::buffer::Buffer;
use crate::training::state;
use crate::{EngineError, Model};

/// An exponential moving average of a model's parameters and running statistics.
///
/// ```text
/// average <- average + (1 - d_t) (model - average)
/// d_t = min(decay, (1 + t) / (10 + t)),    t = 0, 1, ...
/// ```
///
/// The decay rises, so that the first steps are forgotten. Polyak and Juditsky 1992; for
/// semi-supervised training Tarvainen and Valpola 2017, arXiv 1703.01780.
#[derive(Clone, Debug)]
pub struct Average {
    model: Model,
    decay: f32,
    updates: u64,
}

impl Average {
    /// Starts at `model`. A `decay` of 0 keeps the last model itself, one of 1 never moves.
    pub fn new(model: Model, decay: f32) -> Self {
        Self { model, decay, updates: 0 }
    }

    /// Adds the model after a step.
    ///
    /// # Panics
    /// If the model has another architecture.
    pub fn add(&mut self, model: &Model) {
        assert_eq!(
            self.model.architecture(),
            model.architecture(),
            "the average is of another architecture"
        );
        let t = self.updates as f32;
        let share = 1.0 - self.decay.min((1.0 + t) / (10.0 + t));
        self.updates += 1;
        let parts = [
            (&mut self.model.parameters, &model.parameters),
            (&mut self.model.running, &model.running),
        ];
        for (average, new) in parts {
            average
                .iter_mut()
                .zip(new.iter())
                .for_each(|(average, new)| *average += share * (new - *average));
        }
    }

    /// The average.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Everything that [`Average::add`] goes on from.
    pub fn state(&self) -> Vec<u8> {
        state::write(
            self.updates,
            [&self.model.parameters, &self.model.running, &Buffer::default(), &Buffer::default()],
        )
    }

    /// Goes on exactly where [`Average::state`] was taken. An error leaves everything as it was.
    ///
    /// # Errors
    /// If the bytes are not the state of an average of this architecture.
    pub fn restore(&mut self, state: &[u8]) -> Result<(), EngineError> {
        let (updates, parts) = state::read(
            state,
            [&self.model.parameters, &self.model.running, &Buffer::default(), &Buffer::default()],
        )?;
        [self.model.parameters, self.model.running, ..] = parts;
        self.updates = updates;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Architecture;
    use crate::rng::Key;

    fn model(seed: u64) -> Model {
        let architecture = Architecture {
            height: 7,
            width: 7,
            channels: 1,
            block_widths: vec![4, 8],
            hidden: vec![],
            classes: 3,
            dropout: 0.0,
        };
        Model::new(architecture, Key::new(seed, 0)).unwrap()
    }

    #[test]
    fn it_moves_towards_what_it_is_given() {
        let (first, second) = (model(1), model(2));
        let mut average = Average::new(first.clone(), 0.5);
        average.add(&second);
        // The first decay is 1 / 10.
        for ((a, b), got) in first
            .parameters
            .iter()
            .zip(second.parameters.iter())
            .zip(average.model().parameters.iter())
        {
            assert!((got - (0.1 * a + 0.9 * b)).abs() < 1e-6);
        }
        let mut still = Average::new(first.clone(), 0.0);
        still.add(&second);
        assert!(
            still
                .model()
                .parameters
                .iter()
                .zip(second.parameters.iter())
                .all(|(a, b)| (a - b).abs() < 1e-7)
        );
    }

    #[test]
    fn it_goes_on_from_its_state() {
        let mut whole = Average::new(model(1), 0.9);
        whole.add(&model(2));
        let mut resumed = Average::new(model(3), 0.9);
        resumed.restore(&whole.state()).unwrap();
        whole.add(&model(4));
        resumed.add(&model(4));
        assert!(whole.state() == resumed.state());
        assert!(resumed.restore(&whole.state()[1..]).is_err());
    }
}
