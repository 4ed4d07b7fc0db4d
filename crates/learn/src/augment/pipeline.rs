//! Carrying a policy out.

use super::canvas::{Canvas, Tools};
use super::policy::{OneOf, Plan, Policy, Weighted};
use super::transform::Kind;
use fewlabel_engine::image::Shape;
use fewlabel_engine::rng::{Key, Stream};
use serde::{Deserialize, Serialize};

/// What was drawn for an image.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Applied {
    /// The transform.
    pub kind: Kind,
    /// Its strength, in the unit that the transform's settings name.
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

    /// Changes one image, f32 in [0, 1] and channels last. `key` names the draw: by convention the seed, the purpose, the
    /// epoch and the image. Nothing is allocated.
    ///
    /// # Panics
    /// If `image` is not of the augmenter's shape.
    pub fn apply(&mut self, key: Key, image: &mut [f32]) -> Applied {
        assert_eq!(image.len(), self.shape.len(), "an image of the augmenter's shape");
        if image.is_empty() {
            return Applied::NONE;
        }
        let mut canvas = Canvas { image, tools: &mut self.tools };
        let mut stream = key.stream();
        match &self.plan {
            Plan::OneOf(one_of) => apply_one_of(one_of, &mut canvas, &mut stream),
        }
    }
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
            return Applied { kind: transform.kind(), strength: transform.apply(canvas, stream) };
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
            *counts.entry(augmenter.apply(Key::new(1, 2).at(0, i), &mut sample_image(6, 6, 1)).kind).or_insert(0) += 1;
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
    fn without_a_weight_for_nothing_every_image_changes() {
        let policy: Policy = serde_json::from_str(r#"{"policy":"paper","identity_weight":0}"#).unwrap();
        let mut augmenter = Augmenter::new(&policy, 8, 8, 3);
        for i in 0..200 {
            let mut image = sample_image(8, 8, 3);
            assert_ne!(augmenter.apply(Key::new(1, 0).at(0, i), &mut image).kind, Kind::None);
            assert_ne!(image, sample_image(8, 8, 3));
        }
    }
}
