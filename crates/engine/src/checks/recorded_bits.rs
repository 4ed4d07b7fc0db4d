//! Whole models: the same bits on every path, and the same as ever.

use crate::kernels::Isa;
use crate::network::checkpoint;
use crate::rng::Key;
use crate::{
    AdamW, Architecture, Contrastive, Model, NUMERIC_VERSION, Objective, Scorer, Targets, Trainer,
};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// SHA-256 of the model that [`trained`] gives under `NUMERIC_VERSION`. One changes with the other.
/// It is that of architecture and tensors, as a file had them before it said its `format`: metadata
/// may grow, bits may not change.
const TRAINED: (u32, &str) =
    (2, "afbfe0b234bd1b2e613f97ea59b139200554367faf52e8b76e3f6aec716acc66");

fn network(height: usize, width: usize, channels: usize, f: usize) -> Architecture {
    let block_widths = vec![f, 2 * f, 3 * f];
    Architecture {
        height,
        width,
        channels,
        block_widths,
        hidden: vec![8 * f, 2 * f],
        classes: 11,
        dropout: 0.25,
    }
}

fn images(n: usize) -> Vec<f32> {
    let mut stream = Key::new(5, 0).stream();
    (0..n).map(|_| stream.unit()).collect()
}

/// The bytes of a model after two steps on 35 images, which are three groups, and one on 3.
fn trained(isa: Isa, threads: usize, network: &Architecture) -> Vec<u8> {
    let len = network.image_len();
    let images = images(35 * len);
    let labels: Vec<u16> = (0..35).map(|i| i % 11).collect();
    let model = Model::new(network.clone(), Key::new(1, 0)).unwrap();
    let mut trainer = Trainer::on(isa, model, AdamW::default(), 35, threads).unwrap();
    for (step, n) in [35, 35, 3].into_iter().enumerate() {
        trainer.step(
            &images[..n * len],
            Targets::Classes(&labels[..n]),
            Key::new(2, 0).at(0, step as u64),
        );
    }
    checkpoint::write(&network.to_metadata(), &trainer.model().tensors())
}

#[test]
fn any_number_of_threads_on_any_instructions_gives_the_recorded_bits() {
    let network = network(10, 13, 1, 8);
    let expected = trained(Isa::detect(), 1, &network);
    for threads in [2, 3] {
        assert!(trained(Isa::detect(), threads, &network) == expected, "{threads} threads");
    }
    for isa in Isa::tested() {
        assert!(trained(isa, 2, &network) == expected, "{isa:?}");
    }
    let hash: String = Sha256::digest(&expected).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!((NUMERIC_VERSION, &hash[..]), TRAINED, "other bits need another numeric version");
}

#[test]
fn odd_networks_have_the_same_bits_on_any_instructions() {
    // Some widths are whole vectors of sixteen; others leave eight channels over.
    for network in [network(11, 14, 3, 5), network(10, 13, 1, 20)] {
        let expected = trained(Isa::Portable, 1, &network);
        for isa in Isa::tested() {
            assert!(trained(isa, 2, &network) == expected, "{isa:?}");
        }
    }
}

/// The bytes of a model after contrastive steps on 70 images, which are several groups, and on 3.
fn contrasted(isa: Isa, threads: usize, network: &Architecture, objective: Objective) -> Vec<u8> {
    let views = images(140 * network.image_len());
    let model = Model::new(network.clone(), Key::new(1, 0)).unwrap();
    let mut trainer =
        Contrastive::on(isa, model, AdamW::default(), objective, 70, threads).unwrap();
    for n in [70, 70, 3] {
        assert!(trainer.step(&views[..2 * n * network.image_len()]).is_finite());
    }
    trainer.model().to_safetensors(&BTreeMap::new())
}

fn projecting(width: usize) -> Architecture {
    Architecture { hidden: vec![13], classes: 10, dropout: 0.0, ..network(10, 13, 1, width) }
}

#[test]
fn contrastive_training_has_the_same_bits_on_any_threads_and_instructions() {
    let objectives = [Objective::NtXent { temperature: 0.2 }, Objective::VicReg];
    for (network, objective) in
        [projecting(8), projecting(5)].iter().flat_map(|n| objectives.map(|o| (n, o)))
    {
        let expected = contrasted(Isa::detect(), 1, network, objective);
        for threads in [2, 3] {
            assert!(
                contrasted(Isa::detect(), threads, network, objective) == expected,
                "{threads} threads"
            );
        }
        for isa in Isa::tested() {
            assert!(contrasted(isa, 1, network, objective) == expected, "{isa:?}");
        }
    }
}

/// SHA-256 of the states after these steps: of a classifier, of NT-Xent and of VICReg.
const STATES: [&str; 3] = [
    "0388c130d9d84f4104e52f249d987dc985c62f5f1ed920938164d43a3721ed71",
    "57bfda1670dc970a3c635cfed27e71fb6a8d94667557ab606614ae5966b71291",
    "0be845e21cbb0a55fbef25bc1eaf6b69c97bce1d7d41a39426780e6367d5ca2d",
];

#[test]
fn states_have_the_recorded_bytes() {
    let hash =
        |state: &[u8]| Sha256::digest(state).iter().map(|b| format!("{b:02x}")).collect::<String>();
    let labels: Vec<u16> = (0..35).map(|i| i % 11).collect();
    let (classifier, projection) = (network(10, 13, 1, 8), projecting(8));
    let (len, images) = (classifier.image_len(), images(140 * classifier.image_len()));
    let model = |network: &Architecture| Model::new(network.clone(), Key::new(1, 0)).unwrap();
    for threads in [1, 2] {
        let mut trainer = Trainer::new(model(&classifier), AdamW::default(), 35, threads).unwrap();
        trainer.set_head_factor(3.0);
        for (step, n) in [35, 35, 3].into_iter().enumerate() {
            let key = Key::new(2, 0).at(0, step as u64);
            trainer.step(&images[..n * len], Targets::Classes(&labels[..n]), key);
        }
        let mut states = vec![hash(&trainer.state())];
        for objective in [Objective::NtXent { temperature: 0.2 }, Objective::VicReg] {
            let model = model(&projection);
            let mut trainer =
                Contrastive::new(model, AdamW::default(), objective, 70, threads).unwrap();
            for n in [70, 70, 3] {
                trainer.step(&images[..2 * n * len]);
            }
            states.push(hash(&trainer.state()));
        }
        assert_eq!(states, STATES, "{threads} threads");
    }
}

#[test]
fn contrastive_training_goes_on_where_its_state_was_taken() {
    let (network, views) = (projecting(8), images(8 * 130));
    let make = |seed| {
        let model = Model::new(network.clone(), Key::new(seed, 0)).unwrap();
        Contrastive::new(model, AdamW::default(), Objective::NtXent { temperature: 0.2 }, 4, 1)
            .unwrap()
    };
    let (mut trainer, mut other) = (make(1), make(2));
    trainer.step(&views);
    let state = trainer.state();
    let expected = [trainer.step(&views), trainer.step(&views)];
    other.restore(&state).unwrap();
    assert_eq!([other.step(&views), other.step(&views)], expected);
    assert_eq!((other.state(), other.steps()), (trainer.state(), 3));
    assert!(other.restore(&state[1..]).is_err());
}

#[test]
fn a_head_that_is_no_projection_is_refused() {
    let model = Model::new(network(10, 13, 1, 8), Key::new(1, 0)).unwrap();
    let error =
        Contrastive::new(model, AdamW::default(), Objective::NtXent { temperature: 0.2 }, 4, 1)
            .unwrap_err()
            .to_string();
    assert!(error.contains("a head of 2 hidden layers"), "{error}");
    let model = Model::new(projecting(8), Key::new(1, 0)).unwrap();
    let error =
        Contrastive::new(model, AdamW::default(), Objective::NtXent { temperature: 0.0 }, 4, 1)
            .unwrap_err()
            .to_string();
    assert!(error.contains("temperature is 0"), "{error}");
}

#[test]
fn training_goes_on_where_its_state_was_taken() {
    let network = network(10, 10, 1, 8);
    let (images, labels) = (images(500), [0, 1, 2, 3, 4]);
    let make = |seed| Model::new(network.clone(), Key::new(seed, 0)).unwrap();
    let mut trainer = Trainer::new(make(1), AdamW::default(), 5, 1).unwrap();
    let step =
        |trainer: &mut Trainer, i| trainer.step(&images, Targets::Classes(&labels), Key::new(3, i));
    step(&mut trainer, 0);
    let state = trainer.state();
    let expected = [step(&mut trainer, 1), step(&mut trainer, 2)];
    let mut other = Trainer::new(make(2), AdamW::default(), 5, 2).unwrap();
    other.restore(&state).unwrap();
    assert_eq!([step(&mut other, 1), step(&mut other, 2)], expected);
    assert_eq!(other.state(), trainer.state());
    for bad in [&state[..state.len() - 1], &[], &[state.clone(), vec![0]].concat()] {
        assert!(other.restore(bad).is_err());
    }
    assert_eq!(other.state(), trainer.state());
}

#[test]
fn a_step_does_not_depend_on_the_batches_before() {
    for network in [network(28, 28, 1, 8), network(10, 13, 3, 5)] {
        let images = images(40 * network.image_len());
        let model = Model::new(network.clone(), Key::new(1, 0)).unwrap();
        let labels: Vec<u16> = (0..40).map(|i| i % 11).collect();
        let step = |trainer: &mut Trainer, n: usize| {
            trainer.step(
                &images[..n * network.image_len()],
                Targets::Classes(&labels[..n]),
                Key::new(3, 0),
            )
        };
        let make = || Trainer::new(model.clone(), AdamW::default(), 40, 1).unwrap();
        let (mut worn, mut fresh) = (make(), make());
        let start = fresh.state();
        for n in [2, 5, 17, 40] {
            fresh = make();
            step(&mut worn, 40);
            step(&mut worn, 3);
            worn.restore(&start).unwrap();
            assert_eq!(step(&mut worn, n).to_bits(), step(&mut fresh, n).to_bits(), "{n} images");
            assert!(worn.state() == fresh.state(), "{n} images");
        }
    }
}

#[test]
fn an_image_scores_the_same_in_any_batch() {
    for network in [network(28, 28, 1, 8), network(29, 29, 1, 5), network(11, 17, 3, 16)] {
        let (len, model) =
            (network.image_len(), Model::new(network.clone(), Key::new(4, 0)).unwrap());
        let images = images(29 * len);
        let (mut all, mut features) = (vec![0.0; 29 * 11], vec![0.0; 29 * network.feature_len()]);
        Scorer::new(&model, 29, 1).unwrap().logits_and_features(&images, &mut all, &mut features);
        for (threads, batch) in [(1, 1), (3, 29), (2, 13)] {
            let mut scorer = Scorer::new(&model, batch, threads).unwrap();
            for (part, expected) in images.chunks(batch * len).zip(all.chunks(batch * 11)) {
                let mut logits = vec![0.0; expected.len()];
                scorer.logits(part, &mut logits);
                assert_eq!(logits, expected, "{network:?} {threads} {batch}");
            }
        }
        for isa in Isa::tested() {
            let mut logits = vec![0.0; 2 * 11];
            Scorer::on(isa, &model, 2, 1).unwrap().logits(&images[..2 * len], &mut logits);
            assert_eq!(logits, all[..22], "{network:?} {isa:?}");
        }
        let mut encoded = vec![0.0; 29 * network.encoder_len()];
        Scorer::new(&model, 29, 2).unwrap().encode(&images, &mut encoded);
        assert!(encoded.iter().any(|&v| v != 0.0) && features.iter().any(|&v| v != 0.0));
    }
}

#[test]
fn a_monte_carlo_sample_is_one_network_for_all_images() {
    let network = network(10, 10, 1, 8);
    let model = Model::new(network, Key::new(4, 0)).unwrap();
    let one = images(100);
    let mut scorer = Scorer::new(&model, 30, 2).unwrap();
    let mut logits = vec![0.0; 30 * 4 * 11];
    scorer.monte_carlo(&one.repeat(30), 4, Key::new(6, 0), &mut logits);
    assert!(logits.chunks(44).all(|image| image == &logits[..44]));
    assert_ne!(logits[..11], logits[11..22]);
    let again = logits.clone();
    scorer.monte_carlo(&one.repeat(30), 4, Key::new(7, 0), &mut logits);
    assert_ne!(logits, again);
}

#[test]
fn damaged_numbers_do_not_stop_training() {
    let network = network(10, 10, 1, 8);
    let mut trainer =
        Trainer::new(Model::new(network, Key::new(1, 0)).unwrap(), AdamW::default(), 3, 1).unwrap();
    let mut images = images(300);
    (images[5], images[150]) = (f32::NAN, f32::INFINITY);
    trainer.step(&images, Targets::Classes(&[0, 1, 2]), Key::new(0, 0));
    let loss = trainer.step(&images, Targets::Classes(&[0, 1, 2]), Key::new(0, 0));
    assert!(loss.is_nan());
}

#[test]
fn the_loss_of_a_few_images_falls() {
    let network = Architecture { dropout: 0.0, ..network(12, 12, 1, 8) };
    let mut trainer =
        Trainer::new(Model::new(network, Key::new(1, 0)).unwrap(), AdamW::default(), 8, 2).unwrap();
    let (images, labels) = (images(8 * 144), [0, 1, 2, 3, 4, 5, 6, 7]);
    let losses: Vec<f32> =
        (0..60).map(|_| trainer.step(&images, Targets::Classes(&labels), Key::new(0, 0))).collect();
    assert!(losses[0] > 1.5 && losses[59] < 1.0, "{} {}", losses[0], losses[59]);
}
