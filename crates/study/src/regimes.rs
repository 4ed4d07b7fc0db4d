//! The six ways to spend a label budget (paper, section 4; PAPER.md, "The six regimes"), as one table.

use crate::names;
use crate::{error::StudyError, settings::Point};
use fewlabel_learn::network::NetworkSettings;
use fewlabel_learn::plan::{ActiveSettings, LoopSchedule, Placement, Plan, Selection};
use fewlabel_learn::train::TrainSettings;

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
    /// The plan of one run on a training split of `rows` rows.
    pub fn plan(&self, point: &Point, rows: usize) -> Plan {
        let labels = point.labels.count(rows);
        let selection = match self.chooser {
            Chooser::All => Selection::All,
            Chooser::Chance => Selection::Random { labels },
            Chooser::Strategy => Selection::Active(active(point, labels, rows)),
        };
        let policy = match self.placement {
            Placement::Never => fewlabel_learn::augment::Policy::none(),
            _ => point.augmentation.clone(),
        };
        Plan {
            seed: point.seed,
            selection,
            placement: self.placement,
            policy,
            network: network(point, point.width.unwrap_or(self.width)),
            training: TrainSettings {
                epochs: point.epochs,
                batch_size: point.batch_size,
                learning_rate: point.learning_rate as f32,
                weight_decay: point.weight_decay as f32,
            },
            validate_every_epoch: point.validate_every_epoch,
            test_time_views: point.test_time_views,
        }
    }
}

fn active(point: &Point, labels: usize, rows: usize) -> ActiveSettings {
    ActiveSettings {
        strategy: point.strategy.clone(),
        initial: point.initial.count(rows),
        query_size: point.query_size,
        labels,
        mc_samples: point.mc_samples,
        members: point.members,
        views: point.views,
        network: network(point, point.loop_width),
        schedule: LoopSchedule {
            first_epochs: point.first_epochs,
            reset_every_queries: point.reset_every_queries,
            epochs_growth: point.epochs_growth,
        },
    }
}

/// `block_widths` are multiples of the width, so that one setting fits the loop's model and the final one.
fn network(point: &Point, width: usize) -> NetworkSettings {
    let block_widths = point.block_multiples.map(|multiples| multiples.map(|multiple| multiple * width));
    NetworkSettings { width, block_widths, dropout: point.dropout as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_of_the_table() {
        assert_eq!(REGIMES.map(|regime| regime.name), NAMES);
        assert!(REGIMES.iter().enumerate().all(|(i, regime)| usize::from(regime.number) == i + 1));
    }

    #[test]
    fn the_paper_s_loop_asks_for_four_labels_33_times() {
        let plan = REGIMES[3].plan(&Point::default(), 13_932);
        let Selection::Active(active) = plan.selection else { panic!("an active regime") };
        assert_eq!((active.initial, active.query_size, active.labels), (7, 4, 139));
        assert_eq!((active.labels - active.initial) / active.query_size, 33);
        assert_eq!((active.network.width, plan.network.width), (8, 32));
    }

    #[test]
    fn only_three_regimes_look_at_the_policy_s_images() {
        let names: Vec<&str> =
            REGIMES.iter().filter(|r| !r.plan(&Point::default(), 100).policy.is_none()).map(|r| r.name).collect();
        assert_eq!(names, ["da", "alda", "alpa"]);
    }

    #[test]
    fn a_misspelt_regime_is_corrected() {
        assert_eq!(
            by_name("ranodm").expect_err("unknown").to_string(),
            "unknown regime `ranodm`: did you mean `random`?"
        );
    }
}
