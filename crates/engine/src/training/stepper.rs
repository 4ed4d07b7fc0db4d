//! One step of training, whatever head stands on the encoder.
//!
//! ```text
//! encoder forward -> head: loss and gradient -> encoder backward -> descent
//! ```

use crate::kernels::Isa;
use crate::kernels::buffer::Buffer;
use crate::layers::encoder::Encoder;
use crate::layers::head::Head;
use crate::measure::Phases;
use crate::team::Team;
use crate::training::descent::{self, Descent, Memory, Part};
use crate::training::state::State;
use crate::{AdamW, EngineError, Model};
use std::time::Instant;

/// Takes the steps of a training. It holds all that a step reads and writes.
pub(crate) struct Stepper<H> {
    isa: Isa,
    pub(crate) state: State,
    pub(crate) optimizer: AdamW,
    /// The head's learning rate as a multiple of the encoder's.
    pub(crate) head_factor: f32,
    pub(crate) phases: Phases,
    pub(crate) team: Team,
    max_batch: usize,
    encoder: Encoder,
    head: H,
    parts: Vec<Part>,
    pub(crate) gradient: Buffer,
}

impl<H: Head> Stepper<H> {
    /// Prepares for batches of up to `max_batch` images, which is at least two.
    pub(crate) fn new(
        isa: Isa,
        model: Model,
        optimizer: AdamW,
        head: H,
        max_batch: usize,
        threads: usize,
    ) -> Result<Self, EngineError> {
        let (layout, len) = (&model.layout, model.architecture().image_len());
        Ok(Self {
            isa,
            optimizer,
            head_factor: 1.0,
            phases: Phases::default(),
            team: Team::new(threads)?,
            max_batch,
            encoder: Encoder::new(isa, layout, len, H::VIEWS * max_batch, threads),
            head,
            parts: descent::parts(layout),
            gradient: Buffer::zeros(layout.parameters),
            state: State::new(model),
        })
    }

    /// Takes a step on `images`, all views of them, and returns the mean loss before it.
    ///
    /// # Panics
    /// If the number of values does not fit, or there are fewer than two images or more than the
    /// stepper is prepared for.
    pub(crate) fn step(&mut self, images: &[f32], input: H::Input<'_>) -> f32 {
        let len = H::VIEWS * self.state.model.architecture().image_len();
        let (n, most) = (images.len() / len, self.max_batch);
        assert!(
            images.len().is_multiple_of(len),
            "{} values are no whole images of {len}",
            images.len()
        );
        assert!(n >= 2 && n <= most, "a batch of {n} images, expected 2 to {most}");
        self.team.clone().run(|| {
            let loss = self.gradients(images, input);
            let start = Instant::now();
            self.state.steps += 1;
            self.descend(H::VIEWS * n, true);
            self.phases.update += start.elapsed();
            loss as f32
        })
    }

    /// Forms the gradients that [`Self::descend`] does not, and returns the loss.
    pub(crate) fn gradients(&mut self, images: &[f32], input: H::Input<'_>) -> f64 {
        let n = images.len() / self.state.model.architecture().image_len();
        let Model { layout, parameters, running, .. } = &mut self.state.model;
        let start = Instant::now();
        self.encoder.share(n);
        self.encoder.forward(layout, parameters, running, images);
        let middle = Instant::now();
        let loss = self.head.step(self.encoder.encoded(layout, parameters, n), input);
        self.encoder.backward(layout, parameters, &mut self.gradient, images);
        self.phases.forward += middle - start;
        self.phases.backward += middle.elapsed();
        loss
    }

    /// Completes the gradient of a batch of `n` and, if `moves`, lets the optimiser move the
    /// parameters.
    pub(crate) fn descend(&mut self, n: usize, moves: bool) {
        let State { model, first_moments, second_moments, steps } = &mut self.state;
        let head = AdamW {
            learning_rate: self.head_factor * self.optimizer.learning_rate,
            ..self.optimizer
        };
        let rates = moves.then(|| [self.optimizer, head].map(|optimizer| optimizer.rates(*steps)));
        let memory = Memory {
            start: 0,
            parameters: &mut model.parameters,
            first_moments,
            second_moments,
            gradient: &mut self.gradient,
        };
        let groups = self.encoder.used(n);
        let descent =
            Descent { isa: self.isa, layout: &model.layout, groups, head: &self.head, rates };
        descent.run(&self.parts, memory, self.encoder.threads());
    }
}
