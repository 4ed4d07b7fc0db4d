//! Who chooses the labels before the first query.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;

use crate::acquire;
use crate::error::LearnError;
use crate::features::FeatureSource;
use crate::purpose;

/// Who chooses the first labels. In files `random`, `stratified`, or the name of a strategy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Initial {
    /// The first rows of the seed's permutation, which all regimes share.
    #[default]
    Random,
    /// The rows of that permutation that take the classes in turn: as even as can be. It looks at
    /// labels that are still to be paid for, so it is for studies, not for practice.
    Stratified,
    /// A strategy that needs nothing but features which are there before any model (a *cold
    /// start*).
    Strategy(String),
}

impl Initial {
    /// Reads a name.
    ///
    /// # Errors
    /// If it is neither of the two words nor a strategy's name.
    pub fn parse(name: &str) -> Result<Self, LearnError> {
        match name {
            "random" => Ok(Self::Random),
            "stratified" => Ok(Self::Stratified),
            strategy => {
                acquire::by_name(strategy)?;
                Ok(Self::Strategy(strategy.to_owned()))
            }
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Random => "random",
            Self::Stratified => "stratified",
            Self::Strategy(name) => name,
        }
    }

    /// Refuses a strategy that looks at a model's predictions, or features that only a model has.
    pub(crate) fn check(&self, features: &FeatureSource) -> Result<(), LearnError> {
        let Self::Strategy(name) = self else { return Ok(()) };
        let needs = acquire::by_name(name)?.needs();
        let wrong = |what: &str| {
            Err(LearnError::Setting(format!("{name} cannot choose the first labels: {what}")))
        };
        if needs.probs || needs.mc_probs || needs.targets || needs.views {
            return wrong("it looks at a model's predictions, and no model is trained yet");
        }
        if needs.features && !features.is_given() {
            return wrong("no model is trained yet; set features to pixels-pca or a .npy file");
        }
        Ok(())
    }
}

impl JsonSchema for Initial {
    fn schema_name() -> Cow<'static, str> {
        "Initial".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

impl Serialize for Initial {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Initial {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// `count` rows that take the classes in turn, each class's in the order of the seed's permutation.
pub(crate) fn stratified(seed: u64, labels: &[u16], count: usize) -> Vec<u32> {
    let order = purpose::row_permutation(seed, labels.len());
    let mut seen = vec![0_usize; usize::from(labels.iter().copied().max().unwrap_or(0)) + 1];
    let turn = |row: u32| {
        let seen = &mut seen[usize::from(labels[row as usize])];
        *seen += 1;
        (*seen, row)
    };
    let mut turns: Vec<(usize, u32)> = order.into_iter().map(turn).collect();
    turns.sort_by_key(|(turn, _)| *turn);
    turns.into_iter().take(count).map(|(_, row)| row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stratified_rows_take_the_classes_in_turn() {
        let labels: Vec<u16> =
            (0..100).map(|i| u16::from(i % 10 == 0) + 2 * u16::from(i == 55)).collect();
        let rows = stratified(3, &labels, 8);
        let mut classes: Vec<u16> = rows.iter().map(|&row| labels[row as usize]).collect();
        classes[..3].sort_unstable();
        assert_eq!(classes[..3], [0, 1, 2]);
        assert_eq!(
            classes[3..].iter().filter(|&&class| class == 1).count(),
            3 - usize::from(classes[7] == 0)
        );
        assert_eq!(stratified(3, &labels, 4), rows[..4]);
        assert_ne!(stratified(4, &labels, 8), rows);
    }

    #[test]
    fn a_cold_start_needs_features_that_are_there() {
        let check = |name: &str, features| {
            Initial::parse(name).unwrap().check(&features).map_err(|e| e.to_string())
        };
        assert!(check("typiclust", FeatureSource::PixelsPca).is_ok());
        assert!(check("random", FeatureSource::Penultimate).is_ok());
        assert!(check("typiclust", FeatureSource::Penultimate).unwrap_err().contains("pixels-pca"));
        assert!(check("entropy", FeatureSource::PixelsPca).unwrap_err().contains("predictions"));
        assert!(Initial::parse("stratfied").is_err());
    }
}
