//! The six ways to spend a label budget (paper, section 4; PAPER.md, "The six regimes"), as one
//! table; and those beside them that learn from the unlabelled pool first.

use crate::ask::settings::Point;
use crate::error::StudyError;
use crate::model_files::read_encoder;
use crate::spelling;
use fewlabel_learn::LearnError;
use fewlabel_learn::acquire;
use fewlabel_learn::data::location;
use fewlabel_learn::features::{FeatureFile, FeatureSource};
use fewlabel_learn::model::network::NetworkSettings;
use fewlabel_learn::probe::feature_pool;
use fewlabel_learn::run::initial::Initial;
use fewlabel_learn::run::plan::{ActiveSettings, LoopSchedule, Placement, Plan, Selection};
use fewlabel_learn::run::transfer::{EncoderFile, EncoderSource, Ensemble, Head, Transfer};
use fewlabel_learn::training::fit::TrainSettings;

/// Who chooses the rows to label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chooser {
    /// Nobody: every row is labelled.
    All,
    /// Chance.
    Chance,
    /// A strategy in the active loop.
    Strategy,
    /// A strategy on the features of a pretrained encoder: the one that the regime's name ends in.
    OnFeatures,
    /// The same, namely [`SEMI_STRATEGY`]; the classifier then listens to itself.
    SelfTrained,
}

/// One way to spend a label budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Regime {
    /// Its number in the paper; from 7 on it is none of the paper's.
    pub number: u8,
    /// Its name in settings and tables.
    pub name: &'static str,
    /// What it is, in a few words.
    pub about: &'static str,
    /// Who chooses the rows to label.
    pub chooser: Chooser,
    /// Where augmentation acts.
    pub placement: Placement,
    /// The width f of the final model: the paper's, or the encoder's.
    pub width: usize,
}

/// All of them, in the paper's order.
pub const REGIMES: [Regime; 6] = [
    Regime {
        number: 1,
        name: "full",
        about: "all labels, no augmentation",
        chooser: Chooser::All,
        placement: Placement::Never,
        width: 16,
    },
    Regime {
        number: 2,
        name: "random",
        about: "random labels, no augmentation",
        chooser: Chooser::Chance,
        placement: Placement::Never,
        width: 32,
    },
    Regime {
        number: 3,
        name: "da",
        about: "random labels, augmented",
        chooser: Chooser::Chance,
        placement: Placement::FinalOnly,
        width: 32,
    },
    Regime {
        number: 4,
        name: "al",
        about: "queried labels, no augmentation",
        chooser: Chooser::Strategy,
        placement: Placement::Never,
        width: 32,
    },
    Regime {
        number: 5,
        name: "alda",
        about: "queried labels, augmented before querying",
        chooser: Chooser::Strategy,
        placement: Placement::BeforeQuery,
        width: 32,
    },
    Regime {
        number: 6,
        name: "alpa",
        about: "queried labels, augmented after querying",
        chooser: Chooser::Strategy,
        placement: Placement::AfterQuery,
        width: 32,
    },
];

/// Those on an encoder that has learned from the training images without labels. One stands for
/// many: every strategy that features and a classifier suffice for has a regime of its name.
pub const PRETRAINED: [Regime; 3] = [
    Regime {
        number: 7,
        name: "pretrained-random",
        about: "random labels, encoder learned \
        without labels",
        chooser: Chooser::Chance,
        placement: Placement::Never,
        width: 32,
    },
    Regime {
        number: 8,
        name: "pretrained-<strategy>",
        about: "labels queried on the features of \
        such an encoder",
        chooser: Chooser::OnFeatures,
        placement: Placement::Never,
        width: 32,
    },
    Regime {
        number: 9,
        name: "pretrained-semi",
        about: "the same by typiclust, classifier \
        self-trained",
        chooser: Chooser::SelfTrained,
        placement: Placement::Never,
        width: 32,
    },
];

/// What the names of [`PRETRAINED`] begin with.
const PREFIX: &str = "pretrained-";
/// Who chooses in `pretrained-semi`.
pub const SEMI_STRATEGY: &str = "typiclust";

/// The names, in the paper's order.
pub const NAMES: [&str; 6] = ["full", "random", "da", "al", "alda", "alpa"];

/// The regime called `name`.
///
/// # Errors
/// If there is none; the message suggests the nearest.
pub fn by_name(name: &str) -> Result<&'static Regime, StudyError> {
    let found = REGIMES.iter().chain(&PRETRAINED).find(|regime| regime.name == name);
    let on_features = || strategy_of(name).map(|_| &PRETRAINED[1]);
    found.or_else(on_features).ok_or_else(|| {
        let names = self::names();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        StudyError::Setting(spelling::unknown("regime", name, &names))
    })
}

/// The names of all regimes: the paper's six, then those on a pretrained encoder.
pub fn names() -> Vec<String> {
    let strategies =
        acquire::names().into_iter().filter(|name| feature_pool::check_strategy(name).is_ok());
    let on_features =
        strategies.map(|name| format!("{PREFIX}{name}")).chain([PRETRAINED[2].name.to_owned()]);
    NAMES.map(str::to_owned).into_iter().chain(on_features).collect()
}

/// The strategy that the name of a regime on features ends in.
fn strategy_of(regime: &str) -> Option<&str> {
    regime.strip_prefix(PREFIX).filter(|name| feature_pool::check_strategy(name).is_ok())
}

impl Regime {
    /// Whether it is one of [`PRETRAINED`].
    pub fn is_on_encoder(&self) -> bool {
        PRETRAINED.iter().any(|regime| regime.number == self.number)
    }

    /// The plan of one run on a training split of `rows` rows and a validation split of `val_rows`.
    ///
    /// # Errors
    /// If a name is unknown, a file of features cannot be read, or the validation labels leave
    /// nothing of the budget.
    pub fn plan(&self, point: &Point, rows: usize, val_rows: usize) -> Result<Plan, StudyError> {
        let validation_labels = if point.validation_in_budget { val_rows } else { 0 };
        let budget = point.labels.count(rows);
        let labels = match budget.checked_sub(validation_labels) {
            Some(labels) if labels >= 2 || validation_labels == 0 => Ok(labels),
            _ => Err(StudyError::Setting(format!(
                "{validation_labels} validation labels leave fewer than 2 of a budget of \
                 {budget}: set val_images to less"
            ))),
        };
        let selection = match self.chooser {
            Chooser::All => Selection::All,
            Chooser::Chance => Selection::Random { labels: labels? },
            Chooser::Strategy => Selection::Active(Box::new(active(point, labels?, rows)?)),
            Chooser::OnFeatures | Chooser::SelfTrained => {
                let strategy = strategy_of(&point.regime).unwrap_or(SEMI_STRATEGY).to_owned();
                Selection::OnFeatures { strategy, labels: labels?, ties: point.ties }
            }
        };
        if self.number >= PRETRAINED[0].number {
            return self.on_encoder(point, selection, validation_labels);
        }
        let policy = match self.placement {
            Placement::Never => fewlabel_learn::augment::Policy::none(),
            _ => point.augmentation.clone(),
        };
        Ok(Plan {
            seed: point.seed,
            selection,
            placement: self.placement,
            policy,
            network: network(point, point.width.unwrap_or(self.width), point.dropout),
            training: TrainSettings {
                epochs: point.epochs,
                batch_size: point.batch_size,
                learning_rate: point.learning_rate as f32,
                weight_decay: point.weight_decay as f32,
                mixing: point.mixing,
                recipe: point.recipe,
            },
            validate_every_epoch: point.validate_every_epoch,
            test_time_views: point.test_time_views,
            validation_labels,
            transfer: None,
        })
    }

    /// The plan on an encoder: of the training settings none has a meaning there, so that none is
    /// part of it.
    fn on_encoder(
        &self,
        point: &Point,
        selection: Selection,
        validation_labels: usize,
    ) -> Result<Plan, StudyError> {
        let (encoder, width) = match &point.encoder {
            None if point.encoders == 0 => {
                return Err(StudyError::Setting("encoders must be at least 1".to_owned()));
            }
            None => {
                let settings = point.pretrain.clone();
                let width = settings.width;
                (EncoderSource::Pretraining { settings, seed: point.seed % point.encoders }, width)
            }
            Some(path) => {
                let path = location::from_text(path);
                let width = read_encoder(&path)?.settings.width;
                (EncoderSource::File(EncoderFile::at(&path)?), width)
            }
        };
        let ensemble =
            (point.ensemble != 1).then_some(Ensemble { size: point.ensemble, of: point.encoders });
        let self_training = (self.chooser == Chooser::SelfTrained).then_some(point.self_training);
        Ok(Plan {
            seed: point.seed,
            selection,
            placement: self.placement,
            policy: fewlabel_learn::augment::Policy::none(),
            network: NetworkSettings::paper(width),
            training: TrainSettings::default(),
            validate_every_epoch: false,
            test_time_views: point.test_time_views,
            validation_labels,
            transfer: Some(Transfer {
                encoder,
                ensemble,
                classifier: Head::Ridge,
                self_training,
                fine_tuning: point.fine_tuning.clone(),
            }),
        })
    }
}

fn active(point: &Point, labels: usize, rows: usize) -> Result<ActiveSettings, LearnError> {
    let initial_choice = Initial::parse(&point.initial_choice)?;
    let strategy = acquire::by_name(&point.strategy)?;
    let cold_start = matches!(initial_choice, Initial::Strategy(_));
    let features = match point.features.as_deref() {
        None if cold_start => FeatureSource::PixelsPca,
        None => strategy.default_features(),
        Some("penultimate") => FeatureSource::Penultimate,
        Some("pixels-pca") => FeatureSource::PixelsPca,
        Some(path) => FeatureSource::File(FeatureFile::at(&location::from_text(path))?),
    };
    Ok(ActiveSettings {
        initial_choice,
        stopping: point.stopping.into_iter().collect(),
        features: (strategy.needs().features || cold_start).then_some(features),
        options: point.strategy_options.clone(),
        ties: point.ties,
        temperature_scaling: point.temperature_scaling,
        strategy: point.strategy.clone(),
        initial: point.initial.count(rows),
        query_size: point.query_size,
        labels,
        mc_samples: point.mc_samples,
        members: point.members,
        views: point.views,
        network: network(point, point.loop_width, point.loop_dropout.unwrap_or(point.dropout)),
        schedule: LoopSchedule {
            first_epochs: point.first_epochs,
            reset_every_queries: point.reset_every_queries,
            epochs_growth: point.epochs_growth,
        },
    })
}

/// `block_widths` are multiples of the width, so that one setting fits the loop's model and the
/// final one.
fn network(point: &Point, width: usize, dropout: f64) -> NetworkSettings {
    let block_widths = point
        .block_multiples
        .map(|multiples| multiples.map(|multiple| multiple.saturating_mul(width)));
    NetworkSettings { width, block_widths, dropout: dropout as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::settings::Budget;
    use fewlabel_learn::acquire::Ties;

    #[test]
    fn the_names_are_those_of_the_table() {
        assert_eq!(REGIMES.map(|regime| regime.name), NAMES);
        assert!(REGIMES.iter().enumerate().all(|(i, regime)| usize::from(regime.number) == i + 1));
    }

    #[test]
    fn the_paper_s_loop_asks_for_four_labels_33_times() {
        let plan = REGIMES[3].plan(&Point::default(), 13_932, 2452).expect("a plan");
        let Selection::Active(active) = plan.selection else { panic!("an active regime") };
        assert_eq!((active.initial, active.query_size, active.labels), (7, 4, 139));
        assert_eq!((active.labels - active.initial) / active.query_size, 33);
        assert_eq!((active.network.width, plan.network.width), (8, 32));
    }

    #[test]
    fn only_three_regimes_look_at_the_policy_s_images() {
        let names: Vec<&str> = REGIMES
            .iter()
            .filter(|r| !r.plan(&Point::default(), 100, 20).expect("a plan").policy.is_none())
            .map(|r| r.name)
            .collect();
        assert_eq!(names, ["da", "alda", "alpa"]);
    }

    #[test]
    fn validation_labels_are_taken_off_the_budget_where_they_count() {
        let point =
            Point { validation_in_budget: true, labels: Budget::Count(100), ..Point::default() };
        let plan = REGIMES[1].plan(&point, 1000, 40).expect("a plan");
        assert_eq!(
            (plan.selection, plan.validation_labels),
            (Selection::Random { labels: 60 }, 40)
        );
        let error = REGIMES[1].plan(&point, 1000, 99).expect_err("nothing is left").to_string();
        assert!(
            error.contains("99 validation labels leave fewer than 2 of a budget of 100"),
            "{error}"
        );
    }

    #[test]
    fn features_are_those_that_suit_the_strategy() {
        let features = |strategy: &str, features: Option<&str>, initial_choice: &str| {
            let (strategy, initial_choice) = (strategy.to_owned(), initial_choice.to_owned());
            let point = Point {
                strategy,
                features: features.map(str::to_owned),
                initial_choice,
                ..Point::default()
            };
            let Selection::Active(active) = REGIMES[3].plan(&point, 1000, 40)?.selection else {
                panic!("active")
            };
            Ok::<_, StudyError>(active.features.expect("the strategy looks at features"))
        };
        assert_eq!(features("typiclust", None, "random").expect("known"), FeatureSource::PixelsPca);
        assert_eq!(features("badge", None, "random").expect("known"), FeatureSource::Penultimate);
        assert_eq!(features("badge", None, "typiclust").expect("known"), FeatureSource::PixelsPca);
        assert_eq!(
            features("typiclust", Some("penultimate"), "random").expect("known"),
            FeatureSource::Penultimate
        );
        let error =
            features("badge", Some("no-such.npy"), "random").expect_err("no such file").to_string();
        assert!(error.starts_with("cannot read no-such.npy"), "{error}");
    }

    #[test]
    fn every_name_is_a_regime() {
        for name in names() {
            let regime = by_name(&name).expect("known");
            assert!(regime.name == name || regime.name == "pretrained-<strategy>", "{name}");
        }
        assert!(names().contains(&"pretrained-badge".to_owned()));
        assert!(by_name("pretrained-bald").is_err() && by_name("pretrained-").is_err());
        assert!(PRETRAINED.iter().all(|r| r.width == Point::default().pretrain.width));
    }

    #[test]
    fn seeds_are_dealt_out_to_encoders_and_other_settings_do_not_matter() {
        let plan = |point: &Point| {
            by_name(&point.regime).expect("known").plan(point, 1000, 40).expect("a plan")
        };
        let point = Point {
            regime: "pretrained-typiclust".into(),
            encoders: 3,
            seed: 7,
            ..Point::default()
        };
        let made = plan(&point);
        let seeds = |plan: &Plan| -> Vec<u64> {
            let seed = |source| match source {
                EncoderSource::Pretraining { seed, .. } => seed,
                EncoderSource::File(_) => panic!("no file was named"),
            };
            plan.transfer.iter().flat_map(Transfer::encoders).map(seed).collect()
        };
        assert_eq!(seeds(&made), [1]);
        assert_eq!(
            made.selection,
            Selection::OnFeatures {
                strategy: "typiclust".into(),
                labels: 10,
                ties: Ties::LowerIndex
            }
        );
        assert_eq!(
            plan(&Point { epochs: 3, loop_width: 4, strategy: "margin".into(), ..point.clone() }),
            made
        );
        let three = Point {
            encoders: 3,
            ensemble: 3,
            seed: 7,
            regime: point.regime.clone(),
            ..Point::default()
        };
        assert_eq!(seeds(&plan(&three)), [1, 2, 0]);
        let wrong = plan(&Point { ensemble: 4, ..three }).check(1000).unwrap_err().to_string();
        assert!(wrong.contains("ensemble = 4 of encoders = 3"), "{wrong}");
        let semi = plan(&Point { regime: "pretrained-semi".into(), ..point.clone() });
        assert_eq!(semi.selection, made.selection);
        assert!(semi.transfer.is_some_and(|transfer| transfer.self_training.is_some()));
        let random = plan(&Point { regime: "pretrained-random".into(), ..point });
        assert_eq!(random.selection, Selection::Random { labels: 10 });
    }

    #[test]
    fn a_misspelt_regime_is_corrected() {
        assert_eq!(
            by_name("ranodm").expect_err("unknown").to_string(),
            "unknown regime `ranodm`: did you mean `random`?"
        );
    }
}
