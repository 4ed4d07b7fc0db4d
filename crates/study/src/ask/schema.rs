//! The JSON Schema of a study file, for editors: made from the settings themselves, so that it
//! cannot fall behind.

use crate::ask::regimes;
use crate::ask::settings::Point;
use crate::ask::study_file::setting_names;
use fewlabel_learn::acquire::Ties;
use fewlabel_learn::augment::corruption::Corruption;
use fewlabel_learn::data::source::LONGEST_SIDE;
use serde_json::{Map, Value, json};

/// The schema.
pub fn schema() -> Value {
    let defaults = serde_json::to_value(Point::default()).expect("plain settings");
    let mut properties = Map::new();
    for name in setting_names() {
        let one = setting(&name, defaults.get(&name));
        properties.insert(
            name,
            json!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] }),
        );
    }
    let settings = Value::Object(properties.clone());
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
    let part = json!({ "type": "object", "properties": settings, "additionalProperties": false });
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
        "title": "Fewlabel study",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    })
}

/// What one value of a setting looks like.
fn setting(name: &str, default: Option<&Value>) -> Value {
    match (name, default) {
        ("regime", _) => json!({ "enum": regimes::names() }),
        ("labels" | "initial", Some(default)) => {
            let share = json!({ "type": "string", "pattern": "^[0-9.]+ ?%$" });
            json!({ "anyOf": [{ "type": "integer", "minimum": 2 }, share], "default": default })
        }
        (
            "strategy_options" | "mixing" | "stopping" | "pretrain" | "self_training"
            | "fine_tuning" | "recipe",
            _,
        ) => {
            json!({ "type": "object" })
        }
        ("encoders" | "ensemble", Some(default)) => {
            json!({ "type": "integer", "minimum": 1, "default": default })
        }
        ("loop_dropout", _) => json!({ "type": "number", "minimum": 0 }),
        // An absent key is the paper's rule, so that studies keep their runs; a new study says
        // `seeded`.
        ("ties", _) => {
            json!({
                "enum": [Ties::LowerIndex, Ties::Seeded],
                "default": Ties::LowerIndex, "examples": [Ties::Seeded],
            })
        }
        ("features" | "encoder", _) => json!({ "type": "string" }),
        ("shift", _) => {
            let shift = json!({
                "type": "object",
                "properties": {
                    "corruption": { "enum": Corruption::ALL.map(Corruption::name) },
                    "severity": { "type": "integer", "minimum": 1, "maximum": 5 },
                    "prior": { "type": "number", "minimum": -10, "maximum": 10 },
                    "test_data": { "type": "string" },
                    "on": { "enum": ["test", "pool"], "default": "test" },
                },
                "dependentRequired": { "corruption": ["severity"], "severity": ["corruption"] },
                "additionalProperties": false,
            });
            json!({ "anyOf": [{ "const": "none" }, shift], "default": "none" })
        }
        ("augmentation", _) => json!({ "type": ["string", "object"], "default": "paper" }),
        ("block_multiples", _) => {
            let multiple = json!({ "type": "integer", "minimum": 1 });
            json!({ "type": "array", "items": multiple, "minItems": 3, "maxItems": 3 })
        }
        (_, Some(Value::Number(number))) if number.is_f64() => {
            json!({ "type": "number", "minimum": 0, "default": number })
        }
        (_, Some(Value::Number(number))) => {
            json!({ "type": "integer", "minimum": 0, "default": number })
        }
        (_, Some(Value::Bool(default))) => json!({ "type": "boolean", "default": default }),
        (_, Some(Value::String(default))) => json!({ "type": "string", "default": default }),
        _ => json!({ "type": "integer", "minimum": 1 }),
    }
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
    fn every_setting_has_a_type() {
        let schema = schema();
        for name in setting_names() {
            assert!(schema["properties"][&name]["anyOf"].is_array(), "{name}");
        }
    }
}
