//! Fine-tuning: encoder and classifier go on learning together, from where the encoder's features
//! and a linear classifier on them stand (Kumar et al. 2022, arXiv 2202.10054: a head that is
//! fitted first spares the features).
//!
//! Length is counted in steps, since a pass over a few labels is hardly one. The learning rates of
//! encoder and head rise over the first twentieth of the steps and fall as a cosine.

use fewlabel_engine::rng::Key;
use fewlabel_engine::{ClassHead, Model, Targets, Trainer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::augment::Policy;
use crate::data::{Images, Labelled};
use crate::error::LearnError;
use crate::model::view::View;
use crate::purpose;
use crate::training::fix_match::{FixMatch, Unlabelled};
use crate::training::optimised::{Optimisation, Optimised, Passes};

/// How the whole network is trained on a few labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FineTuning {
    /// Steps.
    pub steps: u32,
    /// Images in a step; fewer where there are fewer labels.
    pub batch_size: usize,
    /// AdamW's learning rate of the encoder at its highest.
    pub learning_rate: f32,
    /// That of the classifier.
    pub head_learning_rate: f32,
    /// AdamW's decoupled weight decay.
    pub weight_decay: f32,
    /// Share of every label that is dealt out to all classes alike (Szegedy et al. 2016).
    pub label_smoothing: f32,
    /// Decay of the average of the weights that is judged; 0 judges the weights themselves.
    pub average: f32,
    /// What a view of a labelled image may change; if not given, what the encoder was trained with,
    /// or what suits the data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub views: Option<Policy>,
    /// How the network listens to itself on unlabelled images, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix_match: Option<FixMatch>,
}

impl Default for FineTuning {
    fn default() -> Self {
        Self {
            steps: 400,
            batch_size: 64,
            learning_rate: 3e-4,
            head_learning_rate: 1e-3,
            weight_decay: 0.01,
            label_smoothing: 0.1,
            average: 0.99,
            views: None,
            fix_match: None,
        }
    }
}

impl FineTuning {
    /// Refuses settings that cannot train.
    ///
    /// # Errors
    /// Names the setting and its range.
    pub fn check(&self) -> Result<(), LearnError> {
        let wrong = |what: &str| Err(LearnError::Setting(format!("fine_tuning: {what}")));
        let is_rate = |rate: f32| rate > 0.0 && rate.is_finite();
        if self.steps == 0 {
            return wrong("steps must be at least 1");
        }
        if !(2..=4096).contains(&self.batch_size) {
            return wrong("batch_size must lie between 2 and 4096");
        }
        if !is_rate(self.learning_rate) || !is_rate(self.head_learning_rate) {
            return wrong("learning_rate and head_learning_rate must be positive numbers");
        }
        if !(self.weight_decay >= 0.0 && self.weight_decay.is_finite()) {
            return wrong("weight_decay must be zero or a positive number");
        }
        if !(0.0..1.0).contains(&self.label_smoothing) || !(0.0..1.0).contains(&self.average) {
            return wrong("label_smoothing and average must lie between 0 and 1, 1 excluded");
        }
        self.fix_match.iter().try_for_each(FixMatch::check)
    }
}

/// A network in fine-tuning: a pure function of its start, the labelled images, the settings and
/// the seed.
pub struct Tuner<'a> {
    settings: FineTuning,
    seed: u64,
    model: Optimised<ClassHead>,
    view: View<'a>,
    unlabelled: Option<Unlabelled<'a>>,
    labelled: Labelled,
    classes: usize,
    batch: usize,
    passes: Passes,
    images: Vec<f32>,
    targets: Vec<f32>,
}

impl<'a> Tuner<'a> {
    /// Goes on from `model` with the `labelled` ones of `images`, from which `mean` is subtracted.
    ///
    /// # Errors
    /// If a setting is out of its range, there are fewer than two labels, or the engine cannot
    /// train the network.
    pub fn new(
        model: Model,
        settings: &FineTuning,
        (images, mean): (&'a Images, &[f32]),
        policy: &Policy,
        labelled: &Labelled,
        (seed, threads): (u64, usize),
    ) -> Result<Self, LearnError> {
        settings.check()?;
        if labelled.rows.len() < 2 {
            return Err(LearnError::Setting("fine-tuning needs at least 2 labels".to_owned()));
        }
        let classes = model.architecture().classes;
        let batch = settings.batch_size.min(labelled.rows.len());
        let FineTuning { learning_rate, weight_decay, average, .. } = *settings;
        let optimisation = Optimisation { learning_rate, weight_decay, average };
        let unlabelled = settings.fix_match.as_ref().map(|fix_match| {
            Unlabelled::new(
                fix_match,
                (images, mean),
                policy,
                &labelled.rows,
                batch,
                classes,
                (seed, threads),
            )
        });
        let most = batch + unlabelled.as_ref().map_or(0, Unlabelled::most);
        let mut trainer = Trainer::new(model, optimisation.optimizer(), most, threads)?;
        trainer.set_head_factor(settings.head_learning_rate / settings.learning_rate);
        let mut model = Optimised::new(trainer, optimisation);
        model.schedule_over(u64::from(settings.steps));
        Ok(Self {
            seed,
            model,
            view: View::new(images, mean, Some(policy)).threads(threads),
            unlabelled,
            labelled: labelled.clone(),
            classes,
            batch,
            passes: Passes::new(Key::new(seed, purpose::TUNING_ORDER), labelled.rows.len(), batch),
            images: vec![0.0; batch * images.image_len()],
            targets: vec![0.0; batch * classes],
            settings: settings.clone(),
        })
    }

    /// Steps made.
    pub fn steps_made(&self) -> u64 {
        self.model.steps()
    }

    /// Makes one step and returns its mean loss; `None` when there is none left.
    ///
    /// # Errors
    /// If the threads that score unlabelled images cannot be started, or the loss is not a finite
    /// number.
    pub fn step(&mut self) -> Result<Option<f32>, LearnError> {
        self.model.team().run(|| self.step_on_team())
    }

    fn step_on_team(&mut self) -> Result<Option<f32>, LearnError> {
        let step = self.model.steps();
        if step >= u64::from(self.settings.steps) {
            return Ok(None);
        }
        let (pass, places) = self.passes.at(step);
        let rows: Vec<u32> =
            places.iter().map(|&place| self.labelled.rows[place as usize]).collect();
        self.images.resize(self.batch * self.view.image_len(), 0.0);
        self.targets.resize(self.batch * self.classes, 0.0);
        self.view.fill(&rows, Key::new(self.seed, purpose::TUNING_VIEWS), pass, &mut self.images);
        let smooth = self.settings.label_smoothing;
        self.targets.fill(smooth / self.classes as f32);
        for (target, &place) in self.targets.chunks_exact_mut(self.classes).zip(places) {
            target[usize::from(self.labelled.labels[place as usize])] += 1.0 - smooth;
        }
        if let Some(unlabelled) = &mut self.unlabelled {
            unlabelled.extend(
                self.model.model(),
                step,
                self.batch,
                &mut self.images,
                &mut self.targets,
            )?;
        }
        let (images, targets) = (&self.images, Targets::Soft(&self.targets));
        let dropout = Key::new(self.seed, purpose::DROPOUT);
        let loss = self.model.step(|trainer| trainer.step(images, targets, dropout));
        Ok(Some(loss.map_err(|error| self.at_step(error))?))
    }

    /// Refuses weights that are not finite numbers, which cannot be gone on from.
    ///
    /// # Errors
    /// Names the tensor.
    pub fn check(&self) -> Result<(), LearnError> {
        self.model.check().map_err(|error| self.at_step(error))
    }

    fn at_step(&self, error: LearnError) -> LearnError {
        error.at(|| format!("step {} of {}", self.model.steps().max(1), self.settings.steps))
    }

    /// The network as it is to be judged: the average of its weights, where one is kept.
    pub fn model(&self) -> &Model {
        self.model.model()
    }

    /// What training goes on from.
    pub fn states(&self) -> Vec<Vec<u8>> {
        self.model.states()
    }

    /// Goes back to [`Tuner::states`].
    ///
    /// # Errors
    /// If they belong to another network or to other settings.
    pub fn restore(&mut self, states: &[Vec<u8>]) -> Result<(), LearnError> {
        self.model.restore(states)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fewlabel_engine::Architecture;

    fn start() -> (Model, Images, Labelled) {
        let architecture = Architecture {
            height: 10,
            width: 10,
            channels: 1,
            block_widths: vec![4, 8],
            hidden: vec![],
            classes: 2,
            dropout: 0.0,
        };
        // Dark images and bright ones.
        let pixels = (0..24 * 100)
            .map(|i| ((i * 37 % 90) + if (i / 100) % 2 == 0 { 0 } else { 120 }) as u8)
            .collect();
        let images = Images { height: 10, width: 10, channels: 1, pixels };
        let labelled =
            Labelled { rows: (0..12).collect(), labels: (0..12).map(|i| i % 2).collect() };
        (Model::new(architecture, Key::new(1, 0)).unwrap(), images, labelled)
    }

    #[test]
    fn the_loss_falls_and_interruptions_leave_no_trace() {
        let losses = check(None, &Policy::none());
        assert!(
            losses[25..].iter().sum::<f32>() < 0.7 * losses[..5].iter().sum::<f32>(),
            "{losses:?}"
        );
        check(Some(FixMatch { threshold: 0.5, ..FixMatch::default() }), &Policy::paper());
    }

    /// Holds an interrupted training against a whole one; the losses of the latter.
    fn check(fix_match: Option<FixMatch>, policy: &Policy) -> Vec<f32> {
        let (model, images, labelled) = start();
        let settings = FineTuning {
            steps: 30,
            batch_size: 5,
            learning_rate: 3e-3,
            fix_match,
            ..FineTuning::default()
        };
        let tuner = |threads| {
            Tuner::new(model.clone(), &settings, (&images, &[0.4]), policy, &labelled, (3, threads))
                .unwrap()
        };
        let mut whole = tuner(1);
        let losses: Vec<f32> = std::iter::from_fn(|| whole.step().unwrap()).collect();
        assert_eq!(losses.len(), 30);
        let mut first = tuner(2);
        (0..11).for_each(|_| assert!(first.step().unwrap().is_some()));
        let mut second = tuner(1);
        second.restore(&first.states()).unwrap();
        assert_eq!(second.steps_made(), 11);
        while second.step().unwrap().is_some() {}
        assert!(second.states() == whole.states());
        assert!(second.restore(&first.states()[..1]).is_err());
        losses
    }

    #[test]
    fn a_head_alone_learns_where_the_encoder_may_not() {
        let (model, images, labelled) = start();
        let settings = FineTuning {
            steps: 5,
            learning_rate: 1e-12,
            head_learning_rate: 1e-2,
            weight_decay: 0.0,
            average: 0.0,
            ..FineTuning::default()
        };
        let policy = Policy::none();
        let mut tuner =
            Tuner::new(model.clone(), &settings, (&images, &[0.4]), &policy, &labelled, (3, 1))
                .unwrap();
        while tuner.step().unwrap().is_some() {}
        for ((name, _, before), (_, _, after)) in
            model.tensors().iter().zip(&tuner.model().tensors())
        {
            let most = before.iter().zip(after).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            let moves = name.starts_with("head.") || name.contains("running");
            assert_eq!(most > 1e-6, moves, "{name}: {most}");
        }
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let wrong = FineTuning { label_smoothing: 1.0, ..FineTuning::default() };
        assert!(wrong.check().unwrap_err().to_string().contains("label_smoothing"));
        assert!(FineTuning { steps: 0, ..FineTuning::default() }.check().is_err());
    }
}
