//! The six ways to spend a label budget (paper, section 4; PAPER.md, "The six regimes"), as one
//! table; and those beside them that learn from the unlabelled pool first.

use crate::ask::settings::Point;
use crate::error::StudyError;
use crate::model_files::read_encoder;
use crate::spelling;
use fewlabel_learn::acquire;
use fewlabel_learn::augment::Policy;
use fewlabel_learn::data::location;
use fewlabel_learn::model::network::NetworkSettings;
use fewlabel_learn::probe::feature_pool;
use fewlabel_learn::run::plan::{Placement, Plan, Selection};
use fewlabel_learn::training::fit::TrainSettings;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Backbone {
    /// A network that starts from nothing.
    Scratch,
    /// A linear classifier on an encoder that has learned from the training images without labels.
    Encoder,
    /// The same, and the classifier then listens to itself on the rest of the pool.
    EncoderSemi,
}

/// Who chooses the rows to label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chooser {
    /// Nobody: every row is labelled.
    All,
    /// Chance.
    Chance,
    /// A strategy: in the active loop, or on the features of an encoder.
    Strategy,
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
    /// What learns.
    pub backbone: Backbone,
    /// Who chooses the rows to label.
    pub chooser: Chooser,
    /// Where augmentation acts.
    pub augment: Placement,
    /// The width f of the final model: the paper's, or the encoder's.
    pub width: usize,
}

/// All of them, in the paper's order.
pub const REGIMES: [Regime; 6] = [
    Regime {
        number: 1,
        name: "full",
        about: "all labels, no augmentation",
        backbone: Backbone::Scratch,
        chooser: Chooser::All,
        augment: Placement::Never,
        width: 16,
    },
    Regime {
        number: 2,
        name: "random",
        about: "random labels, no augmentation",
        backbone: Backbone::Scratch,
        chooser: Chooser::Chance,
        augment: Placement::Never,
        width: 32,
    },
    Regime {
        number: 3,
        name: "da",
        about: "random labels, augmented",
        backbone: Backbone::Scratch,
        chooser: Chooser::Chance,
        augment: Placement::FinalOnly,
        width: 32,
    },
    Regime {
        number: 4,
        name: "al",
        about: "queried labels, no augmentation",
        backbone: Backbone::Scratch,
        chooser: Chooser::Strategy,
        augment: Placement::Never,
        width: 32,
    },
    Regime {
        number: 5,
        name: "alda",
        about: "queried labels, augmented before querying",
        backbone: Backbone::Scratch,
        chooser: Chooser::Strategy,
        augment: Placement::BeforeQuery,
        width: 32,
    },
    Regime {
        number: 6,
        name: "alpa",
        about: "queried labels, augmented after querying",
        backbone: Backbone::Scratch,
        chooser: Chooser::Strategy,
        augment: Placement::AfterQuery,
        width: 32,
    },
];

/// Those beside the paper's: on an encoder that has learned from the training images without
/// labels. One stands for many: every strategy that features and a classifier suffice for has a
/// regime of its name.
pub const OTHERS: &[Regime] = &[
    Regime {
        number: 7,
        name: "pretrained-random",
        about: "random labels, encoder learned \
        without labels",
        backbone: Backbone::Encoder,
        chooser: Chooser::Chance,
        augment: Placement::Never,
        width: 32,
    },
    Regime {
        number: 8,
        name: "pretrained-<strategy>",
        about: "labels queried on the features of \
        such an encoder",
        backbone: Backbone::Encoder,
        chooser: Chooser::Strategy,
        augment: Placement::Never,
        width: 32,
    },
    Regime {
        number: 9,
        name: "pretrained-semi",
        about: "the same by typiclust, classifier \
        self-trained",
        backbone: Backbone::EncoderSemi,
        chooser: Chooser::Strategy,
        augment: Placement::Never,
        width: 32,
    },
];

/// What the names of regimes on an encoder begin with.
const PREFIX: &str = "pretrained-";
/// The regime whose classifier listens to itself.
const SEMI: &str = "pretrained-semi";
/// Who chooses in it.
pub const SEMI_STRATEGY: &str = "typiclust";

/// The names of the paper's, in its order.
pub const NAMES: [&str; 6] = {
    let (mut names, mut at) = ([""; 6], 0);
    while at < 6 {
        names[at] = REGIMES[at].name;
        at += 1;
    }
    names
};

/// The regime called `name`.
///
/// # Errors
/// If there is none; the message suggests the nearest.
pub fn by_name(name: &str) -> Result<&'static Regime, StudyError> {
    let backbone = if name.starts_with(SEMI) { Backbone::EncoderSemi } else { Backbone::Encoder };
    let of_strategy = |regime: &&Regime| {
        regime.backbone == backbone
            && regime.chooser == Chooser::Strategy
            && strategy_of(name).is_some()
    };
    let mut all = REGIMES.iter().chain(OTHERS);
    let found = all.find(|regime| regime.name == name);
    found.or_else(|| OTHERS.iter().find(of_strategy)).ok_or_else(|| {
        let names = self::names();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        StudyError::Setting(spelling::unknown("regime", name, &names))
    })
}

/// The regime of a point of a grid, by its name or by what it says of backbone, strategy and
/// augmentation; and the name that records know it by.
///
/// # Errors
/// If there is none.
pub fn of(point: &Point) -> Result<(&'static Regime, String), StudyError> {
    if point.backbone.is_none() && point.augment.is_none() {
        return Ok((by_name(&point.regime)?, point.regime.clone()));
    }
    let (backbone, strategy) = (point.backbone.unwrap_or(Backbone::Scratch), &point.strategy);
    let chooser = match strategy.as_str() {
        "all" => Chooser::All,
        "random" if backbone != Backbone::EncoderSemi => Chooser::Chance,
        _ => Chooser::Strategy,
    };
    // Labels that are there at once are asked for by no query: what is augmented is the training.
    let augment = match point.augment.unwrap_or_default() {
        Placement::AfterQuery if chooser != Chooser::Strategy => Placement::FinalOnly,
        augment => augment,
    };
    let fits = |regime: &&Regime| {
        (regime.backbone, regime.chooser, regime.augment) == (backbone, chooser, augment)
    };
    let regime = REGIMES.iter().chain(OTHERS).find(fits).ok_or_else(|| {
        let word = |axis: Value| axis.as_str().unwrap_or_default().to_owned();
        StudyError::Setting(format!(
            "no regime has backbone = {} with strategy = {strategy} and augment = {}: labels on \
             an encoder are not augmented, nor is a pool before a query where none is made",
            word(json!(backbone)),
            word(json!(augment))
        ))
    })?;
    let name = match (backbone, chooser) {
        (Backbone::Encoder, Chooser::Strategy) => format!("{PREFIX}{strategy}"),
        (Backbone::EncoderSemi, _) if strategy != SEMI_STRATEGY => format!("{SEMI}-{strategy}"),
        _ => regime.name.to_owned(),
    };
    if regime.is_on_encoder() && chooser == Chooser::Strategy {
        feature_pool::check_strategy(strategy)?;
    }
    Ok((regime, name))
}

/// The names of all regimes: the paper's six, then those beside them.
pub fn names() -> Vec<String> {
    let strategies =
        acquire::names().into_iter().filter(|name| feature_pool::check_strategy(name).is_ok());
    let on_features = strategies.map(|name| format!("{PREFIX}{name}"));
    let others = OTHERS.iter().map(|regime| regime.name.to_owned());
    let mut names: Vec<String> = NAMES.map(str::to_owned).to_vec();
    for name in on_features.chain(others) {
        if !name.contains('<') && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The strategy that the name of a regime on features ends in.
fn strategy_of(regime: &str) -> Option<&str> {
    let strategy = regime
        .strip_prefix(SEMI)
        .and_then(|rest| rest.strip_prefix('-'))
        .or_else(|| regime.strip_prefix(PREFIX));
    strategy.filter(|name| feature_pool::check_strategy(name).is_ok())
}

impl Regime {
    /// Whether what learns stands on an encoder.
    pub fn is_on_encoder(&self) -> bool {
        self.backbone != Backbone::Scratch
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
            Chooser::Strategy if self.is_on_encoder() => {
                let named = strategy_of(&point.regime).unwrap_or(SEMI_STRATEGY);
                let strategy = point.backbone.map_or(named, |_| &point.strategy).to_owned();
                Selection::OnFeatures { strategy, labels: labels?, ties: point.ties }
            }
            Chooser::Strategy => {
                let (strategy, labels) = (&point.strategy, [labels?, rows]);
                let of_final = &point.final_model;
                let active = point.queries.of_run(strategy, point.ties, labels, of_final)?;
                Selection::Active(Box::new(active))
            }
        };
        if self.is_on_encoder() {
            return self.on_encoder(point, selection, validation_labels);
        }
        let policy = match self.augment {
            Placement::Never => Policy::none(),
            _ => point.augmentation.clone(),
        };
        let asked = &point.final_model;
        Ok(Plan {
            seed: point.seed,
            selection,
            placement: self.augment,
            policy,
            network: asked.network(asked.width.unwrap_or(self.width), asked.dropout),
            training: asked.training.clone(),
            validate_every_epoch: asked.validate_every_epoch,
            test_time_views: asked.test_time_views,
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
        let width = match &point.encoder.file {
            None => point.encoder.pretrain.width,
            Some(path) => read_encoder(&location::from_text(path))?.settings.width,
        };
        let is_self_trained = self.backbone == Backbone::EncoderSemi;
        Ok(Plan {
            seed: point.seed,
            selection,
            placement: self.augment,
            policy: Policy::none(),
            network: NetworkSettings::paper(width),
            training: TrainSettings::default(),
            validate_every_epoch: false,
            test_time_views: point.final_model.test_time_views,
            validation_labels,
            transfer: Some(point.encoder.of_run(point.seed, is_self_trained)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::settings::Budget;
    use fewlabel_learn::acquire::Ties;
    use fewlabel_learn::features::FeatureSource;
    use fewlabel_learn::run::initial::Initial;
    use fewlabel_learn::run::loop_settings::LoopSettings;
    use fewlabel_learn::run::transfer::{EncoderSettings, EncoderSource, Transfer};

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
            let queries = LoopSettings {
                features: features.map(str::to_owned),
                initial_choice: Initial::parse(initial_choice)?,
                ..LoopSettings::default()
            };
            let point = Point { strategy: strategy.to_owned(), queries, ..Point::default() };
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
        assert!(OTHERS.iter().all(|r| r.width == Point::default().encoder.pretrain.width));
    }

    #[test]
    fn seeds_are_dealt_out_to_encoders_and_other_settings_do_not_matter() {
        let plan = |point: &Point| {
            by_name(&point.regime).expect("known").plan(point, 1000, 40).expect("a plan")
        };
        let encoder = EncoderSettings { count: 3, ..EncoderSettings::default() };
        let regime = "pretrained-typiclust".to_owned();
        let point = Point { regime, encoder, seed: 7, ..Point::default() };
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
        let mut other = Point { strategy: "margin".into(), ..point.clone() };
        (other.final_model.training.epochs, other.queries.width) = (3, 4);
        assert_eq!(plan(&other), made);
        let of_three = |ensemble| Point {
            encoder: EncoderSettings { ensemble, ..point.encoder.clone() },
            ..point.clone()
        };
        let three = of_three(3);
        assert_eq!(seeds(&plan(&three)), [1, 2, 0]);
        let wrong = plan(&of_three(4)).check(1000).unwrap_err().to_string();
        assert!(wrong.contains("encoder.ensemble = 4 of encoder.count = 3"), "{wrong}");
        let semi = plan(&Point { regime: "pretrained-semi".into(), ..point.clone() });
        assert_eq!(semi.selection, made.selection);
        assert!(semi.transfer.is_some_and(|transfer| transfer.self_training.is_some()));
        let random = plan(&Point { regime: "pretrained-random".into(), ..point });
        assert_eq!(random.selection, Selection::Random { labels: 10 });
    }

    #[test]
    fn axes_name_the_regimes() {
        let of_axes = |backbone, strategy: &str, augment| {
            let strategy = strategy.to_owned();
            let point = Point { backbone, strategy, augment, ..Point::default() };
            of(&point).map(|(_, name)| name).map_err(|error| error.to_string())
        };
        use Backbone::{Encoder, EncoderSemi, Scratch};
        use Placement::{AfterQuery, BeforeQuery, FinalOnly, Never};
        for (backbone, strategy, augment, name) in [
            (Scratch, "all", Never, "full"),
            (Scratch, "random", Never, "random"),
            (Scratch, "random", FinalOnly, "da"),
            (Scratch, "random", AfterQuery, "da"),
            (Scratch, "margin", Never, "al"),
            (Scratch, "entropy", BeforeQuery, "alda"),
            (Scratch, "entropy", AfterQuery, "alpa"),
            (Encoder, "random", Never, "pretrained-random"),
            (Encoder, "badge", Never, "pretrained-badge"),
            (EncoderSemi, "typiclust", Never, "pretrained-semi"),
            (EncoderSemi, "margin", Never, "pretrained-semi-margin"),
        ] {
            assert_eq!(of_axes(Some(backbone), strategy, Some(augment)), Ok(name.to_owned()));
            let point = Point { regime: name.into(), ..Point::default() };
            assert!(of(&point).is_ok_and(|(regime, _)| regime.backbone == backbone), "{name}");
        }
        for (backbone, strategy, augment) in [
            (Scratch, "random", BeforeQuery),
            (Scratch, "all", AfterQuery),
            (Encoder, "all", Never),
            (Encoder, "typiclust", AfterQuery),
        ] {
            let error = of_axes(Some(backbone), strategy, Some(augment)).expect_err("no regime");
            assert!(error.starts_with("no regime has backbone = "), "{error}");
        }
        assert!(of_axes(Some(Encoder), "bald", None).is_err());
        assert_eq!(of_axes(None, "entropy", Some(Never)), Ok("al".to_owned()));
    }

    #[test]
    fn a_misspelt_regime_is_corrected() {
        assert_eq!(
            by_name("ranodm").expect_err("unknown").to_string(),
            "unknown regime `ranodm`: did you mean `random`?"
        );
    }
}
