//! A label budget as it is asked for.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;

use crate::error::LearnError;

/// A number of labels, or a share of the training split.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Budget {
    /// So many.
    Count(usize),
    /// So many in a hundred of the training split, rounded, at least 2.
    PerCent(f64),
}

impl Budget {
    /// The number of labels for a training split of `rows` rows.
    pub fn count(self, rows: usize) -> usize {
        match self {
            Budget::Count(count) => count,
            Budget::PerCent(share) => ((rows as f64 * share / 100.0).round() as usize).max(2),
        }
    }

    /// Reads `139` or `1%`.
    ///
    /// # Errors
    /// If it is neither, or the share is not above 0 and at most 100.
    pub fn parse(text: &str) -> Result<Self, LearnError> {
        let wrong = || {
            LearnError::Setting(format!(
                "a budget is a number of labels or a share such as \"1%\", not `{text}`"
            ))
        };
        match text.trim().strip_suffix('%') {
            None => Ok(Self::Count(text.trim().parse().map_err(|_| wrong())?)),
            Some(share) => {
                let share: f64 = share.trim().parse().map_err(|_| wrong())?;
                if share > 0.0 && share <= 100.0 { Ok(Self::PerCent(share)) } else { Err(wrong()) }
            }
        }
    }
}

impl Serialize for Budget {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Budget::Count(count) => serializer.serialize_u64(*count as u64),
            Budget::PerCent(share) => serializer.collect_str(&format_args!("{share}%")),
        }
    }
}

impl<'de> Deserialize<'de> for Budget {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a number of labels or a share such as \"1%\"")]
        enum Either {
            Count(usize),
            Text(String),
        }
        match Either::deserialize(deserializer)? {
            Either::Count(count) => Ok(Self::Count(count)),
            Either::Text(text) => Self::parse(&text).map_err(serde::de::Error::custom),
        }
    }
}

impl JsonSchema for Budget {
    fn schema_name() -> Cow<'static, str> {
        "Budget".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let share = json_schema!({ "type": "string", "pattern": "^[0-9.]+ ?%$" });
        json_schema!({ "anyOf": [{ "type": "integer", "minimum": 2 }, share] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_rounded_and_never_below_two() {
        assert_eq!(Budget::PerCent(1.0).count(13_932), 139);
        assert_eq!(Budget::PerCent(0.05).count(13_932), 7);
        assert_eq!(Budget::PerCent(0.05).count(100), 2);
        assert_eq!(Budget::Count(0).count(100), 0);
    }

    #[test]
    fn budgets_are_counts_or_shares() {
        assert_eq!(Budget::parse("139").expect("a count"), Budget::Count(139));
        assert_eq!(Budget::parse("0.5%").expect("a share"), Budget::PerCent(0.5));
        for wrong in ["", "-1", "x", "0%", "101%", "nan%"] {
            assert!(Budget::parse(wrong).is_err(), "{wrong}");
        }
    }
}
