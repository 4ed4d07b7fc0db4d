//! Carrying a policy out.

use super::canvas::{Canvas, Tools};
use super::policy::{Chain, OneOf, Plan, Policy, Weighted};
use super::transform::{Kind, Transform};
use fewlabel_engine::image::Shape;
use fewlabel_engine::rng::{Key, Stream};
use serde::{Deserialize, Serialize};

/// What was drawn for an image.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Applied {
    /// The transform.
    pub kind: Kind,
    /// Its strength, in the unit that the transform's settings name; of several transforms, their
    /// number.
    pub strength: f32,
}

impl Applied {
    /// Nothing was changed.
    pub const NONE: Self = Self { kind: Kind::None, strength: 0.0 };
}

/// A policy made ready for images of one shape. Each thread has its own.
#[derive(Clone, Debug)]
pub struct Augmenter {
    plan: Plan,
    shape: Shape,
    tools: Tools,
}

impl Augmenter {
    /// Buffers for images of this shape.
    pub fn new(policy: &Policy, height: usize, width: usize, channels: usize) -> Self {
        let shape = Shape { height, width, channels };
        let plan = policy.plan();
        let tools = Tools::new(shape, plan.radius());
        Self { plan, shape, tools }
    }

    /// Changes one image, f32 in [0, 1] and channels last. `key` names the draw: by convention the
    /// seed, the purpose, the epoch and the image. Nothing is allocated.
    ///
    /// # Panics
    /// If `image` is not of the augmenter's shape.
    pub fn apply(&mut self, key: Key, image: &mut [f32]) -> Applied {
        assert_eq!(image.len(), self.shape.len(), "an image of the augmenter's shape");
        if image.is_empty() {
            return Applied::NONE;
        }
        let mut canvas = Canvas { shape: self.shape, image, tools: &mut self.tools };
        let mut stream = key.stream();
        match &self.plan {
            Plan::OneOf(one_of) => apply_one_of(one_of, &mut canvas, &mut stream),
            Plan::Chain(chain) => apply_chain(chain, &mut canvas, &mut stream),
            Plan::RandAugment(settings) => {
                let shape = self.shape;
                let draws = |_| {
                    settings
                        .draw(shape, &mut stream)
                        .map(|t| apply_one(&t, &mut canvas, &mut stream))
                };
                summary((0..settings.num_ops).filter_map(draws))
            }
            Plan::TrivialAugment(settings) => match settings.draw(self.shape, &mut stream) {
                Some(transform) => apply_one(&transform, &mut canvas, &mut stream),
                None => Applied::NONE,
            },
        }
    }
}

fn apply_one(transform: &Transform, canvas: &mut Canvas, stream: &mut Stream) -> Applied {
    Applied { kind: transform.kind(), strength: transform.apply(canvas, stream) }
}

fn apply_chain(chain: &Chain, canvas: &mut Canvas, stream: &mut Stream) -> Applied {
    let drawn = chain.transforms.iter().filter_map(|step| {
        let drawn = stream.unit() < step.probability;
        drawn.then(|| apply_one(&step.transform, canvas, stream))
    });
    summary(drawn)
}

/// What a sequence of transforms is called: by the only one's name, or by their number.
fn summary(applied: impl Iterator<Item = Applied>) -> Applied {
    let (mut last, mut count) = (Applied::NONE, 0u16);
    for one in applied {
        (last, count) = (one, count + 1);
    }
    if count > 1 { Applied { kind: Kind::Several, strength: f32::from(count) } } else { last }
}

fn apply_one_of(one_of: &OneOf, canvas: &mut Canvas, stream: &mut Stream) -> Applied {
    let total = one_of.identity_weight + one_of.transforms.iter().map(|t| t.weight).sum::<f32>();
    let mut left = stream.unit() * total - one_of.identity_weight;
    if left < 0.0 {
        return Applied::NONE;
    }
    for Weighted { weight, transform } in &one_of.transforms {
        left -= weight;
        if left < 0.0 {
            return apply_one(transform, canvas, stream);
        }
    }
    Applied::NONE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::transform::tests::sample_image;

    #[test]
    fn the_paper_draws_its_four_kinds_equally() {
        let mut augmenter = Augmenter::new(&Policy::paper(), 6, 6, 1);
        let mut counts = std::collections::BTreeMap::new();
        for i in 0..4000 {
            *counts
                .entry(augmenter.apply(Key::new(1, 2).at(0, i), &mut sample_image(6, 6, 1)).kind)
                .or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 4);
        assert!(counts.values().all(|n| (900..1100).contains(n)), "{counts:?}");
    }

    #[test]
    fn the_same_key_gives_the_same_pixels_whatever_came_before() {
        let once = |augmenter: &mut Augmenter, i: u64| {
            let mut image = sample_image(28, 28, 1);
            let applied = augmenter.apply(Key::new(1, 2).at(5, i), &mut image);
            (applied, image)
        };
        let mut used = Augmenter::new(&Policy::paper(), 28, 28, 1);
        for i in (0..40).rev() {
            let mut fresh = Augmenter::new(&Policy::paper(), 28, 28, 1);
            assert_eq!(once(&mut used, i), once(&mut fresh, i));
        }
    }

    #[test]
    fn a_chain_applies_what_is_certain_and_skips_what_is_impossible() {
        let text = r#"{"policy":"chain","transforms":[
            {"kind":"horizontal_flip"}, {"kind":"gamma","probability":0},
            {"kind":"horizontal_flip"}]}"#;
        let policy: Policy = serde_json::from_str(text).unwrap();
        let mut image = sample_image(5, 6, 3);
        let applied = Augmenter::new(&policy, 5, 6, 3).apply(Key::new(0, 0), &mut image);
        assert_eq!(applied, Applied { kind: Kind::Several, strength: 2.0 });
        assert_eq!(image, sample_image(5, 6, 3));
    }

    #[test]
    fn without_a_weight_for_nothing_every_image_changes() {
        let policy: Policy =
            serde_json::from_str(r#"{"policy":"paper","identity_weight":0}"#).unwrap();
        let mut augmenter = Augmenter::new(&policy, 8, 8, 3);
        for i in 0..200 {
            let mut image = sample_image(8, 8, 3);
            assert_ne!(augmenter.apply(Key::new(1, 0).at(0, i), &mut image).kind, Kind::None);
            assert_ne!(image, sample_image(8, 8, 3));
        }
    }
}
