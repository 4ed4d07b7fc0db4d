//! One point of a study's grid, and what a run's result depends on.

use crate::ask::regimes::{self, Backbone};
use crate::ask::shift::Shift;
use crate::error::StudyError;
use crate::model_files::read_encoder;
use fewlabel_learn::acquire::Ties;
use fewlabel_learn::augment::Policy;
use fewlabel_learn::data::Dataset;
use fewlabel_learn::features::FeatureSource;
use fewlabel_learn::pretrain::views;
pub use fewlabel_learn::run::budget::Budget;
use fewlabel_learn::run::final_settings::FinalSettings;
use fewlabel_learn::run::loop_settings::LoopSettings;
use fewlabel_learn::run::plan::{Placement, Plan, Selection};
use fewlabel_learn::run::transfer::{EncoderSettings, EncoderSource, Transfer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// Version of the records' format.
pub const FORMAT: u32 = 1;

/// Every setting of one run, as a study file asks for it. The tables are `learn`'s own, which hold
/// their defaults; the other defaults are the paper's too (PAPER.md).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Point {
    /// Name or path of the data set; a path that is not UTF-8 as a `file://` address.
    pub data: String,
    /// What is changed of the data before the run sees them.
    pub shift: Shift,
    /// Use only so many training images, drawn once; 0 is all.
    pub train_images: usize,
    /// Use only so many validation images; 0 is all.
    pub val_images: usize,
    /// Use only so many test images; 0 is all.
    pub test_images: usize,
    /// Name of the regime: it stands for a backbone and a place of augmentation, and some for a
    /// strategy.
    pub regime: String,
    /// What learns, in place of a regime's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backbone: Option<Backbone>,
    /// Where augmentation acts, in place of a regime's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub augment: Option<Placement>,
    /// Who picks: a strategy; beside a backbone also `all` and `random`, which need no queries.
    pub strategy: String,
    /// How ties are broken: `lower-index`, as in the paper, or `seeded`, by an order of the images
    /// that the seed names, as a new study should say.
    #[serde(skip_serializing_if = "is_default")]
    #[schemars(extend("examples" = [Ties::Seeded]))]
    pub ties: Ties,
    /// Names every random number.
    pub seed: u64,
    /// The label budget: a number or a share such as "1%".
    pub labels: Budget,
    /// Whether the validation labels are part of the budget; `val_images` says how many there are.
    pub validation_in_budget: bool,
    /// How images are augmented, where they are.
    pub augmentation: Policy,
    /// How labels are asked for.
    #[serde(rename = "loop")]
    pub queries: LoopSettings,
    /// What is trained on them in the end.
    #[serde(rename = "final")]
    pub final_model: FinalSettings,
    /// What it may stand on.
    pub encoder: EncoderSettings,
}

impl Default for Point {
    fn default() -> Self {
        Self {
            data: "phantom".into(),
            shift: Shift::default(),
            train_images: 0,
            val_images: 0,
            test_images: 0,
            regime: "full".into(),
            backbone: None,
            augment: None,
            strategy: "entropy".into(),
            ties: Ties::default(),
            seed: 0,
            labels: Budget::PerCent(1.0),
            validation_in_budget: false,
            augmentation: Policy::paper(),
            queries: LoopSettings::default(),
            final_model: FinalSettings::default(),
            encoder: EncoderSettings::default(),
        }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Everything a run's result depends on: `settings.json`. Its hash is the run's id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunSettings {
    /// Version of the records' format.
    pub format: u32,
    /// Version of the engine's arithmetic.
    pub numeric_version: u32,
    /// The data set.
    pub data: DataName,
    /// Name of the regime.
    pub regime: String,
    /// What is computed; holds the seed.
    pub plan: Plan,
}

/// Which data set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataName {
    /// Its name.
    pub name: String,
    /// SHA-256 over shapes, pixels and labels of all splits.
    pub checksum: String,
    /// Whether the program made it up.
    pub synthetic: bool,
}

impl RunSettings {
    /// The settings of one point of the grid on its data.
    ///
    /// # Errors
    /// If a setting is unknown or out of its range.
    pub fn new(point: &Point, data: &Dataset) -> Result<Self, StudyError> {
        let (regime, name) = regimes::of(point)?;
        let rows = data.train.len();
        let mut plan = regime.plan(point, rows, data.val.len())?;
        if let Some(Transfer { encoder: EncoderSource::Pretraining { settings, .. }, .. }) =
            &mut plan.transfer
        {
            settings.check(rows)?;
            // The views that the data have by default are part of the run's identity.
            settings.views.get_or_insert_with(|| views::for_pool(&data.pool()));
        }
        plan.check(rows)?;
        plan.network.architecture(&data.train.images, data.classes())?;
        if let Selection::Active(active) = &plan.selection {
            active.network.architecture(&data.train.images, data.classes())?;
        }
        check_files(&plan, data)?;
        Ok(Self::of_plan(plan, &name, data))
    }

    /// The settings of a plan that was made otherwise.
    pub fn of_plan(plan: Plan, regime: &str, data: &Dataset) -> Self {
        let data = DataName {
            name: data.name.clone(),
            checksum: data.checksum.clone(),
            synthetic: data.synthetic,
        };
        let numeric_version = fewlabel_engine::NUMERIC_VERSION;
        Self { format: FORMAT, numeric_version, data, regime: regime.into(), plan }
    }

    /// The settings with all seeds 0, the run's own and its encoder's: what the runs share that a
    /// mean is taken over.
    #[must_use]
    pub fn without_seed(&self) -> Self {
        let mut settings = self.clone();
        settings.plan.seed = 0;
        if let Some(Transfer { encoder: EncoderSource::Pretraining { seed, .. }, .. }) =
            &mut settings.plan.transfer
        {
            *seed = 0;
        }
        settings
    }

    /// The first 16 hexadecimal digits of the SHA-256 of the settings as compact JSON.
    pub fn id(&self) -> String {
        short_hash(&serde_json::to_vec(self).expect("settings are plain data"))
    }

    /// Whether `json`, the settings as they were written, made the id `id`: as this version writes
    /// them, or as they stand there, without settings that came later.
    pub(crate) fn have_id(&self, json: &[u8], id: &str) -> bool {
        short_hash(&compact(json)) == id || self.id() == id
    }

    /// What makes two runs the same run, whichever version computed them and wherever their data
    /// lay: a setting that a version did not know has its default, and neither the arithmetic's
    /// version nor the name of the data counts.
    pub fn identity(&self) -> String {
        let mut settings = self.clone();
        settings.numeric_version = fewlabel_engine::NUMERIC_VERSION;
        settings.data.name.clear();
        settings.id()
    }

    /// Who chose the labels: `all`, `random`, `given`, or the strategy's name.
    pub fn strategy(&self) -> &str {
        match &self.plan.selection {
            Selection::All => "all",
            Selection::Random { .. } => "random",
            Selection::Given { .. } => "given",
            Selection::Active(active) => &active.strategy,
            Selection::OnFeatures { strategy, .. } => strategy,
        }
    }

    /// The label budget on a training split of `rows` rows.
    pub fn labels(&self, rows: usize) -> usize {
        self.plan.selection.labels(rows) + self.plan.validation_labels
    }

    /// What a person calls this run.
    pub fn label(&self) -> String {
        let mut label = self.regime.clone();
        if matches!(&self.plan.selection, Selection::Active(active) if active.strategy != "entropy")
        {
            let _ = write!(label, "/{}", self.strategy());
        }
        if !matches!(self.plan.policy.name(), "none" | "paper") {
            let _ = write!(label, "/{}", self.plan.policy.title());
        }
        let _ = write!(label, " seed {}", self.plan.seed);
        label
    }
}

/// Refuses files of a plan that do not fit the data, before the first run of a study.
fn check_files(plan: &Plan, data: &Dataset) -> Result<(), StudyError> {
    if let Selection::Active(active) = &plan.selection
        && let Some(FeatureSource::File(file)) = &active.features
    {
        file.open(data.train.len())?;
    }
    if let Some(Transfer { encoder: EncoderSource::File(file), .. }) = &plan.transfer {
        let fits = read_encoder(&file.path)?.encoder.check(&data.train.images);
        fits.map_err(|error| StudyError::damaged(&file.path, error.to_string()))?;
    }
    Ok(())
}

/// The first 16 hexadecimal digits of a SHA-256.
pub(crate) fn short_hash(bytes: &[u8]) -> String {
    let mut hash = String::with_capacity(16);
    for byte in &Sha256::digest(bytes)[..8] {
        let _ = write!(hash, "{byte:02x}");
    }
    hash
}

/// JSON without the white space between its parts.
fn compact(json: &[u8]) -> Vec<u8> {
    let (mut is_text, mut is_escaped) = (false, false);
    let mut is_kept = |byte: u8| {
        let was_text = is_text;
        if byte == b'"' && !is_escaped {
            is_text = !is_text;
        }
        is_escaped = was_text && byte == b'\\' && !is_escaped;
        was_text || !byte.is_ascii_whitespace()
    };
    json.iter().copied().filter(|&byte| is_kept(byte)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::study_file::Study;
    use crate::testing;
    use fewlabel_learn::training::fit::Recipe;

    #[test]
    fn the_white_space_of_a_file_is_no_part_of_an_id() {
        let mut settings =
            RunSettings::new(&testing::quick_point(), &testing::dataset(60)).expect("valid");
        settings.data.name = "a \"b\\\" c: { 1 }".into();
        let pretty = serde_json::to_vec_pretty(&settings).expect("plain data");
        assert_eq!(compact(&pretty), serde_json::to_vec(&settings).expect("plain data"));
        assert!(settings.have_id(&pretty, &settings.id()));
        assert!(!settings.have_id(&pretty, "0123456789abcdef"));
    }

    #[test]
    fn a_file_of_features_is_its_content_in_records() {
        let (data, place) = (testing::dataset(60), tempfile::tempdir().expect("a folder"));
        let array = crate::store::npy_writer::npy_f32(&[60, 1], &[0.5; 60]);
        let file = |name: &str| {
            let path = place.path().join(name);
            std::fs::write(&path, &array).expect("written");
            path.display().to_string()
        };
        let settings = |point: Point| RunSettings::new(&point, &data).expect("valid");
        let features = |name| {
            let strategy = "core-set".to_owned();
            let point = Point { regime: "al".into(), strategy, ..testing::quick_point() };
            let queries = LoopSettings { features: Some(file(name)), ..point.queries.clone() };
            settings(Point { queries, ..point })
        };
        let [here, there] = ["a.npy", "b.npy"].map(features);
        assert_eq!((&here, here.id()), (&there, there.id()));
        let json = serde_json::to_vec(&here).expect("plain data");
        assert_eq!(serde_json::from_slice::<RunSettings>(&json).expect("its own record"), here);
    }

    /// An id that changes has every finished run of that kind computed again: a new setting is left
    /// out where it has its default.
    #[test]
    fn the_ids_of_runs_stay() {
        let data = testing::dataset(60);
        let id = |change: fn(&mut Point)| {
            let mut point = testing::quick_point();
            change(&mut point);
            let mut settings = RunSettings::new(&point, &data).expect("valid");
            settings.numeric_version = 2;
            settings.id()
        };
        let ids = [
            id(|_| {}),
            id(|point| point.regime = "alpa".into()),
            id(|point| (point.regime, point.strategy) = ("al".into(), "margin".into())),
            id(|point| point.regime = "pretrained-typiclust".into()),
            id(|point| {
                point.regime = "da".into();
                point.final_model.training.recipe = Recipe::FEW_LABELS;
            }),
        ];
        assert_eq!(
            ids,
            [
                "3fbe8a12d54ccec6",
                "e91ae1caf7887f3f",
                "dd011143e2a18295",
                "1460da3ecbd14290",
                "67a1cd313cb1eb1d"
            ]
        );
    }

    /// What a study file leaves out has the value it always had. New settings come with a default
    /// that changes nothing.
    #[test]
    fn the_defaults_of_settings_stay() {
        const FIRST: &str = "data = \"phantom\"\nregime = \"full\"\nlabels = \"1%\"\n\
                             initial = \"0.05%\"\nquery_size = 4\n\
             strategy = \"entropy\"\nmc_samples = 20\nmembers = 1\nviews = 8\nloop_width = 8\n\
             dropout = 0.0\nepochs = 40\n\
             batch_size = 64\nlearning_rate = 0.001\nweight_decay = 0.01\nfirst_epochs = 6\n\
             reset_every_queries = 3\n\
             epochs_growth = 1\nvalidate_every_epoch = true\ntest_time_views = 0\n\
             train_images = 0\nval_images = 0\n\
             test_images = 0\ntemperature_scaling = false\ninitial_choice = \"random\"\n\
             validation_in_budget = false\n\
             encoders = 1\nensemble = 1\nshift = { on = \"test\" }\n\
             strategy_options = { beta = 1.0, draws = 2000, force = false, purity = 0.95 }\n\
             augmentation = \
             { policy = \"paper\", alpha = 34.0, sigma = 4.0, degrees = [-30.0, 30.0], \
             blur_sigma = [0.5, 1.5], identity_weight = 1.0 }\n\
             recipe = { steps = 0, cosine = false, label_smoothing = 0.0, average = 0.0 }\n\
             pretrain = \
             { method = \"simclr\", width = 32, epochs = 24, batch_size = 64, \
             learning_rate = 0.0020000000949949026, weight_decay = 0.009999999776482582, \
             temperature = 0.5, hidden = 256, embedding = 64 \
             }\n\
             self_training = { rounds = 5, share = 0.9, most = 4000, weight = 3.0 }\n";
        let said = Study::parse(FIRST, "first.toml", &[]).expect("read for ever");
        let now = Study::parse("", "now.toml", &[]).expect("all defaults");
        assert_eq!(said.normal(), now.normal());
    }

    #[test]
    fn the_defaults_survive_a_round_trip_through_toml() {
        let text = toml::to_string(&Point::default()).expect("written");
        assert_eq!(toml::from_str::<Point>(&text).expect("read"), Point::default());
    }
}
