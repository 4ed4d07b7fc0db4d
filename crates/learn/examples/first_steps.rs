//! Losses of given training steps from given initial weights: what `scripts/first_steps.py` holds
//! against PyTorch.
//!
//! `first_steps DATA INITIAL.safetensors BATCHES.json WIDTH` prints a JSON array of losses.
#![expect(clippy::print_stdout, reason = "its result is what it prints")]

use fewlabel_engine::rng::Key;
use fewlabel_engine::{AdamW, Model, Targets, Trainer};
use fewlabel_learn::model::network::NetworkSettings;
use fewlabel_learn::model::view::View;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, data, initial, batches, width] = &arguments[..] else {
        return Err("usage: first_steps DATA INITIAL.safetensors BATCHES.json WIDTH".into());
    };
    let data = fewlabel_learn::data::open(data)?;
    let architecture =
        NetworkSettings::paper(width.parse()?).architecture(&data.train.images, data.classes())?;
    let bytes = std::fs::read(initial)?;
    let file = safetensors::SafeTensors::deserialize(&bytes)?;
    let floats = |bytes: &[u8]| -> Vec<f32> {
        bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
    };
    let tensors =
        file.tensors().into_iter().map(|(name, t)| (name, t.shape().to_vec(), floats(t.data())));
    let model = Model::from_tensors(architecture, tensors.collect::<Vec<_>>())?;

    let batches: Vec<Vec<u32>> = serde_json::from_slice(&std::fs::read(batches)?)?;
    let largest = batches.iter().map(Vec::len).max().unwrap_or(0);
    let mut trainer = Trainer::new(model, AdamW::default(), largest, 1)?;
    let mut view = View::new(&data.train.images, &data.mean(), None);
    let mut losses = Vec::new();
    for rows in batches {
        let mut input = vec![0.0; rows.len() * view.image_len()];
        view.fill(&rows, Key::new(0, 0), 0, &mut input);
        let labels: Vec<u16> = rows.iter().map(|&row| data.train.labels[row as usize]).collect();
        losses.push(trainer.step(&input, Targets::Classes(&labels), Key::new(0, 0)));
    }
    println!("{}", serde_json::to_string(&losses)?);
    Ok(())
}
