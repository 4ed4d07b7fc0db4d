//! The network against numbers that PyTorch produced; `fixtures/pytorch.py` is what made them.

use fewlabel_engine::{AdamW, Architecture, Model, Scorer, Targets, Trainer, rng::Key};
use std::collections::BTreeMap;

const NUMBERS: &str = include_str!("fixtures/pytorch.txt");

fn pseudo(n: usize, salt: usize) -> Vec<f32> {
    (0..n).map(|i| (((i * 7919 + salt * 104_729) % 1009) as f64 / 1009.0 - 0.5) as f32).collect()
}

fn model() -> Model {
    let network = Architecture {
        height: 14,
        width: 11,
        channels: 2,
        block_widths: vec![5, 6],
        hidden: vec![7],
        classes: 3,
        dropout: 0.0,
    };
    let mut tensors = Model::new(network.clone(), Key::new(0, 0)).unwrap().tensors();
    for (salt, (name, _, values)) in tensors.iter_mut().enumerate() {
        let ones =
            name.ends_with("running_var") || name.contains("norm") && name.ends_with("weight");
        *values = pseudo(values.len(), salt);
        values.iter_mut().for_each(|v| *v += f32::from(u8::from(ones)));
    }
    Model::from_tensors(network, tensors).unwrap()
}

fn expected(name: &str) -> Vec<Vec<f32>> {
    let lines = NUMBERS.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    lines.map(|line| line.split(' ').map(|v| v.parse().unwrap()).collect()).collect()
}

fn assert_close(name: &str, ours: &[f32], theirs: &[f32], tolerance: f32) {
    assert_eq!(ours.len(), theirs.len(), "{name}");
    let scale = theirs.iter().fold(0.0f32, |a, b| a.max(b.abs())).max(1e-3);
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!(
            (a - b).abs() <= tolerance * scale,
            "{name}[{i}]: {a}, PyTorch {b}, largest {scale}"
        );
    }
}

#[test]
fn scores_are_pytorchs() {
    let mut logits = [0.0; 15];
    Scorer::new(&model(), 8, 1).unwrap().logits(&pseudo(5 * 14 * 11 * 2, 99), &mut logits);
    assert_close("logits", &logits, &expected("logits")[0], 2e-5);
}

#[test]
fn losses_and_one_step_are_pytorchs() {
    let mut trainer = Trainer::new(model(), AdamW::default(), 5, 1).unwrap();
    let images = pseudo(5 * 14 * 11 * 2, 99);
    let losses = expected("loss");
    assert_eq!(losses.len(), 3);
    for (step, theirs) in losses.into_iter().enumerate() {
        let loss = trainer.step(&images, Targets::Classes(&[0, 2, 1, 1, 2]), Key::new(0, 0));
        assert_close("loss", &[loss], &theirs, 1e-5);
        if step == 0 {
            let after: BTreeMap<_, _> =
                trainer.model().tensors().into_iter().map(|(n, _, v)| (n, v)).collect();
            for (name, ours) in &after {
                // A first step moves each parameter by about the learning rate, whatever the
                // gradient's size.
                assert_close(name, ours, &expected(&format!("after {name}"))[0], 2e-5);
            }
        }
    }
}
