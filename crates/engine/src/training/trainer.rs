//! A model in training.

use crate::kernels::Isa;
use crate::kernels::buffer::Buffer;
use crate::kernels::update;
use crate::layers::encoder::{Encoder, Group};
use crate::layers::head::{Head, Panels};
use crate::layers::loss::{self, Targets};
use crate::measure::Phases;
use crate::network::layout::Layout;
use crate::rng::Key;
use crate::team::{Team, each};
use crate::training::descent::{self, Descent, Memory, Part};
use crate::{AdamW, EngineError, Model};
use std::time::Instant;

/// A model being trained: parameters, optimiser state and workspace for batches up to `max_batch`.
/// The number of threads never changes a bit.
pub struct Trainer {
    isa: Isa,
    model: Model,
    optimizer: AdamW,
    first_moments: Buffer,
    second_moments: Buffer,
    steps: u64,
    max_batch: usize,
    team: Team,
    encoder: Encoder,
    heads: Vec<Head>,
    losses: Vec<f64>,
    panels: Panels,
    parts: Vec<Part>,
    pub(crate) gradient: Buffer,
    phases: Phases,
    /// The head's learning rate as a multiple of the encoder's.
    head_factor: f32,
}

impl std::fmt::Debug for Trainer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trainer")
            .field("architecture", self.model.architecture())
            .field("steps", &self.steps)
            .finish_non_exhaustive()
    }
}

const STATE: &[u8; 8] = b"FLSTATE1";

impl Trainer {
    /// Prepares to train `model`. Nothing else is allocated later.
    ///
    /// # Errors
    /// If the threads cannot be started.
    pub fn new(model: Model, optimizer: AdamW, max_batch: usize, threads: usize) -> Result<Self, EngineError> {
        Self::on(Isa::detect(), model, optimizer, max_batch, threads)
    }

    pub(crate) fn on(
        isa: Isa,
        model: Model,
        optimizer: AdamW,
        max_batch: usize,
        threads: usize,
    ) -> Result<Self, EngineError> {
        let layout = &model.layout;
        let n = layout.parameters;
        let max_batch = max_batch.max(2);
        let encoder = Encoder::new(isa, layout, model.architecture().image_len(), max_batch, threads);
        let size = crate::layers::encoder::group_size(max_batch);
        let groups = encoder.groups.len();
        Ok(Self {
            isa,
            optimizer,
            first_moments: Buffer::zeros(n),
            second_moments: Buffer::zeros(n),
            steps: 0,
            max_batch,
            team: Team::new(threads)?,
            heads: (0..groups).map(|_| Head::new(layout, size)).collect(),
            losses: vec![0.0; groups],
            panels: Panels::new(layout),
            parts: descent::parts(layout),
            gradient: Buffer::zeros(n),
            encoder,
            phases: Phases::default(),
            head_factor: 1.0,
            model,
        })
    }

    /// One step on `images` [n, h, w, c]; returns the mean loss before it. Dropout masks depend on `dropout_key` and the
    /// image's row in the batch.
    ///
    /// # Panics
    /// If the batch has fewer than two images or more than `max_batch`, if the lengths do not fit, or if a class is
    /// not below the number of classes.
    pub fn step(&mut self, images: &[f32], targets: Targets<'_>, dropout_key: Key) -> f32 {
        let len = self.model.architecture().image_len();
        let n = images.len() / len;
        let classes = self.model.architecture().classes;
        assert!(images.len().is_multiple_of(len), "{} values are no whole images of {len}", images.len());
        assert!(n >= 2 && n <= self.max_batch, "a batch of {n} images, expected 2 to {}", self.max_batch);
        let (given, expected) = match targets {
            Targets::Classes(all) => (all.len(), n),
            Targets::Soft(all) => (all.len(), n * classes),
        };
        assert_eq!(given, expected, "targets for {n} images and {classes} classes");
        self.team().run(|| {
            let loss = self.gradients(images, targets, dropout_key);
            self.update(n);
            loss
        })
    }

    pub(crate) fn gradients(&mut self, images: &[f32], targets: Targets<'_>, dropout_key: Key) -> f32 {
        let n = images.len() / self.model.architecture().image_len();
        let (classes, dropout) = (self.model.architecture().classes, self.model.architecture().dropout);
        let Model { layout, parameters, running, .. } = &mut self.model;
        let (layout, parameters, isa): (&Layout, &[f32], Isa) = (layout, parameters, self.isa);
        let used = self.encoder.share(n);
        let start = Instant::now();
        self.encoder.forward(layout, parameters, running, images);
        let middle = Instant::now();
        self.panels.fill(layout, parameters, self.encoder.scratch.len());
        let (size, panels) = (self.encoder.size(), &self.panels);
        let groups = self.encoder.groups[..used].iter_mut().zip(&mut self.heads).zip(&mut self.losses);
        let mut work: [Option<_>; 8] = [const { None }; 8];
        for (slot, group) in work.iter_mut().zip(groups) {
            *slot = Some(group);
        }
        each(&mut work[..used], &mut self.encoder.scratch, &|i, slot, _| {
            let Some(((group, head), loss)) = slot else { return };
            let count = group.count;
            head.forward(
                isa,
                layout,
                parameters,
                panels,
                &group.encoded,
                count,
                Some((dropout, dropout_key, i * size)),
            );
            let (last, pitch) = (layout.dense.len() - 1, layout.dense[layout.dense.len() - 1].outputs);
            let logits = &head.outputs[last][..count * pitch];
            let part = targets.part(classes, i * size, count);
            **loss = loss::cross_entropy(
                logits,
                pitch,
                classes,
                part,
                1.0 / n as f32,
                &mut head.gradients[last][..count * pitch],
            );
            head.backward(isa, layout, panels, count, dropout, &mut group.encoded_gradient);
        });
        self.encoder.backward(layout, parameters, &mut self.gradient, images);
        self.phases.forward += middle - start;
        self.phases.backward += middle.elapsed();
        (self.losses[..used].iter().fold(0.0, |a, b| a + b) / n as f64) as f32
    }

    fn update(&mut self, n: usize) {
        let start = Instant::now();
        self.steps += 1;
        self.descend(n, true);
        self.phases.update += start.elapsed();
    }

    /// Puts the gradients of a batch of `n` together and, if `moves`, takes the optimiser's step.
    pub(crate) fn descend(&mut self, n: usize, moves: bool) {
        let used = n.div_ceil(self.encoder.size());
        let head = AdamW { learning_rate: self.head_factor * self.optimizer.learning_rate, ..self.optimizer };
        let rates = moves.then(|| [self.optimizer, head].map(|optimizer| optimizer.rates(self.steps)));
        let memory = Memory {
            start: 0,
            parameters: &mut self.model.parameters,
            first_moments: &mut self.first_moments,
            second_moments: &mut self.second_moments,
            gradient: &mut self.gradient,
        };
        let (layout, groups, heads) = (&self.model.layout, &self.encoder.groups[..used], &self.heads[..used]);
        let descent = Descent { isa: self.isa, layout, groups, heads, rates };
        descent.run(&self.parts, memory, self.encoder.scratch.len());
    }

    /// Changes the step size from the next step on.
    pub fn set_learning_rate(&mut self, learning_rate: f32) {
        self.optimizer.learning_rate = learning_rate;
    }

    /// Time spent in the phases of all steps so far: the encoder's forward pass; the head and everything backward; the
    /// optimiser.
    pub fn phases(&self) -> Phases {
        self.phases
    }

    /// The threads that steps are split over.
    pub fn team(&self) -> Team {
        self.team.clone()
    }

    /// The model as it is.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Ends training.
    pub fn into_model(self) -> Model {
        self.model
    }

    /// Everything a step depends on besides its arguments, the architecture and the optimiser's settings.
    pub fn state(&self) -> Vec<u8> {
        let parts = [&self.model.parameters, &self.model.running, &self.first_moments, &self.second_moments];
        write_state(self.steps, parts)
    }

    /// Goes on exactly where [`Self::state`] was taken. An error leaves the trainer as it was.
    ///
    /// # Errors
    /// If the bytes are not the state of a trainer of this architecture.
    pub fn restore(&mut self, state: &[u8]) -> Result<(), EngineError> {
        let held = [&self.model.parameters, &self.model.running, &self.first_moments, &self.second_moments];
        let (steps, parts) = read_state(state, held)?;
        [self.model.parameters, self.model.running, self.first_moments, self.second_moments] = parts;
        self.steps = steps;
        Ok(())
    }
}

/// Adds up the groups' gradients in order; those of the first layer and of the normalisation are whole already.
pub(crate) fn gather(layout: &Layout, groups: &[Group], gradient: &mut [f32]) {
    let ranges = layout.convs[1..].iter().flat_map(|c| [c.weight.clone(), c.bias.clone()]);
    for range in ranges.chain(layout.dense.iter().flat_map(|d| [d.weight.clone(), d.bias.clone()])) {
        gradient[range.clone()].copy_from_slice(&groups[0].gradient[range.clone()]);
        for group in &groups[1..] {
            update::add(&mut gradient[range.clone()], &group.gradient[range.clone()]);
        }
    }
}

/// The number of steps, then each part with its length before it.
pub(crate) fn write_state(steps: u64, parts: [&Buffer; 4]) -> Vec<u8> {
    let mut bytes = STATE.to_vec();
    bytes.extend(steps.to_le_bytes());
    for part in parts {
        bytes.extend((part.len() as u64).to_le_bytes());
        bytes.extend(part.iter().flat_map(|v| v.to_le_bytes()));
    }
    bytes
}

/// The number of steps and the parts that [`write_state`] wrote, as long as those that are `held`.
pub(crate) fn read_state(state: &[u8], held: [&Buffer; 4]) -> Result<(u64, [Buffer; 4]), EngineError> {
    let mut parts = held.map(Buffer::clone);
    let parameters = parts[0].len();
    match fill_from_state(state, &mut parts) {
        Some(steps) => Ok((steps, parts)),
        None => {
            let text = format!("{} bytes are not the state of a network of {parameters} parameters", state.len());
            Err(EngineError::State(text))
        }
    }
}

/// Fills `parts` and returns the number of steps, or nothing if the bytes do not fit.
fn fill_from_state(state: &[u8], parts: &mut [Buffer; 4]) -> Option<u64> {
    let mut rest = state.strip_prefix(STATE)?;
    let steps = u64::from_le_bytes(*rest.split_off(..8)?.as_array()?);
    for part in parts {
        let len = u64::from_le_bytes(*rest.split_off(..8)?.as_array()?);
        if len != part.len() as u64 {
            return None;
        }
        let bytes = rest.split_off(..part.len() * 4)?;
        for (value, bytes) in part.iter_mut().zip(bytes.as_chunks::<4>().0) {
            *value = f32::from_le_bytes(*bytes);
        }
    }
    rest.is_empty().then_some(steps)
}

/// Encoder and head, each at a pace of its own.
impl Trainer {
    /// Lets the fully connected layers learn at `factor` times the encoder's learning rate from the next step on.
    pub fn set_head_factor(&mut self, factor: f32) {
        self.head_factor = factor;
    }

    /// Steps made so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }
}
