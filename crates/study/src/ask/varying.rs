//! What tells the runs of a study apart, by the names that the study file gives its settings.
//!
//! Records hold a run's plan, whose parts have names of their own; a table, a progress line and a
//! column of CSV name a setting as the study file does.

use crate::ask::job::Job;
use crate::ask::regimes;
use crate::ask::settings::RunSettings;
use crate::ask::study_file;
use fewlabel_learn::run::plan::{Placement, Selection};
use rayon::prelude::*;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::LazyLock;

/// Images in the training, validation and test split of data sets that share their names, by
/// checksum: `train_images` and the like change the data, not the plan.
pub type Sizes = BTreeMap<String, [usize; 3]>;

/// Which runs have a setting, and so its default where their records leave it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Every run.
    All,
    /// Those whose network learns from scratch.
    Scratch,
    /// Those with a loop.
    Loop,
    /// Those on an encoder.
    Encoder,
    /// Those whose records say it.
    Said,
    /// Those whose records say it; it counts only where nothing else tells two runs apart.
    Detail,
    /// None: it follows from other settings.
    Nobody,
}

/// Where records keep settings, what a study file calls them, and which runs have them; the first
/// line that fits counts.
const PLACES: [(&str, &str, Part); 30] = [
    ("data.name", "data", Part::All),
    ("data.checksum", "checksum", Part::Detail),
    ("numeric_version", "numeric_version", Part::Detail),
    ("regime", "regime", Part::All),
    ("plan.seed", "seed", Part::All),
    ("plan.selection.active.network.block_widths", "", Part::Nobody),
    ("plan.selection.active.network.", "loop.", Part::Loop),
    ("plan.selection.active.schedule.first_epochs", "loop.epochs", Part::Loop),
    ("plan.selection.active.schedule.", "loop.", Part::Loop),
    ("plan.selection.active.options.", "loop.strategy_options.", Part::Loop),
    ("plan.selection.active.strategy", "strategy", Part::Loop),
    ("plan.selection.active.ties", "ties", Part::Loop),
    ("plan.selection.active.labels", "labels", Part::Said),
    ("plan.selection.active.", "loop.", Part::Loop),
    ("plan.selection.on_features.strategy", "", Part::Nobody),
    ("plan.selection.given", "", Part::Nobody),
    ("plan.selection.random.", "", Part::Said),
    ("plan.selection.on_features.", "", Part::Said),
    ("plan.policy.", "augmentation.", Part::Detail),
    ("plan.network.block_widths", "final.block_multiples", Part::Scratch),
    ("plan.network.", "final.", Part::Scratch),
    ("plan.training.", "final.", Part::Scratch),
    ("plan.validate_every_epoch", "final.validate_every_epoch", Part::Scratch),
    ("plan.test_time_views", "final.test_time_views", Part::All),
    ("plan.transfer.encoder.pretraining.settings.", "encoder.pretrain.", Part::Said),
    ("plan.transfer.encoder.pretraining.seed", "encoder_seed", Part::Detail),
    ("plan.transfer.encoder.file.", "encoder.file.", Part::Said),
    ("plan.transfer.ensemble.size", "encoder.ensemble", Part::Encoder),
    ("plan.transfer.ensemble.of", "", Part::Nobody),
    ("plan.transfer.", "encoder.", Part::Encoder),
];

/// Settings that every table has columns for, beside the seed.
const USUAL: [&str; 5] = ["data", "regime", "strategy", "augmentation", "labels"];
/// Sizes of the splits, by their settings' names.
const SIZES: [&str; 3] = ["train_images", "val_images", "test_images"];

/// What a study file has by default, setting by setting.
static DEFAULTS: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let mut found = BTreeMap::new();
    flatten("", &as_written(&study_file::defaults()), &mut |path, value| {
        found.insert(path.to_owned(), value);
    });
    found
});

/// One run's settings, by name.
#[derive(Clone, Debug)]
struct Named {
    values: BTreeMap<String, (Part, String)>,
    /// The width that the regime has by itself.
    own_width: Option<String>,
    parts: Vec<Part>,
}

/// Settings as a document. By text: a value made from an f32 would have the digits of an f64.
fn as_written(settings: &impl Serialize) -> Value {
    let text = serde_json::to_string(settings).expect("settings are plain data");
    serde_json::from_str(&text).expect("just written")
}

/// Hears every value below `value` with its path.
fn flatten(path: &str, value: &Value, hear: &mut dyn FnMut(&str, String)) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                flatten(&path, value, hear);
            }
        }
        Value::String(text) => hear(path, text.clone()),
        other => hear(path, other.to_string()),
    }
}

/// A setting's name and part from its place in the records.
fn named(path: &str) -> Option<(String, Part)> {
    let found = PLACES
        .iter()
        .find(|(place, ..)| path.strip_prefix(place).is_some_and(|rest| fits(place, rest)));
    match found {
        Some((.., Part::Nobody)) => None,
        Some((place, name, part)) if place.ends_with('.') => {
            Some((format!("{name}{}", &path[place.len()..]), *part))
        }
        Some((_, name, part)) => Some(((*name).to_owned(), *part)),
        None => Some((path.strip_prefix("plan.")?.to_owned(), Part::All)),
    }
}

/// A place that ends in a point holds what is below it; any other is a value, or a value with
/// parts.
fn fits(place: &str, rest: &str) -> bool {
    place.ends_with('.') || rest.is_empty() || rest.starts_with('.')
}

impl Named {
    fn of(settings: &RunSettings, sizes: &Sizes) -> Self {
        let plan = &settings.plan;
        let record = as_written(settings);
        let mut values = BTreeMap::new();
        let has = |part| match part {
            Part::Scratch => plan.transfer.is_none(),
            Part::Encoder => plan.transfer.is_some(),
            Part::Loop => matches!(plan.selection, Selection::Active(_)),
            Part::All | Part::Said | Part::Detail => true,
            Part::Nobody => false,
        };
        flatten("", &record, &mut |path, value| {
            if let Some((name, part)) = named(path).filter(|(_, part)| has(*part)) {
                values.insert(name, (part, value));
            }
        });
        let not_chosen = ["placement", "selection", "validation_labels", "augmentation.policy"];
        for name in not_chosen.into_iter().chain(["encoder.classifier"]) {
            values.remove(name);
        }
        if plan.placement != Placement::Never {
            values.insert("augmentation".into(), (Part::Said, plan.policy.title()));
        }
        if plan.validation_labels > 0 {
            values.insert("validation_in_budget".into(), (Part::All, "true".into()));
        }
        if let Some(widths) = plan.network.block_widths.filter(|_| plan.transfer.is_none()) {
            let multiples = widths.map(|width| width / plan.network.width.max(1));
            values
                .insert("final.block_multiples".into(), (Part::Scratch, format!("{multiples:?}")));
        }
        if let Some(counts) = sizes.get(&settings.data.checksum) {
            values.extend(
                SIZES
                    .iter()
                    .zip(counts)
                    .map(|(name, n)| ((*name).to_owned(), (Part::All, n.to_string()))),
            );
        }
        let parts = [Part::All, Part::Scratch, Part::Loop, Part::Encoder]
            .into_iter()
            .filter(|part| has(*part))
            .collect();
        let own_width =
            regimes::by_name(&settings.regime).ok().map(|regime| regime.width.to_string());
        Self { values, own_width, parts }
    }

    /// The setting's value; its default where the run has the setting and its records leave it out.
    fn value(&self, name: &str, part: Part) -> Option<String> {
        let default = || DEFAULTS.get(name).cloned().unwrap_or_else(|| "default".into());
        let said = self.values.get(name).map(|(_, value)| value.clone());
        said.or_else(|| self.parts.contains(&part).then(default))
    }

    /// The value as far as it is a choice: a regime's own width is none, nor are the size of a data
    /// set and the default of a setting.
    fn choice(&self, name: &str, part: Part) -> Option<String> {
        let value = self.value(name, part)?;
        match name {
            "final.width" if self.own_width.as_ref() == Some(&value) => Some("its own".into()),
            name if SIZES.contains(&name) => Some(format!("{value} of {}", self.values["data"].1)),
            _ => Some(value),
        }
    }
}

/// The settings that vary among some runs.
#[derive(Clone, Debug, Default)]
pub struct Varying {
    /// All of them, by name.
    names: BTreeMap<String, Part>,
    sizes: Sizes,
}

impl Varying {
    /// What varies among the runs of a grid.
    pub fn of_jobs(jobs: &[Job]) -> Self {
        let sizes = jobs.iter().map(|job| {
            let data = &job.data;
            (data.checksum.clone(), [data.train.len(), data.val.len(), data.test.len()])
        });
        Self::of(&jobs.iter().map(|job| &job.settings).collect::<Vec<_>>(), sizes.collect())
    }

    /// What varies among runs.
    pub fn of(runs: &[&RunSettings], sizes: Sizes) -> Self {
        let named: Vec<Named> = runs.par_iter().map(|run| Named::of(run, &sizes)).collect();
        let mut all: BTreeMap<&str, Part> = BTreeMap::new();
        for (name, (part, _)) in named.iter().flat_map(|run| &run.values) {
            all.entry(name).or_insert(*part);
        }
        let varies = |name: &str, part: Part| {
            if SIZES.contains(&name) {
                return vary_within_data(&named, name);
            }
            let mut choices = named.iter().filter_map(|run| run.choice(name, part));
            let first = choices.next();
            choices.any(|next| Some(&next) != first.as_ref())
        };
        let names =
            all.iter().filter(|(name, part)| **part != Part::Detail && varies(name, **part));
        let mut names: BTreeMap<String, Part> =
            names.map(|(name, part)| ((*name).to_owned(), *part)).collect();
        names.extend(details(&named, &names));
        Self { names, sizes }
    }

    /// The settings beside data, regime, strategy, augmentation, labels and seed: the columns that
    /// a table needs beyond its usual ones.
    pub fn columns(&self) -> Vec<&str> {
        let is_usual = |name: &str| USUAL.contains(&name) || name == "seed";
        self.names.keys().map(String::as_str).filter(|name| !is_usual(name)).collect()
    }

    /// Whether a setting varies.
    pub fn varies(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    /// The values of some settings; empty where a run has no such setting.
    pub fn values(&self, settings: &RunSettings, names: &[&str]) -> Vec<String> {
        if names.is_empty() {
            return Vec::new();
        }
        let named = Named::of(settings, &self.sizes);
        let part = |name: &str| self.names.get(name).copied().unwrap_or(Part::Said);
        names.iter().map(|name| named.value(name, part(name)).unwrap_or_default()).collect()
    }

    /// The settings of one run that vary, in order: data, strategy and augmentation, the others,
    /// labels and seed.
    pub fn settings(&self, settings: &RunSettings) -> Vec<(String, String)> {
        let named = Named::of(settings, &self.sizes);
        let usual = ["data", "strategy", "augmentation"];
        let varies = |name: &&str| self.varies(name);
        let order = usual.into_iter().filter(varies).chain(self.columns());
        let order = order.chain(["labels"].into_iter().filter(varies)).chain(["seed"]);
        let value = |name: &str| {
            let part = self.names.get(name).copied().unwrap_or(Part::All);
            Some((name.to_owned(), named.value(name, part)?))
        };
        order.filter_map(value).collect()
    }

    /// A key that orders runs as tables do: data, regime, strategy, augmentation, what else varies,
    /// then the budget, then the seed.
    pub fn order(&self, settings: &RunSettings, labels: usize) -> impl Ord + use<> {
        let values: Vec<_> =
            self.values(settings, &self.columns()).iter().map(|value| rank(value)).collect();
        (
            settings.data.name.clone(),
            regimes::by_name(&settings.regime).map_or(u8::MAX, |regime| regime.number),
            settings.strategy().to_owned(),
            settings.plan.policy.title(),
            values,
            labels,
            settings.plan.seed,
        )
    }

    /// What a person calls a run: its regime and the settings that vary, "al strategy=margin
    /// labels=20 seed=0".
    pub fn label(&self, settings: &RunSettings) -> String {
        let mut label = settings.regime.clone();
        for (name, value) in self.settings(settings) {
            let is_word =
                !value.is_empty() && !value.contains(|c: char| c.is_whitespace() || c.is_control());
            let _ = if is_word {
                write!(label, " {name}={value}")
            } else {
                write!(label, " {name}={value:?}")
            };
        }
        label
    }

    /// How many values each setting has that varies, in the words of a count ("2 budgets"), and
    /// their product.
    pub fn axes(&self, runs: &[&RunSettings]) -> (Vec<String>, usize) {
        let named: Vec<Named> = runs.iter().map(|run| Named::of(run, &self.sizes)).collect();
        let (mut words, mut product) = (Vec::new(), 1);
        let order =
            ["data", "regime", "strategy", "augmentation"].into_iter().chain(self.columns());
        for name in order.chain(["labels", "seed"]) {
            let Some(&part) = self.names.get(name) else { continue };
            let values: BTreeSet<String> =
                named.iter().filter_map(|run| run.choice(name, part)).collect();
            product *= values.len();
            words.push(match name {
                "data" => fewlabel_learn::counted(values.len(), "data set"),
                "labels" => fewlabel_learn::counted(values.len(), "budget"),
                "regime" | "strategy" | "augmentation" | "seed" => {
                    fewlabel_learn::counted(values.len(), name)
                }
                name => format!("{} of {name}", fewlabel_learn::counted(values.len(), "value")),
            });
        }
        (words, product)
    }
}

/// Whether data sets of one name have different sizes.
fn vary_within_data(named: &[Named], name: &str) -> bool {
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    let of =
        |run: &'_ Named| Some((run.values.get("data")?.1.clone(), run.values.get(name)?.1.clone()));
    let pairs: Vec<(String, String)> = named.iter().filter_map(of).collect();
    pairs.iter().any(|(data, size)| *first.entry(data).or_insert(size) != size.as_str())
}

/// The details that tell apart runs which nothing else does.
fn details(named: &[Named], names: &BTreeMap<String, Part>) -> BTreeMap<String, Part> {
    let keys = names.keys().map(String::as_str).chain(["seed"]);
    let keys: Vec<&str> = keys.collect();
    let mut first: BTreeMap<Vec<Option<&String>>, &Named> = BTreeMap::new();
    let mut found = BTreeMap::new();
    for run in named {
        let shown = keys.iter().map(|key| run.values.get(*key).map(|(_, value)| value)).collect();
        let twin = *first.entry(shown).or_insert(run);
        let differing =
            twin.values.iter().chain(&run.values).filter(|(_, (part, _))| *part == Part::Detail);
        let differing =
            differing.filter(|(name, _)| twin.values.get(*name) != run.values.get(*name));
        found.extend(differing.map(|(name, (part, _))| (name.clone(), *part)));
    }
    found
}

/// A key that orders values as people do: what is not set, numbers by size, words.
fn rank(value: &str) -> (u8, i64, String) {
    match value.parse::<f64>() {
        _ if value.is_empty() => (0, 0, String::new()),
        // The bits of floats of one sign are in order; those of negative ones the other way round.
        Ok(number) => (
            1,
            number.to_bits() as i64 ^ (((number.to_bits() as i64 >> 63) as u64) >> 1) as i64,
            String::new(),
        ),
        Err(_) => (2, 0, value.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::study_file::{Study, setting_names};
    use crate::testing;
    use std::sync::Arc;

    /// The runs of a study on small images.
    fn jobs(text: &str) -> Vec<Job> {
        let data = Arc::new(testing::dataset(200));
        let study = Study::parse(text, "a.toml", &[]).expect("valid");
        let settings = study
            .points()
            .expect("a grid")
            .into_iter()
            .map(|point| RunSettings::new(&point, &data));
        let mut jobs: Vec<Job> =
            settings.map(|s| Job::new(s.expect("valid"), Arc::clone(&data))).collect();
        jobs.sort_by(|a, b| a.id.cmp(&b.id));
        jobs.dedup_by(|a, b| a.id == b.id);
        jobs
    }

    fn labels(text: &str) -> Vec<String> {
        let jobs = jobs(text);
        let varying = Varying::of_jobs(&jobs);
        let mut labels: Vec<String> = jobs.iter().map(|job| varying.label(&job.settings)).collect();
        labels.sort();
        let count = labels.len();
        labels.dedup();
        assert_eq!(labels.len(), count, "two runs have one name");
        labels
    }

    const SMALL: &str = "initial = 4\nlabels = 12\n";

    #[test]
    fn what_varies_is_named_as_the_study_file_names_it() {
        let al = format!("{SMALL}regime = \"al\"\nseeds = 1\n");
        for (change, name) in [
            ("learning_rate = [0.001, 0.0005]", "al final.learning_rate=0.0005 seed=0"),
            ("loop_width = [4, 8]", "al loop.width=4 seed=0"),
            ("loop_dropout = [0.0, 0.25]", "al loop.dropout=0.0 seed=0"),
            ("recipe = [{}, { steps = 20 }]", "al final.recipe.steps=0 seed=0"),
            ("test_time_views = [0, 4]", "al final.test_time_views=0 seed=0"),
            (
                "initial_choice = [\"random\", \"stratified\"]",
                "al loop.initial_choice=random seed=0",
            ),
            (
                "block_multiples = [[1, 2, 3], [1, 2, 4]]",
                "al final.block_multiples=\"[1, 2, 3]\" seed=0",
            ),
            (
                "strategy_options = [{}, { draws = 5 }]",
                "al loop.strategy_options.draws=2000 seed=0",
            ),
            ("first_epochs = [2, 6]", "al loop.epochs=2 seed=0"),
            ("strategy = [\"entropy\", \"margin\"]", "al strategy=entropy seed=0"),
            ("width = [8, 32]", "al final.width=32 seed=0"),
        ] {
            let found = labels(&format!("{al}{change}"));
            assert!(
                found.len() == 2 && found.iter().any(|label| label == name),
                "{found:?} has no {name}"
            );
        }
    }

    #[test]
    fn what_follows_from_the_regime_is_not_said_to_vary() {
        let text = format!(
            "{SMALL}regime = [\"full\", \"random\", \"da\", \"alpa\", \"pretrained-typiclust\"]\n\
             seeds = 2"
        );
        let found = labels(&text);
        assert_eq!(found[0], "alpa seed=0");
        assert_eq!(found.len(), 10);
        assert!(found.iter().all(|label| label.split(' ').count() == 2), "{found:?}");
    }

    #[test]
    fn runs_on_encoders_are_told_apart_too() {
        let text = "labels = 12\nregime = \"pretrained-random\"\nseeds = 2\n";
        let found = labels(&format!("{text}pretrain = [{{ epochs = 2 }}, {{ epochs = 4 }}]"));
        assert_eq!(found[0], "pretrained-random encoder.pretrain.epochs=2 seed=0");
        let found = labels(&format!("{text}encoders = [1, 2]"));
        assert_eq!(
            found,
            ["0 seed=0", "0 seed=1", "1 seed=1"]
                .map(|end| format!("pretrained-random encoder_seed={end}"))
        );
    }

    #[test]
    fn a_condition_s_setting_varies_and_policies_of_one_name_do() {
        let text = format!(
            "{SMALL}regime = [\"full\", \"random\"]\nseeds = 1\nepochs = 30\n[[conditions]]\n\
             when = {{ regime = \"full\" }}\nset = {{ epochs = 5 }}"
        );
        assert_eq!(labels(&text), ["full final.epochs=5 seed=0", "random final.epochs=30 seed=0"]);
        let text = format!(
            "{SMALL}regime = \"da\"\nseeds = 1\naugmentation = [\"paper\", {{ \
             policy = \"paper\", identity_weight = 3.0 }}]"
        );
        assert_eq!(labels(&text)[0], "da augmentation.identity_weight=1.0 seed=0");
    }

    /// Whatever a record holds has a name that a study file knows: a new setting needs no line here
    /// unless its record says it otherwise.
    #[test]
    fn every_name_is_a_key_of_the_study_file() {
        let text = "labels = 12\ninitial = 4\nseeds = 1\nregime = \
                    [\"full\", \"da\", \"alpa\", \"pretrained-semi\"]\n\
                    recipe = { steps = 20 }\nmixing = { kind = \"mixup\", alpha = 0.4 }\n\
                    block_multiples = [[1, 2, 4]]\nensemble = 2\nencoders = 2\n\
                    temperature_scaling = true\nstrategy_options = { draws = 5 }\n\
                    stopping = { rule = \"uncertainty\", below = 0.1 }";
        let known = setting_names();
        for job in jobs(text) {
            for (name, (part, _)) in Named::of(&job.settings, &Sizes::new()).values {
                let is = |known: &String| {
                    name.strip_prefix(known.as_str())
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
                };
                let is_known = known.iter().any(is) || name == "seed" || part == Part::Detail;
                assert!(is_known, "{name} is no key of a study file");
            }
        }
    }

    #[test]
    fn sizes_vary_only_within_data_of_one_name() {
        let (a, b) = (testing::dataset(60), testing::dataset(90));
        let run = |data: &fewlabel_learn::data::Dataset| {
            RunSettings::new(&testing::quick_point(), data).expect("valid")
        };
        let sizes = |data: &fewlabel_learn::data::Dataset| {
            (data.checksum.clone(), [data.train.len(), 30, 30])
        };
        let (first, mut second) = (run(&a), run(&b));
        let of = |first: &RunSettings, second: &RunSettings| {
            Varying::of(&[first, second], Sizes::from([sizes(&a), sizes(&b)]))
        };
        assert_eq!(of(&first, &second).label(&second), "full train_images=90 seed=0");
        assert_eq!(of(&first, &second).values(&first, &["train_images"]), ["60"]);
        second.data.name = "others".into();
        assert_eq!(of(&first, &second).label(&second), "full data=others seed=0");
        assert_eq!(
            Varying::of(
                &[&first, &RunSettings { data: second.data.clone(), ..first.clone() }],
                Sizes::new()
            )
            .columns()
            .len(),
            0
        );
    }

    #[test]
    fn axes_are_counted_in_words() {
        let jobs = jobs(
            &format!(
                "{SMALL}regime = \"al\"\nstrategy = [\"entropy\", \"margin\", \"random\"]\n\
                 labels = [8, 12]\nseeds = 2"
            )
            .replacen("labels = 12\n", "", 1),
        );
        let runs: Vec<&RunSettings> = jobs.iter().map(|job| &job.settings).collect();
        let (words, product) = Varying::of_jobs(&jobs).axes(&runs);
        assert_eq!(
            (words, product),
            (vec!["3 strategies".into(), "2 budgets".into(), "2 seeds".into()], 12)
        );
    }

    #[test]
    fn numbers_go_by_size() {
        let mut values = ["10", "9", "-2", "", "none", "0.5", "-10"];
        values.sort_by_key(|value| rank(value));
        assert_eq!(values, ["", "-10", "-2", "0.5", "9", "10", "none"]);
    }
}
