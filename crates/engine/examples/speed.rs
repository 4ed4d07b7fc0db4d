//! Images a second of the paper's network: `speed train|infer WIDTH BATCH THREADS [SECONDS]`.
#![expect(clippy::print_stdout, reason = "a measuring program")]

use fewlabel_engine::{AdamW, Architecture, Model, Scorer, Targets, Trainer, rng::Key};
use std::time::Instant;

/// Seconds: of this thread's processor time with one thread where the system tells, else of the wall clock.
fn seconds(threads: usize, start: Instant) -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let cpu = text.split(' ').next().and_then(|t| t.parse::<f64>().ok());
    cpu.filter(|_| threads == 1).map_or_else(|| start.elapsed().as_secs_f64(), |ns| ns / 1e9)
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let number = |i: usize, default: usize| args.get(i).map_or(default, |a| a.parse().expect("a number"));
    let (train, f, batch, threads) = (args[1] == "train", number(2, 8), number(3, 64), number(4, 1));
    let network = Architecture {
        height: 28,
        width: 28,
        channels: 1,
        block_widths: vec![f, 2 * f, 3 * f],
        hidden: vec![8 * f, 2 * f],
        classes: 11,
        dropout: 0.0,
    };
    let (scoring, training) = network.flops();
    let model = Model::new(network, Key::new(0, 0)).expect("a valid network");
    let mut stream = Key::new(1, 0).stream();
    let images: Vec<f32> = (0..batch * 784 * 16).map(|_| stream.unit()).collect();
    let labels: Vec<u16> = (0..batch).map(|i| (i % 11) as u16).collect();
    let mut logits = vec![0.0; batch * 11];
    let mut trainer = Trainer::new(model.clone(), AdamW::default(), batch.max(2), threads).expect("threads");
    let mut scorer = Scorer::new(&model, batch, threads).expect("threads");
    let mut rates = Vec::new();
    for repeat in 0..8 {
        let (start, mut steps) = (Instant::now(), 0);
        let from = if threads == 1 { seconds(threads, start) } else { 0.0 };
        while start.elapsed().as_secs_f64() < number(5, 1) as f64 / 4.0 {
            let part = &images[(steps % 16) * batch * 784..][..batch * 784];
            if train {
                trainer.step(part, Targets::Classes(&labels), Key::new(0, 0));
            } else {
                scorer.logits(part, &mut logits);
            }
            steps += 1;
        }
        if repeat > 0 {
            rates.push((steps * batch) as f64 / (seconds(threads, start) - from));
        }
    }
    rates.sort_by(f64::total_cmp);
    let (rate, flop) = (rates[rates.len() / 2], if train { training } else { scoring });
    println!(
        "{} f={f} batch={batch} threads={threads}: {rate:.0} images/s (best {:.0}), {:.1} us an image, {:.1} GFLOP/s",
        args[1],
        rates[rates.len() - 1],
        1e6 / rate,
        rate * flop / 1e9
    );
}
