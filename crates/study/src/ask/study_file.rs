//! A study file: fixed settings, lists that span a grid, and conditions.
//!
//! Every setting of [`Point`] may be a value or a list of values; the grid is every combination.
//! `seeds` is a number of seeds, a range such as `"0..20"`, or a list. A condition changes settings
//! where others have certain values (`when`), or where they do not (`unless`):
//!
//! ```toml
//! regime = ["random", "al"]
//! strategy = ["entropy", "margin"]
//! seeds = 5
//! [[conditions]]
//! when = { regime = "al" }
//! set = { query_size = 12 }
//! ```
//!
//! Combinations that come to the same run, such as `random` under two strategies, are computed
//! once.

mod cuts;
mod places;

use crate::ask::job::Job;
use crate::ask::settings::{Point, RunSettings};
use crate::ask::sharing;
use crate::error::StudyError;
use crate::spelling;
use crate::words;
use fewlabel_engine::rng::Key;
use fewlabel_learn::data::source::{Import, Keeper, Watch};
use fewlabel_learn::data::{Dataset, Split, open_with};
use places::Places;
use std::collections::BTreeMap;
use std::sync::Arc;
use toml::{Table, Value};

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
    /// Every setting of a run but the seed: its values.
    grid: Table,
    conditions: Vec<Condition>,
    /// Where its keys stand.
    places: Places,
    /// Whether its numbers are the program's own, not a person's: then all of them are cut to what
    /// the data have.
    is_quick: bool,
}

#[derive(Clone, Debug, PartialEq)]
struct Condition {
    when: Table,
    unless: Table,
    set: Table,
}

impl Condition {
    fn applies_to(&self, point: &Table) -> bool {
        let agree = |wanted: &Table| {
            wanted.iter().all(|(key, wanted)| is_among(key, point.get(key), wanted))
        };
        agree(&self.when) && (self.unless.is_empty() || !agree(&self.unless))
    }
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
        let mut table: Table = parsed?;
        for change in changes {
            let (key, value) = parse_change(change)?;
            places.set(&key, change);
            table.insert(key, value);
        }
        match Self::of_table(table) {
            Ok(study) => Ok(Self { places, ..study }),
            Err((key, what)) => Err(places.about(&key, &what)),
        }
    }

    /// The same study, of whose numbers of images and labels all are cut to what the data have.
    #[must_use]
    pub fn quick(self) -> Self {
        Self { is_quick: true, ..self }
    }

    /// The study that a table describes; an error comes with the key that it is about.
    fn of_table(mut table: Table) -> Result<Self, (String, String)> {
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
        let import = import(table.remove("import")).map_err(|what| ("import".to_owned(), what))?;
        let seeds = seeds(table.remove("seeds")).map_err(|what| ("seeds".to_owned(), what))?;
        let conditions = conditions(table.remove("conditions"))
            .map_err(|what| ("conditions".to_owned(), what))?;
        let mut grid = defaults();
        for (key, value) in table {
            check_key(&key).map_err(|what| (key.clone(), what))?;
            for value in values(&key, &value) {
                check_value(&key, &value).map_err(|what| (key.clone(), what))?;
            }
            grid.insert(key, value);
        }
        let (places, is_quick) = (Places::default(), false);
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
            is_quick,
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
        table.extend(self.grid.clone());
        let condition = |condition: &Condition| {
            let parts =
                [("when", &condition.when), ("unless", &condition.unless), ("set", &condition.set)];
            let given = parts.into_iter().filter(|(_, part)| !part.is_empty());
            Value::Table(
                given.map(|(name, part)| (name.to_owned(), Value::Table(part.clone()))).collect(),
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

    /// The study with every value as this version writes it, and every setting a list of values:
    /// two studies are the same if these tables are.
    pub(crate) fn normal(&self) -> Table {
        let list = |key: &str, value: &Value| {
            values(key, value).iter().map(|value| normal(key, value)).collect()
        };
        let lists = |table: &Table| -> Table {
            table.iter().map(|(key, value)| (key.clone(), Value::Array(list(key, value)))).collect()
        };
        let mut table = lists(&self.grid);
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
        table
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
            crate::ask::regimes::by_name(&point.regime).map_err(explain)?;
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

fn parse_change(change: &str) -> Result<(String, Value), StudyError> {
    let wrong = || StudyError::Setting(format!("`{change}` is not key=value"));
    let (key, value) = change.split_once('=').ok_or_else(wrong)?;
    let parsed = format!("value = {value}")
        .parse::<Table>()
        .ok()
        .and_then(|mut table| table.remove("value"));
    Ok((key.trim().to_owned(), parsed.unwrap_or_else(|| Value::String(value.trim().to_owned()))))
}

/// Every setting with its default; those without one are left out.
fn defaults() -> Table {
    let mut table = Table::try_from(Point::default()).expect("plain settings");
    table.remove("seed");
    table
}

/// The names of all settings of a run but the seed.
pub fn setting_names() -> Vec<String> {
    let mut names: Vec<String> = defaults().into_iter().map(|(key, _)| key).collect();
    let optional = [
        "width",
        "block_multiples",
        "loop_dropout",
        "features",
        "ties",
        "stopping",
        "mixing",
        "encoder",
        "fine_tuning",
    ];
    names.extend(optional.map(str::to_owned));
    names.sort();
    names
}

fn check_key(key: &str) -> Result<(), String> {
    let settings = setting_names();
    if settings.iter().any(|name| name == key) {
        return Ok(());
    }
    let all: Vec<&str> = settings.iter().map(String::as_str).chain(OWN_KEYS).collect();
    Err(spelling::unknown("key", key, &all))
}

fn check_value(key: &str, value: &Value) -> Result<(), String> {
    let alone = Table::from_iter([(key.to_owned(), value.clone())]);
    let point: Point = alone.try_into().map_err(|error: toml::de::Error| words::of_toml(&error))?;
    if key == "regime" {
        crate::ask::regimes::by_name(&point.regime).map_err(|error| error.to_string())?;
    }
    if key == "strategy" {
        fewlabel_learn::acquire::by_name(&point.strategy).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// A value of a setting as this version writes it, what it leaves out filled in.
fn normal(key: &str, value: &Value) -> Value {
    let alone = Table::from_iter([(key.to_owned(), value.clone())]);
    let whole = alone.try_into::<Point>().ok().and_then(|point| Table::try_from(point).ok());
    whole.and_then(|mut whole| whole.remove(key)).unwrap_or_else(|| value.clone())
}

/// The values of a setting: those of a list, or the one that stands alone. The values of
/// `block_multiples` are lists themselves.
fn values(key: &str, value: &Value) -> Vec<Value> {
    match value {
        Value::Array(values) if key != "block_multiples" || values.iter().all(Value::is_array) => {
            values.clone()
        }
        value => vec![value.clone()],
    }
}

/// Whether a setting has one of the wanted values; one that is not set has none. Whole numbers
/// stand for fractions too.
fn is_among(key: &str, present: Option<&Value>, wanted: &Value) -> bool {
    let is_equal = |a: &Value, b: &Value| match (a, b) {
        (Value::Float(a), Value::Integer(b)) | (Value::Integer(b), Value::Float(a)) => {
            *a == *b as f64
        }
        (a, b) => a == b,
    };
    present
        .is_some_and(|present| values(key, wanted).iter().any(|wanted| is_equal(present, wanted)))
}

fn seeds(value: Option<Value>) -> Result<Vec<u64>, String> {
    let wrong = "`seeds` is a number of seeds, a range such as \"0..20\", or a list of seeds";
    let seed = |value: &Value| value.as_integer().and_then(|seed| u64::try_from(seed).ok());
    let mut seeds: Vec<u64> = match value {
        None => (0..5).collect(),
        Some(Value::Integer(count @ 1..=1_000_000)) => (0..count as u64).collect(),
        Some(Value::String(text)) => {
            let (first, end) = text.split_once("..").ok_or(wrong)?;
            let (first, end) =
                (first.trim().parse().map_err(|_| wrong)?, end.trim().parse().map_err(|_| wrong)?);
            (first..end).take(MOST_RUNS + 1).collect()
        }
        Some(Value::Array(list)) => list.iter().map(seed).collect::<Option<_>>().ok_or(wrong)?,
        Some(_) => return Err(wrong.to_owned()),
    };
    seeds.sort_unstable();
    seeds.dedup();
    if seeds.is_empty() { Err(wrong.to_owned()) } else { Ok(seeds) }
}

fn import(value: Option<Value>) -> Result<Import, String> {
    let Some(value) = value else { return Ok(Import::default()) };
    let import: Import =
        value.try_into().map_err(|error| format!("`import`: {}", words::of_toml(&error)))?;
    import.check().map_err(|what| format!("`import`: {what}"))?;
    Ok(import)
}

fn conditions(value: Option<Value>) -> Result<Vec<Condition>, String> {
    let wrong = || {
        "a condition has a table `set`, and `when`, `unless` or both, all of them tables of \
         settings"
            .to_owned()
    };
    let Some(value) = value else { return Ok(Vec::new()) };
    let list = value.try_into::<Vec<Table>>().map_err(|_| wrong())?;
    let condition = |mut table: Table| {
        let mut part = |name: &str| match table.remove(name) {
            None => Ok(Table::new()),
            Some(Value::Table(part)) if !part.is_empty() => Ok(part),
            Some(_) => Err(wrong()),
        };
        let (when, unless, set) = (part("when")?, part("unless")?, part("set")?);
        if set.is_empty() || (when.is_empty() && unless.is_empty()) || !table.is_empty() {
            return Err(wrong());
        }
        for (key, value) in when.iter().chain(&unless).chain(&set) {
            check_key(key)?;
            for value in values(key, value) {
                check_value(key, &value)?;
            }
        }
        if let Some((key, _)) = set.iter().find(|(_, value)| value.is_array()) {
            return Err(format!("a condition sets `{key}` to one value, not to a list"));
        }
        Ok(Condition { when, unless, set })
    };
    list.into_iter().map(condition).collect()
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
