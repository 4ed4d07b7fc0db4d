//! A study file: fixed settings, lists that span a grid, and conditions.
//!
//! Every setting of [`Point`] may be a value or a list of values; the grid is every combination.
//! Settings of the loop, the final model and the encoder stand in tables. `seeds` is a number of
//! seeds, a range such as `"0..20"`, or a list. A condition changes settings where others have
//! certain values (`when`), or where they do not (`unless`):
//!
//! ```toml
//! regime = ["random", "al"]
//! strategy = ["entropy", "margin"]
//! seeds = 5
//! [final]
//! epochs = [20, 40]
//! [[conditions]]
//! when = { regime = "al" }
//! set = { loop.query_size = 12 }
//! ```
//!
//! Combinations that come to the same run, such as `random` under two strategies, are computed
//! once.

mod cuts;
mod keys;
mod parts;
mod places;
mod values;

pub use keys::setting_names;
pub(super) use values::defaults;

use crate::ask::job::Job;
use crate::ask::settings::{Point, RunSettings};
use crate::ask::sharing;
use crate::error::StudyError;
use crate::words;
use fewlabel_engine::rng::Key;
use fewlabel_learn::data::source::{Import, Keeper, Watch};
use fewlabel_learn::data::{Dataset, Split, open_with};
use parts::Condition;
use places::Places;
use std::collections::BTreeMap;
use std::sync::Arc;
use toml::{Table, Value};
use values::{check_value, normal, values};

/// Keys of a study file that are no settings of a run.
const OWN_KEYS: [&str; 7] =
    ["name", "question", "keep_models", "class_names", "import", "seeds", "conditions"];

/// Most runs that one study may have: a slip in a list should not fill a disk.
const MOST_RUNS: usize = 1_000_000;

/// A checked study.
#[derive(Clone, Debug, PartialEq)]
pub struct Study {
    /// What it is called.
    pub name: String,
    /// What it is to find out.
    pub question: String,
    /// Whether the runs' models are kept.
    pub keep_models: bool,
    /// What the classes are called, in place of the data sets' own names.
    class_names: Option<Vec<String>>,
    /// How files become the data, and which splits are made.
    import: Import,
    seeds: Vec<u64>,
    /// Every setting of a run but the seed, by its dotted name: its values.
    grid: Table,
    conditions: Vec<Condition>,
    /// Where its keys stand.
    places: Places,
    /// Whether its numbers are the program's own, not a person's: then all of them are cut to what
    /// the data have.
    is_quick: bool,
}

impl Study {
    /// Reads a study file; `origin` names it in errors. `changes` are `key=value` in TOML and go
    /// over the file's own.
    ///
    /// # Errors
    /// Names the line, the key and, where one is near, the key that was meant.
    pub fn parse(text: &str, origin: &str, changes: &[String]) -> Result<Self, StudyError> {
        let mut places = Places::of(text, origin)?;
        let parsed = text.parse().map_err(|error: toml::de::Error| {
            StudyError::Setting(format!("{origin}: {}", error.message()))
        });
        let table: Table = parsed?;
        let (mut own, settings): (Table, Table) =
            table.into_iter().partition(|(key, _)| OWN_KEYS.contains(&key.as_str()));
        let given = keys::given(settings).map_err(|(key, what)| places.about(&key, &what))?;
        let mut settings: Table =
            given.iter().map(|given| (given.name.clone(), given.value.clone())).collect();
        let mut typed: BTreeMap<String, String> =
            given.into_iter().map(|given| (given.name, given.typed)).collect();
        for change in changes {
            places.set(change);
            let changed = keys::change(change, &mut own, &mut settings);
            let changed = changed.map_err(|what| places.about_change(change, &what))?;
            typed.extend(changed.into_iter().map(|given| (given.name, given.typed)));
        }
        let mut study = Self::of_tables(own, settings, &typed)
            .map_err(|(key, what)| places.about(&key, &what))?;
        let renamed = typed.into_iter().filter(|(name, typed)| name != typed);
        study.places.renamed.extend(renamed.map(|(name, typed)| (typed, name)));
        places.renamed = study.places.renamed;
        Ok(Self { places, ..study })
    }

    /// The same study, of which no note is made: nobody wrote it.
    #[must_use]
    pub fn without_notes(mut self) -> Self {
        self.places.renamed.clear();
        self
    }

    /// What the file's settings are called now, where it gives them by former names, in one line.
    pub fn renamed(&self) -> Option<String> {
        let renamed = self.places.renamed.iter();
        let pairs: Vec<String> =
            renamed.map(|(former, name)| format!("{former} is now {name}")).collect();
        (!pairs.is_empty()).then(|| format!("{}: {}", self.places.origin, pairs.join(", ")))
    }

    /// The same study, of whose numbers of images and labels all are cut to what the data have.
    #[must_use]
    pub fn quick(self) -> Self {
        Self { is_quick: true, ..self }
    }

    /// The study of a file's own keys and of settings, which `typed` names as they were typed; an
    /// error comes with the key that it is about.
    fn of_tables(
        mut table: Table,
        settings: Table,
        typed: &BTreeMap<String, String>,
    ) -> Result<Self, (String, String)> {
        let text = |table: &mut Table, key: &str| match table.remove(key) {
            None => Ok(String::new()),
            Some(Value::String(text)) => Ok(text),
            Some(value) => Err((
                key.to_owned(),
                format!("`{key}`: found {}, expected a text", words::value(&value)),
            )),
        };
        let (name, question) = (text(&mut table, "name")?, text(&mut table, "question")?);
        let keep_models = match table.remove("keep_models") {
            None => false,
            Some(Value::Boolean(keep)) => keep,
            Some(value) => {
                let what = format!(
                    "`keep_models`: found {}, expected true or false",
                    words::value(&value)
                );
                return Err(("keep_models".into(), what));
            }
        };
        let wrong = |_| {
            (
                "class_names".to_owned(),
                "`class_names` is a list of texts, one for each class".to_owned(),
            )
        };
        let class_names =
            table.remove("class_names").map(Value::try_into).transpose().map_err(wrong)?;
        let import =
            parts::import(table.remove("import")).map_err(|what| ("import".to_owned(), what))?;
        let seeds =
            parts::seeds(table.remove("seeds")).map_err(|what| ("seeds".to_owned(), what))?;
        let mut places = Places::default();
        let conditions = parts::conditions(table.remove("conditions"), &mut places.renamed)
            .map_err(|what| ("conditions".to_owned(), what))?;
        let mut grid = values::defaults();
        settle_axes(&mut grid, &settings, &conditions)?;
        for (name, value) in settings {
            let value = values::spread(&name, value);
            for value in values(&name, &value) {
                let typed = &typed[&name];
                check_value(typed, &name, &value).map_err(|what| (typed.clone(), what))?;
            }
            grid.insert(name, value);
        }
        Ok(Self {
            name,
            question,
            keep_models,
            class_names,
            import,
            seeds,
            grid,
            conditions,
            places,
            is_quick: false,
        })
    }

    /// The study as it is kept in its folder: every setting, whether given or not.
    pub fn resolved(&self) -> String {
        let mut table = Table::new();
        table.insert("name".into(), self.name.clone().into());
        table.insert("question".into(), self.question.clone().into());
        table.insert("keep_models".into(), self.keep_models.into());
        if let Some(names) = &self.class_names {
            table.insert("class_names".into(), names.clone().into());
        }
        table.extend(self.given_import());
        let seeds = self.seeds.iter().map(|&seed| Value::Integer(seed as i64)).collect();
        table.insert("seeds".into(), Value::Array(seeds));
        table.extend(keys::nested(&self.grid));
        let condition = |condition: &Condition| {
            let parts =
                [("when", &condition.when), ("unless", &condition.unless), ("set", &condition.set)];
            let given = parts.into_iter().filter(|(_, part)| !part.is_empty());
            Value::Table(
                given
                    .map(|(name, part)| (name.to_owned(), Value::Table(keys::nested(part))))
                    .collect(),
            )
        };
        if !self.conditions.is_empty() {
            table.insert(
                "conditions".into(),
                Value::Array(self.conditions.iter().map(condition).collect()),
            );
        }
        toml::to_string(&table).expect("a table of plain values")
    }

    /// The table `import`, where something in it was chosen.
    fn given_import(&self) -> Option<(String, Value)> {
        let is_given = self.import != Import::default();
        let table = is_given.then(|| Value::try_from(&self.import).ok()).flatten()?;
        Some(("import".into(), table))
    }

    /// The study with every value as this version writes it, every setting a list of values, and
    /// without what has its default: two studies are the same if these tables are.
    pub(crate) fn normal(&self) -> Table {
        let list = |key: &str, value: &Value| {
            values(key, value).iter().map(|value| normal(key, value)).collect()
        };
        let lists = |table: &Table| -> Table {
            table.iter().map(|(key, value)| (key.clone(), Value::Array(list(key, value)))).collect()
        };
        let mut table = lists(&self.grid);
        table.retain(|name, values| !values::is_default(name, values));
        let seeds = self.seeds.iter().map(|&seed| Value::Integer(seed as i64)).collect();
        table.insert("seeds".into(), Value::Array(seeds));
        let parts =
            |condition: &Condition| [&condition.when, &condition.unless, &condition.set].map(lists);
        let conditions = self
            .conditions
            .iter()
            .map(|condition| Value::Array(parts(condition).map(Value::Table).into()));
        table.insert("conditions".into(), Value::Array(conditions.collect()));
        table.extend(self.given_import());
        table.insert("name".into(), self.name.clone().into());
        table.insert("question".into(), self.question.clone().into());
        table.insert("keep_models".into(), self.keep_models.into());
        table
    }

    /// Every point of the grid, conditions applied.
    ///
    /// # Errors
    /// If there are too many.
    pub fn points(&self) -> Result<Vec<Point>, StudyError> {
        let of_table = |table| Ok(self.with_seeds(self.point(table)?));
        let points = self
            .tables()?
            .into_iter()
            .map(of_table)
            .collect::<Result<Vec<Vec<_>>, StudyError>>()?;
        Ok(points.concat())
    }

    /// Every combination of the grid's values, without seeds and before conditions.
    fn tables(&self) -> Result<Vec<Table>, StudyError> {
        let mut tables = vec![Table::new()];
        for (key, value) in &self.grid {
            let values = values(key, value);
            if values.is_empty() {
                return Err(self
                    .places
                    .about(key, &format!("`{key}` is an empty list: the study has no runs")));
            }
            if tables.len().saturating_mul(values.len()).saturating_mul(self.seeds.len())
                > MOST_RUNS
            {
                return Err(self
                    .places
                    .about(key, &format!("the study has more than {MOST_RUNS} runs")));
            }
            let with = |table: &Table, value: &Value| {
                let mut table = table.clone();
                table.insert(key.clone(), value.clone());
                table
            };
            tables = tables
                .iter()
                .flat_map(|table| values.iter().map(move |value| with(table, value)))
                .collect();
        }
        Ok(tables)
    }

    /// One combination, conditions applied.
    fn point(&self, mut table: Table) -> Result<Point, StudyError> {
        for condition in &self.conditions {
            if condition.applies_to(&table) {
                table.extend(condition.set.clone());
            }
        }
        keys::nested(&table)
            .try_into()
            .map_err(|error: toml::de::Error| self.places.about("", &words::of_toml(&error)))
    }

    fn with_seeds(&self, point: Point) -> Vec<Point> {
        self.seeds.iter().map(|&seed| Point { seed, ..point.clone() }).collect()
    }

    /// The runs of the study on their data, each once.
    ///
    /// # Errors
    /// If data cannot be opened or a setting does not fit them.
    pub fn jobs(&self) -> Result<Vec<Job>, StudyError> {
        self.jobs_with(None)
    }

    /// [`Study::jobs`], with what was made of image files before.
    ///
    /// # Errors
    /// As [`Study::jobs`].
    pub fn jobs_with(&self, keeper: Option<&dyn Keeper>) -> Result<Vec<Job>, StudyError> {
        let keeper = keeper.filter(|_| !self.import.no_cache);
        let mut opened: BTreeMap<(String, [usize; 3], String), Arc<Dataset>> = BTreeMap::new();
        let mut jobs: BTreeMap<String, Job> = BTreeMap::new();
        for table in self.tables()? {
            let mut point = self.point(table.clone())?;
            let explain = |error| self.places.explain(error);
            crate::ask::regimes::of(&point).map_err(explain)?;
            let sizes = [point.train_images, point.val_images, point.test_images];
            let key = (point.data.clone(), sizes, format!("{:?}", point.shift));
            let data = match opened.get(&key) {
                Some(data) => Arc::clone(data),
                None => {
                    let data = Arc::new(prepare(
                        &point,
                        self.class_names.as_deref(),
                        &self.import,
                        keeper,
                    )?);
                    opened.insert(key, Arc::clone(&data));
                    data
                }
            };
            if let Some(table) = self.cut(table, data.train.len()) {
                point = self.point(table)?;
            }
            for point in self.with_seeds(point) {
                let job =
                    Job::new(RunSettings::new(&point, &data).map_err(explain)?, Arc::clone(&data));
                jobs.entry(job.id.clone()).or_insert(job);
            }
        }
        let mut jobs: Vec<Job> = jobs.into_values().collect();
        sharing::find(&mut jobs);
        Ok(jobs)
    }
}

/// Leaves in the defaults either the regime or what stands for it: a backbone and the place of
/// augmentation.
fn settle_axes(
    defaults: &mut Table,
    settings: &Table,
    conditions: &[Condition],
) -> Result<(), (String, String)> {
    let of_conditions = conditions.iter().flat_map(|part| [&part.when, &part.unless, &part.set]);
    let tables: Vec<&Table> = [settings].into_iter().chain(of_conditions).collect();
    let has = |name: &str| tables.iter().any(|table| table.contains_key(name));
    let Some(axis) = ["backbone", "augment"].into_iter().find(|axis| has(axis)) else {
        return Ok(());
    };
    if has("regime") {
        let what = format!("`{axis}` and `regime` say the same: give one of them");
        return Err((axis.to_owned(), what));
    }
    defaults.remove("regime");
    defaults.insert("backbone".to_owned(), "scratch".into());
    defaults.insert("augment".to_owned(), "never".into());
    Ok(())
}

/// The data of a point of the grid: opened, made smaller, shifted.
fn prepare(
    point: &Point,
    class_names: Option<&[String]>,
    import: &Import,
    keeper: Option<&dyn Keeper>,
) -> Result<Dataset, StudyError> {
    let open = |name: &str| {
        let sizes = [point.train_images, point.val_images, point.test_images];
        let watch = Watch::nobody().with_keeper(keeper);
        subset(open_with(name, class_names, import, &watch)?, sizes)
    };
    let data = point.shift.apply(open(&point.data)?, open)?;
    data.require_benchmark("a study")?;
    Ok(data)
}

/// At most so many images of each split, the same ones every time; 0 is all.
fn subset(data: Dataset, sizes: [usize; 3]) -> Result<Dataset, StudyError> {
    if sizes == [0; 3] {
        return Ok(data);
    }
    let reduce = |(number, ((_, split), size)): (usize, ((&str, &Split), usize))| {
        if size == 0 || size >= split.len() {
            return split.clone();
        }
        let key = Key::new(0, u64::from_le_bytes(*b"subset\0\0")).at(number as u64, 0);
        let mut rows = key.stream().permutation(split.len());
        rows.truncate(size);
        rows.sort_unstable();
        split.select(&rows)
    };
    let splits: Vec<Split> = data.splits().into_iter().zip(sizes).enumerate().map(reduce).collect();
    let splits =
        splits.try_into().map_err(|_| StudyError::Setting("a data set has three splits".into()))?;
    Ok(data.with_splits(data.name.clone(), |_| splits))
}

#[cfg(test)]
mod tests;
