//! The names of settings: dotted where a table holds them, `loop.width`; and what they were called
//! before there were tables.

use super::OWN_KEYS;
use crate::ask::schema::{SETTINGS, TABLES};
use crate::spelling;
use toml::{Table, Value};

/// What settings were called before, and are called now. The former names are read for ever.
const FORMER: [(&str, &str); 32] = [
    ("initial", "loop.initial"),
    ("initial_choice", "loop.initial_choice"),
    ("query_size", "loop.query_size"),
    ("strategy_options", "loop.strategy_options"),
    ("features", "loop.features"),
    ("temperature_scaling", "loop.temperature_scaling"),
    ("stopping", "loop.stopping"),
    ("mc_samples", "loop.mc_samples"),
    ("members", "loop.members"),
    ("views", "loop.views"),
    ("loop_width", "loop.width"),
    ("loop_dropout", "loop.dropout"),
    ("first_epochs", "loop.epochs"),
    ("reset_every_queries", "loop.reset_every_queries"),
    ("epochs_growth", "loop.epochs_growth"),
    ("width", "final.width"),
    ("block_multiples", "final.block_multiples"),
    ("dropout", "final.dropout"),
    ("epochs", "final.epochs"),
    ("batch_size", "final.batch_size"),
    ("learning_rate", "final.learning_rate"),
    ("weight_decay", "final.weight_decay"),
    ("mixing", "final.mixing"),
    ("recipe", "final.recipe"),
    ("validate_every_epoch", "final.validate_every_epoch"),
    ("test_time_views", "final.test_time_views"),
    ("encoder", "encoder.file"),
    ("encoders", "encoder.count"),
    ("ensemble", "encoder.ensemble"),
    ("pretrain", "encoder.pretrain"),
    ("self_training", "encoder.self_training"),
    ("fine_tuning", "encoder.fine_tuning"),
];

/// The names of all settings of a run but the seed.
pub fn setting_names() -> Vec<String> {
    SETTINGS.keys().cloned().collect()
}

/// Whether a single value of the setting is itself a list.
pub(super) fn is_list(name: &str) -> bool {
    SETTINGS.get(name).is_some_and(|schema| schema["type"] == "array")
}

/// Whether a table of settings has that name.
pub(super) fn is_table(name: &str) -> bool {
    TABLES.contains(&name)
}

/// What a setting is called now.
pub(super) fn today(name: &str) -> &str {
    FORMER.iter().find(|(former, _)| *former == name).map_or(name, |(_, today)| today)
}

/// One setting of a file, as it was typed.
#[derive(Clone, Debug)]
pub(super) struct Given {
    /// Its name today.
    pub(super) name: String,
    /// Its name in the file.
    pub(super) typed: String,
    pub(super) value: Value,
}

/// The settings of a table of a file, those in tables of it too. An error comes with the key that
/// it is about.
pub(super) fn given(table: Table) -> Result<Vec<Given>, (String, String)> {
    let mut all: Vec<Given> = Vec::new();
    for (key, value) in table {
        match value {
            Value::Table(inner) if TABLES.contains(&key.as_str()) => {
                for (inner, value) in inner {
                    let name = format!("{key}.{inner}");
                    if !SETTINGS.contains_key(&name) {
                        return Err((name, unknown_in(&key, &inner)));
                    }
                    all.push(Given { typed: name.clone(), name, value });
                }
            }
            value => {
                let name = today(&key).to_owned();
                if TABLES.contains(&name.as_str()) {
                    let what = format!(
                        "`{key}` is a table of settings, each of which may be a list of values"
                    );
                    return Err((key, what));
                }
                if !SETTINGS.contains_key(&name) {
                    let what = unknown(&key);
                    return Err((key, what));
                }
                all.push(Given { name, typed: key, value });
            }
        }
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    match all.windows(2).find(|pair| pair[0].name == pair[1].name) {
        None => Ok(all),
        Some([first, second]) => {
            let [new, former] =
                if first.typed == first.name { [first, second] } else { [second, first] };
            let what = format!("`{}` and `{}` are one setting: give one", former.typed, new.typed);
            Err((former.typed.clone(), what))
        }
        Some(_) => unreachable!("windows of two"),
    }
}

/// Dotted names as tables again.
pub(super) fn nested(settings: &Table) -> Table {
    let mut table = Table::new();
    for (name, value) in settings {
        set(&mut table, name, value.clone());
    }
    table
}

/// Puts a value where a dotted name says; what stands in its way and is no table is replaced.
pub(super) fn set(table: &mut Table, name: &str, value: Value) {
    let Some((first, rest)) = name.split_once('.') else {
        table.insert(name.to_owned(), value);
        return;
    };
    let inner = table.entry(first).or_insert_with(|| Value::Table(Table::new()));
    if !inner.is_table() {
        *inner = Value::Table(Table::new());
    }
    if let Value::Table(inner) = inner {
        set(inner, rest, value);
    }
}

/// A sentence about a key that is none, at the top of a file.
pub(super) fn unknown(key: &str) -> String {
    let top = SETTINGS.keys().map(String::as_str).filter(|name| !name.contains('.'));
    let top = top.chain(OWN_KEYS).chain(TABLES);
    let found = spelling::nearest(key, top.clone()).or_else(|| elsewhere(key));
    match found {
        Some(name) => format!("unknown key `{key}`: did you mean `{name}`?"),
        None => spelling::unknown("key", key, &top.collect::<Vec<_>>()),
    }
}

/// A sentence about a key that a table does not have.
fn unknown_in(table: &str, key: &str) -> String {
    let inner = |name: &'static str| name.split_once('.').filter(|(of, _)| *of == table);
    let own = SETTINGS.keys().filter_map(|name| Some(inner(name)?.1));
    let typed = format!("unknown key `{key}` in [{table}]");
    match spelling::nearest(key, own.clone()).or_else(|| elsewhere(key)) {
        Some(name) => format!("{typed}: did you mean `{name}`?"),
        None => format!("{typed}: expected one of {}", own.collect::<Vec<_>>().join(", ")),
    }
}

/// The setting of any table, by its whole name, whose name or former name is nearest.
fn elsewhere(key: &str) -> Option<&'static str> {
    let former = FORMER.iter().map(|(former, today)| (*former, *today));
    let last = |name: &'static str| (name.rsplit('.').next().unwrap_or(name), name);
    let all: Vec<(&str, &'static str)> =
        former.chain(SETTINGS.keys().map(|name| last(name))).collect();
    let nearest = spelling::nearest(key, all.iter().map(|(name, _)| *name))?;
    all.iter().find(|(name, _)| *name == nearest).map(|(_, today)| *today)
}

/// Makes one change of a file, `key=value` in TOML, whose keys are dotted as deep as one likes.
/// Returns the setting's name as typed and as it is now.
pub(super) fn change(
    change: &str,
    own: &mut Table,
    settings: &mut Table,
) -> Result<Vec<Given>, String> {
    let (key, value) =
        change.split_once('=').ok_or_else(|| format!("`{change}` is not key=value"))?;
    let (key, text) = (key.trim(), value.trim());
    let parsed = format!("value = {text}").parse::<Table>().ok();
    let value = parsed.and_then(|mut table| table.remove("value"));
    let value = value.unwrap_or_else(|| Value::String(text.to_owned()));
    let first = key.split('.').next().unwrap_or(key);
    if OWN_KEYS.contains(&first) {
        set(own, key, value);
        return Ok(Vec::new());
    }
    let all = match part_of(key) {
        Some((typed, rest)) => {
            let name = today(typed).to_owned();
            let whole = changed(settings.get(&name), rest, value);
            vec![Given { name, typed: typed.to_owned(), value: whole }]
        }
        None => {
            let mut table = Table::new();
            set(&mut table, key, value);
            given(table).map_err(|(_, what)| what)?
        }
    };
    settings.extend(all.iter().map(|one| (one.name.clone(), one.value.clone())));
    Ok(all)
}

/// The setting that a dotted key is, or is a part of, and the rest of the key.
fn part_of(key: &str) -> Option<(&str, &str)> {
    let ends = key.match_indices('.').map(|(at, _)| at).chain([key.len()]);
    let ends: Vec<usize> = ends.collect();
    let whole = ends.into_iter().rev().find(|&end| SETTINGS.contains_key(today(&key[..end])))?;
    Some((&key[..whole], key[whole..].trim_start_matches('.')))
}

/// A setting's value after a part of it has changed, in each of several values.
fn changed(present: Option<&Value>, part: &str, value: Value) -> Value {
    if part.is_empty() {
        return value;
    }
    let with = |present: &Value| {
        let mut table = present.as_table().cloned().unwrap_or_default();
        set(&mut table, part, value.clone());
        Value::Table(table)
    };
    match present {
        Some(Value::Array(several)) => Value::Array(several.iter().map(with).collect()),
        Some(present) => with(present),
        None => with(&Value::Table(Table::new())),
    }
}
