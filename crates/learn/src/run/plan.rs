//! What one run is: everything its result depends on beside the data.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::acquire::{self, Ties};
use crate::augment::Policy;
use crate::error::LearnError;
use crate::features::FeatureSource;
use crate::model::network::NetworkSettings;
use crate::pretrain::PretrainSettings;
use crate::probe::feature_pool;
use crate::run::initial::Initial;
use crate::run::loop_settings::LoopSettings;
pub use crate::run::loop_settings::{ActiveSettings, LoopSchedule};
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

/// Images of a query that a person answers.
const ASKED_AT_ONCE: usize = 10;

/// Where augmentation acts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    /// Nowhere.
    #[default]
    Never,
    /// Once, on training and pool images alike, before any query: the paper's ALDA.
    BeforeQuery,
    /// Fresh at every epoch of the loop's and the final model's training, the pool unaugmented: the
    /// paper's ALPA.
    AfterQuery,
    /// Fresh at every epoch of the final model's training alone.
    FinalOnly,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
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
        let usual = LoopSettings::default();
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
            mc_samples: usual.mc_samples,
            members: usual.members,
            views: usual.views,
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
    use crate::acquire;
    use crate::run::initial::Initial;

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
