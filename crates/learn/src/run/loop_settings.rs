//! The active loop's settings: as they are asked for, and as one run has them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::acquire::{self, Needs, Ties};
use crate::augment::Policy;
use crate::data::location;
use crate::error::LearnError;
use crate::features::{FeatureFile, FeatureSource};
use crate::model::network::NetworkSettings;
use crate::run::budget::Budget;
use crate::run::final_settings::FinalSettings;
use crate::run::initial::Initial;
use crate::run::stopping::Rule;

/// The loop as a study asks for it, the table `[loop]` of its file. The defaults are the paper's
/// (PAPER.md).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LoopSettings {
    /// Labels before the first query: a number or a share such as "0.05%".
    pub initial: Budget,
    /// Who chooses them: `random`, `stratified`, or a strategy that needs no model.
    pub initial_choice: Initial,
    /// Labels a query asks for.
    pub query_size: usize,
    /// Settings of the strategy, such as `delta` of `probcover`.
    pub strategy_options: acquire::Options,
    /// Features for strategies that look at some: `penultimate`, `pixels-pca` or a .npy file; those
    /// that suit the strategy if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub features: Option<String>,
    /// Whether the loop's probabilities are scaled by a temperature fitted on the validation
    /// labels.
    pub temperature_scaling: bool,
    /// A rule that may stop the loop before its budget.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopping: Option<Rule>,
    /// Monte-Carlo dropout passes, for strategies that need them.
    pub mc_samples: usize,
    /// Models of the loop, trained side by side; above 1 they replace the Monte-Carlo passes.
    pub members: usize,
    /// Augmented views an image, for strategies that compare them.
    pub views: usize,
    /// Width f of the loop's model.
    pub width: usize,
    /// Dropout of the loop's model; that of the final one if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropout: Option<f32>,
    /// Epochs of the loop's model before the first queries.
    pub epochs: u32,
    /// Queries after which the loop's model starts anew; 0 is never.
    pub reset_every_queries: u32,
    /// Epochs that each new start adds.
    pub epochs_growth: u32,
}

impl Default for LoopSettings {
    fn default() -> Self {
        Self {
            initial: Budget::PerCent(0.05),
            initial_choice: Initial::default(),
            query_size: 4,
            strategy_options: acquire::Options::default(),
            features: None,
            temperature_scaling: false,
            stopping: None,
            mc_samples: 20,
            members: 1,
            views: 8,
            width: 8,
            dropout: None,
            epochs: 6,
            reset_every_queries: 3,
            epochs_growth: 1,
        }
    }
}

impl LoopSettings {
    /// The loop of one run: `strategy` asks for up to `labels` labels among `rows` images, and the
    /// final model says what the loop's does not.
    ///
    /// # Errors
    /// If a name is unknown or a file of features cannot be read.
    pub fn of_run(
        &self,
        strategy: &str,
        ties: Ties,
        [labels, rows]: [usize; 2],
        of_final: &FinalSettings,
    ) -> Result<ActiveSettings, LearnError> {
        let needs = acquire::by_name(strategy)?.needs();
        let cold_start = matches!(self.initial_choice, Initial::Strategy(_));
        let features = match self.features.as_deref() {
            None if cold_start => FeatureSource::PixelsPca,
            None => acquire::by_name(strategy)?.default_features(),
            Some("penultimate") => FeatureSource::Penultimate,
            Some("pixels-pca") => FeatureSource::PixelsPca,
            Some(path) => FeatureSource::File(FeatureFile::at(&location::from_text(path))?),
        };
        Ok(ActiveSettings {
            strategy: strategy.to_owned(),
            initial: self.initial.count(rows),
            initial_choice: self.initial_choice.clone(),
            query_size: self.query_size,
            labels,
            stopping: self.stopping.into_iter().collect(),
            features: (needs.features || cold_start).then_some(features),
            options: self.strategy_options.clone(),
            ties,
            temperature_scaling: self.temperature_scaling,
            mc_samples: self.mc_samples,
            members: self.members,
            views: self.views,
            network: of_final.network(self.width, self.dropout.unwrap_or(of_final.dropout)),
            schedule: self.schedule(),
        })
    }

    fn schedule(&self) -> LoopSchedule {
        LoopSchedule {
            first_epochs: self.epochs,
            reset_every_queries: self.reset_every_queries,
            epochs_growth: self.epochs_growth,
        }
    }
}

/// The loop of one run, with nothing left open: what records hold. Its fields, their names and
/// their order are format 1's, which ids depend on; a field that is added is left out where it has
/// its default.
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

/// Has what a record leaves out: its writer knew only the default.
fn default_of<T>(field: impl Fn(LoopSettings) -> T) -> T {
    field(LoopSettings::default())
}

fn default_mc_samples() -> usize {
    default_of(|asked| asked.mc_samples)
}

fn default_members() -> usize {
    default_of(|asked| asked.members)
}

fn default_views() -> usize {
    default_of(|asked| asked.views)
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

    pub(super) fn check(&self, policy: &Policy) -> Result<(), LearnError> {
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
            return wrong("loop.epochs must be at least 1".to_owned());
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
        LoopSettings::default().schedule()
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
