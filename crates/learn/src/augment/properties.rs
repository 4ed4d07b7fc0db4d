//! What holds for every transform and policy, on images of any size and content.

use super::*;
use fewlabel_engine::rng::Key;
use proptest::prelude::*;

/// Every kind of transform with its default settings.
fn all_transforms() -> Vec<Transform> {
    let kinds = Kind::ALL.iter().filter(|kind| !matches!(kind, Kind::None | Kind::Several));
    kinds.map(|kind| serde_json::from_str(&format!(r#"{{"kind":"{kind}"}}"#)).unwrap()).collect()
}

/// Every transform with every border and sampling that it knows.
fn variants() -> Vec<Transform> {
    let mut variants = all_transforms();
    for kind in ["rotation", "translation", "scale", "shear", "affine", "elastic", "crop"] {
        for border in [r#""reflect""#, r#"{"constant":0.25}"#] {
            for extra in ["", r#","interpolation":"nearest""#] {
                let text = format!(r#"{{"kind":"{kind}","border":{border}{extra}}}"#);
                variants.extend(serde_json::from_str::<Transform>(&text).ok());
            }
        }
    }
    assert!(variants.len() > Kind::ALL.len() + 20);
    variants
}

fn policies() -> Vec<Policy> {
    let alone = |transform| {
        Policy::new(Spec::Chain(Chain { transforms: vec![Step { probability: 1.0, transform }] }))
    };
    let every =
        variants().into_iter().map(|transform| Step { probability: 0.3, transform }).collect();
    let named = Policy::NAMES.iter().map(|name| Policy::from_name(name).unwrap());
    let strongest =
        Spec::RandAugment(RandAugment { num_ops: 5, magnitude: 30, num_magnitude_bins: 31 });
    let chains = [Policy::new(Spec::Chain(Chain { transforms: every })), Policy::new(strongest)];
    variants().into_iter().map(alone).chain(chains).map(Result::unwrap).chain(named).collect()
}

/// Any shape, down to single pixels and rows; noise, or one value everywhere.
fn images() -> impl Strategy<Value = (usize, usize, usize, Vec<f32>)> {
    let side = || prop_oneof![Just(1usize), 2..12usize, Just(28usize)];
    (side(), side(), prop_oneof![Just(1usize), Just(3usize)], any::<u64>(), any::<Option<u8>>())
        .prop_map(|(height, width, channels, seed, constant)| {
            let mut bytes = vec![constant.unwrap_or(0); height * width * channels];
            if constant.is_none() {
                Key::new(seed, 0).stream().fill_bytes(&mut bytes);
            }
            (height, width, channels, bytes.into_iter().map(|b| f32::from(b) / 255.0).collect())
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn pixels_are_finite_and_in_range(
        (height, width, channels, image) in images(), seed in any::<u64>(),
    ) {
        for policy in policies() {
            let mut changed = image.clone();
            let applied =
                Augmenter::new(&policy, height, width, channels)
                    .apply(Key::new(seed, 1), &mut changed);
            prop_assert!(changed.iter().all(|v| (0.0..=1.0).contains(v)), "{policy:?} {changed:?}");
            prop_assert!(applied.strength.is_finite(), "{policy:?}");
            prop_assert!(applied.kind != Kind::None || changed == image, "{policy:?}");
        }
    }

    #[test]
    fn pixels_depend_on_the_key_and_nothing_before(
        (height, width, channels, image) in images(), seed in any::<u64>(),
    ) {
        for policy in policies() {
            let mut used = Augmenter::new(&policy, height, width, channels);
            used.apply(Key::new(!seed, 1), &mut vec![0.7; image.len()]);
            let (mut first, mut second) = (image.clone(), image.clone());
            let applied = used.apply(Key::new(seed, 1), &mut first);
            let again =
                Augmenter::new(&policy, height, width, channels)
                    .apply(Key::new(seed, 1), &mut second);
            prop_assert_eq!((applied, first), (again, second));
        }
    }

    /// The mean is kept exactly where no weight leaves the image: with content only further from
    /// the border than the filter's radius. Elsewhere the repeated border weighs more than the
    /// rest.
    #[test]
    fn blur_keeps_the_mean_of_what_lies_inside(
        seed in any::<u64>(), channels in prop_oneof![Just(1usize), Just(3usize)],
    ) {
        let (side, margin) = (24, 6);
        let mut stream = Key::new(seed, 0).stream();
        let mut image = vec![0.0f32; side * side * channels];
        for (i, value) in image.iter_mut().enumerate() {
            let (y, x) = (i / channels / side, i / channels % side);
            if (margin..side - margin).contains(&y) && (margin..side - margin).contains(&x) {
                *value = stream.unit();
            }
        }
        let mean =
            |image: &[f32]| image.iter().map(|&v| f64::from(v)).sum::<f64>() / image.len() as f64;
        let before = mean(&image);
        let blur = Transform::Blur(Blur { sigma: [0.5, 1.5] });
        let policy = Policy::new(Spec::OneOf(OneOf {
            identity_weight: 0.0,
            transforms: vec![Weighted { weight: 1.0, transform: blur }],
        })).unwrap();
        Augmenter::new(&policy, side, side, channels).apply(Key::new(seed, 1), &mut image);
        prop_assert!((mean(&image) - before).abs() < 1e-6, "{} {}", before, mean(&image));
    }
}

#[test]
fn unknown_settings_of_any_transform_are_refused() {
    for transform in all_transforms() {
        let text = format!(r#"{{"kind":"{}","colour":1}}"#, transform.kind());
        let error = serde_json::from_str::<Transform>(&text).unwrap_err().to_string();
        assert!(error.contains("unknown field `colour`"), "{text}: {error}");
    }
}

#[test]
fn every_transform_survives_json_inside_a_policy() {
    for policy in policies() {
        let text = serde_json::to_string(&policy).unwrap();
        assert_eq!(serde_json::from_str::<Policy>(&text).unwrap(), policy, "{text}");
    }
}
