//! A model in training.

use crate::kernels::Isa;
use crate::layers::class_head::ClassHead;
use crate::layers::loss::Targets;
use crate::layers::projection_head::{Objective, ProjectionHead};
use crate::measure::Phases;
use crate::rng::Key;
use crate::team::Team;
use crate::training::stepper::Stepper;
use crate::{AdamW, EngineError, Model};

/// A model in training under the head `H`: parameters, optimiser state and workspace.
///
/// [`Trainer`] and [`Contrastive`] are its two kinds. The number of threads never changes a bit.
pub struct Training<H> {
    pub(crate) stepper: Stepper<H>,
}

/// Trains a classifier on images and their classes.
pub type Trainer = Training<ClassHead>;

/// Trains an encoder without labels, on two views of every image.
///
/// The model's head is the projection: one hidden layer, and as many outputs as an embedding has
/// numbers.
pub type Contrastive = Training<ProjectionHead>;

impl<H> std::fmt::Debug for Training<H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Training")
            .field("architecture", self.model().architecture())
            .field("steps", &self.steps())
            .finish_non_exhaustive()
    }
}

impl Training<ClassHead> {
    /// Prepares to train `model` on batches of up to `max_batch` images. Steps allocate nothing.
    ///
    /// # Errors
    /// If the threads cannot be started.
    pub fn new(
        model: Model,
        optimizer: AdamW,
        max_batch: usize,
        threads: usize,
    ) -> Result<Self, EngineError> {
        Self::on(Isa::detect(), model, optimizer, max_batch, threads)
    }

    pub(crate) fn on(
        isa: Isa,
        model: Model,
        optimizer: AdamW,
        max_batch: usize,
        threads: usize,
    ) -> Result<Self, EngineError> {
        let max_batch = max_batch.max(2);
        let head = ClassHead::new(isa, &model, max_batch);
        Ok(Self { stepper: Stepper::new(isa, model, optimizer, head, max_batch, threads)? })
    }

    /// Takes one step on `images` [n, h, w, c] and returns the mean loss before it. Dropout masks
    /// depend on `dropout_key` and the image's row in the batch.
    ///
    /// # Panics
    /// If the batch has fewer than two images or more than `max_batch`, or the lengths do not fit.
    /// If a class is not below the number of classes.
    pub fn step(&mut self, images: &[f32], targets: Targets<'_>, dropout_key: Key) -> f32 {
        let architecture = self.model().architecture();
        let (n, classes) = (images.len() / architecture.image_len(), architecture.classes);
        let (given, expected) = match targets {
            Targets::Classes(all) => (all.len(), n),
            Targets::Soft(all) => (all.len(), n * classes),
        };
        assert_eq!(given, expected, "targets for {n} images and {classes} classes");
        self.stepper.step(images, (targets, dropout_key))
    }
}

impl Training<ProjectionHead> {
    /// Prepares to train `model` on two views of up to `max_images` images. Steps allocate nothing.
    ///
    /// # Errors
    /// If the model's head is no projection, the temperature lies outside 0.03 to 10, or the
    /// threads cannot be started.
    pub fn new(
        model: Model,
        optimizer: AdamW,
        objective: Objective,
        max_images: usize,
        threads: usize,
    ) -> Result<Self, EngineError> {
        Self::on(Isa::detect(), model, optimizer, objective, max_images, threads)
    }

    pub(crate) fn on(
        isa: Isa,
        model: Model,
        optimizer: AdamW,
        objective: Objective,
        max_images: usize,
        threads: usize,
    ) -> Result<Self, EngineError> {
        let max_images = max_images.max(2);
        let head = ProjectionHead::new(isa, &model, objective, max_images)?;
        Ok(Self { stepper: Stepper::new(isa, model, optimizer, head, max_images, threads)? })
    }

    /// Takes one step on `views` [2, n, h, w, c] and returns the mean loss before it. The first
    /// views of all images come before the second ones.
    ///
    /// # Panics
    /// If there are fewer than two images or more than `max_images`, or half an image.
    pub fn step(&mut self, views: &[f32]) -> f32 {
        self.stepper.step(views, ())
    }
}

impl<H> Training<H> {
    /// Changes the step size from the next step on.
    pub fn set_learning_rate(&mut self, learning_rate: f32) {
        self.stepper.optimizer.learning_rate = learning_rate;
    }

    /// Lets the fully connected layers learn at `factor` times the encoder's learning rate from the
    /// next step on.
    pub fn set_head_factor(&mut self, factor: f32) {
        self.stepper.head_factor = factor;
    }

    /// Steps made so far.
    pub fn steps(&self) -> u64 {
        self.stepper.state.steps
    }

    /// Time spent in the phases of all steps so far.
    pub fn phases(&self) -> Phases {
        self.stepper.phases
    }

    /// The threads that steps are split over.
    pub fn team(&self) -> Team {
        self.stepper.team.clone()
    }

    /// The model as it is, head included.
    pub fn model(&self) -> &Model {
        &self.stepper.state.model
    }

    /// Ends training.
    pub fn into_model(self) -> Model {
        self.stepper.state.model
    }

    /// Everything that a step depends on besides its arguments, the architecture and the settings.
    pub fn state(&self) -> Vec<u8> {
        self.stepper.state.to_bytes()
    }

    /// Goes on exactly where [`Self::state`] was taken. An error leaves everything as it was.
    ///
    /// # Errors
    /// If the bytes are not the state of such a training.
    pub fn restore(&mut self, state: &[u8]) -> Result<(), EngineError> {
        self.stepper.state.restore(state)
    }
}
