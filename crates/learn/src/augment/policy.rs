//! Policies: which transforms an image may meet.

use super::ladder::{RandAugment, TrivialAugment};
use super::search::Search;
use super::transform::{Kind, Transform};
use super::{affine, blur, elastic};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error as _, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// What is wrong with a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AugmentError {
    /// A setting out of its range.
    #[error("augmentation policy `{policy}`: {what}")]
    Setting {
        /// The policy's name.
        policy: &'static str,
        /// The setting and what it should be.
        what: String,
    },
    /// A name that is none of the policies.
    #[error("no augmentation policy is called `{name}`; there are {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The names there are.
        known: String,
    },
}

/// A checked augmentation policy.
///
/// In settings it is a name, `augmentation = "paper"`, or a table with the key `policy` and the
/// settings that differ from the defaults, `augmentation = { policy = "paper", identity_weight = 0
/// }`. It is written as a full table.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Policy(Spec);

/// The settings of a [`Policy`], unchecked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "policy", rename_all = "lowercase")]
pub enum Spec {
    /// Images stay as they are.
    None(Empty),
    /// The paper's: nothing, rotation, blur or elastic deformation.
    Paper(Paper),
    /// One of a list of transforms.
    #[serde(rename = "one_of")]
    OneOf(OneOf),
    /// Transforms one after the other, each with a probability.
    Chain(Chain),
    /// Some of fourteen operations at one magnitude.
    RandAugment(RandAugment),
    /// One of fourteen operations at a random magnitude.
    TrivialAugment(TrivialAugment),
    /// Chosen on the labelled images when the final model begins to learn; until then the paper's.
    Learned(Search),
}

/// No settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// One of {none, rotation, blur, elastic} for every image, the last three equally likely.
///
/// The paper names the transforms and the angle; the other strengths, and that an image may stay as
/// it is, are our reading. `identity_weight = 0` changes every image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Paper {
    /// Weight of leaving the image as it is; each of the three transforms has weight 1.
    pub identity_weight: f32,
    /// Range of the angle in degrees.
    pub degrees: [f32; 2],
    /// Range of the blur's standard deviation in pixels.
    pub blur_sigma: [f32; 2],
    /// Scale of the elastic displacements in pixels.
    pub alpha: f32,
    /// Standard deviation of the Gaussian that smooths them, in pixels.
    pub sigma: f32,
}

impl Default for Paper {
    fn default() -> Self {
        Self {
            identity_weight: 1.0,
            degrees: [-30.0, 30.0],
            blur_sigma: [0.5, 1.5],
            alpha: 34.0,
            sigma: 4.0,
        }
    }
}

impl Paper {
    fn one_of(&self) -> OneOf {
        let rotation = affine::Rotation { degrees: self.degrees, ..affine::Rotation::default() };
        let elastic = elastic::Elastic {
            alpha: [self.alpha; 2],
            sigma: self.sigma,
            ..elastic::Elastic::default()
        };
        let transforms = [
            Transform::Rotation(rotation),
            Transform::Blur(blur::Blur { sigma: self.blur_sigma }),
            Transform::Elastic(elastic),
        ];
        let transforms = transforms.map(|transform| Weighted { weight: 1.0, transform }).to_vec();
        OneOf { identity_weight: self.identity_weight, transforms }
    }
}

/// One transform of a list for every image, or none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneOf {
    /// Weight of leaving the image as it is.
    #[serde(default)]
    pub identity_weight: f32,
    /// The transforms.
    pub transforms: Vec<Weighted>,
}

/// A transform and how likely it is beside its neighbours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Weighted {
    /// The weight.
    #[serde(default = "one")]
    pub weight: f32,
    /// The transform.
    #[serde(flatten)]
    pub transform: Transform,
}

/// Transforms one after the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chain {
    /// The transforms, in order.
    pub transforms: Vec<Step>,
}

/// A transform and how probable it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The probability.
    #[serde(default = "one")]
    pub probability: f32,
    /// The transform.
    #[serde(flatten)]
    pub transform: Transform,
}

fn one() -> f32 {
    1.0
}

/// What an [`Augmenter`](super::Augmenter) carries out.
#[derive(Clone, Debug)]
pub(super) enum Plan {
    OneOf(OneOf),
    Chain(Chain),
    RandAugment(RandAugment),
    TrivialAugment(TrivialAugment),
}

impl Plan {
    /// The transforms that are named in it.
    fn transforms(&self) -> Box<dyn Iterator<Item = &Transform> + '_> {
        match self {
            Self::OneOf(one_of) => Box::new(one_of.transforms.iter().map(|t| &t.transform)),
            Self::Chain(chain) => Box::new(chain.transforms.iter().map(|t| &t.transform)),
            Self::RandAugment(_) | Self::TrivialAugment(_) => Box::new(std::iter::empty()),
        }
    }

    /// The radius of the widest filter of any transform.
    pub(super) fn radius(&self) -> usize {
        self.transforms().map(Transform::radius).max().unwrap_or(0)
    }

    fn check(&self) -> Result<(), String> {
        self.transforms().try_for_each(Transform::check)?;
        match self {
            Self::OneOf(one_of) => {
                let weights =
                    || one_of.transforms.iter().map(|t| t.weight).chain([one_of.identity_weight]);
                if !weights().all(|w| (0.0..=1e6).contains(&w)) || weights().sum::<f32>() <= 0.0 {
                    return Err("weights lie in 0 to 1000000 and one of them is above 0".into());
                }
                Ok(())
            }
            Self::Chain(chain) => {
                match chain.transforms.iter().find(|t| !(0.0..=1.0).contains(&t.probability)) {
                    Some(step) => Err(format!("probability is 0 to 1, not {}", step.probability)),
                    None => Ok(()),
                }
            }
            Self::RandAugment(settings) => settings.check(),
            Self::TrivialAugment(settings) => settings.check(),
        }
    }
}

impl Policy {
    /// Checks the settings.
    ///
    /// # Errors
    /// If a setting is out of its range.
    pub fn new(spec: Spec) -> Result<Self, AugmentError> {
        let policy = Self(spec);
        policy
            .plan()
            .check()
            .map_err(|what| AugmentError::Setting { policy: policy.name(), what })?;
        Ok(policy)
    }

    /// Images stay as they are.
    pub fn none() -> Self {
        Self(Spec::None(Empty {}))
    }

    /// The paper's, with our reading of its silences.
    pub fn paper() -> Self {
        Self(Spec::Paper(Paper::default()))
    }

    /// Names of the policies that need no settings.
    pub const NAMES: &[&str] = &["none", "paper", "randaugment", "trivialaugment", "learned"];

    /// The policy of this name with its default settings.
    ///
    /// # Errors
    /// If there is none.
    pub fn from_name(name: &str) -> Result<Self, AugmentError> {
        match name {
            "none" => Ok(Self::none()),
            "paper" => Ok(Self::paper()),
            "randaugment" => Ok(Self(Spec::RandAugment(RandAugment::default()))),
            "trivialaugment" => Ok(Self(Spec::TrivialAugment(TrivialAugment::default()))),
            "learned" => Ok(Self(Spec::Learned(Search::default()))),
            _ => Err(AugmentError::Unknown { name: name.into(), known: Self::NAMES.join(", ") }),
        }
    }

    /// The name of the kind of policy.
    pub fn name(&self) -> &'static str {
        match self.0 {
            Spec::None(_) => "none",
            Spec::Paper(_) => "paper",
            Spec::OneOf(_) => "one_of",
            Spec::Chain(_) => "chain",
            Spec::RandAugment(_) => "randaugment",
            Spec::TrivialAugment(_) => "trivialaugment",
            Spec::Learned(_) => "learned",
        }
    }

    /// The name, with the transforms of a list: "one_of rotation", "chain affine + gamma".
    pub fn title(&self) -> String {
        let kinds: Vec<&str> = match self.0 {
            Spec::OneOf(_) | Spec::Chain(_) => {
                self.plan().transforms().map(|t| t.kind().name()).collect()
            }
            _ => Vec::new(),
        };
        [self.name(), &kinds.join(" + ")].join(" ").trim_end().to_owned()
    }

    /// Whether the policy never changes an image.
    pub fn is_none(&self) -> bool {
        matches!(self.0, Spec::None(_))
    }

    /// Whether the policy is still to be chosen, on labelled images.
    pub fn is_learned(&self) -> bool {
        self.search().is_some()
    }

    /// How the policy is to be chosen, if it is.
    pub(crate) fn search(&self) -> Option<&Search> {
        if let Spec::Learned(search) = &self.0 { Some(search) } else { None }
    }

    /// Whether an image may be mirrored, which on some data changes its label.
    pub fn flips(&self) -> bool {
        if let Some(search) = self.search() {
            return search.flips;
        }
        self.plan()
            .transforms()
            .any(|t| matches!(t.kind(), Kind::HorizontalFlip | Kind::VerticalFlip))
    }

    /// The settings.
    pub fn spec(&self) -> &Spec {
        &self.0
    }

    pub(super) fn plan(&self) -> Plan {
        match &self.0 {
            Spec::None(_) => Plan::OneOf(OneOf { identity_weight: 1.0, transforms: Vec::new() }),
            Spec::Paper(paper) => Plan::OneOf(paper.one_of()),
            Spec::Learned(_) => Plan::OneOf(Paper::default().one_of()),
            Spec::OneOf(one_of) => Plan::OneOf(one_of.clone()),
            Spec::Chain(chain) => Plan::Chain(chain.clone()),
            Spec::RandAugment(settings) => Plan::RandAugment(settings.clone()),
            Spec::TrivialAugment(settings) => Plan::TrivialAugment(settings.clone()),
        }
    }
}

impl JsonSchema for Policy {
    fn schema_name() -> Cow<'static, str> {
        "Policy".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "object"] })
    }
}

impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PolicyVisitor)
    }
}

struct PolicyVisitor;

impl<'de> Visitor<'de> for PolicyVisitor {
    type Value = Policy;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("the name of an augmentation policy or a table with the key `policy`")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Policy, E> {
        Policy::from_name(name).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Policy, A::Error> {
        Policy::new(Spec::deserialize(MapAccessDeserializer::new(map))?).map_err(A::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Settings {
        augmentation: Policy,
    }

    fn parse(text: &str) -> Result<Policy, String> {
        toml::from_str::<Settings>(text).map(|s| s.augmentation).map_err(|e| e.message().to_owned())
    }

    #[test]
    fn a_policy_is_a_name_or_a_few_lines() {
        assert_eq!(parse("augmentation = 'paper'").unwrap(), Policy::paper());
        let strict =
            parse("[augmentation]\npolicy = 'paper'\nidentity_weight = 0\ndegrees = [-10, 10.5]")
                .unwrap();
        let Spec::Paper(paper) = strict.spec() else { panic!("{strict:?}") };
        assert_eq!((paper.identity_weight, paper.degrees, paper.alpha), (0.0, [-10.0, 10.5], 34.0));
        let list = "[augmentation]\npolicy = 'one_of'\n[[augmentation.transforms]]\nkind = 'blur'\n\
                    weight = 2";
        let Spec::OneOf(one_of) = parse(list).unwrap().0 else { panic!() };
        assert_eq!(
            one_of.transforms,
            [Weighted { weight: 2.0, transform: Transform::Blur(blur::Blur::default()) }]
        );
    }

    #[test]
    fn a_chain_has_probabilities_and_says_whether_it_flips() {
        let text = "[augmentation]
            policy = 'chain'
            transforms = [{ kind = 'horizontal_flip', probability = 0.5 }, \
            { kind = 'crop', border = 'reflect' }]";
        let policy = parse(text).unwrap();
        let Spec::Chain(chain) = policy.spec() else { panic!("{policy:?}") };
        assert_eq!([chain.transforms[0].probability, chain.transforms[1].probability], [0.5, 1.0]);
        assert!(policy.flips() && !Policy::paper().flips());
        assert_eq!(
            [policy.title(), Policy::paper().title()],
            ["chain horizontal_flip + crop", "paper"]
        );
    }

    #[test]
    fn a_policy_survives_json() {
        let policy = Policy::paper();
        let text = serde_json::to_string(&policy).unwrap();
        assert!(
            text.starts_with(r#"{"policy":"paper","identity_weight":1.0,"degrees":[-30.0,30.0]"#),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<Policy>(&text).unwrap(), policy);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let cases = [
            (
                "augmentation = 'papper'",
                "no augmentation policy is called `papper`; there are none, paper, randaugment, \
                 trivialaugment, learned",
            ),
            ("augmentation = { policy = 'none', alpha = 1 }", "unknown field `alpha`"),
            (
                "augmentation = { policy = 'paper', angle = 1 }",
                "unknown field `angle`, expected one of",
            ),
            (
                "augmentation = { policy = 'paper', alpha = nan }",
                "elastic: alpha is [low, high] within 0 to 10000",
            ),
            (
                "augmentation = { policy = 'paper', identity_weight = -1 }",
                "weights lie in 0 to 1000000",
            ),
            (
                "augmentation = { policy = 'one_of', transforms = [{ kind = 'blur', sigmas = 1 }] \
                 }",
                "unknown field `sigmas`, expected `sigma`",
            ),
            (
                "augmentation = \
                 { policy = 'chain', transforms = [{ kind = 'crop', probability = 2 }] }",
                "augmentation policy `chain`: probability is 0 to 1, not 2",
            ),
            (
                "augmentation = { policy = 'chain', transforms = [{ kind = 'twirl' }] }",
                "unknown variant `twirl`",
            ),
            (
                "augmentation = { policy = 'randaugment', magnitude = 99 }",
                "magnitude is 0 to num_magnitude_bins - 1",
            ),
            ("augmentation = 3", "the name of an augmentation policy or a table"),
        ];
        for (text, message) in cases {
            let error = parse(text).unwrap_err();
            assert!(error.contains(message), "{text}: {error}");
        }
    }
}
