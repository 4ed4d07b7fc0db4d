//! The six ways to spend a label budget (paper, section 4; PAPER.md, "The six regimes"), as one table.

use crate::names;
use crate::{error::StudyError, settings::Point};
use fewlabel_learn::LearnError;
use fewlabel_learn::acquire;
use fewlabel_learn::features::{FeatureFile, FeatureSource};
use fewlabel_learn::initial::Initial;
use fewlabel_learn::network::NetworkSettings;
use fewlabel_learn::plan::{ActiveSettings, LoopSchedule, Placement, Plan, Selection};
use fewlabel_learn::train::TrainSettings;
use std::path::Path;

/// Who chooses the rows to label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chooser {
    /// Nobody: every row is labelled.
    All,
    /// Chance.
    Chance,
    /// A strategy in the active loop.
    Strategy,
}

/// One way to spend a label budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Regime {
    /// Its number in the paper.
    pub number: u8,
    /// Its name in settings and tables.
    pub name: &'static str,
    /// What it is, in a few words.
    pub about: &'static str,
    /// Who chooses the rows to label.
    pub chooser: Chooser,
    /// Where augmentation acts.
    pub placement: Placement,
    /// The paper's width f of the final model.
    pub width: usize,
}

/// All of them, in the paper's order.
#[rustfmt::skip]
pub const REGIMES: [Regime; 6] = [
    Regime { number: 1, name: "full",   about: "all labels, no augmentation",               chooser: Chooser::All,      placement: Placement::Never,       width: 16 },
    Regime { number: 2, name: "random", about: "random labels, no augmentation",            chooser: Chooser::Chance,   placement: Placement::Never,       width: 32 },
    Regime { number: 3, name: "da",     about: "random labels, augmented",                  chooser: Chooser::Chance,   placement: Placement::FinalOnly,   width: 32 },
    Regime { number: 4, name: "al",     about: "queried labels, no augmentation",           chooser: Chooser::Strategy, placement: Placement::Never,       width: 32 },
    Regime { number: 5, name: "alda",   about: "queried labels, augmented before querying", chooser: Chooser::Strategy, placement: Placement::BeforeQuery, width: 32 },
    Regime { number: 6, name: "alpa",   about: "queried labels, augmented after querying",  chooser: Chooser::Strategy, placement: Placement::AfterQuery,  width: 32 },
];

/// The names, in the paper's order.
pub const NAMES: [&str; 6] = ["full", "random", "da", "al", "alda", "alpa"];

/// The regime called `name`.
///
/// # Errors
/// If there is none; the message suggests the nearest.
pub fn by_name(name: &str) -> Result<&'static Regime, StudyError> {
    let found = REGIMES.iter().find(|regime| regime.name == name);
    found.ok_or_else(|| StudyError::Setting(names::unknown("regime", name, &NAMES)))
}

impl Regime {
    /// The plan of one run on a training split of `rows` rows and a validation split of `val_rows`.
    ///
    /// # Errors
    /// If a name is unknown, a file of features cannot be read, or the validation labels leave nothing of the budget.
    pub fn plan(&self, point: &Point, rows: usize, val_rows: usize) -> Result<Plan, StudyError> {
        let validation_labels = if point.validation_in_budget { val_rows } else { 0 };
        let budget = point.labels.count(rows);
        let labels = match budget.checked_sub(validation_labels) {
            Some(labels) if labels >= 2 || validation_labels == 0 => Ok(labels),
            _ => Err(StudyError::Setting(format!(
                "{validation_labels} validation labels leave fewer than 2 of a budget of {budget}: set val_images to less"
            ))),
        };
        let selection = match self.chooser {
            Chooser::All => Selection::All,
            Chooser::Chance => Selection::Random { labels: labels? },
            Chooser::Strategy => Selection::Active(Box::new(active(point, labels?, rows)?)),
        };
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
            },
            validate_every_epoch: point.validate_every_epoch,
            test_time_views: point.test_time_views,
            validation_labels,
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
        Some(path) => FeatureSource::File(FeatureFile::at(Path::new(path))?),
    };
    Ok(ActiveSettings {
        initial_choice,
        stopping: point.stopping.into_iter().collect(),
        features: (strategy.needs().features || cold_start).then_some(features),
        options: point.strategy_options.clone(),
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

/// `block_widths` are multiples of the width, so that one setting fits the loop's model and the final one.
fn network(point: &Point, width: usize, dropout: f64) -> NetworkSettings {
    let block_widths = point.block_multiples.map(|multiples| multiples.map(|multiple| multiple * width));
    NetworkSettings { width, block_widths, dropout: dropout as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Budget;

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
        let point = Point { validation_in_budget: true, labels: Budget::Count(100), ..Point::default() };
        let plan = REGIMES[1].plan(&point, 1000, 40).expect("a plan");
        assert_eq!((plan.selection, plan.validation_labels), (Selection::Random { labels: 60 }, 40));
        let error = REGIMES[1].plan(&point, 1000, 99).expect_err("nothing is left").to_string();
        assert!(error.contains("99 validation labels leave fewer than 2 of a budget of 100"), "{error}");
    }

    #[test]
    fn features_are_those_that_suit_the_strategy() {
        let features = |strategy: &str, features: Option<&str>, initial_choice: &str| {
            let (strategy, initial_choice) = (strategy.to_owned(), initial_choice.to_owned());
            let point = Point { strategy, features: features.map(str::to_owned), initial_choice, ..Point::default() };
            let Selection::Active(active) = REGIMES[3].plan(&point, 1000, 40)?.selection else { panic!("active") };
            Ok::<_, StudyError>(active.features.expect("the strategy looks at features"))
        };
        assert_eq!(features("typiclust", None, "random").expect("known"), FeatureSource::PixelsPca);
        assert_eq!(features("badge", None, "random").expect("known"), FeatureSource::Penultimate);
        assert_eq!(features("badge", None, "typiclust").expect("known"), FeatureSource::PixelsPca);
        assert_eq!(features("typiclust", Some("penultimate"), "random").expect("known"), FeatureSource::Penultimate);
        let error = features("badge", Some("no-such.npy"), "random").expect_err("no such file").to_string();
        assert!(error.starts_with("cannot read no-such.npy"), "{error}");
    }

    #[test]
    fn a_misspelt_regime_is_corrected() {
        assert_eq!(
            by_name("ranodm").expect_err("unknown").to_string(),
            "unknown regime `ranodm`: did you mean `random`?"
        );
    }
}
