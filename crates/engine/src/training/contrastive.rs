//! An encoder in training without labels: two views of an image should look alike, and unlike all others.

use crate::kernels::buffer::Buffer;
use crate::kernels::{Isa, update};
use crate::layers::encoder::Encoder;
use crate::layers::projector::Projector;
use crate::team::Team;
use crate::training::trainer::{gather, read_state, write_state};
use crate::{AdamW, Architecture, EngineError, Model};

/// What two views of an image are held to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Objective {
    /// To be alike, and unlike all others' (NT-Xent, SimCLR: Chen et al. 2020, arXiv 2002.05709).
    NtXent {
        /// What similarities are divided by: 0.03 to 10.
        temperature: f32,
    },
    /// To be alike, while embeddings keep their variance and lose their covariance (VICReg: Bardes et al. 2022, arXiv
    /// 2105.04906).
    VicReg,
}

/// Training without labels of a model whose head is the projection: one hidden layer, and as many outputs as an embedding
/// has numbers. The number of threads never changes a bit.
pub struct Contrastive {
    isa: Isa,
    model: Model,
    optimizer: AdamW,
    first_moments: Buffer,
    second_moments: Buffer,
    steps: u64,
    max_images: usize,
    team: Team,
    encoder: Encoder,
    projector: Projector,
    pub(crate) gradient: Buffer,
}

impl std::fmt::Debug for Contrastive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contrastive")
            .field("architecture", self.model.architecture())
            .field("steps", &self.steps)
            .finish_non_exhaustive()
    }
}

/// Temperatures at which every exponential of a similarity stays a normal number.
const TEMPERATURES: std::ops::RangeInclusive<f32> = 0.03..=10.0;

impl Contrastive {
    /// Prepares to train `model` on two views of up to `max_images` images. Nothing else is allocated later.
    ///
    /// # Errors
    /// If the model's head is no projection, the temperature lies outside 0.03 to 10, or the threads cannot be started.
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
        let Architecture { hidden, dropout, .. } = model.architecture();
        if hidden.len() != 1 || *dropout > 0.0 {
            let found = format!("a head of {} hidden layers and dropout {dropout}", hidden.len());
            return Err(EngineError::Architecture(format!("{found}, expected a projection: one and none")));
        }
        if let Objective::NtXent { temperature } = objective
            && !TEMPERATURES.contains(&temperature)
        {
            return Err(EngineError::Architecture(format!("temperature is {temperature}, expected 0.03 to 10")));
        }
        let layout = &model.layout;
        let (n, rows) = (layout.parameters, 2 * max_images.max(2));
        let encoder = Encoder::new(isa, layout, model.architecture().image_len(), rows, threads);
        let size = crate::layers::encoder::group_size(rows).min(rows);
        let dim = model.architecture().classes;
        let projector = Projector::new(isa, layout, objective, dim, rows, (size, encoder.groups.len()));
        Ok(Self {
            isa,
            optimizer,
            first_moments: Buffer::zeros(n),
            second_moments: Buffer::zeros(n),
            steps: 0,
            max_images: max_images.max(2),
            team: Team::new(threads)?,
            gradient: Buffer::zeros(n),
            projector,
            encoder,
            model,
        })
    }

    /// The threads that steps are split over.
    pub fn team(&self) -> Team {
        self.team.clone()
    }

    /// One step on `views` [2, n, h, w, c], the first view of every image before the second of every image; returns the
    /// mean loss before it.
    ///
    /// # Panics
    /// If there are fewer than two images or more than `max_images`, or half an image.
    pub fn step(&mut self, views: &[f32]) -> f32 {
        let len = self.model.architecture().image_len();
        assert!(views.len().is_multiple_of(2 * len), "{} values are no two views of images of {len}", views.len());
        let images = views.len() / (2 * len);
        let most = self.max_images;
        assert!(images >= 2 && images <= most, "a batch of {images} images, expected 2 to {most}");
        let loss = self.team().run(|| {
            let loss = self.gradients(views);
            self.update();
            loss
        });
        loss as f32
    }

    /// Fills `gradient` and returns the loss.
    pub(crate) fn gradients(&mut self, views: &[f32]) -> f64 {
        let n = views.len() / self.model.architecture().image_len();
        let Model { layout, parameters, running, .. } = &mut self.model;
        let used = self.encoder.share(n);
        self.encoder.forward(layout, parameters, running, views);
        let size = self.encoder.size();
        let Encoder { groups, scratch, .. } = &mut self.encoder;
        for group in &mut groups[..used] {
            for dense in &layout.dense {
                group.gradient[dense.weight.start..dense.bias.end].fill(0.0);
            }
        }
        let loss = self.projector.step(layout, parameters, &mut groups[..used], scratch, n, size);
        self.encoder.backward(layout, parameters, &mut self.gradient, views);
        gather(layout, &self.encoder.groups[..used], &mut self.gradient);
        loss
    }

    fn update(&mut self) {
        self.steps += 1;
        let rates = self.optimizer.rates(self.steps);
        let parameters = &mut self.model.parameters;
        update::adamw(self.isa, rates, parameters, &mut self.first_moments, &mut self.second_moments, &self.gradient);
    }

    /// Changes the step size from the next step on.
    pub fn set_learning_rate(&mut self, learning_rate: f32) {
        self.optimizer.learning_rate = learning_rate;
    }

    /// Steps made so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The model as it is, projection included.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Everything a step depends on besides its arguments, the architecture and the settings.
    pub fn state(&self) -> Vec<u8> {
        let parts = [&self.model.parameters, &self.model.running, &self.first_moments, &self.second_moments];
        write_state(self.steps, parts)
    }

    /// Goes on exactly where [`Self::state`] was taken. An error leaves everything as it was.
    ///
    /// # Errors
    /// If the bytes are not the state of such a training.
    pub fn restore(&mut self, state: &[u8]) -> Result<(), EngineError> {
        let held = [&self.model.parameters, &self.model.running, &self.first_moments, &self.second_moments];
        let (steps, parts) = read_state(state, held)?;
        [self.model.parameters, self.model.running, self.first_moments, self.second_moments] = parts;
        self.steps = steps;
        Ok(())
    }
}
