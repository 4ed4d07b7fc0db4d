//! The JSON Schema of a study file, for editors and for whoever needs the names of all settings:
//! made from the settings' types, so that it cannot fall behind.

use crate::ask::regimes;
use crate::ask::settings::Point;
use fewlabel_learn::data::source::LONGEST_SIDE;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The tables of settings in a study file.
pub(crate) const TABLES: [&str; 3] = ["loop", "final", "encoder"];

/// What one value of each setting looks like; those in a table by their dotted names.
pub(crate) static SETTINGS: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut point = settings.into_generator().into_root_schema_for::<Point>().to_value();
    let mut found = BTreeMap::new();
    for (name, value) in properties(&mut point) {
        let mut value = plain(value);
        if TABLES.contains(&name.as_str()) {
            let inner = properties(&mut value);
            found
                .extend(inner.into_iter().map(|(inner, value)| (format!("{name}.{inner}"), value)));
        } else if name != "seed" {
            found.insert(name, value);
        }
    }
    if let Some(Value::Object(regime)) = found.get_mut("regime") {
        regime.insert("enum".into(), json!(regimes::names()));
    }
    found
});

fn properties(schema: &mut Value) -> Map<String, Value> {
    match schema["properties"].take() {
        Value::Object(properties) => properties,
        _ => Map::new(),
    }
}

/// A schema as a study file needs it: it knows no null, numbers have the digits that a person would
/// write, and what a type is called in this program is nobody's business.
fn plain(schema: Value) -> Value {
    match schema {
        Value::Object(mut map) => {
            if let Some(Value::Array(either)) = map.get("anyOf") {
                let some: Vec<&Value> = either.iter().filter(|one| one["type"] != "null").collect();
                if let ([Value::Object(one)], true) = (&some[..], some.len() < either.len()) {
                    let one = one.clone();
                    map.remove("anyOf");
                    let (own, one) = (std::mem::take(&mut map), one);
                    map.extend(one);
                    map.extend(own);
                }
            }
            if let Some(Value::Array(types)) = map.get_mut("type") {
                types.retain(|one| one != "null");
                if let [one] = &types[..] {
                    let one = one.clone();
                    map.insert("type".into(), one);
                }
            }
            if let Some(Value::String(text)) = map.get_mut("description") {
                *text = text.replace("[`", "").replace("`]", "").replace('`', "");
                *text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            }
            let is_dropped = |key: &str, value: &Value| {
                matches!(key, "title" | "format") || key == "default" && value.is_null()
            };
            let kept = map.into_iter().filter(|(key, value)| !is_dropped(key, value));
            Value::Object(kept.map(|(key, value)| (key, plain(value))).collect())
        }
        Value::Array(list) => Value::Array(list.into_iter().map(plain).collect()),
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(value) => json!(shortest(value)),
            None => Value::Number(number),
        },
        other => other,
    }
}

/// The number with the fewest digits that is the same in single precision, where `number` has no
/// more than that: 0.001 for 0.0010000000474974513.
pub(crate) fn shortest(number: f64) -> f64 {
    let single = number as f32;
    if f64::from(single) == number { single.to_string().parse().unwrap_or(number) } else { number }
}

/// The schema.
pub fn schema() -> Value {
    let mut properties = Map::new();
    for table in TABLES {
        let inner = SETTINGS.iter().filter_map(|(name, one)| {
            Some((name.strip_prefix(table)?.strip_prefix('.')?.to_owned(), values(one)))
        });
        let inner: Map<String, Value> = inner.collect();
        let table_of =
            json!({ "type": "object", "properties": inner, "additionalProperties": false });
        properties.insert(table.to_owned(), table_of);
    }
    let top = SETTINGS.iter().filter(|(name, _)| !name.contains('.'));
    properties.extend(top.map(|(name, one)| (name.clone(), values(one))));
    let settings = json!({
        "type": "object", "properties": properties, "additionalProperties": false
    });
    let refer = |name: &str| json!({ "$ref": format!("#/$defs/settings/properties/{name}") });
    let names: Vec<String> = properties.keys().cloned().collect();
    let mut properties: Map<String, Value> =
        names.into_iter().map(|name| (name.clone(), refer(&name))).collect();
    let seed_list =
        json!({ "type": "array", "items": { "type": "integer", "minimum": 0 }, "minItems": 1 });
    let seed_range = json!({ "type": "string", "pattern": "^[0-9]+\\.\\.[0-9]+$" });
    let seeds = json!({ "anyOf": [{ "type": "integer", "minimum": 1 }, seed_range, seed_list] });
    properties.insert("name".into(), json!({ "type": "string" }));
    properties.insert("question".into(), json!({ "type": "string" }));
    properties.insert("keep_models".into(), json!({ "type": "boolean", "default": false }));
    properties.insert("seeds".into(), seeds);
    let name_list = json!({ "type": "array", "items": { "type": "string" }, "minItems": 2 });
    properties.insert("class_names".into(), name_list);
    properties.insert("import".into(), import());
    let part = json!({ "$ref": "#/$defs/settings" });
    let condition = json!({
        "type": "object",
        "properties": { "when": part, "unless": part, "set": part },
        "required": ["set"],
        "anyOf": [{ "required": ["when"] }, { "required": ["unless"] }],
        "additionalProperties": false,
    });
    properties.insert("conditions".into(), json!({ "type": "array", "items": condition }));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": { "settings": settings },
        "title": "Fewlabel study",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    })
}

/// A value, or a list of values that spans a grid.
fn values(one: &Value) -> Value {
    json!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
}

/// How files become the data set, and which splits are made.
fn import() -> Value {
    let share = json!({ "type": "number", "minimum": 0, "exclusiveMaximum": 1 });
    json!({
        "type": "object",
        "properties": {
            "size": { "type": "integer", "minimum": 1, "maximum": LONGEST_SIDE },
            "resize": { "enum": ["letterbox", "crop", "stretch"] },
            "channels": { "enum": [1, 3] },
            "window": { "type": "string" },
            "val_share": share,
            "test_share": share,
            "split_seed": { "type": "integer", "minimum": 0 },
            "group_from": { "type": "string" },
            "unlabelled": { "type": "boolean" },
            "no_cache": { "type": "boolean" },
            "strict": { "type": "boolean" },
        },
        "additionalProperties": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_schema_is_this_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../studies/study.schema.json");
        let shipped: Value =
            serde_json::from_slice(&std::fs::read(path).expect("shipped")).expect("JSON");
        assert!(
            shipped == schema(),
            "the settings have changed: fewlabel schema > studies/study.schema.json"
        );
    }

    #[test]
    fn every_setting_has_a_type_and_says_what_it_is() {
        for (name, one) in SETTINGS.iter() {
            let has_type =
                ["type", "anyOf", "oneOf", "enum"].iter().any(|key| one[*key] != json!(null));
            assert!(has_type && one["description"].is_string(), "{name}: {one}");
        }
        assert!(
            SETTINGS.contains_key("final.learning_rate") && SETTINGS.contains_key("loop.dropout")
        );
        assert_eq!(SETTINGS["final.learning_rate"]["default"], json!(0.001));
    }
}
