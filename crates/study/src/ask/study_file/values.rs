//! The values of settings: defaults, checks, lists that span a grid.

use super::keys;
use crate::ask::regimes;
use crate::ask::schema::{TABLES, shortest};
use crate::ask::settings::Point;
use crate::words;
use fewlabel_learn::acquire;
use fewlabel_learn::training::fit::Recipe;
use toml::{Table, Value};

/// Every setting with its default, by its name; those without one are left out.
pub(crate) fn defaults() -> Table {
    let mut table = named(Table::try_from(Point::default()).expect("plain settings"));
    table.remove("seed");
    // Records leave it out where it is the paper's, and so does its table.
    let recipe = Value::try_from(Recipe::default()).expect("plain settings");
    table.entry("final.recipe").or_insert(recipe);
    table
}

/// Whether the values of a setting are its default alone.
pub(super) fn is_default(name: &str, values: &Value) -> bool {
    match values.as_array().map(Vec::as_slice) {
        Some([one]) => alone(name, one).is_ok_and(|point| point == Point::default()),
        _ => false,
    }
}

/// The settings of tables by their dotted names.
fn named(table: Table) -> Table {
    let mut settings = Table::new();
    for (key, value) in table {
        match value {
            Value::Table(inner) if TABLES.contains(&key.as_str()) => {
                let inner = inner.into_iter().map(|(name, value)| (format!("{key}.{name}"), value));
                settings.extend(inner.map(|(name, value)| (name, short(value))));
            }
            value => drop(settings.insert(key, short(value))),
        }
    }
    settings
}

/// A value whose numbers have the digits that a person would write.
fn short(value: Value) -> Value {
    match value {
        Value::Float(number) => Value::Float(shortest(number)),
        Value::Array(list) => Value::Array(list.into_iter().map(short).collect()),
        Value::Table(table) => {
            Value::Table(table.into_iter().map(|(key, value)| (key, short(value))).collect())
        }
        other => other,
    }
}

/// A point of the grid with this one setting.
fn alone(name: &str, value: &Value) -> Result<Point, toml::de::Error> {
    keys::nested(&Table::from_iter([(name.to_owned(), value.clone())])).try_into()
}

/// Refuses a value that a setting cannot have; `typed` is what the file calls the setting.
pub(super) fn check_value(typed: &str, name: &str, value: &Value) -> Result<(), String> {
    let point = alone(name, value).map_err(|error| {
        let (place, what) = blame(name, value, error.message());
        format!("`{typed}{place}`: {}", words::plain(&what))
    })?;
    if name == "regime" {
        regimes::by_name(&point.regime).map_err(|error| error.to_string())?;
    }
    if name == "strategy" && point.strategy != "all" {
        acquire::by_name(&point.strategy).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// The part of a value that a complaint is about: the one that alone would be complained of so.
fn blame(name: &str, value: &Value, what: &str) -> (String, String) {
    let is_about = |key: &str, part: &Value| {
        let alone = alone(name, &Value::Table(Table::from_iter([(key.to_owned(), part.clone())])));
        alone.is_err_and(|error| error.message() == what)
    };
    let parts = value.as_table().filter(|_| !what.starts_with("unknown field"));
    let key = parts.into_iter().flatten().find(|(key, part)| is_about(key, part));
    (key.map_or_else(String::new, |(key, _)| format!(".{key}")), what.to_owned())
}

/// A value of a setting as this version writes it, what it leaves out filled in.
pub(super) fn normal(name: &str, value: &Value) -> Value {
    let whole = alone(name, value).ok().and_then(|point| Table::try_from(point).ok());
    whole.and_then(|whole| named(whole).remove(name)).unwrap_or_else(|| value.clone())
}

/// The values of a setting: those of a list, or the one that stands alone. A setting whose values
/// are lists themselves has several where all of them are lists.
pub(super) fn values(name: &str, value: &Value) -> Vec<Value> {
    match value {
        Value::Array(values) if !keys::is_list(name) || values.iter().all(Value::is_array) => {
            values.clone()
        }
        value => vec![value.clone()],
    }
}

/// A setting's value with lists inside of it, `{ epochs = [2, 4] }`, as the list of what it stands
/// for: every combination.
pub(super) fn spread(name: &str, value: Value) -> Value {
    let several = values(name, &value);
    let all: Vec<Value> = several.iter().flat_map(|one| combinations(name, one)).collect();
    if all.len() == several.len() { value } else { Value::Array(all) }
}

fn combinations(name: &str, value: &Value) -> Vec<Value> {
    let none = vec![value.clone()];
    let Value::Table(table) = value else { return none };
    if alone(name, value).is_ok() {
        return none;
    }
    for (key, part) in table {
        let Value::Array(parts) = part else { continue };
        let with = |part: &Value| {
            let mut table = table.clone();
            table.insert(key.clone(), part.clone());
            Value::Table(table)
        };
        let all: Vec<Value> =
            parts.iter().flat_map(|part| combinations(name, &with(part))).collect();
        if !all.is_empty() && all.iter().all(|value| alone(name, value).is_ok()) {
            return all;
        }
    }
    none
}
