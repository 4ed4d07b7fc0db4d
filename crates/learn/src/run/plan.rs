//! What one run is: everything its result depends on beside the data.

use serde::{Deserialize, Serialize};

use crate::acquire::{self, Needs, Ties};
use crate::augment::Policy;
use crate::error::LearnError;
use crate::features::FeatureSource;
use crate::model::network::NetworkSettings;
use crate::pretrain::PretrainSettings;
use crate::probe::feature_pool;
use crate::run::initial::Initial;
use crate::run::stopping::Rule;
use crate::run::transfer::{EncoderSource, Head, Transfer};
use crate::training::fit::{Recipe, TrainSettings};

/// Which training rows the final model learns from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// All of them.
    All,
    /// The first `labels` rows of the seed's permutation.
    Random {
        /// How many.
        labels: usize,
    },
    /// These rows.
    Given {
        /// Row numbers of the training split.
        rows: Vec<u32>,
    },
    /// What a strategy asks for, query by query.
    Active(Box<ActiveSettings>),
    /// What a strategy asks for that looks at a pretrained encoder's features instead of a loop's
    /// model.
    OnFeatures {
        /// Its name.
        strategy: String,
        /// Labels in the end.
        labels: usize,
        /// How ties are broken.
        #[serde(default, skip_serializing_if = "is_default")]
        ties: Ties,
    },
}

impl Selection {
    /// Labels in the end, on a training split of `rows` rows.
    pub fn labels(&self, rows: usize) -> usize {
        match self {
            Self::All => rows,
            Self::Given { rows } => rows.len(),
            Self::Active(active) => active.labels,
            Self::Random { labels } | Self::OnFeatures { labels, .. } => *labels,
        }
    }
}

/// The settings of the active loop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActiveSettings {
    /// Name of the strategy, as `fewlabel query --strategy` takes it.
    pub strategy: String,
    /// Labels before the first query.
    pub initial: usize,
    /// Who chooses them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub initial_choice: Initial,
    /// Labels a query asks for.
    pub query_size: usize,
    /// Labels in the end, unless a rule stops the loop before.
    pub labels: usize,
    /// The loop stops after the first query at which one of these is met.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stopping: Vec<Rule>,
    /// Features for a strategy and a first choice that look at some; the model's if none are named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<FeatureSource>,
    /// Settings of the strategy.
    #[serde(default, skip_serializing_if = "is_default")]
    pub options: acquire::Options,
    /// How ties are broken, by the strategy of the first labels too.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ties: Ties,
    /// Whether the loop models' probabilities are scaled by a temperature fitted on the validation
    /// labels (Guo 2017).
    #[serde(default, skip_serializing_if = "is_default")]
    pub temperature_scaling: bool,
    /// Monte-Carlo dropout passes, for strategies that need several predictions an image.
    #[serde(default = "default_mc_samples")]
    pub mc_samples: usize,
    /// Models trained side by side: above 1 an ensemble, whose members replace the Monte-Carlo
    /// passes.
    #[serde(default = "default_members")]
    pub members: usize,
    /// Augmented views an image, for strategies that look at their consistency.
    #[serde(default = "default_views")]
    pub views: usize,
    /// The small model that chooses.
    pub network: NetworkSettings,
    /// How long the small model trains, and when it starts anew.
    pub schedule: LoopSchedule,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn default_mc_samples() -> usize {
    20
}

fn default_members() -> usize {
    1
}

fn default_views() -> usize {
    8
}

impl ActiveSettings {
    /// The strategy, ready to choose among images of `classes` classes.
    pub(crate) fn strategy(
        &self,
        classes: usize,
    ) -> Result<Box<dyn acquire::Strategy>, LearnError> {
        let options = acquire::Options { classes: Some(classes), ..self.options.clone() };
        Ok(acquire::with_options(&self.strategy, &options)?)
    }

    /// Where features come from.
    pub(crate) fn source(&self) -> &FeatureSource {
        self.features.as_ref().unwrap_or(&FeatureSource::Penultimate)
    }

    /// What a query has to compute for the strategy and the stopping rules.
    pub(crate) fn needs(&self) -> Result<Needs, LearnError> {
        let needs = acquire::with_options(&self.strategy, &self.options)?.needs();
        let probs = needs.probs || self.stopping.iter().any(Rule::needs_probs);
        Ok(Needs { probs, ..needs })
    }

    /// Whether a query looks at a model at all: else none is trained in the loop.
    pub(crate) fn needs_model(&self, is_on_encoder: bool) -> Result<bool, LearnError> {
        let needs = self.needs()?;
        let of_model = needs.features && !self.source().is_given() && !is_on_encoder;
        let validated = self.stopping.iter().any(Rule::needs_validation);
        Ok(needs.probs || needs.mc_probs || needs.views || of_model || validated)
    }

    /// Queries that spend the budget, if no rule stops before.
    pub fn queries(&self) -> usize {
        self.labels.saturating_sub(self.initial).div_ceil(self.query_size.max(1))
    }

    /// Whether the budget leaves no smaller query at the end.
    pub fn has_whole_queries(&self) -> bool {
        self.initial.saturating_add(self.queries().saturating_mul(self.query_size)) == self.labels
    }

    fn check(&self, policy: &Policy) -> Result<(), LearnError> {
        let wrong = |text: String| Err(LearnError::Setting(text));
        if self.initial < 2 {
            return wrong(format!("initial labels must be at least 2, not {}", self.initial));
        }
        if self.initial > self.labels {
            return wrong(format!(
                "{} initial labels are more than the budget of {}",
                self.initial, self.labels
            ));
        }
        if self.query_size == 0 {
            return wrong("query_size must be at least 1".to_owned());
        }
        if self.schedule.first_epochs == 0 {
            return wrong("first_epochs must be at least 1".to_owned());
        }
        self.stopping.iter().try_for_each(Rule::check)?;
        self.initial_choice.check(self.source())?;
        self.check_needs(policy)
    }

    /// Refuses a strategy that would look at predictions that cannot differ.
    fn check_needs(&self, policy: &Policy) -> Result<(), LearnError> {
        let wrong = |text: String| Err(LearnError::Setting(text));
        let (name, needs) = (&self.strategy, self.needs()?);
        if self.members == 0 || self.members > MOST_MEMBERS {
            return wrong(format!(
                "members must lie between 1 and {MOST_MEMBERS}, not {}",
                self.members
            ));
        }
        if needs.mc_probs
            && self.members == 1
            && (self.network.dropout == 0.0 || self.mc_samples < 2)
        {
            return wrong(format!(
                "{name} compares several predictions an image: give the loop's network a dropout \
                 above 0 and mc_samples \
                 of at least 2, or an ensemble of at least 2 members"
            ));
        }
        if needs.views && (policy.is_none() || self.views < 2) {
            return wrong(format!(
                "{name} compares augmented views: give a policy and at least 2 views"
            ));
        }
        Ok(())
    }
}

/// Images of a query that a person answers.
const ASKED_AT_ONCE: usize = 10;
/// Members of an ensemble, at most.
const MOST_MEMBERS: usize = 100;

/// Epochs of the loop model (paper, section 4.3; "every three epochs" read as every three queries).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoopSchedule {
    /// Epochs before each query, at first.
    pub first_epochs: u32,
    /// Queries after which model and optimiser start anew; 0 is never.
    pub reset_every_queries: u32,
    /// Epochs that each reset adds.
    pub epochs_growth: u32,
}

impl Default for LoopSchedule {
    fn default() -> Self {
        Self { first_epochs: 6, reset_every_queries: 3, epochs_growth: 1 }
    }
}

impl LoopSchedule {
    /// How often the model has been started anew before query number `round` (from 0).
    pub fn resets_before(&self, round: u32) -> u32 {
        round.checked_div(self.reset_every_queries).unwrap_or(0)
    }

    /// Epochs before query number `round`.
    pub fn epochs(&self, round: u32) -> u32 {
        self.first_epochs
            .saturating_add(self.epochs_growth.saturating_mul(self.resets_before(round)))
    }
}

/// Where augmentation acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    /// Nowhere.
    Never,
    /// Once, on training and pool images alike, before any query: the paper's ALDA.
    BeforeQuery,
    /// Fresh at every epoch of the loop's and the final model's training, the pool unaugmented: the
    /// paper's ALPA.
    AfterQuery,
    /// Fresh at every epoch of the final model's training alone.
    FinalOnly,
}

/// One run: a pure function of this, the data and nothing else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Names every random number of the run.
    pub seed: u64,
    /// Which rows are labelled.
    pub selection: Selection,
    /// Where `policy` acts.
    pub placement: Placement,
    /// How images are augmented.
    pub policy: Policy,
    /// The final model.
    pub network: NetworkSettings,
    /// How it is trained; batch size and optimiser hold for the loop's model too.
    pub training: TrainSettings,
    /// Whether the validation split is scored after every epoch of the final model.
    pub validate_every_epoch: bool,
    /// Views of each validation and test image whose predictions the final model averages, the
    /// unaugmented one included; 0 and 1 are the unaugmented image alone.
    #[serde(default)]
    pub test_time_views: usize,
    /// Validation labels that count as part of the budget beside those of the training split; 0
    /// where they are taken as given.
    #[serde(default, skip_serializing_if = "is_default")]
    pub validation_labels: usize,
    /// The encoder that the final model stands on; without one a network learns from scratch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer: Option<Transfer>,
}

impl Plan {
    /// A choice of `labels` labels by the features of one encoder, with the classifier of an
    /// encoder's regimes.
    pub(crate) fn on_features(strategy: &str, labels: usize, seed: u64) -> Self {
        let encoder = EncoderSource::Pretraining { settings: PretrainSettings::default(), seed };
        Self {
            seed,
            selection: Selection::OnFeatures {
                strategy: strategy.to_owned(),
                labels,
                ties: Ties::default(),
            },
            placement: Placement::Never,
            policy: Policy::none(),
            network: NetworkSettings::paper(PretrainSettings::default().width),
            training: TrainSettings::default(),
            validate_every_epoch: false,
            test_time_views: 0,
            validation_labels: 0,
            transfer: Some(Transfer {
                encoder,
                ensemble: None,
                classifier: Head::Ridge,
                self_training: None,
                fine_tuning: None,
            }),
        }
    }

    /// The classifier of labels that are there already: ridge regression on an encoder, or without
    /// one a network that learns from nothing by the recipe for few labels.
    pub fn few_labels(selection: Selection, encoder: Option<EncoderSource>, seed: u64) -> Self {
        let on_features = Self::on_features("random", 2, seed);
        match (encoder, on_features.transfer.clone()) {
            (Some(encoder), Some(transfer)) => {
                let transfer = Some(Transfer { encoder, ..transfer });
                Self { selection, transfer, ..on_features }
            }
            _ => Self {
                selection,
                placement: Placement::FinalOnly,
                policy: Policy::paper(),
                training: TrainSettings { recipe: Recipe::FEW_LABELS, ..TrainSettings::default() },
                transfer: None,
                ..on_features
            },
        }
    }

    /// A loop that a person answers, a few images a query, until all `rows` of the pool are
    /// answered: on the features of an encoder where there `is_encoder`, else on the pixels.
    pub fn asking(strategy: &str, rows: usize, seed: u64, is_encoder: bool) -> Self {
        let on_features = Self::on_features(strategy, rows, seed);
        let (initial_choice, features, initial) = match is_encoder {
            true => (Initial::Random, None, 2),
            false => {
                let cold = Initial::Strategy("typiclust".to_owned());
                (cold, Some(FeatureSource::PixelsPca), ASKED_AT_ONCE)
            }
        };
        let active = ActiveSettings {
            strategy: strategy.to_owned(),
            initial: initial.min(rows),
            initial_choice,
            query_size: ASKED_AT_ONCE,
            labels: rows,
            stopping: Vec::new(),
            features,
            options: acquire::Options::default(),
            ties: Ties::Seeded,
            temperature_scaling: false,
            mc_samples: default_mc_samples(),
            members: default_members(),
            views: default_views(),
            network: NetworkSettings::paper(8),
            schedule: LoopSchedule::default(),
        };
        let transfer = on_features.transfer.clone().filter(|_| is_encoder);
        Self { selection: Selection::Active(Box::new(active)), transfer, ..on_features }
    }

    /// A loop that a person answers, with the small networks of the paper's ALPA in place of a
    /// classifier on features: they learn augmented images from nothing before every query, and
    /// have dropout where the strategy compares several predictions.
    ///
    /// # Errors
    /// If there is no such strategy.
    pub fn asking_by_networks(strategy: &str, rows: usize, seed: u64) -> Result<Self, LearnError> {
        let needs = acquire::by_name(strategy)?.needs();
        let asking = Self::asking(strategy, rows, seed, false);
        let Selection::Active(active) = asking.selection else { unreachable!("it is a loop") };
        let dropout = if needs.mc_probs || needs.targets { 0.25 } else { 0.0 };
        let active = ActiveSettings {
            features: None,
            initial_choice: Initial::Random,
            network: NetworkSettings { dropout, ..active.network.clone() },
            ..*active
        };
        Ok(Self {
            selection: Selection::Active(Box::new(active)),
            placement: Placement::AfterQuery,
            policy: Policy::paper(),
            ..asking
        })
    }

    /// How ties are broken in its queries.
    pub(crate) fn ties(&self) -> Ties {
        match &self.selection {
            Selection::Active(active) => active.ties,
            Selection::OnFeatures { ties, .. } => *ties,
            _ => Ties::default(),
        }
    }

    /// What the queries depend on: this plan with neither a budget nor settings of the final model
    /// alone. Plans that agree in it make the same queries as far as their budgets leave these
    /// whole. `None` where nothing is queried, or where a rule may stop the loop before.
    pub fn loop_alone(&self) -> Option<Self> {
        let Selection::Active(active) = &self.selection else { return None };
        if !active.stopping.is_empty() {
            return None;
        }
        let is_mixed_in_the_loop = self.placement == Placement::AfterQuery;
        Some(Self {
            selection: Selection::Active(Box::new(ActiveSettings {
                labels: 0,
                ..active.as_ref().clone()
            })),
            network: active.network.clone(),
            training: TrainSettings {
                epochs: 0,
                mixing: self.training.mixing.filter(|_| is_mixed_in_the_loop),
                ..self.training.clone()
            },
            validate_every_epoch: false,
            test_time_views: 0,
            validation_labels: 0,
            ..self.clone()
        })
    }

    /// Refuses a plan that cannot be carried out on a training split of `rows` rows.
    ///
    /// # Errors
    /// Names the setting and what it may be.
    pub fn check(&self, rows: usize) -> Result<(), LearnError> {
        self.training.check()?;
        if self.policy.is_learned() && self.placement == Placement::BeforeQuery {
            let text = "a learned policy is chosen with labels: it cannot augment the pool before \
                        the first query";
            return Err(LearnError::Setting(text.to_owned()));
        }
        let wrong = |text: String| Err(LearnError::Setting(text));
        match (&self.transfer, &self.selection) {
            (None, Selection::OnFeatures { strategy, .. }) => {
                return wrong(format!(
                    "{strategy} is to look at an encoder's features, but no encoder is given"
                ));
            }
            (Some(transfer), Selection::Active(active)) => {
                transfer.check()?;
                feature_pool::check_strategy(&active.strategy)?;
            }
            (Some(transfer), _) => transfer.check()?,
            _ => {}
        }
        let labels = match &self.selection {
            Selection::All => rows,
            Selection::Random { labels } => *labels,
            Selection::Given { rows: given } => return check_rows(given, rows),
            Selection::Active(active) => {
                active.check(&self.policy)?;
                active.labels
            }
            Selection::OnFeatures { strategy, labels, .. } => {
                feature_pool::check_strategy(strategy)?;
                *labels
            }
        };
        if labels < 2 {
            return wrong(format!(
                "a budget of {labels} labels cannot train a model: at least 2 are needed"
            ));
        }
        if labels > rows {
            return wrong(format!(
                "a budget of {labels} labels is more than the {rows} images of the training split"
            ));
        }
        Ok(())
    }
}

fn check_rows(given: &[u32], rows: usize) -> Result<(), LearnError> {
    if given.len() < 2 {
        return Err(LearnError::Setting(format!(
            "{} given rows cannot train a model: at least 2 are needed",
            given.len()
        )));
    }
    if let Some(row) = given.iter().find(|&&row| row as usize >= rows) {
        return Err(LearnError::Setting(format!(
            "row {row} is outside the training split of {rows} images"
        )));
    }
    let mut sorted = given.to_vec();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(LearnError::Setting(format!("row {} is given twice", pair[0]))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(selection: Selection) -> Plan {
        Plan {
            seed: 0,
            selection,
            placement: Placement::Never,
            policy: Policy::none(),
            network: NetworkSettings::paper(8),
            training: TrainSettings::default(),
            validate_every_epoch: false,
            test_time_views: 0,
            validation_labels: 0,
            transfer: None,
        }
    }

    #[test]
    fn the_schedule_grows_by_one_epoch_every_third_query() {
        let schedule = LoopSchedule::default();
        let epochs: Vec<u32> = (0..7).map(|round| schedule.epochs(round)).collect();
        assert_eq!(epochs, [6, 6, 6, 7, 7, 7, 8]);
        assert_eq!(LoopSchedule { reset_every_queries: 0, ..schedule }.epochs(30), 6);
    }

    #[test]
    fn a_budget_above_the_pool_is_refused() {
        let error = plan(Selection::Random { labels: 11 }).check(10).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a budget of 11 labels is more than the 10 images of the training split"
        );
    }

    #[test]
    fn bald_without_dropout_or_ensemble_is_refused() {
        let active = |members, dropout| ActiveSettings {
            strategy: "bald".to_owned(),
            initial: 2,
            query_size: 1,
            labels: 4,
            mc_samples: 20,
            members,
            views: 8,
            network: NetworkSettings { dropout, ..NetworkSettings::paper(8) },
            schedule: LoopSchedule::default(),
            initial_choice: Initial::default(),
            stopping: Vec::new(),
            features: None,
            options: acquire::Options::default(),
            ties: Ties::default(),
            temperature_scaling: false,
        };
        let check = |members, dropout| {
            plan(Selection::Active(Box::new(active(members, dropout)))).check(10)
        };
        assert!(check(1, 0.0).unwrap_err().to_string().contains("dropout above 0"));
        assert!(check(1, 0.25).is_ok());
        assert!(check(5, 0.0).is_ok());
    }

    #[test]
    fn given_rows_must_exist_once() {
        let check = |rows: &[u32]| plan(Selection::Given { rows: rows.to_vec() }).check(10);
        assert!(check(&[0, 9]).is_ok());
        assert!(check(&[0, 10]).unwrap_err().to_string().contains("row 10"));
        assert!(check(&[4, 2, 4]).unwrap_err().to_string().contains("row 4 is given twice"));
    }
}
