//! What a study file holds beside the grid: conditions, seeds, how files become data.

use super::MOST_RUNS;
use super::keys::{self, Given};
use super::values::{check_value, values};
use crate::words;
use fewlabel_learn::data::source::Import;
use std::collections::BTreeMap;
use toml::{Table, Value};

/// Settings that are set where others have certain values, or do not have them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Condition {
    pub(super) when: Table,
    pub(super) unless: Table,
    pub(super) set: Table,
}

impl Condition {
    pub(super) fn applies_to(&self, point: &Table) -> bool {
        let agree = |wanted: &Table| {
            wanted.iter().all(|(key, wanted)| is_among(key, point.get(key), wanted))
        };
        agree(&self.when) && (self.unless.is_empty() || !agree(&self.unless))
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

pub(super) fn seeds(value: Option<Value>) -> Result<Vec<u64>, String> {
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

pub(super) fn import(value: Option<Value>) -> Result<Import, String> {
    let Some(value) = value else { return Ok(Import::default()) };
    let import: Import =
        value.try_into().map_err(|error| format!("`import`: {}", words::of_toml(&error)))?;
    import.check().map_err(|what| format!("`import`: {what}"))?;
    Ok(import)
}

/// Reads the conditions; what they name by former names is added to `renamed`.
pub(super) fn conditions(
    value: Option<Value>,
    renamed: &mut BTreeMap<String, String>,
) -> Result<Vec<Condition>, String> {
    let wrong = || {
        "a condition has a table `set`, and `when`, `unless` or both, all of them tables of \
         settings"
            .to_owned()
    };
    let Some(value) = value else { return Ok(Vec::new()) };
    let list = value.try_into::<Vec<Table>>().map_err(|_| wrong())?;
    let mut condition = |mut table: Table| {
        let mut part = |name: &str| match table.remove(name) {
            None => Ok(Table::new()),
            Some(Value::Table(part)) if !part.is_empty() => Ok(part),
            Some(_) => Err(wrong()),
        };
        let (when, unless, set) = (part("when")?, part("unless")?, part("set")?);
        if set.is_empty() || (when.is_empty() && unless.is_empty()) || !table.is_empty() {
            return Err(wrong());
        }
        let mut settings = |part: Table| {
            let mut settings = Table::new();
            for Given { name, typed, value } in keys::given(part).map_err(|(_, what)| what)? {
                for value in values(&name, &value) {
                    check_value(&typed, &name, &value)?;
                }
                settings.insert(name.clone(), value);
                if typed != name {
                    renamed.insert(typed, name);
                }
            }
            Ok::<Table, String>(settings)
        };
        let (when, unless, set) = (settings(when)?, settings(unless)?, settings(set)?);
        if let Some((key, _)) = set.iter().find(|(_, value)| value.is_array()) {
            return Err(format!("a condition sets `{key}` to one value, not to a list"));
        }
        Ok(Condition { when, unless, set })
    };
    list.into_iter().map(&mut condition).collect()
}
