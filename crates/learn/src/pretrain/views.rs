//! What a view may change: everything that a class does not depend on.

use crate::augment::{
    Affine, Blur, Brightness, Chain, Contrast, Gamma, GaussianNoise, HorizontalFlip, Policy,
    Saturation, Spec, Step, Transform, VerticalFlip,
};
use crate::data::Pool;

/// The views of a pool's images: moved, turned, enlarged, sheared, brighter or darker, with more or
/// less contrast, blurred and noisy. Mirrored only where a mirrored image keeps its label: not
/// where left and right are classes.
pub fn for_pool(pool: &Pool<'_>) -> Policy {
    let side = pool.images.height.min(pool.images.width) as f32;
    let shift = [-0.12 * side, 0.12 * side];
    let (turn, shear) = (if pool.flips_keep_labels { 180.0 } else { 25.0 }, [-12.0, 12.0]);
    let affine = Affine {
        degrees: [-turn, turn],
        translate_x: shift,
        translate_y: shift,
        scale: [0.8, 1.45],
        shear_x: shear,
        shear_y: shear,
        ..Affine::default()
    };
    let step = |probability, transform| Step { probability, transform };
    let mut transforms = vec![step(1.0, Transform::Affine(affine))];
    if pool.flips_keep_labels {
        transforms.push(step(0.5, Transform::HorizontalFlip(HorizontalFlip::default())));
        transforms.push(step(0.5, Transform::VerticalFlip(VerticalFlip::default())));
    }
    if pool.images.channels == 3 {
        transforms.push(step(0.8, Transform::Saturation(Saturation { factor: [0.5, 1.5] })));
    }
    transforms.extend([
        step(0.8, Transform::Brightness(Brightness { factor: [0.6, 1.4] })),
        step(0.8, Transform::Contrast(Contrast { factor: [0.5, 1.5] })),
        step(0.3, Transform::Gamma(Gamma { gamma: [0.7, 1.4] })),
        step(0.3, Transform::Blur(Blur { sigma: [0.3, 1.2] })),
        step(0.5, Transform::GaussianNoise(GaussianNoise { sigma: [0.0, 0.06] })),
    ]);
    Policy::new(Spec::Chain(Chain { transforms })).expect("settings within their ranges")
}
