//! How long a policy takes an image.

use super::pipeline::Augmenter;
use super::policy::{OneOf, Policy, Spec, Weighted};
use super::transform::Transform;
use super::{Blur, Elastic, Rotation};
use fewlabel_engine::image::Shape;
use fewlabel_engine::rng::Key;
use std::time::{Duration, Instant};

/// Images between two looks at the clock: few, so that most blocks pass undisturbed on a busy
/// machine.
const BLOCK: u64 = 32;

/// The time that one transform or policy takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Speed {
    /// `rotation`, `blur`, `elastic` or `paper`.
    pub name: &'static str,
    /// Microseconds an image on one thread, the median over blocks of 32 images.
    pub us_per_image: f64,
}

/// Times the paper's transforms and its policy on one thread, each for about `time`: a new draw for
/// every image, from uint8 pixels as the training loop has them.
pub fn speed(shape: Shape, time: Duration) -> Vec<Speed> {
    let alone = |transform| {
        let transforms = vec![Weighted { weight: 1.0, transform }];
        Policy::new(Spec::OneOf(OneOf { identity_weight: 0.0, transforms }))
            .expect("default settings are in range")
    };
    let policies = [
        ("rotation", alone(Transform::Rotation(Rotation::default()))),
        ("blur", alone(Transform::Blur(Blur::default()))),
        ("elastic", alone(Transform::Elastic(Elastic::default()))),
        ("paper", Policy::paper()),
    ];
    policies
        .map(|(name, policy)| Speed { name, us_per_image: median_us(&policy, shape, time) })
        .to_vec()
}

fn median_us(policy: &Policy, shape: Shape, time: Duration) -> f64 {
    let mut augmenter = Augmenter::new(policy, shape.height, shape.width, shape.channels);
    let mut source = vec![0; shape.len()];
    Key::new(0, 0).stream().fill_bytes(&mut source);
    let mut image = vec![0.0; shape.len()];
    let mut blocks = Vec::new();
    let start = Instant::now();
    while start.elapsed() < time || blocks.len() < 3 {
        let block = Instant::now();
        for i in 0..BLOCK {
            for (to, from) in image.iter_mut().zip(&source) {
                *to = f32::from(*from) * (1.0 / 255.0);
            }
            std::hint::black_box(
                augmenter.apply(Key::new(0, 1).at(blocks.len() as u64, i), &mut image),
            );
        }
        blocks.push(block.elapsed().as_secs_f64() * 1e6 / BLOCK as f64);
    }
    blocks.sort_by(f64::total_cmp);
    blocks[blocks.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_rows_are_timed() {
        let rows = speed(Shape { height: 6, width: 6, channels: 1 }, Duration::from_millis(1));
        assert_eq!(
            rows.iter().map(|r| r.name).collect::<Vec<_>>(),
            ["rotation", "blur", "elastic", "paper"]
        );
        assert!(rows.iter().all(|r| r.us_per_image > 0.0));
    }
}
