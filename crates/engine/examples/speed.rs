//! Images a second of the paper's network: `speed train|infer WIDTH BATCH THREADS [REPEATS]`.
//!
//! Steps alternate with fused multiply-adds at the machine's peak. One thread is timed in processor
//! time, so that the percentage holds on a busy machine too.
#![expect(clippy::print_stdout, reason = "a measuring program")]

use fewlabel_engine::{AdamW, Architecture, Model, Scorer, Targets, Trainer, measure, rng::Key};
use std::time::Instant;

/// Seconds of this thread's processor time, or of the wall clock with several threads or where the
/// system does not tell.
fn seconds(threads: usize, start: Instant) -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let cpu = text.split(' ').next().and_then(|t| t.parse::<f64>().ok());
    cpu.filter(|_| threads == 1).map_or_else(|| start.elapsed().as_secs_f64(), |ns| ns / 1e9)
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let number =
        |i: usize, default: usize| args.get(i).map_or(default, |a| a.parse().expect("a number"));
    let (train, f, batch, threads) =
        (args[1] == "train", number(2, 8), number(3, 64), number(4, 1));
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
    let flop = if train { training } else { scoring };
    let model = Model::new(network, Key::new(0, 0)).expect("a valid network");
    let mut stream = Key::new(1, 0).stream();
    let images: Vec<f32> = (0..batch * 784 * 16).map(|_| stream.unit()).collect();
    let labels: Vec<u16> = (0..batch).map(|i| (i % 11) as u16).collect();
    let mut logits = vec![0.0; batch * 11];
    let mut trainer =
        Trainer::new(model.clone(), AdamW::default(), batch.max(2), threads).expect("threads");
    let mut scorer = Scorer::new(&model, batch, threads).expect("threads");
    let start = Instant::now();
    let (mut rates, mut percents) = (Vec::new(), Vec::new());
    for repeat in 0..number(5, 24) {
        let (from, mut steps) = (seconds(threads, start), 0);
        while seconds(threads, start) - from < 0.2 {
            let part = &images[(steps % 16) * batch * 784..][..batch * 784];
            if train {
                trainer.step(part, Targets::Classes(&labels), Key::new(0, 0));
            } else {
                scorer.logits(part, &mut logits);
            }
            steps += 1;
        }
        let middle = seconds(threads, start);
        let flops = measure::multiply_add(8_000_000);
        let end = seconds(threads, start);
        if repeat > 2 {
            let rate = (steps * batch) as f64 / (middle - from);
            rates.push(rate);
            percents.push(100.0 * rate * flop / (flops / (end - middle)) / threads as f64);
        }
    }
    rates.sort_by(f64::total_cmp);
    percents.sort_by(f64::total_cmp);
    let rate = rates[rates.len() / 2];
    println!(
        "{} f={f} batch={batch} threads={threads}: {rate:.0} images/s (best {:.0}), {:.1} us an \
         image, {:.1} GFLOP/s, \
         {:.1} % of peak (quartiles {:.1} {:.1})",
        args[1],
        rates[rates.len() - 1],
        1e6 / rate,
        rate * flop / 1e9,
        percents[percents.len() / 2],
        percents[percents.len() / 4],
        percents[percents.len() * 3 / 4],
    );
}
