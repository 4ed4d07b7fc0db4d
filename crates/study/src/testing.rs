//! Small data and settings for this crate's tests.

use crate::ask::settings::{Budget, Point};
use fewlabel_learn::data::{Dataset, Images, Split};
use fewlabel_learn::pretrain::PretrainSettings;
use fewlabel_learn::run::loop_settings::LoopSettings;
use fewlabel_learn::run::transfer::EncoderSettings;

/// `n` training images of 28 x 28 pixels in three classes: a bright square whose place is the
/// class.
pub(crate) fn dataset(n: usize) -> Dataset {
    let names = ["left", "middle", "right"].map(str::to_owned).to_vec();
    Dataset::new("squares".into(), [split(n, 1), split(30, 2), split(30, 3)], names)
}

fn split(n: usize, salt: usize) -> Split {
    let mut pixels = vec![0; n * 784];
    let mut labels = Vec::new();
    for (i, image) in pixels.chunks_exact_mut(784).enumerate() {
        let class = (i * 7 + salt) % 3;
        labels.push(class as u16);
        for (place, pixel) in image.iter_mut().enumerate() {
            let is_inside = (8..20).contains(&(place / 28)) && place % 28 / 9 == class;
            *pixel = (place * 31 + i * 17 + salt * 5) as u8 % 64 + if is_inside { 120 } else { 0 };
        }
    }
    Split { images: Images { height: 28, width: 28, channels: 1, pixels }, labels }
}

/// Settings that make a run take a moment.
pub(crate) fn quick_point() -> Point {
    let pretrain =
        PretrainSettings { width: 4, epochs: 2, batch_size: 20, ..PretrainSettings::default() };
    let mut point = Point {
        data: "squares".into(),
        labels: Budget::Count(12),
        encoder: EncoderSettings { pretrain, ..EncoderSettings::default() },
        ..Point::default()
    };
    point.queries =
        LoopSettings { initial: Budget::Count(4), width: 2, epochs: 1, ..point.queries };
    (point.final_model.width, point.final_model.training.epochs) = (Some(2), 3);
    point
}

/// The point with a change.
pub(crate) fn changed(mut point: Point, change: impl FnOnce(&mut Point)) -> Point {
    change(&mut point);
    point
}
