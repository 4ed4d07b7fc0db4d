//! Strategies: which images to label next.
//!
//! Every strategy is one file and one line in `SCORES` or `BATCHES`; `contract.rs` runs the same
//! suite on all. Conventions: entropy in bits, other information scores in nats; a greater score is
//! wanted more; ties go to the lower image number or are drawn (`ties.rs`); randomness is a
//! function of a key and an image number; products in `f32`, sums in `f64`.

mod badge;
mod bald;
mod batchbald;
mod cdal;
mod clue;
#[cfg(test)]
mod contract;
mod core_set;
mod egl;
mod entropy;
mod epig;
mod error;
mod falcun;
mod inputs;
mod k_center;
mod kmeans;
mod least_confidence;
mod margin;
mod max_herding;
mod mean_std;
mod pairs;
mod parallel;
mod probcover;
mod random;
mod stochastic;
mod strategy;
mod stratified_random;
mod ties;
mod typiclust;
mod variation_ratio;
mod view_js;
mod view_mi;

pub use error::AcquireError;
pub use inputs::{Inputs, Needs, Rows, Samples};
pub use strategy::{Picks, Score, Strategy, check_batch, unlabelled};
pub use ties::{Query, Ties};
pub use typiclust::CLUSTERS;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stochastic::{Chance, Stochastic};
use strategy::Scored;

/// A name and how to make what it names.
type Named<T> = (&'static str, fn() -> Box<T>);

/// A name and how to make the strategy it names.
type Made = (&'static str, fn(&Options) -> Box<dyn Strategy>);

/// Strategies that give every image a number by itself. All but the two random ones can be drawn
/// by: `power-NAME` and so on.
const SCORES: &[Named<dyn Score>] = &[
    ("random", || Box::new(random::Random)),
    ("stratified-random", || Box::new(stratified_random::StratifiedRandom)),
    ("entropy", || Box::new(entropy::Entropy)),
    ("least-confidence", || Box::new(least_confidence::LeastConfidence)),
    ("margin", || Box::new(margin::Margin)),
    ("variation-ratio", || Box::new(variation_ratio::VariationRatio)),
    ("bald", || Box::new(bald::Bald)),
    ("mean-std", || Box::new(mean_std::MeanStd)),
    ("epig", || Box::new(epig::Epig)),
    ("egl", || Box::new(egl::Egl)),
    ("view-mi", || Box::new(view_mi::ViewMi)),
    ("view-js", || Box::new(view_js::ViewJs)),
];

/// Strategies that choose a batch as a whole.
const BATCHES: &[Made] = &[
    ("batchbald", |options| Box::new(batchbald::BatchBald { draws: options.draws })),
    ("badge", |_| Box::new(badge::Badge)),
    ("core-set", |_| Box::new(core_set::CoreSet)),
    ("typiclust", |_| Box::new(typiclust::TypiClust)),
    ("probcover", |options| Box::new(probcover::ProbCover::new(options))),
    ("clue", |_| Box::new(clue::Clue)),
    ("falcun", |_| Box::new(falcun::Falcun)),
    ("max-herding", |options| Box::new(max_herding::MaxHerding { force: options.force })),
    ("cdal", |_| Box::new(cdal::Cdal)),
];

/// How the stochastic batches are named.
const CHANCES: &[(&str, Chance)] =
    &[("power-", Chance::Power), ("softmax-", Chance::Softmax), ("softrank-", Chance::SoftRank)];

/// Settings that some strategies read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Sharpness of the stochastic batches (1: chances proportional to the score).
    pub beta: f64,
    /// Draws of `batchbald`, which is exact while the classes of its batch have no more
    /// combinations than this.
    pub draws: usize,
    /// Radius of `probcover`; chosen by purity if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta: Option<f64>,
    /// Share of images whose radius must hold one cluster only, when `probcover` chooses the
    /// radius.
    pub purity: f64,
    /// Number of classes, for strategies that see no probabilities.
    #[serde(skip)]
    pub classes: Option<usize>,
    /// Go on where work or memory of all pairs of images would be refused.
    pub force: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { beta: 1.0, draws: 2000, delta: None, purity: 0.95, classes: None, force: false }
    }
}

/// Names of all strategies but the stochastic batches, which are `power-`, `softmax-` or
/// `softrank-` before a score's name.
pub fn names() -> Vec<&'static str> {
    SCORES.iter().map(|(name, _)| *name).chain(BATCHES.iter().map(|(name, _)| *name)).collect()
}

/// The strategy of that name with default settings.
pub fn by_name(name: &str) -> Result<Box<dyn Strategy>, AcquireError> {
    with_options(name, &Options::default())
}

/// The strategy of that name.
pub fn with_options(name: &str, options: &Options) -> Result<Box<dyn Strategy>, AcquireError> {
    let score =
        |name: &str| SCORES.iter().find(|(known, _)| *known == name).map(|(_, make)| make());
    if let Some(score) = score(name) {
        return Ok(Box::new(Scored(score)));
    }
    if let Some((_, make)) = BATCHES.iter().find(|(known, _)| *known == name) {
        return Ok(make(options));
    }
    for (prefix, chance) in CHANCES {
        let inner = name.strip_prefix(prefix).filter(|inner| !inner.contains("random"));
        if let Some(inner) = inner.and_then(score) {
            return Ok(Box::new(Scored(Stochastic::new(name, *chance, inner, options.beta)?)));
        }
    }
    let known =
        format!("{}, and power-, softmax- or softrank- before a score's name", names().join(", "));
    Err(AcquireError::UnknownStrategy { name: name.into(), known })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_strategy_carries_its_name() {
        for name in names().into_iter().chain(["power-bald", "softmax-margin", "softrank-entropy"])
        {
            assert_eq!(by_name(name).unwrap().name(), name);
        }
    }

    #[test]
    fn unknown_names_are_answered_with_the_known_ones() {
        for name in ["blad", "power-", "power-random", "softmax-badge"] {
            let error = by_name(name).err().unwrap().to_string();
            assert!(
                error.contains(name) && error.contains("stratified-random, entropy"),
                "{error}"
            );
        }
    }
}
