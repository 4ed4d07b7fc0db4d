//! The shift of a study: what is changed of the data before a run sees them.
//!
//! ```toml
//! shift = ["none", { corruption = "gaussian_noise", severity = 3 }, { prior = -1.0 },
//!          { test_data = "organcmnist" }]
//! ```
//!
//! A shifted data set has a name and a checksum of its own, so that its runs, tables and figures
//! are told apart.

use crate::error::StudyError;
use fewlabel_engine::rng::Key;
use fewlabel_learn::augment::corruption::{Corruption, Severity, prior_rows};
use fewlabel_learn::data::{Dataset, Split, class_names};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;
use std::borrow::Cow;
use std::fmt::Write;

/// Names every random number of a shift: the same for all seeds, for the data are.
const KEY: u64 = u64::from_le_bytes(*b"shift\0\0\0");

/// Where images are changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// In the test split.
    #[default]
    Test,
    /// In the training split, from which labels are chosen.
    Pool,
}

/// What is changed; several changes come one after the other, in the order of the fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Shift {
    /// The test split of another data set with the same classes takes the place of this one's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_data: Option<String>,
    /// Class frequencies are raised to this power by leaving images out: 0 makes them equal, -1
    /// turns them over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prior: Option<f64>,
    /// Every image is corrupted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corruption: Option<Corruption>,
    /// How strongly, from 1 to 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<usize>,
    /// Where `prior` and `corruption` act.
    pub on: Place,
}

impl JsonSchema for Shift {
    fn schema_name() -> Cow<'static, str> {
        "Shift".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let table = json!({
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
        json_schema!({ "anyOf": [{ "const": "none" }, table] })
    }
}

impl<'de> Deserialize<'de> for Shift {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(
            untagged,
            expecting = "\"none\" or a table with corruption and severity, prior, test_data, and on"
        )]
        enum Either {
            Name(String),
            Table(Fields),
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            test_data: Option<String>,
            prior: Option<f64>,
            corruption: Option<Corruption>,
            severity: Option<usize>,
            #[serde(default)]
            on: Place,
        }
        let wrong = |text: String| Err(serde::de::Error::custom(text));
        let shift = match Either::deserialize(deserializer)? {
            Either::Name(name) if name == "none" => Self::default(),
            Either::Name(name) => {
                return wrong(format!("a shift is \"none\" or a table, not `{name}`"));
            }
            Either::Table(Fields { test_data, prior, corruption, severity, on }) => {
                Self { test_data, prior, corruption, severity, on }
            }
        };
        if shift.corruption.is_some()
            != shift.severity.is_some_and(|number| Severity::new(number).is_some())
        {
            return wrong("a corruption and its severity, 1 to 5, stand together".to_owned());
        }
        match shift.prior {
            Some(prior) if !(-10.0..=10.0).contains(&prior) => {
                wrong(format!("prior is -10 to 10, not {prior}"))
            }
            _ => Ok(shift),
        }
    }
}

impl Shift {
    /// Whether nothing is changed.
    pub fn is_none(&self) -> bool {
        self.test_data.is_none() && self.prior.is_none() && self.corruption.is_none()
    }

    /// The data set after the shift; `open` opens another one by its name or path.
    ///
    /// # Errors
    /// If the other data set cannot be opened or does not fit.
    pub fn apply(
        &self,
        mut data: Dataset,
        open: impl FnOnce(&str) -> Result<Dataset, StudyError>,
    ) -> Result<Dataset, StudyError> {
        if self.is_none() {
            return Ok(data);
        }
        let mut name = data.name.clone();
        if let Some(other) = &self.test_data {
            let other = open(other)?;
            check_fit(&data, &other)?;
            data.synthetic |= other.synthetic;
            let _ = write!(name, " tested on {}", other.name);
            data.test = other.test;
        }
        let classes = data.classes();
        let (place, split) = match self.on {
            Place::Test => ("test", &mut data.test),
            Place::Pool => ("pool", &mut data.train),
        };
        if let Some(prior) = self.prior {
            let rows = prior_rows(&split.labels, classes, prior, Key::new(KEY, 0));
            *split = split.select(&rows);
            let _ = write!(name, " {place} prior^{prior}");
        }
        if let (Some(corruption), Some(severity)) =
            (self.corruption, self.severity.and_then(Severity::new))
        {
            split.images = corruption.apply(&split.images, severity, Key::new(KEY, 1));
            let _ = write!(name, " {place} {} {}", corruption.name(), severity.number());
        }
        Ok(data.with_splits(name, |data| [&data.train, &data.val, &data.test].map(Split::clone)))
    }
}

/// Refuses a test split with other classes or other images.
fn check_fit(data: &Dataset, other: &Dataset) -> Result<(), StudyError> {
    let shape = |data: &Dataset| {
        (data.train.images.height, data.train.images.width, data.train.images.channels)
    };
    let wrong = |what: String| {
        Err(StudyError::Setting(format!(
            "test_data {} does not fit {}: {what}",
            other.name, data.name
        )))
    };
    if !class_names::agree(&data.class_names, &other.class_names) {
        return wrong(format!(
            "its classes are {}, not {}",
            other.class_names.join(", "),
            data.class_names.join(", ")
        ));
    }
    if shape(data) != shape(other) {
        return wrong(format!(
            "its images are {:?}, not {:?} (height, width, channels)",
            shape(other),
            shape(data)
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn shift(text: &str) -> Result<Shift, toml::de::Error> {
        let table: toml::Table = format!("shift = {text}").parse()?;
        table["shift"].clone().try_into()
    }

    fn apply(text: &str) -> Dataset {
        let other = |_: &str| Ok(testing::dataset(90));
        shift(text).expect("valid").apply(testing::dataset(60), other).expect("fits")
    }

    #[test]
    fn a_corruption_changes_one_split_and_the_name() {
        let (plain, shifted) =
            (testing::dataset(60), apply("{ corruption = \"shot_noise\", severity = 2 }"));
        assert_eq!(shifted.name, "squares test shot_noise 2");
        assert_ne!(shifted.checksum, plain.checksum);
        assert_eq!(shifted.train, plain.train);
        assert_ne!(shifted.test.images, plain.test.images);
        let pool = apply("{ corruption = \"pixelate\", severity = 5, on = \"pool\" }");
        assert_ne!(pool.train.images, plain.train.images);
        assert_eq!(pool.test, plain.test);
    }

    #[test]
    fn nothing_is_changed_by_none() {
        for text in ["\"none\"", "{}"] {
            let data = apply(text);
            assert_eq!(
                (data.name.as_str(), data.checksum),
                ("squares", testing::dataset(60).checksum)
            );
        }
    }

    #[test]
    fn a_prior_leaves_images_out() {
        let data = apply("{ prior = 3.0 }");
        assert!(data.test.len() <= 30 && !data.test.is_empty());
    }

    #[test]
    fn another_data_set_has_to_fit() {
        let fitting = apply("{ test_data = \"x\" }");
        assert_eq!(fitting.name, "squares tested on squares");
        let mut other = testing::dataset(60);
        other.class_names[0] = "up".into();
        let error = shift("{ test_data = \"x\" }")
            .expect("valid")
            .apply(testing::dataset(60), |_| Ok(other));
        assert!(
            error
                .expect_err("other classes")
                .to_string()
                .contains("its classes are up, middle, right")
        );
    }

    #[test]
    fn half_a_corruption_is_refused() {
        for (text, what) in [
            ("{ severity = 3 }", "stand together"),
            ("{ corruption = \"pixelate\" }", "stand together"),
            ("{ corruption = \"pixelate\", severity = 6 }", "stand together"),
            ("{ prior = 11.0 }", "prior is -10 to 10"),
            ("\"noise\"", "not `noise`"),
            ("{ strength = 1 }", "a table with corruption and severity"),
        ] {
            let error = shift(text).expect_err(text).to_string();
            assert!(error.contains(what), "{error}");
        }
    }
}
