//! A pretrained encoder in use.

use fewlabel_engine::rng::Key;
use fewlabel_engine::{Architecture, Model, Scorer};

use crate::augment::Policy;
use crate::data::Images;
use crate::error::LearnError;
use crate::finite;
use crate::model::view::View;
use crate::purpose;

/// Images encoded at a time.
const BLOCK: usize = 256;

/// A trained encoder, without the projection it was trained with.
#[derive(Clone, Debug)]
pub struct Encoder {
    model: Model,
    mean: Vec<f32>,
}

impl Encoder {
    /// The encoder of `model`, for images that `mean` (one value a channel) is to be subtracted
    /// from.
    pub fn new(model: Model, mean: Vec<f32>) -> Self {
        Self { model, mean }
    }

    /// Channels of the first block: the network's width f.
    pub fn width(&self) -> usize {
        self.model.architecture().block_widths.first().copied().unwrap_or(0)
    }

    /// The mean that is subtracted from images, one value a channel.
    pub fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// The network, with the projection it was trained with.
    pub(crate) fn model(&self) -> &Model {
        &self.model
    }

    /// The shape of the network, of what it sees among others.
    pub fn architecture(&self) -> &Architecture {
        self.model.architecture()
    }

    /// Refuses images of another shape.
    ///
    /// # Errors
    /// Says which shape was found and which is expected.
    pub fn check(&self, images: &Images) -> Result<(), LearnError> {
        let Architecture { height, width, channels, .. } = self.model.architecture();
        if (images.height, images.width, images.channels) == (*height, *width, *channels) {
            return Ok(());
        }
        let Images { height: h, width: w, channels: c, .. } = images;
        Err(LearnError::Setting(format!(
            "the encoder takes {height}x{width}x{channels} images, not {h}x{w}x{c}"
        )))
    }

    /// The network that has this encoder and a linear layer of `weights`, `[feature_len, classes]`
    /// with features in their order, and as many biases as classes.
    ///
    /// # Errors
    /// If the lengths do not fit the encoder.
    pub fn with_head(&self, weights: &[f32], bias: &[f32]) -> Result<Model, LearnError> {
        let (inputs, classes) = (self.feature_len(), bias.len());
        if weights.len() != inputs * classes {
            let text = format!(
                "{} weights do not make {classes} classes from {inputs} features",
                weights.len()
            );
            return Err(LearnError::Setting(text));
        }
        let held = self.model.architecture();
        let head =
            (0..classes).flat_map(|class| (0..inputs).map(move |i| weights[i * classes + class]));
        let tensors =
            self.model.tensors().into_iter().filter(|(name, ..)| !name.starts_with("head."));
        let head = [
            ("head.fc1.weight".to_owned(), vec![classes, inputs], head.collect()),
            ("head.fc1.bias".to_owned(), vec![classes], bias.to_vec()),
        ];
        let architecture = Architecture { hidden: Vec::new(), classes, ..held.clone() };
        Ok(Model::from_tensors(architecture, tensors.chain(head))?)
    }

    /// Features of an image: the last block's output, every channel at every place.
    pub fn feature_len(&self) -> usize {
        self.model.architecture().encoder_len()
    }

    /// Features `[n, feature_len]` of all `images`, averaged over the image itself and `views` - 1
    /// changed ones. The same bits for any number of threads.
    ///
    /// # Errors
    /// If the images have another shape, the threads cannot be started, or a feature is not a
    /// finite number.
    pub fn features(
        &self,
        images: &Images,
        views: usize,
        policy: &Policy,
        seed: u64,
        threads: usize,
    ) -> Result<Vec<f32>, LearnError> {
        self.check(images)?;
        let (len, dim) = (images.image_len(), self.feature_len());
        let key = Key::new(seed, purpose::FEATURE_VIEWS);
        let mut scorer = Scorer::new(&self.model, BLOCK, threads)?;
        let mut sums = vec![0.0; images.len() * dim];
        let (mut input, mut encoded) = (vec![0.0; BLOCK * len], vec![0.0; BLOCK * dim]);
        for number in 0..views.max(1) {
            let policy = (number > 0).then_some(policy);
            let mut view = View::new(images, &self.mean, policy).threads(threads);
            scorer.team().run(|| {
                for (block, out) in sums.chunks_mut(BLOCK * dim).enumerate() {
                    let first = (block * BLOCK) as u32;
                    let rows: Vec<u32> = (first..first + (out.len() / dim) as u32).collect();
                    let (input, encoded) =
                        (&mut input[..rows.len() * len], &mut encoded[..out.len()]);
                    view.fill(&rows, key, number as u64, input);
                    scorer.encode(input, encoded);
                    out.iter_mut().zip(encoded).for_each(|(sum, value)| *sum += *value);
                }
            });
        }
        let share = 1.0 / views.max(1) as f32;
        sums.iter_mut().for_each(|sum| *sum *= share);
        finite::check("feature", &sums)?;
        Ok(sums)
    }
}
